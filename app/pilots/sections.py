"""What can be set of a pilot, section by section: as a form shows it, and as a form changes it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from pydantic import ValidationError
from sqlalchemy.orm import Session

from app.pilots import governance, service
from app.pilots.schemas import GovernanceIn, ProtocolIn
from app.web.fields import wrong_fields
from app.web.translation import N_, Phrase
from app.words import WORDS
from models.consent import Combination, Use
from models.errors import NotFound, StoryError
from models.pilots import Pilot
from models.roles import Role
from pipeline.transcription.languages import PILOT_LANGUAGES, language_names
from storage import pilots
from storage.database import WriteSession

MAX_LABELS = 5
GIB = 1024**3
MOST_GIB = 1024 * 1024
TICKED = "yes"
UNKNOWN_LANGUAGE = N_("“{code}” is not a language that we can hear. Write codes, such as uk.")
GIGABYTES_UNFIT = N_("Give a number of gigabytes between 1 and {most}, or leave it empty.")
LABEL_UNFIT = N_("Each label needs a code and what it asks; where it is explained is an address, or empty.")

Fields = Mapping[str, str]


class Unfit(Exception):
    """What is wrong with a form: by field, in words."""

    def __init__(self, **errors: Phrase) -> None:
        self.errors = errors
        super().__init__(str(errors))


@dataclass(frozen=True)
class Change:
    """What a form sent, who sent it, and which weights the service offers."""

    fields: Fields
    actor: str
    weights: Collection[str] = ()


@dataclass(frozen=True)
class Section:
    """A part of a pilot's settings. Its form is the template ``setting-<name>.html``, its title a message."""

    name: str
    title: str
    shown: Callable[[Session, Pilot], dict[str, str]]
    change: Callable[[WriteSession, Pilot, Change], None]


def _about(session: Session, pilot: Pilot) -> dict[str, str]:
    others = [code for code in pilot.languages if code not in PILOT_LANGUAGES]
    ticked = {f"language-{code}": TICKED for code in pilot.languages if code in PILOT_LANGUAGES}
    return {"name": pilot.name, "others": " ".join(others), **ticked}


def _describe(session: WriteSession, pilot: Pilot, sent: Change) -> None:
    ticked = [code for code in PILOT_LANGUAGES if f"language-{code}" in sent.fields]
    others = service.codes_in(sent.fields.get("others", ""))
    name = sent.fields.get("name", "").strip()
    wrong: dict[str, Phrase] = {}
    if not 0 < len(name) <= 200:
        wrong["name"] = Phrase(N_("Give the pilot a name of at most 200 characters."))
    unknown = [code for code in others if code not in language_names()]
    if unknown:
        wrong["others"] = Phrase(UNKNOWN_LANGUAGE, {"code": unknown[0]})
    if not ticked and not others:
        wrong["language-en"] = Phrase(N_("Choose at least one language."))
    if wrong:
        raise Unfit(**wrong)
    pilots.describe(session, pilot, name, [*ticked, *dict.fromkeys(others)], actor=sent.actor)


def _protocol(session: Session, pilot: Pilot) -> dict[str, str]:
    stands = governance.shown(session, pilot).protocol
    return {
        **{f"use-{use}": TICKED for use in stands.uses},
        **{f"reader-{role}": TICKED for role in stands.readers},
        **({"shares_outside": TICKED} if stands.shares_outside else {}),
        "combination": stands.combination,
    }


def _admit(session: WriteSession, pilot: Pilot, sent: Change) -> None:
    admitted = ProtocolIn(
        uses={use for use in Use if f"use-{use}" in sent.fields},
        combination=Combination.ANY if sent.fields.get("combination") == Combination.ANY else Combination.ALL,
        shares_outside="shares_outside" in sent.fields,
        readers={role for role in Role if f"reader-{role}" in sent.fields},
    )
    governance.set_protocol(session, pilot, admitted, actor=sent.actor)


def _travels(session: Session, pilot: Pilot) -> dict[str, str]:
    stands = governance.shown(session, pilot).governance
    return {
        "terms": stands.terms,
        **({"requires_review_copy": TICKED} if stands.requires_review_copy else {}),
        **{
            f"label-{n}-{part}": getattr(label, part)
            for n, label in enumerate(stands.labels)
            for part in ("code", "text", "uri")
        },
    }


def _let_travel(session: WriteSession, pilot: Pilot, sent: Change) -> None:
    labels, places = [], []
    for n in range(MAX_LABELS):
        label = {part: sent.fields.get(f"label-{n}-{part}", "").strip() for part in ("code", "text", "uri")}
        if any(label.values()):
            labels.append(label)
            places.append(n)
    given = {
        "labels": labels,
        "terms": sent.fields.get("terms", ""),
        "requires_review_copy": "requires_review_copy" in sent.fields,
    }
    _govern(session, pilot, given, sent.actor, places)


def _safeguarding(session: Session, pilot: Pilot) -> dict[str, str]:
    stands = governance.shown(session, pilot).governance
    return {
        "safeguarding_name": stands.safeguarding_name or "",
        "safeguarding_contact": stands.safeguarding_contact or "",
    }


def _safeguard(session: WriteSession, pilot: Pilot, sent: Change) -> None:
    given = {
        name: sent.fields.get(name, "").strip() or None
        for name in ("safeguarding_name", "safeguarding_contact")
    }
    try:
        _govern(session, pilot, given, sent.actor)
    except NotFound as error:
        raise Unfit(safeguarding_name=_why(error)) from error


def _retention(session: Session, pilot: Pilot) -> dict[str, str]:
    stands = governance.shown(session, pilot).governance
    return {
        "unreviewed_days": str(stands.unreviewed_days or ""),
        "originals_days": str(stands.originals_days or ""),
    }


def _retain(session: WriteSession, pilot: Pilot, sent: Change) -> None:
    given = {
        name: sent.fields.get(name, "").strip() or None for name in ("unreviewed_days", "originals_days")
    }
    _govern(session, pilot, given, sent.actor)


def _quota(session: Session, pilot: Pilot) -> dict[str, str]:
    return {"gigabytes": str(pilot.daily_upload_bytes // GIB) if pilot.daily_upload_bytes else ""}


def _limit(session: WriteSession, pilot: Pilot, sent: Change) -> None:
    written = sent.fields.get("gigabytes", "").strip()
    is_number = written.isascii() and written.isdecimal() and len(written) <= 7
    if written and not (is_number and 1 <= int(written) <= MOST_GIB):
        raise Unfit(gigabytes=Phrase(GIGABYTES_UNFIT, {"most": MOST_GIB}))
    pilots.limit(session, pilot, int(written) * GIB if written else None, actor=sent.actor)


def _weights(session: Session, pilot: Pilot) -> dict[str, str]:
    return {"weights": pilot.weights or ""}


def _hear_with(session: WriteSession, pilot: Pilot, sent: Change) -> None:
    chosen = sent.fields.get("weights", "")
    if chosen and chosen not in sent.weights:
        raise Unfit(weights=Phrase(N_("Choose one of these.")))
    pilots.hear_with(session, pilot, chosen or None, actor=sent.actor)


def _govern(
    session: WriteSession,
    pilot: Pilot,
    given: Mapping[str, object],
    actor: str,
    places: list[int] | None = None,
) -> None:
    """Set some of what a pilot's people set beside its protocol; the rest stays as it is."""
    stands = governance.shown(session, pilot).governance
    try:
        sent = GovernanceIn.model_validate(stands.model_dump() | dict(given))
    except ValidationError as error:
        raise Unfit(**_by_field(error, places or [])) from error
    try:
        governance.set_governance(session, pilot, sent, actor=actor)
    except NotFound:
        raise
    except StoryError as error:
        raise Unfit(**{next(iter(given)): _why(error)}) from error


def _why(error: StoryError) -> Phrase:
    return Phrase(WORDS[error.code], error.parameters)


def _by_field(error: ValidationError, places: list[int]) -> dict[str, Phrase]:
    found = {}
    for each in wrong_fields(error.errors()):
        name, says = each.at, each.says
        if name.startswith("labels."):
            _, number, *part = name.split(".")
            name = f"label-{places[int(number)]}-{part[0] if part else 'code'}"
            says = Phrase(LABEL_UNFIT)
        elif name.endswith("_days"):
            says = Phrase(WORDS["days-unfit"], {"most": pilots.MAX_DAYS})
        found[name] = says
    return found


ABOUT = Section("about", N_("Name and languages"), _about, _describe)
QUOTA = Section("quota", N_("How much may be sent"), _quota, _limit)
WEIGHTS = Section("weights", N_("How stories are transcribed"), _weights, _hear_with)
PROTOCOL = Section("protocol", N_("What the community admits"), _protocol, _admit)
TRAVELS = Section("travels", N_("What travels with our stories"), _travels, _let_travel)
SAFEGUARDING = Section("safeguarding", N_("When somebody may come to harm"), _safeguarding, _safeguard)
RETENTION = Section("retention", N_("How long we keep what"), _retention, _retain)

# A pilot's own curators govern it; administrators give it its name and its room, and open no story by that.
BY_CURATORS = {each.name: each for each in (ABOUT, PROTOCOL, TRAVELS, SAFEGUARDING, RETENTION)}
BY_ADMINISTRATORS = {each.name: each for each in (ABOUT, QUOTA, WEIGHTS)}
