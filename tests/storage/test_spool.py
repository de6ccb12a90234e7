"""The tail of an upload on this machine's disk."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from storage.spool import Spool

UPLOAD = "a" * 32


def test_name_of_a_file_is_kept_whoever_made_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spool = Spool(tmp_path)
    dead = spool.open(UPLOAD, 1, 0)
    dead.append(b"Its process ends before any of this is synced.")
    dead.close()
    synced, sync = [], os.fsync

    def fsync(descriptor: int) -> None:
        synced.append(os.readlink(f"/proc/self/fd/{descriptor}"))
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    tail = spool.open(UPLOAD, 1, 0)
    tail.append(b"The next goes on.")
    tail.sync()
    tail.close()
    folder = tmp_path / UPLOAD
    assert synced == [str(folder / "part-00001"), str(folder), str(tmp_path)]
