"""A worker: holds a slot by its lease, carries out work under the slot's name, and hands it over when it stops."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import timedelta

import structlog

from models.errors import StoryError
from pipeline import queues, webhooks
from pipeline.calling import Caller
from pipeline.lookout import Lookout
from pipeline.workplace import Workplace, clear_leftovers, clear_own, set_workplace
from storage import leases
from storage.database import Database
from storage.wishes import Holder

log = structlog.get_logger()

SLOTS = 64
DELIVER_EVERY_SECONDS = 2.0
FORGET_EVERY_SECONDS = 3600.0
# For running steps to notice that they are to stop; ffmpeg and the recogniser are killed within half a second.
HAND_OVER_SECONDS = 10


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
        self._stop = threading.Event()
        self._heart: threading.Thread | None = None
        self._messenger: threading.Thread | None = None
        self._lookout: Lookout | None = None
        self._secret = ""
        self.holder: Holder | None = None
        self.workplace: Workplace | None = None

    def start(self) -> None:
        """Take a slot and begin.

        :raises Unavailable: the database does not answer
        """
        self._begin()
        self._database.when_wished = lambda wish_ids: self._wake()
        self._heart = _thread("heartbeat", self._keep_lease)
        if self._caller is not None:
            self._messenger = _thread("webhooks", self._deliver_webhooks)

    def stop(self) -> None:
        """Stop what runs, and let go of the slot: others take the work up at once, at the step that it was in."""
        self._stop.set()
        if self.workplace is not None:
            self.workplace.closing.set()
        if self._heart is not None:
            self._heart.join(HAND_OVER_SECONDS)
        self._end()
        try:
            self._let_go()
        except StoryError as error:
            log.warning("slot not given back: others wait until its lease is over", code=error.code)
        if self._messenger is not None:
            self._messenger.join(HAND_OVER_SECONDS)

    def _begin(self) -> None:
        self.holder, self._secret = self._take_slot()
        self.workplace = self._make_workplace(self.holder)
        self.workplace.lease_seconds = self._lease.total_seconds()
        clear_leftovers(self.workplace, [self.holder.slot])
        set_workplace(self.workplace)
        # Held by its lease before launch, which takes up this slot's own work at once.
        queues.launch(self.holder.slot, self._workflow_url)
        self._lookout = Lookout(self.workplace)
        _thread("lookout", self._lookout.run)

    def _end(self) -> None:
        """What still runs after this finds its workplace closed: it can write nothing, and begin no other step."""
        self._lookout = None
        if self.workplace is not None:
            self.workplace.closing.set()
        queues.end(patience_seconds=HAND_OVER_SECONDS)
        if self.workplace is not None:
            self.workplace.recogniser.close()
            # Another may have this slot by now, and look for leftovers in it no more.
            clear_own(self.workplace)
        set_workplace(None)

    def _wake(self) -> None:
        if self._lookout is not None:
            self._lookout.wake()

    def _take_slot(self) -> tuple[Holder, str]:
        for number in range(1, SLOTS + 1):
            with self._database.write() as session:
                taken = leases.take(session, f"slot-{number}", lasts=self._lease)
            if taken is not None:
                return taken
        raise RuntimeError(f"all {SLOTS} worker slots are held")

    def _let_go(self) -> None:
        if self.holder is not None:
            with self._database.write() as session:
                leases.give_back(session, self.holder.slot, self._secret)

    def _keep_lease(self) -> None:
        """Renew the lease; begin anew when it is lost, or when the database was away for longer than it lasts.

        While the database is away, durable work asks for it less and less often, in the end once in a minute and a
        half. Begun anew, it asks at once.
        """
        renewed_at, was_away = time.monotonic(), False
        while not self._stop.wait(self._lease.total_seconds() / 4):
            is_late = time.monotonic() - renewed_at > self._lease.total_seconds()
            try:
                if self._lookout is None or not self._renew() or (was_away and is_late):
                    self._begin_anew()
                renewed_at, was_away = time.monotonic(), False
            except Exception as error:
                # Whatever it is: a worker whose heart has stopped would hold up work until somebody kills it.
                was_away = True
                log.warning("lease not renewed", error=type(error).__name__)

    def _renew(self) -> bool:
        assert self.holder is not None
        with self._database.write() as session:
            return leases.renew(session, self.holder.slot, self._secret, lasts=self._lease)

    def _begin_anew(self) -> None:
        """A slot that was taken over while this process slept is gone: nothing of it may go on."""
        log.warning("beginning anew", slot=self.holder.slot if self.holder else None)
        self._end()
        self._let_go()
        self._begin()

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


def _thread(name: str, run: Callable[[], None]) -> threading.Thread:
    thread = threading.Thread(target=run, name=name, daemon=True)
    thread.start()
    return thread
