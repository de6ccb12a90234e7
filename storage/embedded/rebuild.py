"""Building the store's index of names anew: by itself it never forgets a deleted key, nor the MD5 of its content.

The index (leveldb) keeps what was deleted, and no call of the server's compacts it. So what it holds now is written
to a file, the index is moved away, and a new one is filled from that file. Meanwhile the server runs without S3:
nobody can write what would then be missing.

A kill at any point leaves one whole index: until the new one was compared with the old, the old one lies under
:data:`BEFORE` and comes back at the next start (:func:`undo_or_finish`); then it is renamed to :data:`GONE`, in one
act of the file system, and is only waste.
"""

from __future__ import annotations

import os
import re
import shutil
import time
from collections import Counter
from pathlib import Path

import structlog

from models.errors import Unavailable
from storage.embedded import process, upkeep
from storage.embedded.process import content_folder, run_folder

INDEX, BEFORE, GONE = "filerldb2", "filerldb2.before", "filerldb2.gone"
SAVED, SAVED_AGAIN, SCRATCH = "names", "names-again", "scratch"
# What the server writes for itself. Its log of what happened to names, and the folders around it: purged anyway, and
# written once a minute, also while an index is filled. And whose each bucket is: it takes that out when its line comes
# before the bucket's own, and finds buckets without it.
OWN = re.compile(
    rb"\n\x01/\x12[\x80-\xff]*[\x00-\x7f]\n\x06topics"
    rb"|\n[\x00-\x7f]/topics[/\x12]"
    rb"|\n[\x00-\x7f]/buckets/\.system/owners[/\x12]"
)
# In the folder "/", an entry that begins with its second field: the first would be its name.
ROOT = re.compile(rb"\n\x01/\x12[\x80-\xff]*[\x00-\x7f]\x10")
LOOKS = 3
READY_SECONDS = 60.0
LONG_SECONDS = 3600.0
TOTAL = re.compile(r"total \d+ directories, \d+ files")
ORPHANS = re.compile(r"Total\s.*orphan:[1-9]")

log = structlog.get_logger()


def rebuild(folder: Path) -> None:
    """Fill a new index with what the present one holds, and remove the present one.

    On the way, content that no name leads to any more is deleted from the volumes: a server that was killed a
    moment after it answered a delete never does it, and nothing else would find it. Needs the lock. Ends with the
    server stopped. Takes about ten seconds, and one more for a thousand objects.

    :raises Unavailable: something did not come out as it should; the index is the one from before
    """
    run, content = run_folder(folder), content_folder(folder)
    try:
        process.kill(folder)
        undo_or_finish(folder)
        _start_alone(folder)
        upkeep.run_shell(run, "fs.log.purge -daysAgo=0")
        _reached("saving")
        _save_without_orphans(run)
        process.kill(folder)
        _reached("saved")
        (content / INDEX).rename(content / BEFORE)
        _reached("moved")
        process.start(folder, is_alone=True)
        _load(run)
        _reached("loaded")
        _save(run, SAVED_AGAIN)
        process.kill(folder)
        if _names(run / SAVED) != _names(run / SAVED_AGAIN):
            raise Unavailable("object-store-unavailable", reason="names-differ")
        _flush(content / INDEX)
        _reached("compared")
        (content / BEFORE).rename(content / GONE)
        _flush(content)
        _reached("done")
    finally:
        process.kill(folder)
        undo_or_finish(folder)


def undo_or_finish(folder: Path) -> None:
    """What a rebuilding that was cut off left: undone until it was compared, finished after. Needs the lock, and a
    server that does not run."""
    run, content = run_folder(folder), content_folder(folder)
    if (content / BEFORE).exists():
        if (content / INDEX).exists():
            shutil.rmtree(content / INDEX)
        (content / BEFORE).rename(content / INDEX)
    for waste in (content / GONE, run / SCRATCH):
        if waste.exists():
            shutil.rmtree(waste)
    for name in (SAVED, SAVED_AGAIN):
        (run / name).unlink(missing_ok=True)


def _reached(step: str) -> None:
    log.info("rebuilding the store's index of names", step=step)


def _start_alone(folder: Path) -> None:
    process.start(folder, is_alone=True)
    deadline = time.monotonic() + READY_SECONDS
    while True:
        try:
            told = upkeep.run_shell(run_folder(folder), "fs.ls /", "volume.list")
            if "buckets" in told and "volume Id:" in told:
                return
        except Unavailable:
            pass
        if time.monotonic() > deadline:
            raise Unavailable("object-store-unavailable", reason="start")
        time.sleep(0.2)


def _save(run: Path, name: str) -> str:
    """Write all names to a file; how many there are, in the shell's words."""
    told = upkeep.run_shell(run, f"fs.meta.save -o={run / name} /", seconds=LONG_SECONDS)
    total = TOTAL.search(told)
    if total is None or not (run / name).exists():
        raise Unavailable("object-store-unavailable", reason="names-not-saved")
    return total.group()


def _save_without_orphans(run: Path) -> None:
    """Write all names to a file, and delete from the volumes what no name leads to.

    Only what was found by a look at as many names as were saved: a look that missed some would take their content for
    nobody's. When the server wrote some of its log in between, both are done once more.
    """
    scratch = run / SCRATCH
    scratch.mkdir(mode=0o700, exist_ok=True)
    look = f"volume.fsck -v -cutoffTimeAgo=0s -tempPath={scratch}"
    for _ in range(LOOKS):
        total = _save(run, SAVED)
        told = upkeep.run_shell(run, look, seconds=LONG_SECONDS)
        if not ORPHANS.search(told):
            return
        if total in told:
            break
    else:
        raise Unavailable("object-store-unavailable", reason="orphans-uncertain")
    upkeep.run_shell(run, f"{look} -reallyDeleteFromVolume", seconds=LONG_SECONDS)
    if ORPHANS.search(upkeep.run_shell(run, look, seconds=LONG_SECONDS)):
        raise Unavailable("object-store-unavailable", reason="orphans")


def _load(run: Path) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while True:
        try:
            told = upkeep.run_shell(run, f"fs.meta.load -v=false {run / SAVED}", seconds=LONG_SECONDS)
            if "is loaded" in told:
                return
        except Unavailable:
            # Not up yet.
            pass
        if time.monotonic() > deadline:
            raise Unavailable("object-store-unavailable", reason="names-not-loaded")
        time.sleep(0.2)


def _names(saved: Path) -> Counter[bytes]:
    """The entries of a saved file, to compare with those of another.

    It is a row of entries (protobuf), each behind its length in four bytes. Within an entry parts stand in any
    order, so its bytes are sorted: what was changed or lost still shows. The root, which names nothing, is made
    anew by each server.
    """
    content, entries, at = saved.read_bytes(), Counter[bytes](), 0
    while at < len(content):
        length = int.from_bytes(content[at : at + 4], "big")
        entry = content[at + 4 : at + 4 + length]
        if not ROOT.match(entry) and not OWN.match(entry):
            entries[bytes(sorted(entry))] += 1
        at += 4 + length
    return entries


def _flush(folder: Path) -> None:
    """Have a folder and its files on the disk, not only in memory: what replaces another must survive a power cut."""
    for each in (*(file for file in folder.rglob("*")), folder):
        descriptor = os.open(each, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
