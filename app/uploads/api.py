"""Resumable uploads for programs: tus 1.0.0 (https://tus.io/protocols/resumable-upload)."""

from __future__ import annotations

import contextlib
from typing import Annotated

from anyio import to_thread
from fastapi import APIRouter, Depends, Request, Response
from starlette.concurrency import run_in_threadpool

from app.access import Sender, scope
from app.uploads import finishing
from app.uploads.answers import PATH
from app.uploads.description import (
    BYTES,
    CHECKSUM,
    DEFERRED,
    LENGTH,
    LOOKED_AT,
    METADATA,
    OFFSET,
    SPOKEN,
    TAKEN,
    TAKING,
    TUS,
    carries,
)
from app.uploads.protocol import (
    ALGORITHMS,
    EXTENSIONS,
    VERSION,
    Piece,
    body_length,
    check_checked,
    checksum_of,
    creation_of,
    described,
    described_in_full,
    piece_of,
    speaks_tus,
)
from app.uploads.service import Uploads
from app.uploads.taking import Taking
from app.web.bodies import STREAMED
from app.web.described import may_end_in
from models.errors import Conflict, InUse, NoSpace, StoryError, Unavailable
from models.roles import Principal, Scope
from models.uploads import Upload

router = APIRouter(prefix="/uploads", tags=["uploads"])

# In this order: what a request speaks, then who sends it and what their key may do.
MAY_SEND = [Depends(speaks_tus), Depends(scope(Scope.STORIES_WRITE))]


def uploads_of(request: Request) -> Uploads:
    """The resumable uploads of the service that a request came to."""
    found: Uploads = request.app.state.uploads
    return found


House = Annotated[Uploads, Depends(uploads_of)]


@router.options("", summary="What is spoken here", status_code=204, response_class=Response)
@router.options("/{upload_id}", summary="What is spoken here", status_code=204, response_class=Response)
async def capabilities(house: House) -> Response:
    """The version, the extensions, and how large one recording may be."""
    headers = {
        "Tus-Version": VERSION,
        "Tus-Extension": ",".join(EXTENSIONS),
        "Tus-Max-Size": str(house.parts.settings.max_upload_bytes),
        "Tus-Checksum-Algorithm": ",".join(ALGORITHMS),
    }
    return Response(status_code=204, headers=headers)


@router.post(
    "",
    status_code=201,
    dependencies=MAY_SEND,
    summary="Begin an upload",
    max_body_size=STREAMED,
    response_class=Response,
    responses={201: TAKEN, **TAKING, **may_end_in(404, 410, 422)},
    openapi_extra=carries(TUS, LENGTH, DEFERRED, METADATA, CHECKSUM) | BYTES,
)
async def begin(house: House, sender: Sender, request: Request) -> Response:
    """Room for a recording of a story, which ``Upload-Metadata`` names; its first bytes may come at once."""
    wanted = creation_of(request.headers)
    checksum = checksum_of(request.headers)
    body_bytes = body_length(request.headers)
    check_checked(checksum, body_bytes)
    house.check_first(wanted, body_bytes)
    upload = await run_in_threadpool(house.begin, sender, wanted)
    if wanted.has_body:
        upload = await _take_first(house, sender, upload, Piece(0, None, body_bytes, checksum), request)
    headers = described(upload, upload.offset_bytes) | {"Location": f"{PATH}/{upload.id}"}
    return Response(status_code=201, headers=headers)


@router.head(
    "/{upload_id}",
    dependencies=MAY_SEND,
    summary="How much has arrived",
    response_class=Response,
    responses=LOOKED_AT,
    openapi_extra=carries(TUS),
)
def look(house: House, sender: Sender, upload_id: str) -> Response:
    """The offset from which to go on. Answered for what arrived whole too, until its story is erased."""
    upload, offset_bytes = house.look(sender, upload_id)
    return Response(headers=described_in_full(upload, offset_bytes) | {"Cache-Control": "no-store"})


@router.patch(
    "/{upload_id}",
    status_code=204,
    dependencies=MAY_SEND,
    summary="Go on with an upload",
    max_body_size=STREAMED,
    response_class=Response,
    responses={204: TAKEN, **TAKING},
    openapi_extra=carries(TUS, OFFSET, LENGTH, CHECKSUM) | BYTES,
)
async def go_on(house: House, sender: Sender, upload_id: str, request: Request) -> Response:
    """The next bytes. Whatever becomes of the request, what arrived of it is kept."""
    piece = piece_of(request.headers)
    await run_in_threadpool(house.admit, sender, upload_id, piece)
    upload = await _take(house, sender, upload_id, piece, request)
    return Response(status_code=204, headers=described(upload, upload.offset_bytes))


@router.delete(
    "/{upload_id}",
    status_code=204,
    dependencies=MAY_SEND,
    summary="End an upload",
    response_class=Response,
    responses=SPOKEN | may_end_in(423),
    openapi_extra=carries(TUS),
)
async def end(house: House, sender: Sender, upload_id: str) -> Response:
    """Nothing of what arrived stays. What arrived whole is a recording: it is taken back with its story."""
    upload, _ = await run_in_threadpool(house.look, sender, upload_id)
    async with house.held(upload_id):
        await run_in_threadpool(house.forget, upload)
    return Response(status_code=204)


async def _take_first(
    house: Uploads, sender: Principal, upload: Upload, piece: Piece, request: Request
) -> Upload:
    """The bytes that come with the beginning. What failed on our side is gone on with at the address in the answer."""
    try:
        return await _take(house, sender, upload.id, piece, request)
    except (Unavailable, NoSpace, InUse):
        return (await run_in_threadpool(house.look, sender, upload.id))[0]
    except StoryError:
        # Nobody learns the address of what began like this.
        with contextlib.suppress(StoryError):
            async with house.held(upload.id):
                await run_in_threadpool(house.forget, upload)
        raise


async def _take(house: Uploads, sender: Principal, upload_id: str, piece: Piece, request: Request) -> Upload:
    """Take in the bytes of one request, and finish when they were the last."""
    async with house.held(upload_id) as hold:
        opened = await run_in_threadpool(house.open, sender, upload_id, piece)
        try:
            if not opened.upload.is_whole:
                await Taking(house, hold, opened, piece.checksum).take(request.receive)
            if opened.upload.is_whole:
                return await to_thread.run_sync(finishing.finish, house, opened, limiter=house.finishing)
        except Conflict as failure:
            await run_in_threadpool(finishing.begin_again_if_lost, house, opened, failure)
            raise
        finally:
            opened.tail.close()
    return opened.upload
