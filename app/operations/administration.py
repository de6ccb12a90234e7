"""What an administrator does from the command line: pilots, people, and links to hand out."""

from __future__ import annotations

from datetime import timedelta

from app.parts import Parts
from models.accounts import LinkPurpose
from models.roles import Role
from storage import accounts, journal, pilots


def add_pilot(parts: Parts, code: str, name: str, languages: list[str]) -> None:
    """A new pilot."""
    with parts.database.write() as session:
        pilots.create(session, code, name, languages, actor=journal.SERVICE)


def invite(parts: Parts, pilot_code: str, role: Role) -> str:
    """An address at which somebody becomes a ``role`` of a pilot; it works once, for a week."""
    with parts.database.write() as session:
        pilot = pilots.by_code(session, pilot_code)
        token = accounts.make_link(session, LinkPurpose.INVITATION, pilot_id=pilot.id, role=role)
    return f"{parts.settings.base_url}/come-in/{token}"


def give_role(parts: Parts, sign_in_name: str, pilot_code: str, role: Role) -> None:
    """Another role for somebody who has an account."""
    with parts.database.write() as session:
        account = accounts.named(session, sign_in_name)
        pilot = pilots.by_code(session, pilot_code)
        accounts.give_role(session, account.id, pilot.id, role, actor=journal.SERVICE)


def new_password_link(parts: Parts, sign_in_name: str) -> str:
    """An address at which somebody chooses a new password; it works once, for a day."""
    with parts.database.write() as session:
        account = accounts.named(session, sign_in_name)
        token = accounts.make_link(
            session, LinkPurpose.NEW_PASSWORD, account_id=account.id, lasts=timedelta(days=1)
        )
    return f"{parts.settings.base_url}/come-in/{token}"
