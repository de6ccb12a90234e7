"""The queues of durable work: how much is done at once, and how work gets into them.

What waits stays a wish; only what is to begin next is put into a queue, in its turn (``storage.wishes``). Erasures
have a queue of their own: they wait for nobody.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from dbos import DBOS, DBOSClient, DBOSConfig, DBOSPortableJSONSerializer, SetEnqueueOptions, SetWorkflowID
from sqlalchemy import select
from sqlalchemy.orm import Session

from models.stories import Recording
from models.work import Wish, WishKind
from pipeline import rounds, workflow

# Why a recording failed whose work killed too many workers.
PARKED = "work-parked"
ENDED_WITHOUT_US = ("ERROR", "CANCELLED", "MAX_RECOVERY_ATTEMPTS_EXCEEDED")


@dataclass(frozen=True)
class Queue:
    """``at_once``: how many pieces of its work one worker carries out at the same time.

    Looking into a queue takes some 5 ms of a processor, whether anything is in it or not.
    """

    name: str
    at_once: int
    looked_into_every_seconds: float = 0.5


QUEUES = {
    # Most of its time an erasure waits until nobody can be writing any more.
    WishKind.ERASE: Queue("erasures", at_once=16, looked_into_every_seconds=1.0),
    WishKind.INSPECT: Queue("inspections", at_once=2),
    # Recognition uses every core.
    WishKind.PROCESS: Queue("processing", at_once=1),
}
# How much of a kind lies in its queue for each worker: enough until somebody looks again, and no more. What lies there
# keeps the turn that it had, and a pilot that comes later would be ahead of it by as much.
AHEAD = {WishKind.INSPECT: 8, WishKind.PROCESS: 4}


def launch(slot: str, workflow_url: str) -> None:
    """Begin to carry out work under a slot's name; what that slot had begun before is taken up at once."""
    config: DBOSConfig = {
        "name": "reporting",
        "system_database_url": workflow_url,
        "application_version": workflow.VERSION,
        "executor_id": slot,
        "serializer": DBOSPortableJSONSerializer(),
        "log_level": "WARNING",
    }
    DBOS(config=config)
    DBOS.launch()
    for queue in QUEUES.values():
        DBOS.register_queue(
            queue.name,
            worker_concurrency=queue.at_once,
            polling_interval_sec=queue.looked_into_every_seconds,
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
    _retire_other_versions()


def _retire_other_versions() -> None:
    """Work of another version never runs again by itself: cancelled here, its wish starts it anew."""
    for status in DBOS.list_workflows(status=["PENDING", "ENQUEUED"], load_input=False, load_output=False):
        if status.app_version != workflow.VERSION:
            DBOS.cancel_workflow(status.workflow_id)
    # Its queues are remembered, and looked into, until somebody says that they are not used.
    for name in {queue.name for queue in DBOS.list_queues()} - {queue.name for queue in QUEUES.values()}:
        DBOS.delete_queue(name)


def end(*, patience_seconds: int) -> None:
    """Begin nothing more in this process, and wait for a while until what runs here has stopped."""
    DBOS.destroy(workflow_completion_timeout_sec=patience_seconds)


def work_id_of(wish: Wish) -> str:
    """The id of a wish's work: starting it twice is starting it once; an attempt or a version is new work."""
    return f"{wish.id}-{wish.attempt}-{workflow.VERSION}"


def enqueue(wish: Wish, *, turn: int) -> None:
    """Start the work of a wish, unless it was started before; the least turn comes first."""
    kind = WishKind(wish.kind)
    with SetWorkflowID(work_id_of(wish)), SetEnqueueOptions(priority=turn):
        DBOS.enqueue_workflow(QUEUES[kind].name, workflow.WORKFLOWS[kind], wish.id)


def take_over(slots: list[str]) -> None:
    """Take up what slots had begun whose holders are dead. Who calls it first gets the work; again does nothing."""
    if slots:
        DBOS._recover_pending_workflows(slots)


def ended_without_us() -> set[str]:
    """Ids of work that ended without its wish being ended: it failed, was cancelled, or killed too many workers."""
    found = DBOS.list_workflows(status=list(ENDED_WITHOUT_US), load_input=False, load_output=False)
    return {status.workflow_id for status in found}


def work_of_others(workflow_url: str) -> tuple[set[str], int]:
    """Ids of work that is parked, and how much belongs to another version: for the doctor, beside a running service."""
    client = DBOSClient(system_database_url=workflow_url)
    try:
        parked = client.list_workflows(
            status="MAX_RECOVERY_ATTEMPTS_EXCEEDED", load_input=False, load_output=False
        )
        waiting = client.list_workflows(status=["PENDING", "ENQUEUED"], load_input=False, load_output=False)
    finally:
        client.destroy()
    foreign = [each for each in waiting if each.app_version not in (None, workflow.VERSION)]
    return {each.workflow_id for each in parked}, len(foreign)


def still_parked(session: Session, parked: Collection[str]) -> int:
    """How much of parked work waits for somebody: what was begun again since, or called off, does not."""
    query = (
        select(Wish, Recording.failure_code)
        .outerjoin(Recording, Recording.id == Wish.recording_id)
        .where(Wish.id.in_({work_id.partition("-")[0] for work_id in parked}))
    )
    return sum(
        work_id_of(wish) in parked and (wish.is_open or failure == PARKED)
        for wish, failure in session.execute(query)
    )
