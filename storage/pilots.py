"""Pilots, their protocols, and what else a community sets for its stories."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.accounts import Account, AccountRole
from models.consent import Combination, Use
from models.errors import Conflict, Invalid, NotFound
from models.pilots import Pilot
from models.roles import READERS, Role
from models.stories import Story, StoryPilot
from storage import consents, journal
from storage.database import WriteSession

MAX_DAYS = 36_500


def create(session: WriteSession, code: str, name: str, languages: Sequence[str], *, actor: str) -> Pilot:
    """A new pilot, with the strictest protocol that still lets it work.

    :raises Conflict: the code is taken
    """
    if not code.isascii() or not code.replace("-", "").isalnum() or not languages:
        raise Invalid("pilot-unfit")
    if session.scalars(select(Pilot.id).where(Pilot.code == code)).first():
        raise Conflict("pilot-code-taken")
    pilot = Pilot(code=code, name=name, languages=list(languages))
    session.add(pilot)
    session.flush()
    journal.note(session, actor, "create-pilot", subject=pilot.id)
    return pilot


def describe(session: WriteSession, pilot: Pilot, name: str, languages: Sequence[str], *, actor: str) -> None:
    """Give a pilot another name or other languages; its code stays.

    :raises Invalid: it would have no name, or no language
    """
    if not name.strip() or not languages:
        raise Invalid("pilot-unfit")
    pilot.name, pilot.languages = name.strip(), list(languages)
    session.flush()
    journal.note(session, actor, "describe-pilot", subject=pilot.id)


def limit(session: WriteSession, pilot: Pilot, daily_upload_bytes: int | None, *, actor: str) -> None:
    """Set how much may be sent to a pilot in a day; None: as much as the service's settings say."""
    pilot.daily_upload_bytes = daily_upload_bytes
    session.flush()
    journal.note(session, actor, "limit-pilot", subject=pilot.id)


def hear_with(session: WriteSession, pilot: Pilot, weights: str | None, *, actor: str) -> None:
    """Set by which weights a pilot's stories are transcribed from now on; None: by the service's own."""
    pilot.weights = weights
    session.flush()
    journal.note(session, actor, "choose-weights", subject=pilot.id)


def change_protocol(
    session: WriteSession,
    pilot: Pilot,
    uses: Collection[Use],
    *,
    actor: str,
    combination: Combination = Combination.ALL,
    shares_outside: bool = False,
    readers: Collection[Role] = READERS,
) -> None:
    """Set what a pilot's protocol admits, the whole of it: every story of the pilot is opened or closed at once."""
    its_stories = select(Story).join(StoryPilot).where(StoryPilot.pilot_id == pilot.id).order_by(Story.id)
    # Stories before their pilot, as where consent is recorded: the two may meet, and neither waits in vain.
    session.execute(its_stories.with_only_columns(Story.id).with_for_update(of=Story))
    pilot.protocol_uses = sorted(uses)
    pilot.protocol_combination, pilot.protocol_shares_outside = combination, shares_outside
    pilot.protocol_readers = sorted(readers)
    session.flush()
    journal.note(session, actor, "change-protocol", subject=pilot.id)
    for story in session.scalars(its_stories.execution_options(populate_existing=True)):
        consents.apply(session, story)


@dataclass(frozen=True)
class Governance:
    """What a pilot's people set beside its protocol; see :class:`models.pilots.Pilot`."""

    labels: Sequence[Mapping[str, str]] = ()
    terms: str = ""
    requires_review_copy: bool = False
    safeguarding_contact: str | None = None
    safeguarding_account_id: str | None = None
    unreviewed_days: int | None = None
    originals_days: int | None = None


def govern(session: WriteSession, pilot: Pilot, governance: Governance, *, actor: str) -> None:
    """Set a pilot's labels and terms, its safeguarding contact, and how long it keeps what.

    :raises Invalid: a number of days that is none, or a label without code or text
    """
    days = (governance.unreviewed_days, governance.originals_days)
    if any(each is not None and not 1 <= each <= MAX_DAYS for each in days):
        raise Invalid("days-unfit", most=MAX_DAYS)
    if any(not label.get("code") or not label.get("text") for label in governance.labels):
        raise Invalid("label-unfit")
    pilot.labels = [dict(label) for label in governance.labels]
    pilot.terms = governance.terms.strip()
    pilot.requires_review_copy = governance.requires_review_copy
    pilot.safeguarding_contact = governance.safeguarding_contact
    pilot.safeguarding_account_id = governance.safeguarding_account_id
    pilot.unreviewed_days, pilot.originals_days = days
    session.flush()
    journal.note(session, actor, "govern-pilot", subject=pilot.id)


def by_code(session: Session, code: str) -> Pilot:
    """The pilot with a code.

    :raises NotFound: there is none
    """
    pilot = session.scalars(select(Pilot).where(Pilot.code == code)).one_or_none()
    if pilot is None:
        raise NotFound("pilot-unknown", pilot=code)
    return pilot


def names_of(session: Session, codes: Collection[str]) -> dict[str, str]:
    """The names of some pilots, by code."""
    rows = session.execute(select(Pilot.code, Pilot.name).where(Pilot.code.in_(codes)))
    return {code: name for code, name in rows}  # noqa: C416 - rows are no pairs


def of_ids(session: Session, ids: Collection[str]) -> list[Pilot]:
    """Some pilots, by name."""
    return list(session.scalars(select(Pilot).where(Pilot.id.in_(ids)).order_by(Pilot.name)))


def everyone(session: Session) -> list[Pilot]:
    """All pilots, by name."""
    return list(session.scalars(select(Pilot).order_by(Pilot.name)))


def people_by_role(session: Session, pilot_id: str) -> dict[Role, int]:
    """How many open accounts hold each role in a pilot; every role is there."""
    held = (
        select(AccountRole.role, func.count())
        .join(Account, Account.id == AccountRole.account_id)
        .where(AccountRole.pilot_id == pilot_id, Account.is_active)
        .group_by(AccountRole.role)
    )
    return dict.fromkeys(Role, 0) | {Role(role): count for role, count in session.execute(held)}
