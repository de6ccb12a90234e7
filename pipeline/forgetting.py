"""Forgetting work: when a story is erased, what was kept so that work on it could resume serves nothing any more.

The erasing workflow cannot delete itself while it runs, so workers look once a minute.
"""

from __future__ import annotations

from datetime import timedelta

from dbos import DBOS
from sqlalchemy import select

from models.base import utc_now
from models.stories import Tombstone
from models.work import Wish
from pipeline.workplace import Workplace, clear_work_on
from storage import withdrawals

# A worker that read the wish while it was open has started its work by then: starting again makes no new rows.
SETTLED_AFTER = timedelta(seconds=5)
GOES_ON = ("PENDING", "ENQUEUED", "DELAYED")
AT_ONCE = 50


def forget_work_of_erased(workplace: Workplace) -> None:
    """Delete durable work (state, inputs, outputs, steps, events), folders and wishes of erased stories.

    Work that has not seen yet that it was called off is left until it has.
    """
    database = workplace.database
    with database.read() as session:
        ended = [each.id for each in withdrawals.work_of_erased(session, utc_now() - SETTLED_AFTER)]
    for start in range(0, len(ended), AT_ONCE):
        some = ended[start : start + AT_ONCE]
        gone = set(some) - _delete_work(some)
        clear_work_on(workplace, gone)
        with database.write() as session:
            withdrawals.forget_work(session, gone)
    _clear_folders_of_nobody(workplace)


def _delete_work(wish_ids: list[str]) -> set[str]:
    """Delete the ended work of wishes, all attempts of all versions; the wishes of which some goes on."""
    going_on = set()
    of_wishes = [f"{wish_id}-" for wish_id in wish_ids]
    for work in DBOS.list_workflows(workflow_id_prefix=of_wishes, load_input=False, load_output=False):
        if work.status in GOES_ON:
            going_on.add(work.workflow_id.partition("-")[0])
        else:
            DBOS.delete_workflow(work.workflow_id)
    return going_on


def _clear_folders_of_nobody(workplace: Workplace) -> None:
    """Folders of erased stories that a worker of another machine, or a holder long dead, left on this one."""
    named = {folder.name.rpartition(".")[2] for folder in workplace.folder.glob("*.*.*")}
    with workplace.database.read() as session:
        known = select(Wish.id).where(Wish.id.in_(named))
        erased = select(Tombstone.story_id).where(Tombstone.erased_at.is_not(None))
        needed = set(session.scalars(known.where(Wish.story_id.not_in(erased))))
    clear_work_on(workplace, named - needed)
