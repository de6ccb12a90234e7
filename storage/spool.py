"""The spool: the tail of each upload, on this machine's disk, until it is a part in the object store.

One folder an upload: its bytes in numbered files, one for each part of the object, so that a file that was moved is
removed and never written to again; a lock, that whoever writes holds and the system takes from the dead; a note by
which the newest request asks whoever holds the lock to let go; and a count of requests that says which one is newest,
since clocks are set back. All processes that take in uploads share the folder.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import itertools
import os
import secrets
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from models.errors import Conflict, NoSpace
from storage.objects import PART_BYTES

LOCK, NOTE, TURN = "lock", "wanted", "turn"


class Request:
    """One who wants an upload for itself: the newest goes before the others."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._turn = 0
        self._lock: int | None = None

    def take(self, *, asks: bool = True) -> bool:
        """Take the upload if nobody has it; otherwise ask whoever has it to let go. Call it again until it is taken."""
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._turn = self._turn or self._next_turn()
            lock = os.open(self._folder / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
        except (FileNotFoundError, FileExistsError):
            # Just now forgotten, with its folder: it was there when it was to be made, or has gone since.
            return False
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # Removed in between: then this is a lock that nobody else will ever look at.
            is_taken = os.fstat(lock).st_nlink > 0
        except BlockingIOError:
            is_taken = False
        if is_taken:
            self._lock = lock
            # Of the dead, or of one who still asks and writes it again at once.
            self._forget_note()
            return True
        os.close(lock)
        if asks and self._noted() < self._turn:
            self._write_note()
        return False

    def _next_turn(self) -> int:
        """Each that comes has a greater number than all before it, whichever process it is in."""
        turns = os.open(self._folder / TURN, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(turns, fcntl.LOCK_EX)
            turn = _number(os.pread(turns, 20, 0)) + 1
            os.pwrite(turns, b"%020d" % turn, 0)
            return turn
        finally:
            os.close(turns)

    def _write_note(self) -> None:
        note = self._folder / f"{NOTE}-{secrets.token_hex(4)}"
        with contextlib.suppress(FileNotFoundError):
            note.write_text(f"{self._turn}")
            os.replace(note, self._folder / NOTE)

    def is_passed_over(self) -> bool:
        """Whether somebody newer asked for it."""
        return self._noted() > self._turn

    def _noted(self) -> int:
        try:
            return _number((self._folder / NOTE).read_bytes())
        except FileNotFoundError:
            return 0

    def let_go(self) -> None:
        """Let go of what was taken, and of the wish for it. A second time does nothing."""
        if self._lock is not None:
            try:
                # Whoever asks goes on asking until it has it: so no note of the dead stays.
                self._forget_note()
            finally:
                os.close(self._lock)
                self._lock = None
        elif self._turn and self._noted() == self._turn:
            self._forget_note()

    def _forget_note(self) -> None:
        (self._folder / NOTE).unlink(missing_ok=True)


class Spool:
    """The folder of all uploads."""

    def __init__(self, folder: Path, *, part_bytes: int = PART_BYTES) -> None:
        self.folder, self.part_bytes = folder, part_bytes

    def request(self, upload_id: str) -> Request:
        """A wish to have an upload for oneself."""
        return Request(self.folder / upload_id)

    def size_of(self, upload_id: str, first: int) -> int:
        """How many bytes of an upload lie here without a gap, from its part ``first`` on."""
        size = 0
        for number in itertools.count(first):
            try:
                here = _part(self.folder / upload_id, number).stat().st_size
            except FileNotFoundError:
                return size
            size += here
            if here < self.part_bytes:
                return size
        raise AssertionError("numbers do not end")

    def open(self, upload_id: str, first: int, size_bytes: int) -> Tail:
        """The tail of an upload, for whoever took it: its first part, and how many bytes of it count."""
        return Tail(self.folder / upload_id, first, size_bytes, self.part_bytes)

    def empty(self, upload_id: str) -> None:
        """Remove the bytes of an upload at once, whoever has it: they write to files that nobody finds any more."""
        for part in (self.folder / upload_id).glob("part-*"):
            part.unlink(missing_ok=True)

    def forget(self, upload_id: str) -> None:
        """Remove all that lies here of an upload. For whoever has it for itself."""
        shutil.rmtree(self.folder / upload_id, ignore_errors=True)

    def upload_ids(self) -> list[str]:
        """The uploads of which something lies here."""
        return sorted(each.name for each in self.folder.iterdir()) if self.folder.is_dir() else []


class Tail:
    """The bytes of one upload that are not in the object store yet, and those that come.

    Only whoever took the upload has one. One thread may append while another moves parts away.
    """

    def __init__(self, folder: Path, first: int, size_bytes: int, part_bytes: int) -> None:
        self._folder, self._part_bytes = folder, part_bytes
        self.first, self.size_bytes = first, 0
        self._files: dict[int, BinaryIO] = {}
        self._is_broken = False
        # Whoever made the files that are here may have died before their names were kept.
        self._has_new_names = True
        self._changing = threading.Lock()
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._cut_back(size_bytes)

    def append(self, data: bytes) -> None:
        """Write bytes behind the others.

        :raises NoSpace: the disk is full; what was written before is still there
        """
        view = memoryview(data)
        with _disk_has_room(), self._changing:
            while view:
                number, room = self._place()
                written = self._file(number).write(view[:room])
                self.size_bytes += written
                view = view[written:]

    def sync(self) -> None:
        """Returns when all that was appended would survive a loss of power.

        When it fails once it fails for ever: the system may have thrown away what it could not write, and says of the
        rest that it is written. Whoever opens the tail anew has what was synced before, and writes the rest again.
        """
        with _disk_has_room(), self._changing:
            if self._is_broken:
                raise OSError(errno.EIO, os.strerror(errno.EIO))
            self._is_broken = True
            current, _ = self._place()
            for number, file in list(self._files.items()):
                os.fsync(file.fileno())
                if number != current:
                    self._files.pop(number).close()
            if self._has_new_names:
                _sync_folder(self._folder)
                self._has_new_names = False
            self._is_broken = False

    def wholes(self) -> int:
        """How many parts are whole, and can be moved."""
        return self.size_bytes // self._part_bytes

    def read(self, number: int) -> bytes:
        """The bytes of one part, whole or not."""
        return _read(self._folder, number)

    def drop_first(self) -> None:
        """The first part lies in the object store, and that is written down."""
        with self._changing:
            path = _part(self._folder, self.first)
            if self.first in self._files:
                self._files.pop(self.first).close()
            size = min(self.size_bytes, self._part_bytes)
            path.unlink(missing_ok=True)
            self.first, self.size_bytes = self.first + 1, self.size_bytes - size

    def cut_to(self, size_bytes: int) -> None:
        """Throw away the bytes behind these."""
        self.close()
        self._cut_back(size_bytes)

    def chunks(self) -> Iterator[bytes]:
        """All of its bytes, a part at a time."""
        wholes, begun = divmod(self.size_bytes, self._part_bytes)
        for number in range(self.first, self.first + wholes + bool(begun)):
            yield _read(self._folder, number)

    def close(self) -> None:
        """Close its files; what was not synced may be lost with the machine's power, not with this process."""
        for file in self._files.values():
            file.close()
        self._files.clear()

    def _place(self) -> tuple[int, int]:
        """The number of the part that is written to, and how many bytes fit in it."""
        wholes, begun = divmod(self.size_bytes, self._part_bytes)
        return self.first + wholes, self._part_bytes - begun

    def _file(self, number: int) -> BinaryIO:
        if number not in self._files:
            path = _part(self._folder, number)
            self._has_new_names |= not path.exists()
            self._files[number] = cast(BinaryIO, path.open("ab", buffering=0))
        return self._files[number]

    def _cut_back(self, size_bytes: int) -> None:
        """Make the files end where the counted bytes end."""
        self.size_bytes = size_bytes
        current, room = self._place()
        for path in self._folder.glob("part-*"):
            number = int(path.name.removeprefix("part-"))
            if not self.first <= number <= current:
                path.unlink()
        if _part(self._folder, current).exists():
            os.truncate(_part(self._folder, current), self._part_bytes - room)


def _number(written: bytes) -> int:
    """What was written; 0 where a power cut left nothing of it."""
    return int(written) if written.isdigit() else 0


def _part(folder: Path, number: int) -> Path:
    return folder / f"part-{number:05d}"


def _read(folder: Path, number: int) -> bytes:
    try:
        return _part(folder, number).read_bytes()
    except FileNotFoundError as error:
        # Its story was withdrawn just now.
        raise Conflict("upload-changed") from error


def _sync_folder(folder: Path) -> None:
    """A new file's name is kept only when its folder is."""
    for each in (folder, folder.parent):
        opened = os.open(each, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(opened)
        finally:
            os.close(opened)


@contextmanager
def _disk_has_room() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise NoSpace("disk-nearly-full") from error
        raise
