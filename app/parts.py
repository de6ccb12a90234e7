"""The parts that every room works with, built once and handed around: no globals, no singletons."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated

from fastapi import Depends, Request

from app.settings import Settings
from models.errors import Conflict, StoryError
from pipeline.themes.codebook import Codebook, load_codebook
from storage import outliving, safety_copies, schema, uploads
from storage.database import Database
from storage.embedded import Embedded, start_or_join
from storage.objects import Objects
from storage.spool import Spool


@dataclass(frozen=True)
class Parts:
    """Settings, database, object store and codebook of one running service."""

    settings: Settings
    database: Database
    objects: Objects
    codebook: Codebook
    embedded: Embedded | None = None

    def close(self) -> None:
        """Let go of connections; the embedded store stops with the process that started it."""
        self.database.close()


def build(settings: Settings) -> Parts:
    """Open the database, migrate it, open or start the object store, and read the codebook.

    :raises Conflict: a restore was begun here and has not ended
    """
    refuse_half_restored(settings)
    settings.data.mkdir(mode=0o700, parents=True, exist_ok=True)
    database = Database(settings.sql_url)
    if not settings.upgrade_without_copy:
        safety_copies.copy_before_upgrade(database, settings.copies_folder)
    safety_copies.remove_old(settings.copies_folder)
    schema.upgrade(database)
    watch_what_closes(settings, database)
    return _with_objects(settings, database)


def watch_what_closes(settings: Settings, database: Database) -> None:
    """From now on, let what closes a story reach what lies beside the database as soon as it is committed."""
    outliving.watch(database, settings.tombstones_folder)
    database.when_withdrawn = partial(_after_withdrawal, settings, database, database.when_withdrawn)


def _after_withdrawal(
    settings: Settings, database: Database, written: Callable[[list[str]], None], story_ids: list[str]
) -> None:
    """What lies beside the database goes at once, where this process can reach it; the rest goes by housekeeping."""
    written(story_ids)
    with contextlib.suppress(StoryError, OSError), database.read() as session:
        for upload_id in uploads.of_stories(session, story_ids):
            Spool(settings.uploads_folder).empty(upload_id)


def open_as_it_is(settings: Settings) -> Parts:
    """The parts, with the database as it is: nothing is migrated. For backup and restore."""
    settings.data.mkdir(mode=0o700, parents=True, exist_ok=True)
    return _with_objects(settings, Database(settings.sql_url))


def restoring_note(settings: Settings) -> Path:
    """Stands in the data folder from a restore's beginning to its end, and names the backup."""
    return settings.data.resolve() / "restoring"


def refuse_half_restored(settings: Settings) -> None:
    """
    :raises Conflict: a restore was begun here and has not ended
    """
    if restoring_note(settings).exists():
        raise Conflict("restore-unfinished", backup=restoring_note(settings).read_text().strip())


def _with_objects(settings: Settings, database: Database) -> Parts:
    embedded = None if settings.s3_endpoint else start_or_join(settings.data.resolve() / "objects")
    objects = _connect(settings, embedded)
    objects.ensure_bucket()
    return Parts(settings, database, objects, load_codebook(), embedded)


def _connect(settings: Settings, embedded: Embedded | None) -> Objects:
    if embedded is not None:
        return Objects.connect(
            endpoint=embedded.endpoint,
            access_key=embedded.access_key,
            secret_key=embedded.secret_key,
            bucket=settings.s3_bucket,
            secure=False,
            # Its disk is ours to watch: what is new is refused while there is still room to erase.
            disk=embedded.content,
        )
    assert settings.s3_endpoint is not None
    return Objects.connect(
        endpoint=settings.s3_endpoint,
        access_key=settings.s3_access_key.get_secret_value() if settings.s3_access_key else "",
        secret_key=settings.s3_secret_key.get_secret_value() if settings.s3_secret_key else "",
        bucket=settings.s3_bucket,
        secure=settings.s3_secure,
        region=settings.s3_region,
    )


def parts_of(request: Request) -> Parts:
    """The parts of the service that a request came to."""
    parts: Parts = request.app.state.parts
    return parts


House = Annotated[Parts, Depends(parts_of)]
