"""What the demo stands on: settings and a folder of its own, so that it never meets a real service."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from pydantic_settings import BaseSettings

from app.settings import Settings
from models.errors import Conflict

MARKER = "made-by-the-demo"


class _Apart(Settings):
    """Settings that come from their caller alone: where a machine's environment and ``.env`` name a real database
    or object store, the demo would write its stories there."""

    @classmethod
    def settings_customise_sources(
        cls, settings_cls: type[BaseSettings], init_settings: Any, *others: Any, **named: Any
    ) -> tuple[Any, ...]:
        return (init_settings,)


def settings_apart(data: Path, port: int) -> Settings:
    """The defaults, over the demo's own folder; only weights and word tables are where the machine has them."""
    # Its visitors have no password to set a second factor up with, and by default none is asked for.
    return _Apart(data=data, cache=Settings().cache_folder, port=port, min_free_bytes=0)


def make_anew(folder: Path) -> None:
    """Empty the demo's folder, and mark it.

    :raises Conflict: something lies there that the demo did not make
    """
    marker = folder / MARKER
    if folder.exists() and not (folder.is_dir() and (marker.exists() or not any(folder.iterdir()))):
        raise Conflict("demo-folder-taken", folder=str(folder), marker=MARKER)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    # First and last: a demo that is cut off while it empties the folder can still be run again.
    marker.touch()
    for each in folder.iterdir():
        if each.is_dir() and not each.is_symlink():
            shutil.rmtree(each, ignore_errors=True)
        elif each != marker:
            each.unlink(missing_ok=True)
