"""``weights``: what the recogniser hears with."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from app.settings import Settings
from models.errors import StoryError

commands = typer.Typer(no_args_is_help=True, help="The recogniser's weights.")
out = Console()


@commands.command("verify")
def verify_weights() -> None:
    """Make the weights ready, and compare them with the upstream digest."""
    from pipeline.transcription import weights

    settings = Settings()
    folder = weights.ensure(settings.cache_folder, settings.weights)
    if not settings.weights and not weights.verify(folder):
        raise StoryError("weights-changed")
    out.print(f"{folder}: as they should be", soft_wrap=True)


@commands.command("convert")
def convert_weights(
    to: Annotated[Path | None, typer.Option(help="Where to write; default beside the weights.")] = None,
) -> None:
    """Convert the verified weights into a checkpoint for openai-whisper; needs that extra installed."""
    from pipeline.transcription import weights
    from pipeline.transcription.conversion import CHECKPOINT, convert_for_openai_whisper

    settings = Settings()
    folder = weights.ensure(settings.cache_folder, settings.weights)
    target = convert_for_openai_whisper(folder, to or folder / CHECKPOINT)
    out.print(f"written: {target}", soft_wrap=True)
