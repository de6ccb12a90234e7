"""A folder of backups: what lies where in it, and what makes one of them whole.

::

    SET/tombstones/ID.json              what was withdrawn: applied at every restore (ids, dates, salted digests)
    SET/tombstones/narrowed/…           words by which somebody allowed less (storage.narrowings)
    SET/objects/3f/3f9c…                sealed objects, shared by all backups of the set
    SET/backups/20261124T030000-123456/ one backup:
        dump                            the database, sealed
        SHA256SUMS                      digests of its dump and of every object it needs: ``sha256sum -c`` in SET
        manifest.json                   what is in it; written last: a folder without it is no backup
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import secrets
import shutil
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import BinaryIO

from models.base import utc_now
from models.errors import Conflict, NotFound
from storage.sealing import SealingKey
from storage.second_place import flush_names

FORMAT = 1
DUMP, SUMS, MANIFEST = "dump", "SHA256SUMS", "manifest.json"
STAMP = "%Y%m%dT%H%M%S-%f"
READ_BYTES = 1024 * 1024
ASK_AGAIN_SECONDS = 0.2


@dataclass
class Manifest:
    """What a backup says of itself, openly; ``mac`` proves that who wrote it had the key."""

    id: str
    made_at: str
    schema: str
    database: str
    key_id: str
    rows: dict[str, int] = field(default_factory=dict)
    objects: int = 0
    objects_bytes: int = 0
    new_objects: int = 0
    #: Named by the dump, and withdrawn or replaced while the backup was made.
    gone_meanwhile: int = 0
    #: Named by the dump, and not in the store, or not what they were: losses from before this backup.
    lost: int = 0
    tombstones: int = 0
    dump_sha256: str = ""
    sums_sha256: str = ""
    format: int = FORMAT
    mac: str = ""

    def signed(self, key: SealingKey) -> Manifest:
        """The same with its code."""
        self.mac = key.mac(self._canonical())
        return self

    def is_signed_by(self, key: SealingKey) -> bool:
        return secrets.compare_digest(self.mac, key.mac(self._canonical()))

    def _canonical(self) -> bytes:
        return json.dumps(asdict(self) | {"mac": ""}, sort_keys=True).encode()


class BackupSet:
    """The backups in one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()
        self.tombstones = self.folder / "tombstones"
        self._objects, self._backups = self.folder / "objects", self.folder / "backups"

    @contextmanager
    def only_us(self, *, patience_seconds: float = 0.0) -> Iterator[None]:
        """Nobody else writes here or removes anything meanwhile.

        :param patience_seconds: how long to wait until somebody else has ended
        :raises Conflict: somebody does
        """
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        until = time.monotonic() + patience_seconds
        with (self.folder / ".lock").open("a") as lock:
            while True:
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except OSError as error:
                    if time.monotonic() >= until:
                        raise Conflict("backup-busy", folder=str(self.folder)) from error
                time.sleep(ASK_AGAIN_SECONDS)
            yield

    def begin(self) -> str:
        """A folder for a new backup; its id, which sorts by time."""
        backup_id = utc_now().strftime(STAMP)
        self.folder_of(backup_id).mkdir(mode=0o700, parents=True)
        return backup_id

    def folder_of(self, backup_id: str) -> Path:
        return self._backups / backup_id

    def dump_of(self, backup_id: str) -> Path:
        return self.folder_of(backup_id) / DUMP

    def object_path(self, name: str) -> Path:
        """Where a sealed object lies, or will."""
        return self._objects / name[:2] / name

    def whole(self) -> list[str]:
        """The ids of backups that were finished, oldest first."""
        return [each for each in self._all() if (self.folder_of(each) / MANIFEST).exists()]

    def unfinished(self) -> list[str]:
        """The ids of backups that were broken off."""
        return sorted(set(self._all()) - set(self.whole()))

    def _all(self) -> list[str]:
        return sorted(each.name for each in self._backups.iterdir()) if self._backups.is_dir() else []

    def manifest(self, backup_id: str, key: SealingKey) -> Manifest:
        """What a backup says of itself.

        :raises Conflict: it was sealed with another key, or changed, or is of a newer version
        """
        try:
            read = json.loads((self.folder_of(backup_id) / MANIFEST).read_bytes())
            if read["format"] > FORMAT:
                raise Conflict("backup-newer")
            found = Manifest(**read)
        except FileNotFoundError as error:
            raise NotFound("backup-not-there", folder=str(self.folder_of(backup_id))) from error
        except (ValueError, TypeError, KeyError) as error:
            raise Conflict("backup-damaged", files=[MANIFEST]) from error
        if found.key_id != key.key_id:
            raise Conflict("backup-key-wrong", wanted=found.key_id, given=key.key_id)
        if not found.is_signed_by(key):
            raise Conflict("backup-damaged", files=[MANIFEST])
        return found

    def finish(self, manifest: Manifest, sums: dict[bytes, bytes], key: SealingKey) -> None:
        """Write what makes a backup whole, the manifest last."""
        folder = self.folder_of(manifest.id)
        lines = [f"{manifest.dump_sha256}  {self._backups.name}/{manifest.id}/{DUMP}"]
        lines += [f"{sums[name].hex()}  {self._relative(name.hex())}" for name in sorted(sums)]
        content = "".join(f"{line}\n" for line in lines).encode()
        manifest.sums_sha256 = hashlib.sha256(content).hexdigest()
        write_whole(folder / SUMS, content)
        for each in (self._objects, folder, self._backups):
            if each.is_dir():
                flush_names(each)
        signed = json.dumps(asdict(manifest.signed(key)), indent=1, sort_keys=True) + "\n"
        write_whole(folder / MANIFEST, signed.encode())
        flush_names(folder)

    def _relative(self, name: str) -> str:
        return f"{self._objects.name}/{name[:2]}/{name}"

    def sums(self, manifest: Manifest) -> dict[bytes, bytes]:
        """The digests of the sealed objects that a backup needs, by name.

        :raises Conflict: the list was changed
        """
        content = (self.folder_of(manifest.id) / SUMS).read_bytes()
        if hashlib.sha256(content).hexdigest() != manifest.sums_sha256:
            raise Conflict("backup-damaged", files=[SUMS])
        return dict(_objects_in(content.decode()))

    def damaged(self, manifest: Manifest) -> Iterator[Path]:
        """The files of a backup that are missing or changed, its dump first: every byte is read."""
        sums = self.sums(manifest)
        dump = self.dump_of(manifest.id)
        if not dump.exists() or digest_of(dump) != manifest.dump_sha256:
            yield dump
        for name in sorted(sums):
            path = self.object_path(name.hex())
            if not path.exists() or digest_of(path) != sums[name].hex():
                yield path

    def known_sums(self) -> dict[bytes, bytes]:
        """The digests in the newest backup's list: its objects need not be read again."""
        return {name: digest for each in self.whole()[-1:] for name, digest in self._named_by(each)}

    def _named_by(self, backup_id: str) -> Iterator[tuple[bytes, bytes]]:
        path = self.folder_of(backup_id) / SUMS
        return _objects_in(path.read_text()) if path.exists() else iter(())

    def older_than(self, days: int) -> list[str]:
        """The ids of backups, broken ones too, that were kept long enough, oldest first."""
        last = (utc_now() - timedelta(days=days)).strftime(STAMP)
        return [each for each in self._all() if each < last]

    def remove_older_than(self, days: int, *, keep: str) -> list[str]:
        """Remove backups that were kept long enough, broken ones, and objects that none of the others needs.

        :param keep: the newest one, which stays in any case
        :returns: the ids of those removed
        """
        removed = [each for each in self.older_than(days) if each != keep]
        removed += [each for each in self.unfinished() if each not in removed and each != keep]
        for backup_id in removed:
            # Its manifest first: what is half removed is no backup any more.
            (self.folder_of(backup_id) / MANIFEST).unlink(missing_ok=True)
            shutil.rmtree(self.folder_of(backup_id))
        self._remove_unneeded()
        return removed

    def _remove_unneeded(self) -> None:
        needed = {name for backup_id in self.whole() for name, _ in self._named_by(backup_id)}
        for folder in self._objects.iterdir() if self._objects.is_dir() else ():
            for path in folder.iterdir():
                # What is no name of ours is a leftover of a backup that was cut off.
                if not _is_name(path.name) or bytes.fromhex(path.name) not in needed:
                    path.unlink()

    @staticmethod
    def of(path: Path) -> tuple[BackupSet, str | None]:
        """The set that a path names, and the one backup in it, if it names one."""
        path = path.resolve()
        if path.parent.name == "backups" and (path / DUMP).exists():
            return BackupSet(path.parent.parent), path.name
        return BackupSet(path), None


def time_of(backup_id: str) -> datetime:
    """When a backup was begun."""
    return datetime.strptime(backup_id, STAMP).replace(tzinfo=UTC)


def digest_of(path: Path) -> str:
    """SHA-256 of a file, read piece by piece."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_whole(path: Path, content: bytes) -> None:
    """Write a file that is there wholly, or not at all."""
    with new_file(path) as file:
        file.write(content)


@contextmanager
def new_file(path: Path) -> Iterator[BinaryIO]:
    """A file that appears at its place when the block ends well: flushed, and for its owner only."""
    partial = path.with_name(f"{path.name}.partial")
    try:
        with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def _objects_in(content: str) -> Iterator[tuple[bytes, bytes]]:
    lines: Iterable[str] = content.splitlines()
    for line in lines:
        digest, _, path = line.partition("  ")
        name = path.rpartition("/")[2]
        if _is_name(name):
            yield bytes.fromhex(name), bytes.fromhex(digest)


def _is_name(name: str) -> bool:
    return len(name) == 64 and all(digit in "0123456789abcdef" for digit in name)
