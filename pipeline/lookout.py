"""What a worker looks for: what is to begin next, what the dead have left, and what would be forgotten otherwise.

It looks at once when something was wished for in this process, every second for what was wished for elsewhere, and
once a minute at everything.
"""

from __future__ import annotations

import math
import threading
import time
from datetime import timedelta

import structlog

from models.base import utc_now
from models.errors import StoryError
from models.work import Wish, WishKind
from pipeline import queues
from pipeline.forgetting import forget_work_of_erased
from pipeline.workplace import Workplace, clear_leftovers, note_failure
from storage import leases, recordings, wishes, withdrawals

log = structlog.get_logger()

LOOK_EVERY_SECONDS = 1.0
LOOK_AT_ALL_EVERY_SECONDS = 60.0
UPLOAD_LASTS = timedelta(hours=24)
# The form for reporters says so too.
CONSENT_COMES_WITHIN = timedelta(days=30)


class Lookout:
    """Looks for work until ``workplace`` closes."""

    def __init__(self, workplace: Workplace) -> None:
        self._at = workplace
        self._database = workplace.database
        self._wake = threading.Event()
        self._enqueued: set[str] = set()

    def wake(self) -> None:
        """Look at once."""
        self._wake.set()

    def run(self) -> None:
        """Look again and again. What goes wrong is tried again at the next look."""
        looked_at_all = -math.inf
        while not self._at.closing.is_set():
            try:
                if time.monotonic() - looked_at_all >= LOOK_AT_ALL_EVERY_SECONDS:
                    looked_at_all = time.monotonic()
                    self._look_at_all()
                self._take_over()
                self._enqueue_next()
            except StoryError as error:
                log.warning("could not look for work", code=error.code)
            except Exception as error:
                if not self._at.closing.is_set():
                    log.error("could not look for work", error=type(error).__name__, exc_info=error)
            self._wake.wait(LOOK_EVERY_SECONDS)
            self._wake.clear()

    def _enqueue_next(self) -> None:
        with self._database.read() as session:
            workers = len(leases.living(session))
            # Of erasures all: they are few, and never wait.
            found = wishes.next_in_turn(session, WishKind.ERASE, at_most=None)
            for kind, ahead in queues.AHEAD.items():
                found += wishes.next_in_turn(session, kind, at_most=ahead * max(1, workers))
        for wish, turn in found:
            self._enqueue(wish, turn)

    def _enqueue(self, wish: Wish, turn: int) -> None:
        work_id = queues.work_id_of(wish)
        if work_id not in self._enqueued:
            queues.enqueue(wish, turn=turn)
            self._enqueued.add(work_id)

    def _take_over(self) -> None:
        with self._database.read() as session:
            if not leases.any_ran_out(session, besides=self._at.holder.slot):
                return
        with self._database.write() as session:
            dead = leases.fence_off_dead(session, besides=self._at.holder.slot)
        self._take_up_work_of(dead)

    def _take_up_work_of(self, dead: list[str]) -> None:
        clear_leftovers(self._at, dead)
        queues.take_over(dead)

    def _look_at_all(self) -> None:
        """Everything again: work that ended without our knowing, uploads cut off without a word."""
        self._enqueued.clear()
        with self._database.read() as session:
            dead = leases.dead(session, besides=self._at.holder.slot)
            under_way = wishes.begun(session)
        self._take_up_work_of(dead)
        for wish in under_way:
            self._enqueue(wish, turn=1)
        self._note_parked()
        self._erase_again()
        self._forget_what_nobody_agreed_to()
        forget_work_of_erased(self._at)
        # Last: the object store may not answer.
        self._forget_abandoned_uploads()

    def _note_parked(self) -> None:
        with self._database.read() as session:
            waiting = {queues.work_id_of(wish): wish.id for wish in wishes.open_wishes(session)}
        for work_id in queues.ended_without_us() & waiting.keys():
            with self._database.write() as session:
                note_failure(session, waiting[work_id], queues.PARKED, {}, is_final=False)

    def _erase_again(self) -> None:
        with self._database.write() as session:
            for wish in withdrawals.not_erased(session):
                wishes.try_again(session, wish)

    def _forget_abandoned_uploads(self) -> None:
        before = utc_now() - UPLOAD_LASTS
        with self._database.read() as session:
            left = recordings.abandoned(session, before)
        for recording in left:
            # Where the store is slow the list is old by now: what came meanwhile stays.
            with self._database.write() as session:
                if not recordings.give_up_abandoned(session, recording.id, before):
                    continue
            # Never in a transaction that writes: a store that hangs would keep everybody from writing.
            self._at.objects.delete(recording.original_key)
            with self._database.write() as session:
                recordings.give_up_recording(session, recording.id)

    def _forget_what_nobody_agreed_to(self) -> None:
        with self._database.write() as session:
            withdrawals.forget_never_agreed_to(session, utc_now() - CONSENT_COMES_WITHIN)
