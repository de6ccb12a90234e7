"""Taking in a recording while it streams: who and how much is decided first, then bytes go straight to S3."""

from __future__ import annotations

import contextlib
import time
from datetime import timedelta

from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request

from app.parts import Parts
from app.stories import service
from app.web.multipart import Event, FileBegins, FileBytes, FileEnds, read_form
from models.base import utc_now
from models.errors import (
    Conflict,
    Invalid,
    NotFound,
    NotSignedIn,
    StoryError,
    TooLarge,
    Unavailable,
)
from models.roles import Action, Principal
from models.stories import Story
from models.uploads import Upload
from storage import gate, quotas, recordings, uploads
from storage.object_stream import PATIENCE_SECONDS, StreamingPut

# What a form may weigh beside its file: its fields and the lines between its parts.
FORM_OVERHEAD_BYTES = 256 * 1024
# Well within the time after which an erasure looks for what came late (pipeline.workflow): what is sent to a story that
# was withdrawn is ended before, so that it begins nothing in the store after.
NOTE_EVERY_SECONDS = 5.0
# One that was being sent when the service died is forgotten after so long: nobody can go on with it. It is longer than
# a sender may be silent and the store takes to join what it has.
FORM_LASTS = timedelta(seconds=3 * PATIENCE_SECONDS)


async def take_recording(
    request: Request, parts: Parts, principal: Principal, story_id: str, fields: dict[str, str]
) -> str:
    """Stream one recording of a story into the object store; returns its id once it is whole and committed.

    :raises TooLarge: before or while it streams
    :raises Invalid: no file came, the form is broken, or the connection was cut
    """
    await run_in_threadpool(_decide, request, parts, principal, story_id)
    taking = Taking(parts, principal, story_id, announced_bytes(request))
    try:
        async for event in read_form(request, fields):
            await taking.hear(event)
        return await taking.commit()
    except ClientDisconnect as error:
        raise Invalid("recording-cut-off") from error
    finally:
        await taking.give_up_unless_committed()


def _decide(request: Request, parts: Parts, principal: Principal, story_id: str) -> None:
    """Everything that can be refused before a byte of the body is read."""
    with parts.database.read() as session:
        story = gate.may(session, principal, Action.ADD_RECORDING, story_id)
        limit, coming_bytes = parts.settings.max_upload_bytes, announced_bytes(request) or 0
        if coming_bytes > limit + FORM_OVERHEAD_BYTES:
            raise TooLarge("too-large", limit_bytes=limit)
        _check_limits(session, parts, principal, story, coming_bytes)


def _check_limits(
    session: Session, parts: Parts, principal: Principal, story: Story, coming_bytes: int
) -> None:
    account_id = account_of(principal)
    service.check_limits(
        session, parts.settings, account_id, pilot_ids=story.pilot_ids, coming_bytes=coming_bytes
    )


def announced_bytes(request: Request) -> int | None:
    """How long a form is said to be, a little longer than its file; None: nobody said."""
    claimed = request.headers.get("content-length", "")
    return int(claimed) if claimed.isdigit() else None


def account_of(principal: Principal) -> str:
    """The account behind a principal.

    :raises NotSignedIn: there is none
    """
    if principal.account_id is None:
        raise NotSignedIn("not-signed-in")
    return principal.account_id


class Taking:
    """One recording on its way in."""

    def __init__(
        self, parts: Parts, principal: Principal, story_id: str, announced_bytes: int | None = None
    ) -> None:
        self._parts, self._principal, self._story_id = parts, principal, story_id
        self._announced_bytes = announced_bytes
        self._upload: Upload | None = None
        self._put: StreamingPut | None = None
        self._taken_bytes = 0
        self._noted_at = 0.0
        self._is_stored = False
        self._is_committed = False

    async def hear(self, event: Event) -> None:
        """Act on what the form's reader found."""
        match event:
            case FileBegins(name):
                await self.begin(name)
            case FileBytes(data):
                await self.take(data)
            case FileEnds():
                await self.end()

    async def begin(self, name: str) -> None:
        if self._put is not None:
            raise Invalid("form-unreadable")
        self._upload, key = await run_in_threadpool(self._expect, name)
        self._noted_at = time.monotonic()
        self._put = StreamingPut(self._parts.objects, key)

    def _expect(self, name: str) -> tuple[Upload, str]:
        """The upload that it is noted as while it is sent, and the key that its bytes go to.

        Limits are looked at once more: others may have been let in since, and one at a time is noted.
        """
        with self._parts.database.write() as session:
            story = gate.may(session, self._principal, Action.ADD_RECORDING, self._story_id)
            quotas.one_at_a_time(session, account_of(self._principal), story.pilot_ids)
            _check_limits(session, self._parts, self._principal, story, self._announced_bytes or 0)
            upload = uploads.begin(
                session,
                story,
                account_id=account_of(self._principal),
                sent_name=name,
                sent_metadata="",
                length_bytes=self._announced_bytes or None,
                lasts=FORM_LASTS,
            )
            uploads.note_sending(session, upload, utc_now(), FORM_LASTS)
            return upload, uploads.key_of(session, upload)

    async def take(self, data: bytes) -> None:
        assert self._put is not None
        self._taken_bytes += len(data)
        limit = self._parts.settings.max_upload_bytes
        if self._taken_bytes > limit:
            raise TooLarge("too-large", limit_bytes=limit)
        if time.monotonic() - self._noted_at > NOTE_EVERY_SECONDS:
            await run_in_threadpool(self._note_sending)
            self._noted_at = time.monotonic()
        await self._put.write(data)

    def _note_sending(self) -> None:
        """
        :raises Conflict: its story was withdrawn
        """
        assert self._upload is not None
        try:
            with self._parts.database.write() as session:
                uploads.note_sending(session, self._upload, utc_now(), FORM_LASTS)
        except Conflict as error:
            raise Conflict("story-withdrawn") from error
        except Unavailable:
            # A database that is away for a moment ends no upload: it is asked again.
            return

    async def end(self) -> None:
        if self._taken_bytes == 0:
            raise Invalid("recording-empty")

    async def commit(self) -> str:
        if self._put is None or self._upload is None:
            raise Invalid("recording-missing")
        stored = await self._put.close()
        self._is_stored = True
        await run_in_threadpool(self._receive, self._upload, stored.size_bytes, stored.sha256)
        self._is_committed = True
        return self._upload.recording_id

    def _receive(self, upload: Upload, size_bytes: int, sha256: str) -> None:
        try:
            with self._parts.database.write() as session:
                uploads.complete(session, upload.id, size_bytes=size_bytes, sha256=sha256)
        except NotFound as error:
            # Its rows went with its story.
            raise Conflict("story-withdrawn") from error

    async def give_up_unless_committed(self) -> None:
        """Leave nothing half-made. What cannot be cleaned up now is cleaned up when it has expired.

        The row goes first: should the commit have gone through although its answer was lost, the row is no
        longer *uploading*, and the bytes it names stay.
        """
        if self._is_committed or self._upload is None:
            return
        is_forgotten = not self._is_stored
        with contextlib.suppress(StoryError):
            is_forgotten |= await run_in_threadpool(self._forget, self._upload.recording_id)
        if self._put is not None and is_forgotten:
            with contextlib.suppress(StoryError):
                await self._put.abort()

    def _forget(self, recording_id: str) -> bool:
        with self._parts.database.write() as session:
            return recordings.give_up_recording(session, recording_id)
