"""What an administrator does from the command line: pilots, people, and links to hand out."""

from __future__ import annotations

from app.parts import Parts
from app.pilots import service
from models.roles import Role
from storage import accounts, closing, journal, second_factors


def add_pilot(parts: Parts, code: str, name: str, languages: list[str]) -> None:
    """A new pilot."""
    with parts.database.write() as session:
        service.add_pilot(session, code, name, languages, actor=journal.SERVICE)


def invite(parts: Parts, pilot_code: str, role: Role) -> str:
    """An address at which somebody becomes a ``role`` of a pilot; it works once, for a week."""
    with parts.database.write() as session:
        return address_of(parts, service.invite(session, pilot_code, role, actor=journal.SERVICE))


def give_role(parts: Parts, sign_in_name: str, pilot_code: str, role: Role) -> None:
    """Another role for somebody who has an account."""
    with parts.database.write() as session:
        service.change_role(session, sign_in_name, pilot_code, role, is_given=True, actor=journal.SERVICE)


def new_password_link(parts: Parts, sign_in_name: str) -> str:
    """An address at which somebody chooses a new password; it works once, for a day."""
    with parts.database.write() as session:
        return address_of(parts, service.new_password(session, sign_in_name, actor=journal.SERVICE))


def close(parts: Parts, sign_in_name: str) -> None:
    """Close an account: its sessions, keys and links end at once."""
    with parts.database.write() as session:
        closing.close(session, accounts.named(session, sign_in_name).id, actor=journal.SERVICE)


def reopen(parts: Parts, sign_in_name: str) -> None:
    """Open a closed account again."""
    with parts.database.write() as session:
        closing.reopen(session, accounts.named(session, sign_in_name).id, actor=journal.SERVICE)


def change_administrator(parts: Parts, sign_in_name: str, *, is_given: bool) -> None:
    """Let somebody run the service, or let them run it no more."""
    change = closing.appoint if is_given else closing.dismiss
    with parts.database.write() as session:
        change(session, accounts.named(session, sign_in_name).id, actor=journal.SERVICE)


def end_sessions(parts: Parts, sign_in_name: str) -> None:
    """End every session and API key of somebody."""
    with parts.database.write() as session:
        closing.end_everything(session, accounts.named(session, sign_in_name).id, actor=journal.SERVICE)


def reset_second_factor(parts: Parts, sign_in_name: str) -> None:
    """Let somebody who lost phone and paper in by their password alone."""
    with parts.database.write() as session:
        second_factors.turn_off(session, accounts.named(session, sign_in_name).id, actor=journal.SERVICE)


def address_of(parts: Parts, token: str) -> str:
    """Where a one-time link is opened."""
    return f"{parts.settings.base_url}/come-in/{token}"
