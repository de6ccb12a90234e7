"""Playing what was made from a recording: ranges of bytes (RFC 9110 §14), behind the gate all the way."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator
from functools import partial
from itertools import chain

import structlog
from fastapi import Request, Response
from fastapi.responses import StreamingResponse
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from app.exchange import captions
from app.exchange.marks import Marks
from app.parts import Parts
from app.web.headers import SANDBOXED
from models.errors import NotFound, StoryError
from models.roles import Action, Principal
from models.stories import MEDIA_TYPES, Rendition, RenditionKind
from storage import communities, gate, journal, listenings, recordings, transcripts

log = structlog.get_logger()

# A stream may last an hour; consent may end in its middle.
ASK_AGAIN_EVERY_BYTES = 4 * 1024 * 1024
PLAYABLE = (RenditionKind.AUDIO, RenditionKind.VIDEO, RenditionKind.POSTER, RenditionKind.PEAKS)
LISTENED_TO = frozenset({RenditionKind.AUDIO, RenditionKind.VIDEO})


def play(
    request: Request,
    parts: Parts,
    principal: Principal,
    story_id: str,
    recording_id: str,
    kind: RenditionKind,
) -> Response:
    """A rendition, or the range of it that is asked for.

    :raises NotFound: there is none, or it is not for this reader
    """
    if kind not in PLAYABLE:
        raise NotFound("rendition-not-there")
    with parts.database.read() as session:
        story = gate.may(session, principal, Action.LISTEN, story_id)
        rendition = _rendition(session, story_id, recording_id, kind)
        hearers = (
            listenings.not_noted_today(session, story, principal) if kind in LISTENED_TO else frozenset()
        )
    return _stream(
        request,
        parts,
        (principal, Action.LISTEN, story_id),
        key=rendition.object_key,
        size_bytes=rendition.size_bytes,
        media_type=MEDIA_TYPES[kind],
        etag=rendition.sha256,
        when_begun=partial(_note_listening, parts, story_id, hearers) if hearers else None,
    )


def fetch_original(
    request: Request, parts: Parts, principal: Principal, story_id: str, recording_id: str
) -> Response:
    """The original, to be kept and not to be played: only for those who curate the story."""
    with parts.database.read() as session:
        gate.may(session, principal, Action.HEAR_ORIGINAL, story_id)
        recording = recordings.of_story(session, story_id, recording_id)
        if recording.original_erased_at is not None:
            raise NotFound("original-erased")
        if recording.size_bytes is None or recording.sha256 is None:
            raise NotFound("rendition-not-there")
    # Each range, too: who takes an original in two halves has it whole.
    if request.method == "GET":
        with parts.database.write() as session:
            journal.note(
                session, principal.account_id or "", "fetch-original", story_id=story_id, subject=recording.id
            )
    response = _stream(
        request,
        parts,
        (principal, Action.HEAR_ORIGINAL, story_id),
        key=recording.original_key,
        size_bytes=recording.size_bytes,
        media_type="application/octet-stream",
        etag=recording.sha256,
    )
    response.headers["Content-Disposition"] = f'attachment; filename="original-{recording.id}"'
    return response


def captions_of(parts: Parts, principal: Principal, story_id: str, recording_id: str) -> Response:
    """A recording's transcript, as it is given out, in WebVTT; which says if no person has checked it.

    :raises NotFound: there is none yet, or it is not for this reader
    """
    with parts.database.read() as session:
        story = gate.may(session, principal, Action.READ, story_id)
        recordings.of_story(session, story_id, recording_id)
        transcript = transcripts.given_out(session, story, recording_id)
        if transcript is None:
            raise NotFound("transcript-not-there")
        text = captions.webvtt(
            transcript, Marks(story.content_warning, communities.of_story(session, story_id))
        )
    return Response(text, headers=SANDBOXED, media_type="text/vtt")


def _rendition(session: Session, story_id: str, recording_id: str, kind: RenditionKind) -> Rendition:
    recordings.of_story(session, story_id, recording_id)
    rendition = session.scalars(
        select(Rendition).where(Rendition.recording_id == recording_id, Rendition.kind == kind)
    ).one_or_none()
    if rendition is None:
        raise NotFound("rendition-not-there")
    return rendition


def _stream(
    request: Request,
    parts: Parts,
    permission: tuple[Principal, Action, str],
    *,
    key: str,
    size_bytes: int,
    media_type: str,
    etag: str,
    when_begun: Callable[[], None] | None = None,
) -> Response:
    headers = {"Accept-Ranges": "bytes", "ETag": f'"{etag}"'} | SANDBOXED
    headers["Content-Length"] = str(size_bytes)
    if request.method == "HEAD":
        return Response(headers=headers, media_type=media_type)
    asked = _range_asked(request, headers["ETag"], size_bytes)
    start, end = asked or (0, size_bytes)
    if asked and start >= end:
        del headers["Content-Length"]
        return Response(status_code=416, headers=headers | {"Content-Range": f"bytes */{size_bytes}"})
    headers["Content-Length"] = str(end - start)
    if asked:
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{size_bytes}"
    body = _bytes_while_permitted(parts, permission, key, start, end - start)
    # Taken before the answer begins: a store that does not answer can still be said.
    first = next(body, b"")
    return StreamingResponse(
        chain([first], _after(when_begun), body), 206 if asked else 200, headers, media_type
    )


def _after(act: Callable[[], None] | None) -> Iterator[bytes]:
    """What is done once the first bytes are on their way: nobody waits for it to begin to hear."""
    if act is not None:
        act()
    yield from ()


def _note_listening(parts: Parts, story_id: str, hearers: Collection[str]) -> None:
    """For its teller. It is heard also where that cannot be noted: the database is busy, or another was quicker."""
    try:
        with parts.database.write() as session:
            listenings.note(session, story_id, hearers)
    except (StoryError, SQLAlchemyError) as error:
        log.warning("listening not noted", story=story_id, error=type(error).__name__)


def _range_asked(request: Request, etag: str, size_bytes: int) -> tuple[int, int] | None:
    """The range that a request asks for; None: everything, also where the asker holds another state's bytes."""
    asked = request.headers.get("range")
    if asked is None or request.headers.get("if-range", etag) != etag:
        return None
    return read_range(asked, size_bytes)


def read_range(asked: str, size_bytes: int) -> tuple[int, int] | None:
    """The half-open range of bytes that ``Range`` asks for; an empty one lies outside the file.

    None for what is to be ignored: other units, what cannot be read, and several ranges at once, of which
    everything is an allowed answer (RFC 9110 §14.2).
    """
    match = re.fullmatch(r"bytes=(\d{0,18})-(\d{0,18})", asked.strip(), re.ASCII | re.IGNORECASE)
    if match is None or match.groups() == ("", ""):
        return None
    first, last = match.groups()
    if not first:
        return max(0, size_bytes - int(last)), size_bytes
    if last and int(last) < int(first):
        return None
    return int(first), min(size_bytes, int(last) + 1 if last else size_bytes)


def _bytes_while_permitted(
    parts: Parts, permission: tuple[Principal, Action, str], key: str, start: int, length: int
) -> Iterator[bytes]:
    since_asked = 0
    for chunk in parts.objects.open_range(key, start, length):
        yield chunk
        since_asked += len(chunk)
        if since_asked >= ASK_AGAIN_EVERY_BYTES:
            since_asked = 0
            with parts.database.read() as session:
                gate.may(session, *permission)
