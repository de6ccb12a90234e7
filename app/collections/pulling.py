"""Pulling a release: what leaves, for programs and for people alike.

Who pulls is noted, and that is committed, before a byte leaves; and the gate is asked after it. So whoever got a
story stands in the ledger when its withdrawal looks there for whom to tell.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from fastapi import Request, Response
from fastapi.responses import StreamingResponse
from sqlalchemy import select

from app.collections.service import actor_of
from app.exchange import captions, manifest, transcripts
from app.exchange.marks import Marks, marks_of
from app.exchange.naming import archive_name
from app.exchange.packaging import package
from app.parts import Parts
from app.web.headers import SANDBOXED
from models.accounts import Account
from models.collections import Collection, Release, ReleaseEntry
from models.errors import NotFound
from models.roles import Action, Principal
from models.transcripts import Transcript
from storage import accounts, collections, gate, releases
from storage.database import ReadSession
from storage.release_entries import Entries, MediaFile, OpenedEntry
from storage.releases import Pulled

API = "/api/v1"


def send_manifest(
    request: Request, parts: Parts, principal: Principal, collection_id: str, number: int
) -> Response:
    """A release's manifest as consent lets it leave now; 304 to who has it as it is."""
    headers = SANDBOXED
    asked = request.headers.get("if-none-match")
    if asked:
        etag = etag_of(_manifest(parts, principal, collection_id, number))
        if names_etag(asked, etag):
            # Nothing leaves that the asker does not hold: no disclosure.
            return Response(status_code=304, headers=headers | {"ETag": etag})
    _note(parts, principal, collection_id, number, "manifest.json")
    body = _manifest(parts, principal, collection_id, number)
    return Response(body, media_type=manifest.JSON_TYPE, headers=headers | {"ETag": etag_of(body)})


def send_archive(parts: Parts, principal: Principal, collection_id: str, number: int) -> Response:
    """Everything of a release that may leave now, as one ZIP that is made while it is sent."""
    _note(parts, principal, collection_id, number, "download.zip")
    with parts.database.read() as session:
        release, collection = _find(session, principal, collection_id, number)
        pulled = releases.what_may_be_pulled(session, principal, release)
    name = archive_name(collection.title, number)
    return StreamingResponse(
        package(pulled, LiveShelf(parts, principal, collection.pilot_id, release.id)),
        media_type="application/zip",
        headers={"Content-Disposition": f'attachment; filename="{name}"'} | SANDBOXED,
    )


def send_text(
    parts: Parts,
    principal: Principal,
    collection_id: str,
    number: int,
    story_id: str,
    name: str,
    recording: int | None,
) -> Response:
    """Captions or transcript of one story of a release, as it was released.

    :raises Gone, NotFound: the story is not open now, or has no such text
    """
    if name not in manifest.TEXT_FORMATS:
        raise NotFound("format-unknown", formats=list(manifest.TEXT_FORMATS))
    _note(parts, principal, collection_id, number, name)
    with parts.database.read() as session:
        release, collection = _find(session, principal, collection_id, number)
        opened = _open_story(session, principal, collection, release, story_id)
        found = _chosen(opened, name, recording)
        text = _written(name, found, marks_of(opened.entry))
    return Response(text, media_type=manifest.TEXT_FORMATS[name], headers=SANDBOXED)


class LiveShelf:
    """Takes a release's parts from database and store, and asks the gate each time, as of that moment."""

    def __init__(self, parts: Parts, principal: Principal, pilot_id: str, release_id: str) -> None:
        self._parts, self._pilot_id, self._release_id = parts, pilot_id, release_id
        self._account_id, self._scopes = actor_of(principal), principal.scopes

    def open(self, position: int) -> OpenedEntry | None:
        with self._parts.database.read() as session:
            account = session.get(Account, self._account_id)
            if account is None or not account.is_active:
                return None
            # Roles as they are now: one that is taken away ends a long stream too.
            principal = accounts.principal_of(session, account, self._scopes)
            entry = session.scalars(
                select(ReleaseEntry).where(
                    ReleaseEntry.release_id == self._release_id, ReleaseEntry.position == position
                )
            ).one_or_none()
            return Entries(session, principal, self._pilot_id).open(entry) if entry else None

    def read(self, media: MediaFile) -> Iterator[bytes]:
        return self._parts.objects.open_range(media.object_key, 0, media.size_bytes)


def _find(
    session: ReadSession, principal: Principal, collection_id: str, number: int
) -> tuple[Release, Collection]:
    collection = collections.within_reach(session, principal, collection_id)
    return releases.of_collection(session, collection, number), collection


def _note(parts: Parts, principal: Principal, collection_id: str, number: int, format: str) -> None:
    with parts.database.write() as session:
        collection = collections.within_reach(session, principal, collection_id)
        release = releases.of_collection(session, collection, number)
        releases.note_disclosure(session, release, actor_of(principal), format)


def _manifest(parts: Parts, principal: Principal, collection_id: str, number: int) -> str:
    with parts.database.read() as session:
        release, _ = _find(session, principal, collection_id, number)
        pulled = releases.what_may_be_pulled(session, principal, release)
        return manifest.text_of(manifest.manifest(pulled, _addresses(pulled), place="href"))


def _addresses(pulled: Pulled) -> dict[int, list[manifest.FileNote]]:
    release_at = f"{API}/collections/{pulled.collection.id}/releases/{pulled.release.number}"
    return {
        entry.position: manifest.addresses_of(entry, release_at, f"{API}/stories")
        for entry in pulled.entries
        if entry.is_open
    }


def etag_of(body: str) -> str:
    return f'"{hashlib.sha256(body.encode()).hexdigest()}"'


def names_etag(asked: str, etag: str) -> bool:
    """Whether If-None-Match names this state, by weak comparison (RFC 9110 §13.1.2)."""
    return any(each.strip().removeprefix("W/") in (etag, "*") for each in asked.split(","))


def _open_story(
    session: ReadSession, principal: Principal, collection: Collection, release: Release, story_id: str
) -> OpenedEntry:
    entry = next((each for each in release.entries if each.story_id == story_id), None)
    opened = Entries(session, principal, collection.pilot_id).open(entry) if entry else None
    if opened is None:
        # The gate says it in its words: gone to those who could read it, else not found.
        gate.may(session, collections.within_pilot(principal, collection.pilot_id), Action.COLLECT, story_id)
        raise NotFound("story-not-in-release")
    return opened


def _chosen(opened: OpenedEntry, name: str, recording: int | None) -> list[Transcript]:
    """Transcripts of the recording asked for; without a number captions are the first's, text is all."""
    if recording is None and name.startswith("transcript"):
        chosen = list(opened.transcripts.values())
    else:
        chosen = [opened.transcripts[recording or 1]] if (recording or 1) in opened.transcripts else []
    if not chosen:
        raise NotFound("transcript-not-there")
    return chosen


def _written(name: str, found: list[Transcript], marks: Marks) -> str:
    if name == "transcript.txt":
        return transcripts.plain_text(found, marks)
    if name == "transcript.json":
        return transcripts.as_json(found, marks)
    return captions.webvtt(found[0], marks) if name == "captions.vtt" else captions.subrip(found[0], marks)
