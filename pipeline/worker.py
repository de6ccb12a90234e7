"""A worker slot: takes a lease, carries out what is wished for, and takes over the work of the dead.

One loop looks for wishes: at once when one was made in this process, every second for those made elsewhere, and
once a minute at everything, so that nothing that was wished for is ever forgotten.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import timedelta

import structlog
from dbos import DBOS, DBOSClient, DBOSConfig, DBOSPortableJSONSerializer, SetEnqueueOptions, SetWorkflowID

from models.base import utc_now
from models.errors import StoryError
from models.work import Wish, WishKind
from pipeline import rounds, webhooks, workflow
from pipeline.calling import Caller
from pipeline.forgetting import forget_work_of_erased
from pipeline.workplace import Workplace, clear_leftovers, note_failure, set_workplace
from storage import journal, leases, recordings, wishes, withdrawals
from storage.database import Database
from storage.wishes import Holder

log = structlog.get_logger()

SLOTS = 64
LOOK_EVERY_SECONDS = 1.0
LOOK_AT_ALL_EVERY_SECONDS = 60.0
DELIVER_EVERY_SECONDS = 2.0
FORGET_EVERY_SECONDS = 3600.0
UPLOAD_LASTS = timedelta(hours=24)
# The form for reporters says so too.
CONSENT_COMES_WITHIN = timedelta(days=30)
QUICK, THOROUGH = "quick", "thorough"
QUEUES = {WishKind.INSPECT: QUICK, WishKind.ERASE: QUICK, WishKind.PROCESS: THOROUGH}
ENDED_WITHOUT_US = ("ERROR", "CANCELLED", "MAX_RECOVERY_ATTEMPTS_EXCEEDED")


class Worker:
    """One slot of one process. ``make_workplace`` builds what the stages work with, given the slot's holder."""

    def __init__(
        self,
        database: Database,
        workflow_url: str,
        make_workplace: Callable[[Holder], Workplace],
        *,
        lease: timedelta = leases.LASTS,
        caller: Caller | None = None,
    ) -> None:
        self._database = database
        self._workflow_url = workflow_url
        self._make_workplace = make_workplace
        self._lease = lease
        self._caller = caller
        self._wake = threading.Event()
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []
        self._started: set[str] = set()
        self._secret = ""
        self.holder: Holder | None = None
        self.workplace: Workplace | None = None

    def start(self) -> None:
        """Take a slot and begin."""
        self._begin()
        self._database.when_wished = lambda wish_ids: self._wake.set()
        threads = [("heartbeat", self._keep_lease), ("wishes", self._look_for_wishes)]
        if self._caller is not None:
            threads.append(("webhooks", self._deliver_webhooks))
        for name, run in threads:
            thread = threading.Thread(target=run, name=name, daemon=True)
            thread.start()
            self._threads.append(thread)

    def stop(self) -> None:
        """Stop looking, let go of the slot; unfinished work is resumed by whoever takes it next."""
        self._stop.set()
        self._wake.set()
        for thread in self._threads:
            thread.join(timeout=10)
        self._end()
        if self.holder is not None:
            with self._database.write() as session:
                leases.give_back(session, self.holder.slot, self._secret)

    def _begin(self) -> None:
        self.holder, self._secret = self._take_slot()
        self.workplace = self._make_workplace(self.holder)
        self.workplace.lease_seconds = self._lease.total_seconds()
        clear_leftovers(self.workplace, [self.holder.slot])
        set_workplace(self.workplace)
        config: DBOSConfig = {
            "name": "reporting",
            "system_database_url": self._workflow_url,
            "application_version": workflow.VERSION,
            # Held by its lease before launch, which recovers this slot's own work at once.
            "executor_id": self.holder.slot,
            "serializer": DBOSPortableJSONSerializer(),
            "log_level": "WARNING",
        }
        DBOS(config=config)
        DBOS.launch()
        DBOS.register_queue(QUICK, worker_concurrency=2, polling_interval_sec=0.2)
        # One at a time: recognition uses every core. Partitions take turns, so that no pilot starves another.
        DBOS.register_queue(
            THOROUGH, worker_concurrency=1, partition_concurrency=SLOTS, polling_interval_sec=0.2
        )
        DBOS.apply_schedules(
            [
                {
                    "schedule_name": "hourly-round",
                    "workflow_fn": workflow.hourly_round,
                    "schedule": rounds.SCHEDULE,
                    "context": None,
                }
            ]
        )
        self._started.clear()
        self._retire_other_versions()

    def _end(self) -> None:
        DBOS.destroy()
        if self.workplace is not None:
            self.workplace.recogniser.close()
        set_workplace(None)

    def _take_slot(self) -> tuple[Holder, str]:
        for number in range(1, SLOTS + 1):
            with self._database.write() as session:
                taken = leases.take(session, f"slot-{number}", lasts=self._lease)
            if taken is not None:
                return taken
        raise RuntimeError(f"all {SLOTS} worker slots are held")

    def _keep_lease(self) -> None:
        while not self._stop.wait(self._lease.total_seconds() / 4):
            try:
                self._renew_or_begin_anew()
            except StoryError as error:
                log.warning("lease not renewed", code=error.code)

    def _renew_or_begin_anew(self) -> None:
        """A slot that was taken over while this process slept is gone: nothing of it may go on."""
        assert self.holder is not None
        with self._database.write() as session:
            if leases.renew(session, self.holder.slot, self._secret, lasts=self._lease):
                return
        log.warning("lease lost, beginning anew", slot=self.holder.slot)
        self._end()
        self._begin()

    def _look_for_wishes(self) -> None:
        looked_at_all = 0.0
        while not self._stop.is_set():
            try:
                if time.monotonic() - looked_at_all >= LOOK_AT_ALL_EVERY_SECONDS:
                    looked_at_all = time.monotonic()
                    self._look_at_all()
                self._take_over()
                self._enqueue_wishes()
            except StoryError as error:
                log.warning("could not look for wishes", code=error.code)
            except Exception as error:
                log.error("could not look for wishes", error=type(error).__name__, exc_info=error)
            self._wake.wait(LOOK_EVERY_SECONDS)
            self._wake.clear()

    def _deliver_webhooks(self) -> None:
        """Beside the queues: what waits here is retried by its own table, and a slow receiver holds up no story."""
        assert self._caller is not None
        forgotten_at = 0.0
        while not self._stop.wait(DELIVER_EVERY_SECONDS):
            try:
                webhooks.deliver_due(self._database, self._caller, is_stopping=self._stop.is_set)
                if time.monotonic() - forgotten_at >= FORGET_EVERY_SECONDS:
                    forgotten_at = time.monotonic()
                    webhooks.forget_old(self._database)
            except StoryError as error:
                log.warning("could not deliver webhooks", code=error.code)
            except Exception as error:
                log.error("could not deliver webhooks", error=type(error).__name__, exc_info=error)
        self._caller.close()

    def _enqueue_wishes(self) -> None:
        with self._database.read() as session:
            waiting = wishes.open_wishes(session)
        for wish in waiting:
            work_id = work_id_of(wish)
            if work_id not in self._started:
                enqueue(wish, work_id)
                self._started.add(work_id)

    def _take_over(self) -> None:
        with self._database.read() as session:
            if not leases.any_ran_out(session):
                return
        with self._database.write() as session:
            dead = leases.fence_off_dead(session)
        self._resume_work_of(dead)

    def _resume_work_of(self, dead: list[str]) -> None:
        assert self.workplace is not None
        clear_leftovers(self.workplace, dead)
        if dead:
            DBOS._recover_pending_workflows(dead)

    def _look_at_all(self) -> None:
        """Everything again: work that ended without our knowing, uploads cut off without a word."""
        assert self.workplace is not None
        self._started.clear()
        with self._database.read() as session:
            dead = leases.dead(session)
        self._resume_work_of(dead)
        with self._database.read() as session:
            waiting = {work_id_of(wish): wish.id for wish in wishes.open_wishes(session)}
        for status in DBOS.list_workflows(status=list(ENDED_WITHOUT_US), load_input=False, load_output=False):
            if status.workflow_id in waiting:
                self._note_parked(waiting[status.workflow_id])
        self._erase_again()
        self._forget_abandoned_uploads()
        self._forget_what_nobody_agreed_to()
        forget_work_of_erased(self.workplace)

    def _note_parked(self, wish_id: str) -> None:
        with self._database.write() as session:
            note_failure(session, wish_id, "work-parked", {}, is_final=False)

    def _erase_again(self) -> None:
        with self._database.write() as session:
            for wish in withdrawals.not_erased(session):
                wishes.try_again(session, wish)

    def _forget_abandoned_uploads(self) -> None:
        assert self.workplace is not None
        with self._database.write() as session:
            for recording in recordings.abandoned(session, utc_now() - UPLOAD_LASTS):
                self.workplace.objects.delete(recording.original_key)
                session.delete(recording)

    def _forget_what_nobody_agreed_to(self) -> None:
        with self._database.write() as session:
            for story in withdrawals.never_agreed_to(session, utc_now() - CONSENT_COMES_WITHIN):
                withdrawals.withdraw(session, story, actor=journal.PIPELINE)

    def _retire_other_versions(self) -> None:
        """Work of another version never runs again by itself: cancelled here, its wish starts it anew."""
        for status in DBOS.list_workflows(
            status=["PENDING", "ENQUEUED"], load_input=False, load_output=False
        ):
            if status.app_version != workflow.VERSION:
                DBOS.cancel_workflow(status.workflow_id)


def work_id_of(wish: Wish) -> str:
    """The id of a wish's work: starting it twice is starting it once; an attempt or a version is new work."""
    return f"{wish.id}-{wish.attempt}-{workflow.VERSION}"


def enqueue(wish: Wish, work_id: str) -> None:
    """Start the work of a wish, unless it was started before."""
    kind = WishKind(wish.kind)
    partition = wish.pilot_id or wish.story_id if QUEUES[kind] == THOROUGH else None
    with SetWorkflowID(work_id), SetEnqueueOptions(queue_partition_key=partition):
        DBOS.enqueue_workflow(QUEUES[kind], workflow.WORKFLOWS[kind], wish.id)


def work_of_others(workflow_url: str) -> tuple[int, int]:
    """How much work is parked, and how much belongs to another version: for the doctor, beside a running service."""
    client = DBOSClient(system_database_url=workflow_url)
    try:
        parked = client.list_workflows(
            status="MAX_RECOVERY_ATTEMPTS_EXCEEDED", load_input=False, load_output=False
        )
        waiting = client.list_workflows(status=["PENDING", "ENQUEUED"], load_input=False, load_output=False)
    finally:
        client.destroy()
    foreign = [each for each in waiting if each.app_version not in (None, workflow.VERSION)]
    return len(parked), len(foreign)
