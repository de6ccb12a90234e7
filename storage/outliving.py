"""What outlives the database, in a second place: tombstones, narrowed consent, holds that stand. All of it at once.

A database from before a withdrawal, a narrowing or a hold, restored from a backup or put there by hand, is told of them
before anything is served. It is only ever closed by that, never opened.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from storage import kept_holds, narrowings, tombstones
from storage.database import Database


@dataclass(frozen=True)
class Again:
    """The ids of the stories that were closed again, by what closed them."""

    withdrawn: list[str] = field(default_factory=list)
    narrowed: list[str] = field(default_factory=list)
    held: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Written:
    """How many files were written that had been missing."""

    tombstones: int
    narrowings: int
    holds: int


def watch(database: Database, place: Path) -> None:
    """From now on, let what closes a story be written into a place as soon as it is committed."""
    database.when_withdrawn = partial(_when_withdrawn, database, place)
    database.when_narrowed = partial(narrowings.when_narrowed, database, place)
    database.when_held = partial(kept_holds.when_held, database, place)


def apply(database: Database, place: Path) -> Again:
    """Tell a database what it does not know.

    :raises Unavailable: it does not answer: then nothing may be served
    """
    withdrawn = tombstones.apply(database, place)
    narrowed = narrowings.apply(database, place)
    return Again(withdrawn, narrowed, kept_holds.apply(database, place))


def write_missing(database: Database, place: Path) -> Written:
    """Write what has no file in a place yet."""
    stones = tombstones.write_missing(database, place)
    words = narrowings.write_missing(database, place)
    return Written(stones, words, kept_holds.write_missing(database, place))


def forget_ended(database: Database, place: Path) -> None:
    """Remove the files that a tombstone covers, and those of holds that were lifted."""
    narrowings.FILES.forget_withdrawn(place)
    kept_holds.forget_ended(database, place)


def mirror(source: Path, target: Path) -> None:
    """Copy what another place lacks, and remove there what a tombstone covers."""
    tombstones.mirror(source, target)
    narrowings.FILES.mirror(source, target)
    kept_holds.FILES.mirror(source, target)


def _when_withdrawn(database: Database, place: Path, story_ids: list[str]) -> None:
    tombstones.when_withdrawn(database, place, story_ids)
    with contextlib.suppress(OSError):
        narrowings.FILES.forget_withdrawn(place)
        kept_holds.FILES.forget_withdrawn(place)
