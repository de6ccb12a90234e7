"""What an administrator does from the command line: pilots, people, and links to hand out."""

from __future__ import annotations

from app.parts import Parts
from app.pilots import service
from models.roles import Role
from storage import journal


def add_pilot(parts: Parts, code: str, name: str, languages: list[str]) -> None:
    """A new pilot."""
    with parts.database.write() as session:
        service.add_pilot(session, code, name, languages, actor=journal.SERVICE)


def invite(parts: Parts, pilot_code: str, role: Role) -> str:
    """An address at which somebody becomes a ``role`` of a pilot; it works once, for a week."""
    with parts.database.write() as session:
        return address_of(parts, service.invite(session, pilot_code, role))


def give_role(parts: Parts, sign_in_name: str, pilot_code: str, role: Role) -> None:
    """Another role for somebody who has an account."""
    with parts.database.write() as session:
        service.change_role(session, sign_in_name, pilot_code, role, is_given=True, actor=journal.SERVICE)


def new_password_link(parts: Parts, sign_in_name: str) -> str:
    """An address at which somebody chooses a new password; it works once, for a day."""
    with parts.database.write() as session:
        return address_of(parts, service.new_password(session, sign_in_name))


def address_of(parts: Parts, token: str) -> str:
    """Where a one-time link is opened."""
    return f"{parts.settings.base_url}/come-in/{token}"
