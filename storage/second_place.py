"""Files beside the database that outlive it: small, each there wholly or not at all, flushed, for their owner only."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import secrets
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

ENDING = ".json"
BATCH = 500


def names_in(folder: Path) -> set[str]:
    """The names of the files in a folder, without their ending: the name alone counts, even of a damaged file."""
    with contextlib.suppress(FileNotFoundError):
        return {name.removesuffix(ENDING) for name in os.listdir(folder) if name.endswith(ENDING)}
    return set()


def read(folder: Path, name: str) -> dict[str, Any]:
    """What a file says.

    :raises OSError: it cannot be read
    :raises ValueError: it is damaged
    """
    content = json.loads((folder / f"{name}{ENDING}").read_bytes())
    if not isinstance(content, dict):
        raise ValueError("no object")
    return content


def put(folder: Path, name: str, content: dict[str, Any]) -> None:
    """Write a file. Call :func:`flush_names` after the last one."""
    _put_bytes(folder, name, json.dumps(content, sort_keys=True).encode() + b"\n")


def mirror(source: Path, target: Path) -> int:
    """Copy the files that another place lacks; how many that were."""
    new = sorted(names_in(source) - names_in(target))
    for name in new:
        _put_bytes(target, name, (source / f"{name}{ENDING}").read_bytes())
    if new:
        flush_names(target)
    return len(new)


def remove(folder: Path, name: str) -> None:
    """Remove a file; one that is not there is removed already."""
    (folder / f"{name}{ENDING}").unlink(missing_ok=True)


def flush_names(folder: Path) -> None:
    """Let the names in a folder be on the disk."""
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def salted(salt: str, word: str) -> str:
    """The digest by which a word is recognised, and not found out."""
    return hashlib.sha256(f"{salt}{word}".encode()).hexdigest()


class StoryFiles:
    """A folder in the second place: a file for each thing that closes a story, named by the story and by the thing.

    The tombstones lie beside the folder; a story that has one needs no other file.
    """

    def __init__(self, folder: str, is_name: Callable[[str], object] = bool) -> None:
        self._folder, self._is_name = folder, is_name

    def ids_in(self, place: Path) -> dict[str, str]:
        """The things that have a file, each with its story: names alone count."""
        names = filter(self._is_name, names_in(place / self._folder))
        return {thing: story_id for story_id, dash, thing in (name.partition("-") for name in names) if dash}

    def read(self, place: Path, story_id: str, thing: str) -> dict[str, Any]:
        """What a file says.

        :raises OSError: it cannot be read
        :raises ValueError: it is damaged
        """
        return read(place / self._folder, f"{story_id}-{thing}")

    def put(self, place: Path, files: Mapping[tuple[str, str], dict[str, Any]]) -> int:
        """Write files, by story and thing; how many that were. Call :meth:`flush` after the last ones."""
        for (story_id, thing), content in files.items():
            put(place / self._folder, f"{story_id}-{thing}", content)
        return len(files)

    def flush(self, place: Path) -> None:
        """Let the names of what was put be on the disk."""
        flush_names(place / self._folder)

    def forget(self, place: Path, things: Collection[str]) -> None:
        """Remove the files of some things; what has none has none."""
        for thing, story_id in self.ids_in(place).items():
            if thing in things:
                remove(place / self._folder, f"{story_id}-{thing}")

    def forget_withdrawn(self, place: Path) -> None:
        """Remove the files of stories that have a tombstone in the same place."""
        withdrawn = names_in(place)
        self.forget(place, {thing for thing, story_id in self.ids_in(place).items() if story_id in withdrawn})

    def mirror(self, source: Path, target: Path) -> int:
        """Copy the files that another place lacks, and remove there what is not needed; how many were copied."""
        copied = mirror(source / self._folder, target / self._folder)
        self.forget_withdrawn(target)
        return copied


def batches(ids: list[str]) -> Iterator[list[str]]:
    """As many at a time as one question to the database takes."""
    for start in range(0, len(ids), BATCH):
        yield ids[start : start + BATCH]


def _put_bytes(folder: Path, name: str, content: bytes) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    partial = folder / f".{name}.{secrets.token_hex(4)}"
    try:
        with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, folder / f"{name}{ENDING}")
    finally:
        partial.unlink(missing_ok=True)
