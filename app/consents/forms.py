"""The consent part of a form, read back: ticked uses, and how the person appears."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Annotated

from fastapi import Query
from pydantic import ValidationError

from app.consents.schemas import ConsentIn, MomentIn
from app.web.fields import end_of_day, misread, seconds_of
from app.web.translation import Translator
from app.words import say
from models.consent import Face, Giver, Manner, Naming, Standing, Use, Voice
from models.errors import Invalid

# Behind the address of each page on which consent is asked for; ``service.way_back`` follows it.
CameFrom = Annotated[str, Query(alias="from", description="The page that led here: it is gone back to.")]

# How the person appears, in the form's words; the narrowest is the form's default.
APPEARANCES = {
    "hidden": (Naming.ANONYMOUS, Face.MASKED, Voice.ALTERED),
    "unnamed": (Naming.PSEUDONYM, Face.MASKED, Voice.KEPT),
    "pseudonym": (Naming.PSEUDONYM, Face.SHOWN, Voice.KEPT),
    "named": (Naming.NAMED, Face.SHOWN, Voice.KEPT),
}

# At which field of its form it is said that consent cannot stand so.
FIELDS = {
    "relation-missing": "relation",
    "recording-not-found": "moment_recording",
    "moment-unfit": "moment_start",
    "clock-unfit": "moment_start",
    "day-unfit": "until",
    "until-past": "until",
    "sharing-with-nobody": "use-sharing",
    "form-incomplete": "appearance-hidden",
    "name-unfit": "shown_name",
}
WHOLE_FORM = "consent-form"


def appearance_of(standing: Standing) -> str:
    """How a person appears now, in the form's words; the nearest narrower where the form has none."""
    now = (standing.naming, standing.face, standing.voice)
    return next((name for name, terms in APPEARANCES.items() if terms == now), "hidden")


def last_day_of(standing: Standing) -> str:
    """The last day on which what a person allows still stands, as a form's date; empty if it does not end."""
    ends = [until for until in standing.uses.values() if until is not None]
    return (min(ends) - timedelta(seconds=1)).date().isoformat() if ends else ""


def fields_of_standing(standing: Standing) -> dict[str, str]:
    """What a person allows now, as the fields of a form: :func:`consent_of` the other way round."""
    ticked = {f"use-{use}": "yes" for use in standing.uses} | (
        {"original_may_go": "yes"} if standing.original_may_go else {}
    )
    return ticked | {"appearance": appearance_of(standing), "until": last_day_of(standing)}


def wrong_in(error: Invalid, translator: Translator) -> dict[str, str]:
    """What is wrong with a form of consent, in its reader's language, by the field where it is said."""
    return {FIELDS.get(error.code, WHOLE_FORM): say(error.code, dict(error.parameters), translator)}


def consent_of(fields: Mapping[str, str], pilot_codes: Sequence[str]) -> ConsentIn:
    """The consent that a form gives; sharing, where ticked, is with the story's own pilots.

    :raises Invalid: something in it is wrong; says what
    """
    uses = {use for use in Use if f"use-{use}" in fields}
    naming, face, voice = APPEARANCES.get(fields.get("appearance", "hidden"), APPEARANCES["hidden"])
    try:
        return ConsentIn(
            uses=uses,
            share_with=list(pilot_codes) if Use.SHARING in uses else [],
            naming=naming,
            shown_name=fields.get("shown_name", "").strip() or None,
            face=face,
            voice=voice,
            manner=fields.get("manner", Manner.FORM),
            relation=fields.get("relation", "").strip() or None,
            evidence=fields.get("evidence", "").strip() or None,
            until=end_of_day(fields.get("until", "")),
            language=fields.get("consent_language") or "en",
            moment=_moment(fields),
            given_by=fields.get("given_by", Giver.PERSON),
            wording_id=fields.get("wording") or None,
            original_may_go="original_may_go" in fields,
        )
    except ValidationError as error:
        raise misread(error) from error


def _moment(fields: Mapping[str, str]) -> MomentIn | None:
    recording_id = fields.get("moment_recording", "")
    if not recording_id:
        return None
    start, end = (seconds_of(fields.get(f"moment_{name}", "")) for name in ("start", "end"))
    return MomentIn(recording_id=recording_id, start_seconds=start, end_seconds=end)
