"""What is kept: the database and the object store, what stands in both, and what outlives them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import select

from app.operations.backup import last_backup, overdue
from app.operations.comparing import compare, keep, kept_at
from app.operations.doctor.findings import Finding, Look
from app.operations.fixity import WITHIN
from app.parts import Parts
from models.base import utc_now
from models.stories import Story
from storage import (
    fixity,
    journal,
    kept_holds,
    ledger,
    narrowings,
    schema,
    tombstones,
)
from storage.backup_sets import time_of
from storage.database import POSTGRESQL_DURABILITY

BACKED_UP_WITHIN = COMPARED_WITHIN = timedelta(days=2)
# More than a few are read in the database.
NAMED = 10
DURABLE = {"journal_mode": "wal", "synchronous": "2"} | dict.fromkeys(POSTGRESQL_DURABILITY, "on")


def _database(parts: Parts) -> Iterator[Finding]:
    current = schema.is_current(parts.database)
    yield Finding(
        "schema", current, schema.current(parts.database) or "none", "Start serve once: it migrates."
    )
    for name, value in parts.database.durability().items():
        well = value.lower() == DURABLE[name]
        yield Finding(f"database {name}", well, value, f"Set {name} to {DURABLE[name]}: commits may be lost.")


def _object_store(parts: Parts) -> Iterator[Finding]:
    parts.objects.probe()
    yield Finding("object store", True, "answers")


def _journal(parts: Parts) -> Iterator[Finding]:
    with parts.database.read() as session:
        broken = journal.verify(session)
    says = "unbroken" if broken is None else f"broken at entry {broken}"
    yield Finding("journal", broken is None, says, "Compare with a backup: somebody changed the database.")


def _permissions(parts: Parts) -> Iterator[Finding]:
    """The rows that the gate reads, against the rule computed anew."""
    with parts.database.read() as session:
        wrong = [
            story.id
            for story in session.scalars(select(Story))
            if ledger.recompute(session, story) != ledger.rows_of(session, story.id)
        ]
    says = f"{len(wrong)} stories differ" if wrong else "as the rule says"
    yield Finding("permissions", not wrong, says, "Record their consent again, and report this.")


def _objects_and_rows(parts: Parts) -> Iterator[Finding]:
    """Rows without objects, objects without rows, and whether somebody looks every day."""
    found = compare(parts)
    keep(parts, found)
    where = f"their keys are in {kept_at(parts.settings.data)}"
    put = f"community-reporting restore FROM --missing-objects; {where}."
    yield Finding("rows without objects", not found.lost, str(len(found.lost)), put)
    stays = f"They stay: perhaps originals that a restored database does not know; {where}."
    yield Finding("objects without rows", not found.strays, str(len(found.strays)), stays)
    erase = "serve erases them within a day; at once: community-reporting doctor --mend"
    yield Finding("objects of withdrawn stories", not found.covered, str(len(found.covered)), erase)
    looked_at = found.by_itself_at
    is_recent = looked_at is not None and _age(looked_at) < COMPARED_WITHIN
    mend = "serve does it once a day: start it."
    yield Finding("compared by itself", is_recent, looked_at or "never yet", mend, is_warning=True)


def _fixity(parts: Parts) -> Iterator[Finding]:
    """Whether originals are what was sent, and whether somebody looks."""
    with parts.database.read() as session:
        found = fixity.figures(session)
        damaged = fixity.damaged(session, at_most=NAMED)
    which = ", ".join(f"recording {each.recording_id} of story {each.story_id}" for each in damaged)
    mend = (
        "community-reporting restore FROM --missing-objects puts what a backup has; else ask whoever sent it."
    )
    says = f"{found.damaged}: {which}" if damaged else f"none of {found.originals}"
    yield Finding("damaged originals", not damaged, says, mend)
    is_recent = found.oldest is None or utc_now() - found.oldest < WITHIN
    says = f"last looked at since {found.oldest:%Y-%m-%d}" if found.oldest else "there are none"
    mend = "serve reads all of them within a month: start it, and see its log."
    yield Finding("originals read again", is_recent, says, mend, is_warning=True)


def _age(at: str) -> timedelta:
    return utc_now() - datetime.fromisoformat(at)


def _tombstones(parts: Parts) -> Iterator[Finding]:
    """What was withdrawn stands in a second place, and what stands there is withdrawn."""
    folder = parts.settings.tombstones_folder
    unwritten, torn = tombstones.missing(parts.database, folder), tombstones.unreadable(folder)
    mend = "community-reporting doctor --mend writes them; see whether the folder can be written to."
    yield Finding("tombstones", not unwritten, f"{len(unwritten)} without a file", mend)
    mend = "Take these files from the backups' folder tombstones. They are obeyed by their names meanwhile."
    yield Finding("tombstones' files", not torn, f"{len(torn)} unreadable", mend)
    unwritten, torn = narrowings.missing(parts.database, folder), narrowings.unreadable(folder)
    says = f"{len(unwritten)} without a file, {len(torn)} unreadable"
    mend = "As for tombstones: doctor --mend writes what is missing, the backups' folder has what is torn."
    yield Finding("narrowed consent", not unwritten and not torn, says, mend)
    unwritten, torn = kept_holds.missing(parts.database, folder), kept_holds.unreadable(folder)
    says = f"{len(unwritten)} without a file, {len(torn)} unreadable"
    yield Finding("embargoes and flags", not unwritten and not torn, says, mend)
    mend = "Set COMMUNITY_REPORTING_TOMBSTONES to a folder on another disk."
    apart = not _on_one_disk(folder, parts.settings.data)
    yield Finding(
        "tombstones' place", apart, "apart" if apart else "on the disk of DATA", mend, is_warning=True
    )


def _backups(parts: Parts) -> Iterator[Finding]:
    last = last_backup(parts.settings.data)
    is_recent = last is not None and utc_now() - time_of(last["id"]) < BACKED_UP_WITHIN
    says = f"{last['id']} in {last['to']}" if last else "none yet"
    mend = "Run community-reporting backup every day (docs/deploy/backups.md)."
    yield Finding("backup", is_recent, says, mend, is_warning=True)
    if last is not None:
        apart = not _on_one_disk(Path(last["to"]), parts.settings.data)
        mend = "Set COMMUNITY_REPORTING_BACKUPS to a folder on another disk or machine."
        says = "apart" if apart else "on the disk of DATA"
        yield Finding("backups' place", apart, says, mend, is_warning=True)
    late = overdue(parts)
    says = f"{len(late)}: {', '.join(str(each) for each in late[:NAMED])}" if late else "none"
    mend = "Tellers were told another date. Make a new backup; serve and backup remove all old ones but the newest."
    yield Finding("backups kept too long", not late, says, mend)


def _on_one_disk(one: Path, other: Path) -> bool:
    def disk(folder: Path) -> int:
        there = next(each for each in (folder, *folder.parents) if each.exists())
        return there.stat().st_dev

    return disk(one.resolve()) == disk(other.resolve())


LOOKS: tuple[Look, ...] = (
    _database,
    _object_store,
    _journal,
    _permissions,
    _objects_and_rows,
    _fixity,
    _tombstones,
    _backups,
)
