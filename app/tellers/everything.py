"""Everything that is held of one story, as one ZIP that is made while it is sent (GDPR Art. 15 and 20).

Each part is looked up when its turn comes, and whoever asks is looked at again before it: a story that is taken back
meanwhile, or a private link that ends, breaks the archive off, and it cannot be mistaken for a whole one. No file is
held in memory.
"""

from __future__ import annotations

import hashlib
import json
import mimetypes
import re
import stat
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import PurePosixPath
from typing import Any

from fastapi import Response
from fastapi.responses import StreamingResponse
from sqlalchemy import select
from sqlalchemy.orm import Session
from stream_zip import ZIP_AUTO, Method, stream_zip

from app.exchange.naming import ENDINGS
from app.parts import Parts
from app.tellers import contents
from app.tellers.words import FILES
from app.web.headers import SANDBOXED
from app.web.translation import Translator
from models.base import utc_now
from models.errors import Conflict
from models.stories import Part, Recording, RenditionKind, Story, StoryPerson
from storage import journal

ASK_AGAIN_EVERY_BYTES = 4 * 1024 * 1024
STORED, SQUEEZED = 0, 6
Member = tuple[str, datetime, int, Method, Iterable[bytes]]
# Who asks, as of this moment: the story, and the person of a private link (None: somebody who cares for all of it).
Look = Callable[[Session], tuple[Story, StoryPerson | None]]


@dataclass(frozen=True)
class StoredFile:
    """A file in the object store and its place in the archive."""

    name: str
    key: str
    size_bytes: int
    sha256: str | None


def send(parts: Parts, look: Look, translator: Translator, *, by: str) -> Response:
    """The archive, as a download. Who may not have it is refused before it begins; that it was fetched is noted.

    :param by: who fetches it, as the journal names them
    """
    packing = _Packing(parts, look, translator)
    with packing.looking() as (_, story, person):
        story_id, person_id = story.id, person.id if person else None
    with parts.database.write() as session:
        journal.note(session, by, "fetch-everything", story_id=story_id, subject=person_id)
    return StreamingResponse(
        stream_zip(packing.members()),
        media_type="application/zip",
        headers={"Content-Disposition": 'attachment; filename="everything.zip"'} | SANDBOXED,
    )


class _Packing:
    """One archive on its way."""

    def __init__(self, parts: Parts, look: Look, translator: Translator) -> None:
        self._parts, self._look, self._translator = parts, look, translator
        self._made_at = utc_now()

    @contextmanager
    def looking(self) -> Iterator[tuple[Session, Story, StoryPerson | None]]:
        """A look at the story as it is now, if whoever asks may still have it."""
        with self._parts.database.read() as session:
            yield session, *self._look(session)

    def members(self) -> Iterator[Member]:
        yield self._text("README.txt", self._readme())
        for name, make in contents.SHEETS.items():
            with self.looking() as (session, story, person):
                sheet = make(session, story, person)
            if sheet is not None:
                yield self._text(name, _json(sheet))
        with self.looking() as (session, story, person):
            receipts = contents.receipts(session, story, person, self._parts.settings, self._translator)
        for name, receipt in receipts.items():
            yield self._text(name, receipt)
        yield from self._transcripts()
        yield from self._files()

    def _transcripts(self) -> Iterator[Member]:
        with self.looking() as (session, story, _):
            ids = contents.transcript_ids(session, story)
        for transcript_id in ids:
            with self.looking() as (session, _, _):
                texts = contents.texts_of(session, transcript_id)
            for name, text in texts.items():
                yield self._text(name, text)

    def _files(self) -> Iterator[Member]:
        with self.looking() as (session, story, person):
            found = [*_media(session, story, person), *self._forms(session, story, person)]
        for file in found:
            with self.looking():
                pass
            method = ZIP_AUTO(file.size_bytes, level=STORED)
            yield file.name, self._made_at, stat.S_IFREG | 0o600, method, self._bytes(file)

    def _forms(self, session: Session, story: Story, person: StoryPerson | None) -> list[StoredFile]:
        """Forms of consent that were uploaded: the person's own, or all of them for who cares for the story."""
        return [
            StoredFile(
                f"consent/form-{event.sequence}{mimetypes.guess_extension(event.evidence_media_type or '') or ''}",
                event.evidence_object_key,
                self._parts.objects.size_of(event.evidence_object_key),
                event.evidence_sha256,
            )
            for event in contents.events_for(session, story, person)
            if event.evidence_object_key is not None
        ]

    def _bytes(self, file: StoredFile) -> Iterator[bytes]:
        digest, since_asked = hashlib.sha256(), 0
        for chunk in self._parts.objects.open_range(file.key, 0, file.size_bytes):
            digest.update(chunk)
            yield chunk
            since_asked += len(chunk)
            if since_asked >= ASK_AGAIN_EVERY_BYTES:
                since_asked = 0
                with self.looking():
                    pass
        if file.sha256 not in (None, digest.hexdigest()):
            raise Conflict("object-changed")

    def _readme(self) -> str:
        says = self._translator
        lines = [says(FILES[""]), ""]
        for name, what in FILES.items():
            if name:
                lines += [name, f"  {says(what)}"]
        return "\n".join([*lines, "", says.day(self._made_at), ""])

    def _text(self, name: str, text: str) -> Member:
        content = text.encode()
        method = ZIP_AUTO(len(content), level=SQUEEZED)
        return name, self._made_at, stat.S_IFREG | 0o600, method, [content]


def _media(session: Session, story: Story, person: StoryPerson | None) -> Iterator[StoredFile]:
    """Renditions; and the originals, for whoever told the story: they are theirs, and nobody else's to be handed."""
    recordings = session.scalars(
        select(Recording).where(Recording.story_id == story.id).order_by(Recording.position)
    )
    for number, recording in enumerate(recordings, start=1):
        for rendition in sorted(recording.renditions, key=lambda each: each.kind):
            if rendition.kind is not RenditionKind.SPEECH:
                name = f"recordings/recording-{number}{ENDINGS[rendition.kind]}"
                yield StoredFile(name, rendition.object_key, rendition.size_bytes, rendition.sha256)
        is_theirs = person is not None and person.part is Part.TELLER
        if is_theirs and recording.size_bytes is not None and recording.original_erased_at is None:
            name = f"recordings/recording-{number}-original{_ending(recording.sent_name)}"
            yield StoredFile(name, recording.original_key, recording.size_bytes, recording.sha256)


def _ending(sent_name: str) -> str:
    """The ending of the name that a file came with, if it is a plain one: so that a player knows it."""
    ending = PurePosixPath(sent_name).suffix.lower()
    return ending if re.fullmatch(r"\.[a-z0-9]{1,5}", ending) else ""


def _json(sheet: Any) -> str:
    return json.dumps(sheet, ensure_ascii=False, indent=1, default=str) + "\n"
