"""The consent part of a form, read back: ticked uses, and how the person appears."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pydantic import ValidationError

from app.consents.schemas import ConsentIn
from models.consent import Face, Manner, Naming, Standing, Use, Voice
from models.errors import Invalid

# How the person appears, in the form's words; the narrowest is the form's default.
APPEARANCES = {
    "hidden": (Naming.ANONYMOUS, Face.MASKED, Voice.ALTERED),
    "unnamed": (Naming.PSEUDONYM, Face.MASKED, Voice.KEPT),
    "pseudonym": (Naming.PSEUDONYM, Face.SHOWN, Voice.KEPT),
    "named": (Naming.NAMED, Face.SHOWN, Voice.KEPT),
}


def appearance_of(standing: Standing) -> str:
    """How a person appears now, in the form's words; the nearest narrower where the form has none."""
    now = (standing.naming, standing.face, standing.voice)
    return next((name for name, terms in APPEARANCES.items() if terms == now), "hidden")


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
            face=face,
            voice=voice,
            manner=Manner(fields.get("manner", Manner.FORM)),
            relation=fields.get("relation", "").strip() or None,
            evidence=fields.get("evidence", "").strip() or None,
        )
    except (ValidationError, ValueError) as error:
        raise Invalid("invalid", reason=str(error)) from error
