"""``reading``: what pages say aloud, read by a person instead of the machine."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from app.settings import Settings

commands = typer.Typer(
    no_args_is_help=True, help="What pages read aloud: the texts, and a person's own reading of one."
)
out = Console(soft_wrap=True, highlight=False)

Language = Annotated[str, typer.Argument(help="One of the pages' languages, by its code.")]
Pilot = Annotated[
    str | None,
    typer.Option(help="The text about consent of this pilot; without it, what happens to a story."),
]


@commands.command("text")
def show_text(language: Language, pilot: Pilot = None) -> None:
    """Print the text to read, as pages say it now."""
    sys.stdout.write(_text(Settings(), language, pilot) + "\n")


@commands.command("take")
def take(
    language: Language,
    recording: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="Any sound file.")],
    pilot: Pilot = None,
) -> None:
    """Have a person's reading played from now on, until the text changes."""
    from app.stories import aloud

    settings = Settings()
    path = aloud.take_reading(_text(settings, language, pilot), language, recording, settings)
    out.print(f"{path}: played from now on")


def _text(settings: Settings, language: str, pilot: str | None) -> str:
    from app.stories import aloud
    from app.web.translation import LANGUAGES
    from storage import pilots, wordings
    from storage.database import Database

    if language not in LANGUAGES:
        raise typer.BadParameter(f"choose one of {', '.join(LANGUAGES)}", param_hint="LANGUAGE")
    if pilot is None:
        return aloud.what_happens(language, settings)
    database = Database(settings.sql_url)
    try:
        with database.read() as session:
            wording = wordings.current(session, [pilots.by_code(session, pilot).id], language)
    finally:
        database.close()
    if wording is None:
        raise typer.BadParameter("there is no text about consent in this language", param_hint="LANGUAGE")
    return wording.text
