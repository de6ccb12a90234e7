"""The signed form behind a consent: taken in as it streams, kept beside the story, shown to those who care for it.

What it is decides its first bytes, never its name; it is sent back as a file to keep, never shown inline. It lies
under the story's own prefix, and is erased with it.
"""

from __future__ import annotations

import contextlib
import secrets

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response, StreamingResponse

from app.parts import Parts
from app.web.headers import SANDBOXED
from app.web.multipart import FileBegins, FileBytes, read_form
from models.consent import ConsentEvent
from models.errors import Invalid, NotFound, StoryError, TooLarge
from models.roles import Action, Principal
from storage import consents, gate, ledger
from storage.object_stream import StreamingPut

MAX_BYTES = 20 * 1024**2
OVERHEAD_BYTES = 64 * 1024
# By the first bytes of the file.
KINDS = {b"%PDF-": "application/pdf", b"\xff\xd8\xff": "image/jpeg", b"\x89PNG\r\n\x1a\n": "image/png"}
ENDINGS = {"application/pdf": "pdf", "image/jpeg": "jpg", "image/png": "png"}
LONGEST_SIGN = max(map(len, KINDS))


async def take_form(
    request: Request, parts: Parts, principal: Principal, story_id: str, event_id: str
) -> ConsentEvent:
    """Keep the form that a multipart body carries as the evidence of an event of the ledger.

    :raises TooLarge, Invalid: it is no form that we keep; nothing stays of it
    :raises Conflict: there is one already
    """
    key = await run_in_threadpool(_decide, request, parts, principal, story_id, event_id)
    put = StreamingPut(parts.objects, key)
    is_kept = False
    try:
        media_type = await _stream(request, put)
        stored = await put.close()
        event = await run_in_threadpool(
            _attach, parts, principal, (story_id, event_id), key, stored.sha256, media_type
        )
        is_kept = True
        return event
    except ClientDisconnect as error:
        raise Invalid("recording-cut-off") from error
    finally:
        if not is_kept:
            with contextlib.suppress(StoryError):
                await put.abort()


def _decide(request: Request, parts: Parts, principal: Principal, story_id: str, event_id: str) -> str:
    """All that can be refused before the body is read; the key under which the form will lie."""
    claimed = request.headers.get("content-length", "")
    if claimed.isdigit() and int(claimed) > MAX_BYTES + OVERHEAD_BYTES:
        raise TooLarge("too-large", limit_bytes=MAX_BYTES)
    with parts.database.read() as session:
        story = gate.may(session, principal, Action.RECORD_CONSENT, story_id)
        ledger.event_of(session, story.id, event_id)
        return f"{story.object_token}-e{secrets.token_hex(4)}"


async def _stream(request: Request, put: StreamingPut) -> str:
    begun, taken, first = False, 0, b""
    async for event in read_form(request, {}):
        if isinstance(event, FileBegins):
            if begun:
                raise Invalid("form-unreadable")
            begun = True
        elif isinstance(event, FileBytes):
            taken += len(event.data)
            if taken > MAX_BYTES:
                raise TooLarge("too-large", limit_bytes=MAX_BYTES)
            if len(first) < LONGEST_SIGN:
                first += event.data[:LONGEST_SIGN]
            await put.write(event.data)
    kind = next((kind for sign, kind in KINDS.items() if first.startswith(sign)), None)
    if kind is None:
        raise Invalid("evidence-unfit" if begun else "recording-missing")
    return kind


def _attach(
    parts: Parts, principal: Principal, which: tuple[str, str], key: str, sha256: str, media_type: str
) -> ConsentEvent:
    story_id, event_id = which
    with parts.database.write() as session:
        story = gate.may(session, principal, Action.RECORD_CONSENT, story_id)
        return consents.attach_form(
            session, story, event_id, key, sha256, media_type, actor=principal.account_id or ""
        )


def send_form(parts: Parts, principal: Principal, story_id: str, event_id: str) -> Response:
    """The form of an event, to be kept: for those who care for the story.

    :raises NotFound: none was uploaded
    """
    with parts.database.read() as session:
        story = gate.may(session, principal, Action.RECORD_CONSENT, story_id)
        event = ledger.event_of(session, story.id, event_id)
    if event.evidence_object_key is None or event.evidence_media_type is None:
        raise NotFound("evidence-not-there")
    name = f"consent-{event.sequence}.{ENDINGS[event.evidence_media_type]}"
    return StreamingResponse(
        parts.objects.open_range(event.evidence_object_key, 0, None),
        media_type="application/octet-stream",
        headers={"Content-Disposition": f'attachment; filename="{name}"'} | SANDBOXED,
    )
