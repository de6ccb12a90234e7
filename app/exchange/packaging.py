"""One ZIP of a release, made while it is sent: nothing is written to disk, and no media is held in memory.

The gate is asked for each story when its turn comes, for each of its files, and again within a long one. So the
manifest stands last: it says what is there, and what arrived and has to be deleted because its story was taken
back meanwhile.
"""

from __future__ import annotations

import hashlib
import stat
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Protocol

from stream_zip import ZIP_AUTO, Method, stream_zip

from app.exchange.captions import subrip, webvtt
from app.exchange.manifest import TEXT_FORMATS, FileNote, manifest, text_of
from app.exchange.marks import Marks, marks_of
from app.exchange.naming import folder_of, media_name, text_name
from app.exchange.readme import readme
from app.exchange.transcripts import as_json, plain_text
from models.errors import Conflict, StoryError
from models.transcripts import Transcript
from storage.release_entries import MediaFile, OpenedEntry, PulledEntry
from storage.releases import Pulled

# A stream may last an hour; consent may end in its middle.
ASK_AGAIN_EVERY_BYTES = 4 * 1024 * 1024
# Media are compressed already: they go in as they are.
STORED, SQUEEZED = 0, 6
Member = tuple[str, datetime, int, Method, Iterable[bytes]]


class Shelf(Protocol):
    """Where a release's parts are taken from, each asking the gate first."""

    def open(self, position: int) -> OpenedEntry | None:
        """The entry at a position with what is delivered of it; None if it is closed now."""
        ...

    def read(self, media: MediaFile) -> Iterator[bytes]:
        """A rendition's bytes, in chunks."""
        ...


def package(pulled: Pulled, shelf: Shelf) -> Iterator[bytes]:
    """The bytes of a release's ZIP.

    :raises Conflict: a file is not what it was when it was released; the archive then ends unfinished
    """
    yield from stream_zip(_Packing(pulled, shelf).members())


class _Packing:
    """One archive on its way, and what went into it so far."""

    def __init__(self, pulled: Pulled, shelf: Shelf) -> None:
        self._pulled, self._shelf = pulled, shelf
        self._files: dict[int, list[FileNote]] = {}
        self._closed: set[int] = set()

    def members(self) -> Iterator[Member]:
        yield self._text("README.txt", readme(self._pulled))
        for entry in self._pulled.entries:
            if entry.is_open:
                yield from self._story(entry.position)
        yield self._text("manifest.json", text_of(self._manifest()))

    def _story(self, position: int) -> Iterator[Member]:
        opened = self._shelf.open(position)
        if opened is None:
            return
        folder = folder_of(opened.entry)
        self._files[position] = []
        for number, transcript in opened.transcripts.items():
            for name, text in _texts(number, transcript, marks_of(opened.entry)).items():
                content = text.encode()
                note = FileNote(
                    f"{folder}/{name}",
                    TEXT_FORMATS[_format_of(name)],
                    number,
                    len(content),
                    hashlib.sha256(content).hexdigest(),
                )
                self._files[position].append(note)
                yield self._text(note.place, text)
        for media in opened.media:
            if not self._is_open(position):
                return
            note = FileNote(
                f"{folder}/{media_name(media)}",
                media.media_type,
                media.recording,
                media.size_bytes,
                media.sha256,
            )
            self._files[position].append(note)
            yield self._member(note.place, media.size_bytes, STORED, self._bytes(position, media))

    def _bytes(self, position: int, media: MediaFile) -> Iterator[bytes]:
        """A rendition's bytes, as long as its story is open; cut off where it is closed."""
        digest, since_asked = hashlib.sha256(), 0
        try:
            for chunk in self._shelf.read(media):
                digest.update(chunk)
                yield chunk
                since_asked += len(chunk)
                if since_asked >= ASK_AGAIN_EVERY_BYTES:
                    since_asked = 0
                    if not self._is_open(position):
                        return
        except StoryError:
            # Erased under our hands: the story's end, not the archive's.
            if self._is_open(position):
                raise
            return
        if digest.hexdigest() != media.sha256 and self._is_open(position):
            raise Conflict("object-changed")

    def _is_open(self, position: int) -> bool:
        if position not in self._closed and self._shelf.open(position) is None:
            self._closed.add(position)
        return position not in self._closed

    def _manifest(self) -> dict[str, object]:
        """What is there, by a last look at every story that was packed."""
        now = [self._last_look(entry) for entry in self._pulled.entries]
        open_now = {entry.position for entry in now if entry.is_open}
        return manifest(
            self._pulled,
            {position: notes for position, notes in self._files.items() if position in open_now},
            place="path",
            open_now=now,
            to_delete=[
                note.place
                for position, notes in self._files.items()
                if position not in open_now
                for note in notes
            ],
        )

    def _last_look(self, entry: PulledEntry) -> PulledEntry:
        closed = PulledEntry(entry.position, entry.digest)
        if entry.position not in self._files or entry.position in self._closed:
            return closed
        opened = self._shelf.open(entry.position)
        return opened.entry if opened else closed

    def _text(self, name: str, text: str) -> Member:
        content = text.encode()
        return self._member(name, len(content), SQUEEZED, [content])

    def _member(self, name: str, size_bytes: int, level: int, content: Iterable[bytes]) -> Member:
        made_at = self._pulled.release.released_at
        return name, made_at, stat.S_IFREG | 0o600, ZIP_AUTO(size_bytes, level=level), content


def _texts(recording: int, transcript: Transcript, marks: Marks) -> dict[str, str]:
    return {
        text_name(recording, ".vtt"): webvtt(transcript, marks),
        text_name(recording, ".srt"): subrip(transcript, marks),
        text_name(recording, ".txt"): plain_text([transcript], marks),
        text_name(recording, ".json"): as_json([transcript], marks),
    }


def _format_of(name: str) -> str:
    ending = name.rpartition(".")[2]
    return next(each for each in TEXT_FORMATS if each.endswith(f".{ending}"))
