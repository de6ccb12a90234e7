"""``journal``: its signed head to hand to others, and checking it without this service."""

from __future__ import annotations

import json
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

commands = typer.Typer(no_args_is_help=True, help="The journal's signed head, and checking it elsewhere.")
out, err = Console(soft_wrap=True, highlight=False), Console(stderr=True, soft_wrap=True, highlight=False)


@commands.command("export")
def export_head(
    file: Annotated[Path | None, typer.Argument(dir_okay=False, help="Default: standard output.")] = None,
) -> None:
    """Write the journal's head, signed: who keeps it can show later that nothing before it was changed."""
    from app.operations import journal_heads
    from app.settings import Settings
    from storage.database import Database

    settings = Settings()
    key = journal_heads.signing_key(settings.journal_key_file)
    database = Database(settings.sql_url)
    with database.read() as session:
        head = journal_heads.signed_head(session, key)
    database.close()
    content = json.dumps(head, indent=1) + "\n"
    if file is None:
        sys.stdout.write(content)
    else:
        file.write_text(content)


@commands.command("key")
def public_key() -> None:
    """Print the public key that heads are signed with: hand it over once, by another way than the heads."""
    from app.operations import journal_heads
    from app.settings import Settings

    sys.stdout.write(journal_heads.public_pem(journal_heads.signing_key(Settings().journal_key_file)))


@commands.command("entries")
def export_entries() -> None:
    """Print every entry as a line of JSON, for checking elsewhere: ids, verbs and times."""
    from app.operations import journal_heads
    from app.settings import Settings
    from storage.database import Database

    database = Database(Settings().sql_url)
    with database.read() as session:
        for line in journal_heads.entry_lines(session):
            sys.stdout.write(line)
    database.close()


@commands.command("verify")
def verify(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="What `journal export` wrote.")],
    database: Annotated[str | None, typer.Option(help="URL of the database, which is only read.")] = None,
    entries: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="What `journal entries` printed.")
    ] = None,
    key: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="What `journal key` printed.")
    ] = None,
) -> None:
    """Check a signed head: its signature, the chain from its beginning to now, and that the head is still in it.

    Needs neither the service nor its settings. Exit code 1, and the first broken entry's number, if something is wrong.
    """
    from app.operations import journal_heads

    if (database is None) == (entries is None):
        raise typer.BadParameter("say where the journal is: --database URL, or --entries FILE")
    with ExitStack() as opened:
        found = (
            journal_heads.entries_of_file(opened.enter_context(entries.open()))
            if entries is not None
            else opened.enter_context(journal_heads.entries_of_database(database or ""))
        )
        try:
            checked = journal_heads.check(file.read_text(), found, key.read_text() if key else None)
        except journal_heads.Broken as broken:
            err.print(f"broken: {broken}", markup=False)
            raise typer.Exit(1) from None
    out.print(f"The head of {checked.at} (entry {checked.sequence}) is signed by {checked.key_id}.")
    out.print(f"The chain is unbroken from its beginning to entry {checked.entries}, and the head is in it.")
    if key is None:
        out.print("The key came with the head, so this proves less: give the one you got before, by --key.")
