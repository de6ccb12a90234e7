"""What goes on by itself: work, erasures, what is taken out of files, what others are told."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from sqlalchemy import create_engine, func, inspect, select

from app.operations import leftovers
from app.operations.doctor.findings import Finding, Look
from app.parts import Parts
from models.base import utc_now
from models.stories import Tombstone
from pipeline.queues import still_parked, work_of_others
from storage import (
    physical_erasure,
    retention,
    webhooks,
)
from storage.object_service import is_nearly_full

ERASED_WITHIN = timedelta(minutes=10)
# They go by the hourly round.
GONE_WITHIN = timedelta(hours=2)


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


def _work_ever_began(workflow_url: str) -> bool:
    """Whether the tables of durable work are there: the first worker makes them."""
    engine = create_engine(workflow_url)
    try:
        schema_name = None if engine.dialect.name == "sqlite" else "dbos"
        return inspect(engine).has_table("workflow_status", schema=schema_name)
    finally:
        engine.dispose()


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


LOOKS: tuple[Look, ...] = (
    _work,
    _erasures,
    _leftovers,
    _webhooks,
)
