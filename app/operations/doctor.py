"""The doctor: looks at every part, says what is wrong, and how to mend it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

from sqlalchemy import create_engine, func, inspect, select

from app.operations import leftovers
from app.operations.backup import last_backup, overdue
from app.operations.comparing import compare, compare_and_mend, keep, kept_at
from app.operations.fixity import WITHIN
from app.parts import Parts
from app.words import MENDS, say
from models.addresses import is_loopback
from models.base import utc_now
from models.errors import StoryError, Unavailable
from models.stories import Story, Tombstone
from pipeline import cage
from pipeline.queues import still_parked, work_of_others
from pipeline.themes import lemmas
from pipeline.transcription import engines, weights
from pipeline.transcription.languages import PILOT_LANGUAGES, quality_note
from storage import (
    fixity,
    journal,
    kept_holds,
    ledger,
    narrowings,
    outliving,
    physical_erasure,
    retention,
    schema,
    tombstones,
    webhooks,
)
from storage.backup_sets import time_of
from storage.database import POSTGRESQL_DURABILITY
from storage.object_service import is_nearly_full

PROGRAMS = {"ffmpeg": "ffmpeg", "ffprobe": "ffmpeg", "setpriv": "util-linux"}
WALLS = {
    "network": "Let the service make network namespaces. Sockets are refused all the same where calls are.",
    "files": "Use Linux 5.13 or newer with Landlock on. Until then ffmpeg can read what the service can.",
    "calls": "Use a kernel with seccomp, on x86-64 or 64-bit ARM.",
}
ERASED_WITHIN = timedelta(minutes=10)
# They go by the hourly round.
GONE_WITHIN = timedelta(hours=2)
BACKED_UP_WITHIN = COMPARED_WITHIN = timedelta(days=2)
# More than a few are read in the database.
NAMED = 10
DURABLE = {"journal_mode": "wal", "synchronous": "2"} | dict.fromkeys(POSTGRESQL_DURABILITY, "on")


@dataclass(frozen=True)
class Finding:
    """One thing looked at. ``mend`` says what to do where it is not well; a warning is no failure."""

    what: str
    is_well: bool
    says: str
    mend: str = ""
    is_warning: bool = False

    @property
    def is_failure(self) -> bool:
        return not self.is_well and not self.is_warning


def examine(parts: Parts) -> Iterator[Finding]:
    """Look at everything, cheapest first."""
    for look in LOOKS:
        try:
            yield from look(parts)
        except StoryError as error:
            yield replace(unanswered(error), what=look.__name__.strip("_"))
        except Exception as error:
            yield Finding(
                look.__name__.strip("_"), False, type(error).__name__, "See the log, and try again."
            )


def unanswered(error: StoryError) -> Finding:
    """Why nothing could be looked at."""
    mend = MENDS.get(error.code, "See the log, and try again.")
    return Finding("parts", False, say(error.code, dict(error.parameters)), mend)


def _programs(parts: Parts) -> Iterator[Finding]:
    for program, package in PROGRAMS.items():
        found = shutil.which(program) is not None
        yield Finding(program, found, "found" if found else "missing", f"apt-get install {package}")


def _cage(parts: Parts) -> Iterator[Finding]:
    """What keeps children in that open strangers' files. Without a wall the work goes on, behind those that stand."""
    for wall, mend in WALLS.items():
        stands = wall in cage.standing()
        says = "closed" if stands else "open: this kernel, or the container, does not let us close it"
        yield Finding(f"cage: {wall}", stands, says, mend, is_warning=True)


def _engine(parts: Parts) -> Iterator[Finding]:
    mend = "Install it, or name another by COMMUNITY_REPORTING_ENGINE: no story gets any further without."
    try:
        engines.check(parts.settings.engine)
        yield Finding("engine", True, f"{parts.settings.engine}, installed")
    except Unavailable as error:
        yield Finding("engine", False, say(error.code, dict(error.parameters)), mend)


def _weights(parts: Parts) -> Iterator[Finding]:
    folder = weights.ensure(parts.settings.cache_folder, parts.settings.weights)
    if parts.settings.weights:
        yield Finding("weights", True, f"{parts.settings.weights}")
    else:
        well = weights.verify(folder)
        yield Finding(
            "weights", well, "base, verified" if well else "changed", f"Delete {folder} and run again."
        )
    for name, wanted in parts.settings.offered_weights.items():
        weights.ensure(parts.settings.cache_folder, wanted)
        yield Finding(f"weights: {name}", True, "offered to pilots")
    weak = [code for code in PILOT_LANGUAGES if quality_note(code, weights.name_of(folder))]
    if weak:
        mend = "Set COMMUNITY_REPORTING_WEIGHTS to small or large-v3-turbo."
        yield Finding("languages", False, f"weak in {', '.join(weak)}", mend, is_warning=True)


def _lemmas(parts: Parts) -> Iterator[Finding]:
    missing = lemmas.check(lemmas.lemma_folder(parts.settings.cache_folder))
    says = f"missing: {', '.join(missing)}" if missing else "ten languages"
    yield Finding("lemma tables", not missing, says, "Run make set-up.")


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


def _disk(parts: Parts) -> Iterator[Finding]:
    free = shutil.disk_usage(parts.settings.data).free
    well = free >= parts.settings.min_free_bytes
    yield Finding("disk", well, f"{free / 1e9:.1f} GB free", "Make room: uploads are refused until then.")


def _rights(parts: Parts) -> Iterator[Finding]:
    """The folder whose reader reads every story; what it is made with is ours, what it is given later is not."""
    folder = parts.settings.data.resolve()
    rights = folder.stat().st_mode & 0o777
    mend = f"chmod 700 {folder}: whoever reads it can read every story."
    yield Finding("data folder", not rights & 0o077, f"mode {rights:o}", mend, is_warning=True)


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


def mend_what_is_safe(parts: Parts) -> Iterator[str]:
    """Mend what takes no decision: what stands in the second place is written and obeyed, and what it covers erased.
    Nothing else is deleted, and no object without a row is adopted: nobody knows what its people allowed."""
    folder = parts.settings.tombstones_folder
    written, again = outliving.write_missing(parts.database, folder), outliving.apply(parts.database, folder)
    yield f"{written.tombstones} tombstones written"
    yield f"{len(again.withdrawn)} stories withdrawn again"
    yield f"{written.narrowings} narrowings of consent written"
    yield f"{len(again.narrowed)} stories narrowed again"
    yield f"{written.holds} embargoes and flags written"
    yield f"{len(again.held)} stories held again"
    yield f"{compare_and_mend(parts).erased} objects of withdrawn stories erased"


def _work(parts: Parts) -> Iterator[Finding]:
    if not _work_ever_began(parts.settings.workflow_url):
        yield Finding("parked work", True, "none yet: no worker ever ran")
        return
    parked, foreign = work_of_others(parts.settings.workflow_url)
    with parts.database.read() as session:
        stuck = still_parked(session, parked)
    says = f"{stuck} broke off too often" if stuck else "none"
    yield Finding("parked work", not stuck, says, "Retry those recordings on their pages, and see the log.")
    yield Finding("work of other versions", not foreign, str(foreign), "Start serve: it takes them up again.")


def _erasures(parts: Parts) -> Iterator[Finding]:
    """What was taken back and is not erased yet: a minute is usual."""
    with parts.database.read() as session:
        late = session.scalar(
            select(func.count())
            .select_from(Tombstone)
            .where(Tombstone.erased_at.is_(None), Tombstone.withdrawn_at < utc_now() - ERASED_WITHIN)
        )
        waiting = retention.not_gone_yet(session, marked_before=utc_now() - GONE_WITHIN)
    mend = "Start a worker, and see its log."
    yield Finding("late erasures", not late, str(late or "none"), mend)
    yield Finding("originals let go", not waiting, f"{len(waiting) or 'none'} still in the store", mend)


def _leftovers(parts: Parts) -> Iterator[Finding]:
    """What is erased, and still lies in files; and whether it can be taken out of them."""
    for place in leftovers.places(parts):
        waiting = leftovers.backlog(parts, place)
        by = waiting.oldest + leftovers.deadline_of(parts) if waiting else None
        says = f"{_what_waits(waiting)}, until {by:%Y-%m-%d %H:%M} UTC" if waiting else "nothing left"
        mend = "Let serve run, and see its log; or run community-reporting erase-leftovers."
        yield Finding(f"files: {place}", by is None or by > utc_now(), says, mend)
    if parts.embedded is not None:
        is_full = is_nearly_full(parts.embedded.content)
        says = "the disk is too full to erase from" if is_full else "enough"
        yield Finding(
            "room to erase", not is_full, says, "Make room: a volume is copied to leave something out."
        )
    wanting = ", ".join(physical_erasure.rights_wanting(parts.database))
    mend = (
        "What was erased stays in its log and statistics until you rewrite them (docs/deploy/postgresql.md)."
    )
    yield Finding(
        "rights to erase", not wanting, f"without {wanting}" if wanting else "all", mend, bool(wanting)
    )


def _what_waits(waiting: leftovers.Backlog) -> str:
    said = [f"{waiting.stories} erased stories"] if waiting.stories else []
    return ", ".join([*said, f"{waiting.originals} originals let go"] if waiting.originals else said)


def _webhooks(parts: Parts) -> Iterator[Finding]:
    """What a pilot's own system was to be told in the last week, and did not take."""
    with parts.database.read() as session:
        failed = webhooks.given_up(session, utc_now() - timedelta(days=7))
    mend = "Curators see on /webhooks which, and why. Recalls stay on their list and are reminded of."
    yield Finding("webhooks", not failed, f"{failed or 'none'} given up", mend, is_warning=True)


def _work_ever_began(workflow_url: str) -> bool:
    """Whether the tables of durable work are there: the first worker makes them."""
    engine = create_engine(workflow_url)
    try:
        schema_name = None if engine.dialect.name == "sqlite" else "dbos"
        return inspect(engine).has_table("workflow_status", schema=schema_name)
    finally:
        engine.dispose()


def _address(parts: Parts) -> Iterator[Finding]:
    address = urlsplit(parts.settings.base_url)
    well = address.scheme == "https" or is_loopback(address.hostname or "")
    mend = "Serve by TLS: phones record only over HTTPS (docs/deploy)."
    yield Finding("address", well, parts.settings.base_url, mend, is_warning=True)


LOOKS: tuple[Callable[[Parts], Iterator[Finding]], ...] = (
    _programs,
    _cage,
    _engine,
    _weights,
    _lemmas,
    _database,
    _object_store,
    _disk,
    _rights,
    _journal,
    _permissions,
    _objects_and_rows,
    _fixity,
    _tombstones,
    _backups,
    _work,
    _erasures,
    _leftovers,
    _webhooks,
    _address,
)
