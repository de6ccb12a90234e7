"""What a story leaves behind, and looking for it in every byte of a place.

A trace is something that only this story has: a word, a window of its media, a digest. A place is where bytes lie.
"""

from __future__ import annotations

import base64
import hashlib
import json
import random
import subprocess
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.themes.text import fold

Blobs = Iterable[bytes]
Place = Callable[[], Blobs]
WINDOW_BYTES = 32
WINDOWS = 5
GZIP = b"\x1f\x8b\x08"


@dataclass(frozen=True)
class Trace:
    """``words`` are looked for whatever their case, ``windows`` as they are; any of them is a find.

    :param lies_in: the places that must hold it while the story is there
    :param may_stay_in: the places that may hold it after
    """

    name: str
    words: tuple[bytes, ...] = ()
    windows: tuple[bytes, ...] = ()
    lies_in: frozenset[str] = frozenset()
    may_stay_in: frozenset[str] = frozenset()


def word(name: str, text: str, *lies_in: str) -> Trace:
    """A word or a name: as UTF-8, as JSON writes it, and as search folds it."""
    forms = {text.lower(), json.dumps(text.lower())[1:-1], fold(text)}
    return Trace(name, tuple(each.encode() for each in sorted(forms)), lies_in=frozenset(lies_in))


def ids(name: str, values: Iterable[str], *lies_in: str, may_stay_in: str = "") -> Trace:
    stays = frozenset({may_stay_in} - {""})
    return Trace(name, tuple(each.encode() for each in values), lies_in=frozenset(lies_in), may_stay_in=stays)


def media(name: str, content: bytes, *lies_in: str) -> Trace:
    """Some windows of a file's bytes, from places spread over it; none that could be anybody's."""
    chance = random.Random(name)
    windows: list[bytes] = []
    while len(windows) < WINDOWS:
        at = chance.randrange(max(1, len(content) - WINDOW_BYTES))
        window = content[at : at + WINDOW_BYTES]
        if len(set(window)) > WINDOW_BYTES // 2:
            windows.append(window)
    return Trace(name, windows=tuple(windows), lies_in=frozenset(lies_in))


def sha256(name: str, content: bytes, *lies_in: str) -> Trace:
    digest = hashlib.sha256(content)
    return Trace(name, (digest.hexdigest().encode(),), (digest.digest(),), frozenset(lies_in))


def md5(name: str, content: bytes, *lies_in: str) -> Trace:
    """As stores keep it: raw, in hexadecimal digits, in base64."""
    digest = hashlib.md5(content)
    raw = digest.digest()
    return Trace(name, (digest.hexdigest().encode(),), (raw, base64.b64encode(raw)), frozenset(lies_in))


def files_of(*folders: Path) -> Place:
    """Every file in folders, whole; those that go while we look are gone."""

    def blobs() -> Iterator[bytes]:
        for folder in folders:
            for each in sorted(folder.rglob("*")) if folder.is_dir() else [folder]:
                if each.is_file() and not each.is_symlink():
                    with suppress(FileNotFoundError):
                        yield _read(each)

    return blobs


def _read(file: Path) -> bytes:
    if ".sqlite" not in file.name:
        return file.read_bytes()
    # Never in a process that uses the database: closing the file would let go of SQLite's locks on it
    # (https://sqlite.org/howtocorrupt.html, 2.2).
    return subprocess.run(["cat", str(file)], stdout=subprocess.PIPE, check=False).stdout


def unsqueezed(place: Place) -> Place:
    """A place, and what lies in it squeezed by gzip, as the object store keeps what that makes shorter."""

    def blobs() -> Iterator[bytes]:
        for blob in place():
            yield blob
            at = blob.find(GZIP)
            while at >= 0:
                with suppress(zlib.error):
                    yield zlib.decompressobj(31).decompress(blob[at:])
                at = blob.find(GZIP, at + 1)

    return blobs


@dataclass
class Finds:
    """Which traces were found where: ``found[place]`` are names of traces."""

    found: dict[str, set[str]] = field(default_factory=dict)

    def count(self) -> int:
        return sum(map(len, self.found.values()))


def search(traces: Iterable[Trace], places: Mapping[str, Place]) -> Finds:
    """Look for each trace in every byte of each place."""
    finds, wanted = Finds(), list(traces)
    for name, place in places.items():
        found = finds.found.setdefault(name, set())
        for blob in place():
            low = blob.lower()
            for trace in wanted:
                if any(each in low for each in trace.words) or any(each in blob for each in trace.windows):
                    found.add(trace.name)
    return finds


def missing_before(traces: Iterable[Trace], finds: Finds) -> list[str]:
    """What should have been found and was not: a search that does not find it proves nothing later."""
    return [
        f"{trace.name} in {place}"
        for trace in traces
        for place in sorted(trace.lies_in)
        if trace.name not in finds.found[place]
    ]


def left_after(traces: Iterable[Trace], finds: Finds) -> list[str]:
    """What should be gone and is not."""
    return [
        f"{trace.name} in {place}"
        for trace in traces
        for place, found in finds.found.items()
        if trace.name in found and place not in trace.may_stay_in
    ]
