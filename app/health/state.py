"""The state of the service in words, from what is quick to look at: parts, disk, workers, work, originals, backups."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy.orm import Session

from app.health.routes import PATIENCE, ready_parts
from app.operations.backup import last_backup
from app.operations.doctor import BACKED_UP_WITHIN
from app.operations.fixity import WITHIN
from app.parts import Parts
from app.words import MENDS, say
from models.base import utc_now
from models.errors import StoryError
from models.work import Outcome, WishKind
from storage import figures, fixity, leases
from storage.backup_sets import time_of

A_DAY = timedelta(days=1)
KINDS = {
    WishKind.INSPECT: "recordings to look at",
    WishKind.PROCESS: "recordings to prepare and to listen to",
    WishKind.ERASE: "stories to erase",
}


@dataclass(frozen=True)
class Look:
    """One thing, in words; ``mend`` says what to do where it wants attention."""

    what: str
    is_well: bool
    says: str
    mend: str = ""


@dataclass(frozen=True)
class Group:
    """What belongs together."""

    title: str
    looks: list[Look]


def of_service(parts: Parts) -> list[Group]:
    """Everything, group by group. What cannot be looked at says why."""
    groups = [Group("Parts", list(_parts(parts)))]
    try:
        with parts.database.read() as session:
            groups += [
                Group("Work", list(_work(session))),
                Group("Recordings as they came", list(_originals(session))),
            ]
    except StoryError as error:
        mend = MENDS.get(error.code, "See the log.")
        groups.append(Group("Work", [Look("Database", False, say(error.code, dict(error.parameters)), mend)]))
    groups.append(Group("Backups", list(_backups(parts))))
    return groups


def _parts(parts: Parts) -> Iterator[Look]:
    names = {"database": "Database", "objects": "Store for recordings"}
    for part, finding in ready_parts(parts).items():
        if part in names:
            is_well = finding == "ok"
            yield Look(
                names[part],
                is_well,
                "answers" if is_well else "does not answer",
                MENDS.get(finding, "See the log."),
            )
    disk = shutil.disk_usage(parts.settings.data)
    is_well = disk.free >= parts.settings.min_free_bytes
    says = f"{_size(disk.free)} of {_size(disk.total)} free"
    yield Look("Disk", is_well, says, MENDS["disk-nearly-full"])


def _work(session: Session) -> Iterator[Look]:
    now, living, work = utc_now(), leases.living(session), figures.open_work(session)
    oldest = min((since for _, since in work.values() if since), default=now)
    is_left = not living and now - oldest > PATIENCE
    says = f"{len(living)} at work" if living else "none"
    yield Look(
        "Workers",
        not is_left and (bool(living) or not any(count for count, _ in work.values())),
        says,
        MENDS["no-worker"],
    )
    waiting = figures.longest_waiting(session)
    for kind, words in KINDS.items():
        count, since = work[kind][0], waiting[kind]
        is_slow = since is not None and now - since > A_DAY
        says = f"{count} waiting or on their way" if count else "none"
        if since is not None:
            says += f"; the first to be begun has waited {age(now - since)}"
        yield Look(words.capitalize(), not is_slow, says, "Start another worker, or a faster machine.")
    failed = sum(
        count
        for (_, outcome), count in figures.work_ended_since(session, now - A_DAY).items()
        if outcome is Outcome.FAILED
    )
    yield Look(
        "Failed in the last day",
        not failed,
        str(failed or "nothing"),
        "Retry those recordings on their pages.",
    )
    for (state, code), count in sorted(figures.failures_by_code(session).items()):
        yield Look(
            f"Recordings {state}: {count}", state != "failed", say(code, {}), "Their senders are told why."
        )


def _originals(session: Session) -> Iterator[Look]:
    found = fixity.figures(session)
    mend = "See what the doctor found below: a backup may have them whole."
    says = f"{found.damaged} of {found.originals}" if found.damaged else f"none of {found.originals}"
    yield Look("Damaged", not found.damaged, says, mend)
    if found.oldest is not None:
        passed = utc_now() - found.oldest
        is_recent = passed < WITHIN
        yield Look(
            "All read again",
            is_recent,
            f"within {age(passed)}",
            "Let serve run: it reads all within a month.",
        )


def _backups(parts: Parts) -> Iterator[Look]:
    last = last_backup(parts.settings.data)
    mend = "Run community-reporting backup every day (docs/deploy/backups.md)."
    if last is None:
        yield Look("Last backup", False, "none yet", mend)
        return
    made_at: datetime = time_of(last["id"])
    passed = utc_now() - made_at
    yield Look(
        "Last backup", passed < BACKED_UP_WITHIN, f"{made_at:%-d %B %Y, %H:%M} UTC, {age(passed)} ago", mend
    )
    folder = Path(last["to"])
    is_there = folder.exists()
    says = f"{folder}, encrypted" if is_there else f"{folder}, which is not there now"
    yield Look("Where", is_there, says, "Bring that disk back, or look whether somebody moved the folder.")
    lost = int(last.get("lost") or 0)
    says = (
        f"{lost} recordings or files were missing in the store"
        if lost
        else "the list of everything, when it was made"
    )
    yield Look("Read back", not lost, says, "See what the doctor found below.")
    yield Look("Kept for", True, f"{parts.settings.backup_days} days")


def age(passed: timedelta) -> str:
    """How long, in the largest unit that fits."""
    minutes = max(0, int(passed.total_seconds() // 60))
    for unit, size in (("day", 1440), ("hour", 60), ("minute", 1)):
        if minutes >= size:
            count = minutes // size
            return f"{count} {unit}{'' if count == 1 else 's'}"
    return "less than a minute"


def _size(count: int) -> str:
    return f"{count / 1e9:.1f} GB"
