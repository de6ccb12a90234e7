"""The state of the service in words, from what is quick to look at: parts, disk, workers, work, originals, backups."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy.orm import Session

from app.health.routes import ready_parts, state_of_work
from app.labels import label_of
from app.operations.backup import last_backup
from app.operations.doctor.keeping import BACKED_UP_WITHIN
from app.operations.fixity import WITHIN
from app.parts import Parts
from app.web.translation import N_, Translator
from app.words import MENDS, say
from app.words_for_programs import FOR_PROGRAMS
from models.base import utc_now
from models.errors import StoryError
from models.stories import RecordingState
from models.work import Outcome, WishKind
from storage import figures, fixity, leases
from storage.backup_sets import time_of

A_DAY = timedelta(days=1)
KINDS = {
    WishKind.INSPECT: N_("Recordings to look at"),
    WishKind.PROCESS: N_("Recordings to prepare and to listen to"),
    WishKind.ERASE: N_("Stories to erase"),
}
PARTS = {"database": N_("Database"), "objects": N_("Store for recordings")}
SEE_THE_LOG = N_("See the log.")
NONE = N_("none")


@dataclass(frozen=True)
class Look:
    """One thing, in words; ``mend`` says what to do where it wants attention.

    ``is_english``: what it says is what programs are told, which no catalogue has.
    """

    what: str
    is_well: bool
    says: str
    mend: str = ""
    is_english: bool = False


@dataclass(frozen=True)
class Group:
    """What belongs together."""

    title: str
    looks: list[Look]


def of_service(parts: Parts, translator: Translator) -> list[Group]:
    """Everything, group by group, in its reader's language. What cannot be looked at says why."""
    _ = translator
    groups = [Group(_(N_("Parts")), list(_parts(parts, _)))]
    try:
        with parts.database.read() as session:
            groups += [
                Group(_(N_("Work")), list(_work(session, _))),
                Group(_(N_("Recordings as they came")), list(_originals(session, _))),
            ]
    except StoryError as error:
        mend = _(MENDS.get(error.code, SEE_THE_LOG))
        says = say(error.code, dict(error.parameters), _)
        groups.append(Group(_(N_("Work")), [Look(_(PARTS["database"]), False, says, mend)]))
    groups.append(Group(_(N_("Backups")), list(_backups(parts, _))))
    return groups


def _parts(parts: Parts, _: Translator) -> Iterator[Look]:
    for part, finding in ready_parts(parts).items():
        if part in PARTS:
            is_well = finding == "ok"
            says = _(N_("answers")) if is_well else _(N_("does not answer"))
            yield Look(_(PARTS[part]), is_well, says, _(MENDS.get(finding, SEE_THE_LOG)))
    disk = shutil.disk_usage(parts.settings.data)
    is_well = disk.free >= parts.settings.min_free_bytes
    says = _(N_("{free} of {total} free"), free=_size(disk.free), total=_size(disk.total))
    yield Look(_(N_("Disk")), is_well, says, _(MENDS["disk-nearly-full"]))


def _work(session: Session, _: Translator) -> Iterator[Look]:
    now, living, work = utc_now(), leases.living(session), figures.open_work(session)
    found = state_of_work(session)
    yield Look(
        _(N_("Workers")),
        found == "ok" and (bool(living) or not any(count for count, __ in work.values())),
        _(N_("{number} at work"), number=len(living)) if living else _(NONE),
        _(MENDS[found if found in MENDS else "no-worker"]),
    )
    waiting = figures.longest_waiting(session)
    for kind, what in KINDS.items():
        count, since = work[kind][0], waiting[kind]
        is_slow = since is not None and now - since > A_DAY
        says = _(N_("{number} waiting or on their way"), number=count) if count else _(NONE)
        if since is not None:
            says += "; " + _(N_("the first to be begun has waited {time}"), time=_.span(now - since))
        yield Look(_(what), not is_slow, says, _(N_("Start another worker, or a faster machine.")))
    failed = sum(
        count
        for (__, outcome), count in figures.work_ended_since(session, now - A_DAY).items()
        if outcome is Outcome.FAILED
    )
    yield Look(
        _(N_("Failed in the last day")),
        not failed,
        str(failed or _(N_("nothing"))),
        _(N_("Retry those recordings on their pages.")),
    )
    for (state, code), count in sorted(figures.failures_by_code(session).items()):
        yield Look(
            _(N_("Recordings, {state}: {number}"), state=_(label_of(RecordingState(state))), number=count),
            state != RecordingState.FAILED,
            say(code, {}, _),
            _(N_("Their senders are told why.")),
            is_english=code in FOR_PROGRAMS,
        )


def _originals(session: Session, _: Translator) -> Iterator[Look]:
    found = fixity.figures(session)
    mend = _(N_("See what the doctor found below: a backup may have them whole."))
    says = (
        _(N_("{number} of {all}"), number=found.damaged, all=found.originals)
        if found.damaged
        else _(N_("none of {all}"), all=found.originals)
    )
    yield Look(_(N_("Damaged")), not found.damaged, says, mend)
    if found.oldest is not None:
        passed = utc_now() - found.oldest
        yield Look(
            _(N_("All read again")),
            passed < WITHIN,
            _(N_("within {time}"), time=_.span(passed)),
            _(N_("Let serve run: it reads all within a month.")),
        )


def _backups(parts: Parts, _: Translator) -> Iterator[Look]:
    last, what = last_backup(parts.settings.data), _(N_("Last backup"))
    mend = _(N_("Run community-reporting backup every day (docs/deploy/backups.md)."))
    if last is None:
        yield Look(what, False, _(N_("none yet")), mend)
        return
    made_at: datetime = time_of(last["id"])
    passed = utc_now() - made_at
    says = f"{_.moment(made_at)}, {_.span(passed, is_ago=True)}"
    yield Look(what, passed < BACKED_UP_WITHIN, says, mend)
    folder = Path(last["to"])
    is_there = folder.exists()
    yield Look(
        _(N_("Where")),
        is_there,
        _(N_("{folder}, encrypted") if is_there else N_("{folder}, which is not there now"), folder=folder),
        _(N_("Bring that disk back, or look whether somebody moved the folder.")),
    )
    lost = int(last.get("lost") or 0)
    yield Look(
        _(N_("Read back")),
        not lost,
        _.many(
            "{count} recording or file was missing in the store",
            "{count} recordings or files were missing in the store",
            lost,
        )
        if lost
        else _(N_("the list of everything, when it was made")),
        _(N_("See what the doctor found below.")),
    )
    yield Look(_(N_("Kept for")), True, _.many("{count} day", "{count} days", parts.settings.backup_days))


def _size(count: int) -> str:
    return f"{count / 1e9:.1f} GB"
