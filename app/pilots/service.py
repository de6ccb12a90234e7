"""What administrators do: pilots, roles, and links to hand out. Pages and the command line share it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from models.accounts import LinkPurpose
from models.errors import Invalid
from models.notices import NoticeKind
from models.pilots import Pilot
from models.roles import Role
from pipeline.transcription.languages import language_names
from storage import accounts, notices, pilots
from storage.database import WriteSession

INVITATION_LASTS = timedelta(days=7)
NEW_PASSWORD_LASTS = timedelta(days=1)
MAX_CODE_CHARACTERS = 40


def add_pilot(session: WriteSession, code: str, name: str, languages: Sequence[str], *, actor: str) -> Pilot:
    """A new pilot.

    :raises Invalid: it has no name, no language, one that Whisper does not know, or a code too long to be typed
    """
    if not name.strip():
        raise Invalid("name-missing")
    if len(code.strip()) > MAX_CODE_CHARACTERS:
        raise Invalid("pilot-unfit")
    unknown = [language for language in languages if language not in language_names()]
    if unknown:
        raise Invalid("language-unknown", language=unknown[0])
    return pilots.create(session, code.strip(), name.strip(), languages, actor=actor)


def codes_in(typed: str) -> list[str]:
    """The codes of languages that somebody typed into one line."""
    return typed.replace(",", " ").lower().split()


def invite(session: WriteSession, pilot_code: str, role: Role, *, actor: str) -> str:
    """The token of a link at which somebody becomes a ``role`` of a pilot; it works once, for a week."""
    pilot = pilots.by_code(session, pilot_code)
    return accounts.make_link(
        session, LinkPurpose.INVITATION, pilot_id=pilot.id, role=role, lasts=INVITATION_LASTS, actor=actor
    )


def change_role(
    session: WriteSession, sign_in_name: str, pilot_code: str, role: Role, *, is_given: bool, actor: str
) -> None:
    """Give a role to somebody who has an account, or take it back."""
    account = accounts.named(session, sign_in_name)
    pilot = pilots.by_code(session, pilot_code)
    change = accounts.give_role if is_given else accounts.take_role
    change(session, account.id, pilot.id, role, actor=actor)


def new_password(session: WriteSession, sign_in_name: str, *, actor: str) -> str:
    """The token of a link at which somebody chooses a new password; it works once, for a day."""
    account = accounts.named(session, sign_in_name)
    notices.tell_account(session, account.id, NoticeKind.PASSWORD_LINK_MADE)
    return accounts.make_link(
        session, LinkPurpose.NEW_PASSWORD, account_id=account.id, lasts=NEW_PASSWORD_LASTS, actor=actor
    )
