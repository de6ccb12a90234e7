"""``admin``: pilots, people, and links to hand out."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console

from app.settings import Settings
from models.roles import Role

commands = typer.Typer(no_args_is_help=True, help="Pilots, people, and links to hand out.")
out = Console()


@commands.command("pilot")
def add_pilot(
    code: Annotated[str, typer.Argument(help="Letters, digits and hyphens.")],
    name: str,
    languages: Annotated[list[str], typer.Option("--language", "-l", help="One or more codes.")],
) -> None:
    """Add a pilot."""
    from app.operations import administration
    from app.parts import build

    administration.add_pilot(build(Settings()), code, name, languages)
    out.print(f"Pilot {code} is there.")


@commands.command("invite")
def invite(pilot: str, role: Role) -> None:
    """Print an address at which somebody becomes a reporter, facilitator, curator or pilot-team of a pilot."""
    from app.operations import administration
    from app.parts import build

    out.print(administration.invite(build(Settings()), pilot, role), soft_wrap=True)


@commands.command("role")
def give_role(sign_in_name: str, pilot: str, role: Role) -> None:
    """Give somebody who has an account another role."""
    from app.operations import administration
    from app.parts import build

    administration.give_role(build(Settings()), sign_in_name, pilot, role)
    out.print(f"{sign_in_name} is {role} in {pilot} now.")


@commands.command("new-password")
def new_password(sign_in_name: str) -> None:
    """Print an address at which somebody chooses a new password."""
    from app.operations import administration
    from app.parts import build

    out.print(administration.new_password_link(build(Settings()), sign_in_name), soft_wrap=True)


@commands.command("administrator")
def change_administrator(
    sign_in_name: str,
    take_back: Annotated[bool, typer.Option("--take-back", help="Let them run it no more.")] = False,
) -> None:
    """Let somebody who has an account run the service, too."""
    from app.operations import administration
    from app.parts import build

    administration.change_administrator(build(Settings()), sign_in_name, is_given=not take_back)
    out.print(f"{sign_in_name} {'runs this service no more' if take_back else 'runs this service, too'}.")


@commands.command("close")
def close_account(sign_in_name: str) -> None:
    """Close somebody's account: sessions, API keys and links end at once. Their stories stay."""
    from app.operations import administration
    from app.parts import build

    administration.close(build(Settings()), sign_in_name)
    out.print(f"{sign_in_name} is closed.")


@commands.command("reopen")
def reopen_account(sign_in_name: str) -> None:
    """Open a closed account again; its password opens it as before."""
    from app.operations import administration
    from app.parts import build

    administration.reopen(build(Settings()), sign_in_name)
    out.print(f"{sign_in_name} is open.")


@commands.command("end-sessions")
def end_sessions(sign_in_name: str) -> None:
    """End every session and API key of somebody."""
    from app.operations import administration
    from app.parts import build

    administration.end_sessions(build(Settings()), sign_in_name)
    out.print(f"Every session and key of {sign_in_name} has ended.")


@commands.command("reset-second-factor")
def reset_second_factor(sign_in_name: str) -> None:
    """Let somebody in by their password alone, who lost their phone and their recovery codes."""
    from app.operations import administration
    from app.parts import build

    administration.reset_second_factor(build(Settings()), sign_in_name)
    out.print(f"{sign_in_name} has no second factor any more.")
