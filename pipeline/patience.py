"""Waiting for parts that do not answer, or have no room: the database, the object store.

That they are away is no failure of a story, and when they are back nobody should have to press a button for it. So
work waits as long as they answer nobody. If they do answer, and only this piece of work cannot go on, it gives up
after about a quarter of an hour.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import chain, repeat
from typing import TypeVar

import structlog
from sqlalchemy import select

from models.errors import NoSpace, StoryError, Unavailable
from pipeline.workplace import HandedOver, Workplace

log = structlog.get_logger()

FIRST_PAUSES_SECONDS = (1.0, 2.0, 4.0, 8.0)
# What was away is asked again at least this often: work goes on soon after it is back.
PAUSE_SECONDS = 15.0
TRIES = 60

Done = TypeVar("Done")


def patiently(workplace: Workplace, act: Callable[[], Done]) -> Done:
    """Do something, again and again while the parts that it needs do not answer.

    :raises Unavailable: they answer, and it could not be done all the same
    :raises HandedOver: this worker stops
    """
    tries = 0
    for pause in chain(FIRST_PAUSES_SECONDS, repeat(PAUSE_SECONDS)):
        try:
            return act()
        except NoSpace as error:
            log.warning("waiting", code=error.code, seconds=pause)
        except Unavailable as error:
            tries += _parts_answer(workplace)
            if tries >= TRIES:
                raise
            log.warning("waiting", code=error.code, seconds=pause)
        if workplace.closing.wait(pause):
            break
    raise HandedOver


def _parts_answer(workplace: Workplace) -> bool:
    try:
        with workplace.database.read() as session:
            session.execute(select(1))
        workplace.objects.probe()
    except StoryError:
        return False
    return True
