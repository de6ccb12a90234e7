"""A teller's form of consent, read back: the whole of what this one person says from now on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from app.consents.forms import APPEARANCES, appearance_of
from app.tellers.views import UseShown
from app.web.fields import end_of_day
from app.web.translation import Translator
from models.base import utc_now
from models.consent import Giver, Manner, Standing, Use
from models.errors import Invalid
from models.pilots import Pilot
from models.stories import Story
from storage import pilots
from storage.consents import Terms


def fields_of(own: Standing, uses: Sequence[UseShown], shares: Sequence[Pilot]) -> dict[str, str]:
    """What a person has said, as the fields of their form."""
    allowed = {each.use for each in uses if each.is_allowed}
    until = next((each.until for each in uses if each.until), None)
    return {
        **{f"use-{use}": "yes" for use in allowed - {Use.SHARING}},
        **{
            f"share-{each.code}": "yes"
            for each in shares
            if Use.SHARING in allowed and each.id in own.pilot_ids
        },
        "appearance": appearance_of(own),
        "until": until.date().isoformat() if until else "",
    }


def terms_of(
    session: Session,
    story: Story,
    fields: Mapping[str, str],
    before: Standing,
    translator: Translator,
    *,
    giver: Giver,
) -> Terms:
    """What the form says, as terms for the ledger.

    :param before: what the giver had said; what the form does not ask stays as it was
    :param giver: whose word it is, by the link that was opened
    :raises Invalid: a date that is none or has passed, or a choice that is none
    """
    if fields.get("speaks", giver) != giver:
        # A form that was opened before guardians had links of their own: nobody says by it what they did not mean.
        raise Invalid("form-incomplete")
    shared_with = frozenset(
        pilot.id for pilot in pilots.of_ids(session, story.pilot_ids) if f"share-{pilot.code}" in fields
    )
    uses = {use for use in Use if (bool(shared_with) if use is Use.SHARING else f"use-{use}" in fields)}
    if fields.get("appearance") not in APPEARANCES:
        raise Invalid("form-incomplete")
    naming, face, voice = APPEARANCES[fields["appearance"]]
    return Terms(
        uses=frozenset(uses),
        pilot_ids=shared_with,
        until=_until(fields.get("until", "")),
        naming=naming,
        shown_name=fields.get("shown_name", "").strip() or None,
        face=face,
        voice=voice,
        manner=Manner.FORM,
        language=translator.language,
        given_by=giver,
        wording_id=fields.get("wording") or None,
        original_may_go=before.original_may_go,
    )


def without(
    before: Standing, use: Use, translator: Translator, wording_id: str | None, *, giver: Giver
) -> Terms:
    """What somebody had said, less one use. Without curation nothing is left: there is no use without it.

    :param wording_id: the text to which they said the rest, and which holds for it still
    """
    uses = frozenset() if use is Use.CURATION else frozenset(before.uses) - {use}
    return Terms(
        uses=uses,
        pilot_ids=before.pilot_ids if Use.SHARING in uses else frozenset(),
        until=next(iter(before.uses.values()), None) if uses else None,
        naming=before.naming,
        face=before.face,
        voice=before.voice,
        manner=Manner.FORM,
        language=translator.language,
        given_by=giver,
        wording_id=wording_id,
        original_may_go=before.original_may_go,
    )


def _until(written: str) -> datetime | None:
    until = end_of_day(written)
    if until is not None and until <= utc_now():
        raise Invalid("until-past")
    return until
