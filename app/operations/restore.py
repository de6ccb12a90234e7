"""Restoring a backup into an empty installation, so that nothing is lost and nothing taken back comes back.

In order: everything is read and its digests compared; objects are put; rows are loaded in one transaction and
counted; the schema is migrated; tombstones and narrowed consent are applied. A note in the data folder stands from the
first change to the end, and nothing is served while it stands. Broken off, it is run again, and goes on.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from alembic.script import ScriptDirectory
from sqlalchemy import MetaData, Table, create_engine, func, inspect, make_url, select

from app.operations.backup import read_dump, read_named_objects
from app.operations.comparing import compare
from app.operations.fixity import is_whole
from app.parts import Parts, restoring_note
from models.base import utc_now
from models.errors import Conflict, NotFound
from storage import dumps, fixity, journal, outliving, schema, tombstones
from storage.backup_sets import BackupSet, Manifest, write_whole
from storage.dumps import NamedObject
from storage.sealing import ReadableChunks, SealingKey, read_key, unseal

Told = Callable[[str, int, int], None]
# What a service that was started once, and nothing more, has written: a link for its first administrator, and that in
# the journal. Whoever did more has accounts.
HARMLESS = frozenset({"lease", "journal_entry", "journal_head", *dumps.SESSIONS})


@dataclass
class Restored:
    """What came of it. ``differing`` objects were there before with another content, and stay as they are."""

    manifest: Manifest
    put: int = 0
    were_there: int = 0
    again: outliving.Again = field(default_factory=outliving.Again)
    skipped: int = 0
    missing: list[str] = field(default_factory=list)
    differing: list[str] = field(default_factory=list)


def open_backup(source: Path, key_file: Path) -> tuple[BackupSet, Manifest, SealingKey]:
    """The newest whole backup of a set, or the one that is named, with its key.

    :raises NotFound: there is no whole backup, or no key
    :raises Conflict: the key is another one, the manifest was changed, or it comes from a newer version
    """
    backups, named = BackupSet.of(source)
    whole = backups.whole()
    if not whole or (named is not None and named not in whole):
        raise NotFound("backup-not-there", folder=str(source))
    key = read_key(key_file)
    manifest = backups.manifest(named or whole[-1], key)
    if not _is_known(manifest.schema):
        raise Conflict("backup-newer")
    return backups, manifest, key


def check(source: Path, key_file: Path) -> tuple[Manifest, list[Path]]:
    """Read every byte of a backup; returns the files that are missing or not what they were."""
    backups, manifest, key = open_backup(source, key_file)
    damaged = list(backups.damaged(manifest))
    if backups.dump_of(manifest.id) not in damaged:
        for _ in dumps.rows_of(read_dump(backups, manifest.id, key)):
            pass
    return manifest, damaged


def restore(
    parts: Parts,
    source: Path,
    key_file: Path,
    *,
    keeps_objects: bool = False,
    despite_damage: bool = False,
    told: Told = lambda what, done, of: None,
) -> Restored:
    """Restore a backup.

    :param keeps_objects: the store may have objects; they stay, and those that are missing are put
    :param despite_damage: restore what can be read, though some objects of the backup cannot
    :raises Conflict: the installation is not empty, or the backup is damaged
    """
    backups, manifest, key = open_backup(source, key_file)
    with backups.only_us():
        told("reading", 0, 1)
        damaged = list(backups.damaged(manifest))
        is_dump_damaged = backups.dump_of(manifest.id) in damaged
        if damaged and (is_dump_damaged or not despite_damage):
            names = [str(path.relative_to(backups.folder)) for path in damaged[:5]]
            raise Conflict("backup-damaged", files=names, count=len(damaged))
        work = _Restoring(parts, backups, manifest, key, told, keeps_objects=keeps_objects)
        return work.carry_out(unusable=frozenset(path.name for path in damaged))


class _Restoring:
    """One restore on its way."""

    def __init__(
        self,
        parts: Parts,
        backups: BackupSet,
        manifest: Manifest,
        key: SealingKey,
        told: Told,
        *,
        keeps_objects: bool,
    ) -> None:
        self._parts, self._backups, self._manifest, self._key = parts, backups, manifest, key
        self._told, self._keeps_objects = told, keeps_objects
        self._note = restoring_note(parts.settings)
        self._done = Restored(manifest)

    def carry_out(self, *, unusable: frozenset[str]) -> Restored:
        is_begun = self._is_begun()
        if not is_begun:
            self._refuse_unless_empty()
            write_whole(self._note, self._manifest.id.encode())
        here = self._parts.settings.tombstones_folder
        outliving.mirror(self._backups.tombstones, here)
        self._put_objects(tombstones.ids_in(here), unusable)
        # One transaction: after an interruption all of them are there, or none.
        if not self._has_rows():
            self._load()
        schema.upgrade(self._parts.database)
        self._done.again = outliving.apply(self._parts.database, here)
        with self._parts.database.write() as session:
            journal.note(session, journal.SERVICE, "restore", subject=self._manifest.id)
        self._note.unlink()
        return self._done

    def _is_begun(self) -> bool:
        if not self._note.exists():
            return False
        begun = self._note.read_text().strip()
        if begun != self._manifest.id:
            raise Conflict("restore-unfinished", backup=begun)
        return True

    def _refuse_unless_empty(self) -> None:
        if self._has_rows():
            raise Conflict("restore-not-empty", what="database")
        if _has_work(self._parts.settings.workflow_url):
            raise Conflict("restore-workflows-left", url=_without_password(self._parts.settings.workflow_url))
        if not self._keeps_objects and not _is_empty(self._parts.objects.list_prefix("")):
            raise Conflict("restore-not-empty", what="object store")

    def _has_rows(self) -> bool:
        with self._parts.database.look() as connection:
            rows = dumps.count_rows(connection)
        return any(count for name, count in rows.items() if name not in HARMLESS)

    def _put_objects(self, withdrawn: set[str], unusable: frozenset[str]) -> None:
        for number, each in enumerate(read_named_objects(self._backups, self._manifest.id, self._key)):
            self._told("putting objects", number, self._manifest.objects)
            if each.story_id in withdrawn:
                self._done.skipped += 1
            elif self._lies_there(each):
                self._done.were_there += 1
            elif not self._put(each, unusable):
                self._done.missing.append(each.object_key)

    def _lies_there(self, each: NamedObject) -> bool:
        """Whether the store has it. An original that differs from its row stays too: it is said, not overwritten."""
        digest = hashlib.sha256()
        try:
            for chunk in self._parts.objects.open_range(each.object_key, 0, None):
                digest.update(chunk)
        except NotFound:
            return False
        if digest.hexdigest() == each.sha256:
            return True
        if each.table == "rendition":
            # Made anew since: the rows that come back go with the one in the backup.
            return False
        self._done.differing.append(each.object_key)
        return True

    def _put(self, each: NamedObject, unusable: frozenset[str]) -> bool:
        name = self._key.name_of(each.object_key, each.sha256)
        if name in unusable or not put_object(
            self._parts, self._backups, self._key, each.object_key, each.sha256
        ):
            return False
        self._done.put += 1
        return True

    def _load(self) -> None:
        self._told("loading rows", 0, 1)
        database = self._parts.database
        if schema.current(database) is not None:
            # Empty tables, of this version or of an interrupted attempt: rows are loaded at their own revision.
            schema.downgrade(database, "base")
        schema.upgrade(database, self._manifest.schema)
        lines = read_dump(self._backups, self._manifest.id, self._key)
        with database.engine.begin() as connection:
            loaded = dumps.load(connection, lines)
            if loaded != self._manifest.rows:
                raise dumps.Lost(files=["dump: rows"])


def put_object(parts: Parts, backups: BackupSet, key: SealingKey, object_key: str, sha256: str) -> bool:
    """Put one object from a set into the store; False if the set has not got it.

    :raises Conflict: what the set has was changed; nothing is put then
    """
    name = key.name_of(object_key, sha256)
    path = backups.object_path(name)
    if not path.exists():
        return False
    with path.open("rb") as file:
        stored = parts.objects.put_stream(object_key, ReadableChunks(unseal(file, key, name)))
    if stored.sha256 != sha256:
        parts.objects.delete(object_key)
        raise Conflict("backup-damaged", files=[name], count=1)
    return True


def put_missing_objects(parts: Parts, source: Path, key_file: Path) -> tuple[int, list[str]]:
    """Put what the rows here name and the store has not, from any backup of a set; the rest is returned by key.

    So is an original that was found damaged, if it still is, and the set has it whole. Nothing else that is there is
    touched, so it can be run while the service runs.
    """
    backups, _, key = open_backup(source, key_file)
    put, missing = 0, []
    with backups.only_us():
        for each in compare(parts).lost:
            if put_object(parts, backups, key, each.key, each.sha256):
                put += 1
            else:
                missing.append(each.key)
        for original in _still_damaged(parts):
            if _is_whole_in(backups, key, original) and put_object(
                parts, backups, key, original.key, original.sha256
            ):
                put += 1
                with parts.database.write() as session:
                    fixity.note(session, original.recording_id, is_whole=True, now=utc_now())
            elif original.key not in missing:
                missing.append(original.key)
    return put, missing


def _still_damaged(parts: Parts) -> Iterator[fixity.Original]:
    with parts.database.read() as session:
        found = fixity.damaged(session)
    for original in found:
        whole = is_whole(parts, original)
        with parts.database.write() as session:
            fixity.note(session, original.recording_id, is_whole=whole, now=utc_now())
        if not whole:
            yield original


def _is_whole_in(backups: BackupSet, key: SealingKey, original: fixity.Original) -> bool:
    """Looked at before anything is put: what the store has may be all that is left."""
    path = backups.object_path(key.name_of(original.key, original.sha256))
    if not path.exists():
        return False
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            for chunk in unseal(file, key, path.name):
                digest.update(chunk)
    except Conflict:
        return False
    return digest.hexdigest() == original.sha256


def _is_known(revision: str) -> bool:
    known = ScriptDirectory.from_config(schema.config())
    return revision in {each.revision for each in known.walk_revisions()}


def _has_work(workflow_url: str) -> bool:
    """Whether durable work of another life is left: it would mix with what the backup wishes for."""
    engine = create_engine(workflow_url)
    try:
        schema_name = None if engine.dialect.name == "sqlite" else "dbos"
        if not inspect(engine).has_table("workflow_status", schema=schema_name):
            return False
        table = Table("workflow_status", MetaData(schema=schema_name), autoload_with=engine)
        with engine.connect() as connection:
            return bool(connection.scalar(select(func.count()).select_from(table)))
    finally:
        engine.dispose()


def _without_password(url: str) -> str:
    return make_url(url).render_as_string(hide_password=True)


def _is_empty(keys: Iterable[str]) -> bool:
    # "ready" is what a store is tried with.
    return next((key for key in keys if key != "ready"), None) is None
