"""Backups while the service runs: the database as it is at one moment, then every object that it names.

In this order, so that no row is without its object: what is uploaded after the dump is in the next backup, and what was
withdrawn after it is gone from the store and needs no copy. An object never changes once it is written, so only those
are copied that the set has not got.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import structlog
from alembic.migration import MigrationContext

from app.parts import Parts
from models.base import utc_now
from models.errors import Conflict, NotFound, Unavailable
from storage import dumps, outliving, schema, tombstones
from storage.backup_sets import BackupSet, Manifest, digest_of, new_file, write_whole
from storage.dumps import Contents, NamedObject
from storage.sealing import SealedWriter, SealingKey, read_key, unseal
from storage.second_place import flush_names

log = structlog.get_logger()

DUMP_PURPOSE = "dump"
# A backup of every night would fail where the service removes old ones just then.
PATIENCE_SECONDS = 300.0
Told = Callable[[int], None]


@dataclass
class Backup:
    """What came of it. ``lost``: keys of objects that rows name and the store does not have as they were."""

    manifest: Manifest
    folder: Path
    removed: list[str]
    lost: list[str] = field(default_factory=list)


def make_backup(parts: Parts, to: Path, *, told: Told = lambda copied: None) -> Backup:
    """Write a backup into a set, then remove those that were kept long enough.

    One that is broken off costs nothing but its time: the next one goes on with the objects that it copied.

    :raises Conflict: another backup is being written there for minutes, or the key would lie in it
    :raises NotFound: there is no key
    :raises Unavailable: the place cannot be written to, or a part does not answer
    """
    key_file = parts.settings.backup_key_file
    backups = BackupSet(to)
    if key_file.is_relative_to(backups.folder):
        raise Conflict("backup-key-inside", file=str(key_file))
    key = read_key(key_file)
    try:
        with backups.only_us(patience_seconds=PATIENCE_SECONDS):
            made = _Making(parts, backups, key, told).make()
    except OSError as error:
        raise Unavailable("backup-not-written", reason=error.strerror or type(error).__name__) from error
    _note(parts, made)
    return made


def remove_expired(parts: Parts) -> list[str]:
    """Remove backups that were kept long enough, whether or not new ones are made; returns the ids of those removed.

    The newest whole one stays, however old: the doctor says that it is overdue (:func:`overdue`).
    """
    days, removed = parts.settings.backup_days, []
    for folder in _places(parts):
        backups = BackupSet(folder)
        newest = backups.whole()[-1:]
        if set(backups.older_than(days)) - set(newest):
            # Whoever writes a backup there removes them, too.
            with contextlib.suppress(Conflict), backups.only_us():
                removed += backups.remove_older_than(days, keep="".join(newest))
    if removed:
        log.info("backups removed", backups=removed)
    return removed


def overdue(parts: Parts) -> list[Path]:
    """The backups that are still there after the time that tellers were told, oldest first."""
    days = parts.settings.backup_days
    sets = [BackupSet(folder) for folder in _places(parts)]
    return [backups.folder_of(each) for backups in sets for each in backups.older_than(days)]


def _places(parts: Parts) -> list[Path]:
    """Where backups lie, as far as we know: in the place of the settings, and where the last one was written."""
    last = last_backup(parts.settings.data)
    noted = [Path(last["to"]).parent.parent] if last else []
    return sorted({parts.settings.backups_folder, *noted})


class _Making:
    """One backup on its way."""

    def __init__(self, parts: Parts, backups: BackupSet, key: SealingKey, told: Told) -> None:
        self._parts, self._backups, self._key, self._told = parts, backups, key, told
        self._sums: dict[bytes, bytes] = {}
        self._lost: list[str] = []

    def make(self) -> Backup:
        backup_id = self._backups.begin()
        manifest = self._dump(backup_id)
        known = self._backups.known_sums()
        for number, each in enumerate(read_named_objects(self._backups, backup_id, self._key)):
            self._keep(each, known, manifest)
            self._told(number + 1)
        manifest.lost = len(self._lost)
        manifest.tombstones = self._keep_tombstones()
        self._backups.finish(manifest, self._sums, self._key)
        removed = self._backups.remove_older_than(self._parts.settings.backup_days, keep=backup_id)
        return Backup(manifest, self._backups.folder_of(backup_id), removed, self._lost)

    def _dump(self, backup_id: str) -> Manifest:
        path = self._backups.dump_of(backup_id)
        with self._parts.database.look() as connection, new_file(path) as file:
            revision = MigrationContext.configure(connection).get_current_revision()
            if revision is None:
                raise NotFound("backup-of-nothing")
            contents = Contents(revision, connection.dialect.name)
            sealed = SealedWriter(file, self._key, f"{DUMP_PURPOSE} {backup_id}")
            for packed in dumps.pressed(dumps.dump(connection, contents)):
                sealed.write(packed)
            sealed.finish()
        return Manifest(
            id=backup_id,
            made_at=utc_now().isoformat(),
            schema=revision,
            database=contents.backend,
            key_id=self._key.key_id,
            rows=contents.rows,
            dump_sha256=sealed.sha256,
        )

    def _keep(self, each: NamedObject, known: dict[bytes, bytes], manifest: Manifest) -> None:
        name = self._key.name_of(each.object_key, each.sha256)
        path = self._backups.object_path(name)
        if path.exists():
            digest = known.get(bytes.fromhex(name)) or bytes.fromhex(digest_of(path))
        else:
            try:
                digest = self._seal(each, name, path)
            except (NotFound, Conflict):
                with self._parts.database.look() as connection:
                    stands = dumps.still_names(connection, each)
                if stands:
                    self._lost.append(each.object_key)
                else:
                    manifest.gone_meanwhile += 1
                return
            manifest.new_objects += 1
        self._sums[bytes.fromhex(name)] = digest
        manifest.objects += 1
        manifest.objects_bytes += path.stat().st_size

    def _seal(self, each: NamedObject, name: str, path: Path) -> bytes:
        """Copy an object, checked on the way.

        :raises NotFound: the store has none such
        :raises Conflict: it is not what its row says
        """
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        digest = hashlib.sha256()
        with new_file(path) as file:
            sealed = SealedWriter(file, self._key, name)
            for chunk in self._parts.objects.open_range(each.object_key, 0, None):
                digest.update(chunk)
                sealed.write(chunk)
            sealed.finish()
            if digest.hexdigest() != each.sha256:
                raise Conflict("object-changed")
        flush_names(path.parent)
        return bytes.fromhex(sealed.sha256)

    def _keep_tombstones(self) -> int:
        here = self._parts.settings.tombstones_folder
        # The classes that read them are of this version's schema.
        if schema.is_current(self._parts.database):
            outliving.write_missing(self._parts.database, here)
            outliving.forget_ended(self._parts.database, self._backups.tombstones)
        outliving.mirror(here, self._backups.tombstones)
        return len(tombstones.ids_in(self._backups.tombstones))


def read_dump(backups: BackupSet, backup_id: str, key: SealingKey) -> Iterator[bytes]:
    """The lines of a backup's dump.

    :raises Conflict: it was changed or cut off
    """
    with backups.dump_of(backup_id).open("rb") as file:
        yield from dumps.unpressed(unseal(file, key, f"{DUMP_PURPOSE} {backup_id}"))


def read_named_objects(backups: BackupSet, backup_id: str, key: SealingKey) -> Iterator[NamedObject]:
    """The objects that a backup's dump names. Reading it back proves that it can be read."""
    return dumps.named_objects(read_dump(backups, backup_id, key))


def _note(parts: Parts, made: Backup) -> None:
    """Beside the data: when the last backup was made, for the doctor."""
    noted = {"id": made.manifest.id, "to": str(made.folder), "lost": made.manifest.lost}
    write_whole(parts.settings.data.resolve() / "last-backup.json", json.dumps(noted).encode())


def last_backup(data: Path) -> dict[str, Any] | None:
    """What :func:`make_backup` noted; None if there never was one."""
    try:
        read: dict[str, Any] = json.loads((data.resolve() / "last-backup.json").read_bytes())
    except (OSError, ValueError):
        return None
    return read
