"""The durable workflows, as a table of contents: what happens to a recording, and to a story withdrawn.

Each step is carried out at least once and is idempotent; DBOS keeps which are done, so that work resumes at the
step where its worker died. What passes between steps is ids and true or false, never anything of a story; the
workplace goes along in memory, so that work which began under one hold of a slot never goes on under another.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from dbos import DBOS

from models.base import utc_now
from models.work import WishKind
from pipeline import erasure, index, inspect, render, rounds, tag, transcribe
from pipeline.patience import patiently
from pipeline.workplace import Job, Workplace, carry_out, here

# Bumped by hand when the steps change: work of another version is wished for again (pipeline.queues).
VERSION = "2"


@DBOS.workflow(name="inspect", max_recovery_attempts=10)
def inspect_recording(wish_id: str) -> None:
    """A whole recording is looked at, whether or not anybody has consented yet."""
    inspect_step(wish_id, here())


@DBOS.workflow(name="process", max_recovery_attempts=10)
def process_recording(wish_id: str) -> None:
    """Inspected and consent to curation standing: a recording becomes something to play, read and find."""
    at = here()
    for step in (render_step, transcribe_step, tag_step, index_step):
        if not step(wish_id, at):
            return


@DBOS.workflow(name="erase", max_recovery_attempts=100)
def erase_story(wish_id: str) -> None:
    """A withdrawn story is erased; what was still being written when it was withdrawn is erased after."""
    at = here()
    if not erase_step(wish_id, at):
        return
    # What was being put when the story was withdrawn: its slot's lease ends within this time, and after it nothing
    # writes under the story's prefix any more.
    at.closing.wait(at.lease_seconds + 2)
    erased_step(wish_id, at)


@DBOS.step(name="inspect")
def inspect_step(wish_id: str, at: Workplace) -> bool:
    return _carry_out("inspect", wish_id, inspect.inspect, at)


@DBOS.step(name="render")
def render_step(wish_id: str, at: Workplace) -> bool:
    return _carry_out("render", wish_id, render.render, at)


@DBOS.step(name="transcribe")
def transcribe_step(wish_id: str, at: Workplace) -> bool:
    return _carry_out("transcribe", wish_id, transcribe.transcribe, at)


@DBOS.step(name="tag")
def tag_step(wish_id: str, at: Workplace) -> bool:
    return _carry_out("tag", wish_id, tag.tag, at)


@DBOS.step(name="index")
def index_step(wish_id: str, at: Workplace) -> bool:
    return _carry_out("index", wish_id, index.index, at)


@DBOS.step(name="erase")
def erase_step(wish_id: str, at: Workplace) -> bool:
    return _carry_out("erase", wish_id, erasure.erase, at)


@DBOS.step(name="erased")
def erased_step(wish_id: str, at: Workplace) -> bool:
    return _carry_out("erased", wish_id, erasure.erase_stragglers, at)


def _carry_out(step: str, wish_id: str, stage: Callable[[Job], None], at: Workplace) -> bool:
    return patiently(at, lambda: carry_out(step, wish_id, stage, at))


@DBOS.workflow(name="round", max_recovery_attempts=10)
def hourly_round(when: datetime, context: Any) -> None:
    """What falls due by its date; see :mod:`pipeline.rounds`."""
    round_step(here())


@DBOS.step(name="round")
def round_step(at: Workplace) -> None:
    patiently(at, lambda: rounds.make_round(at.database, at.objects, utc_now()))


WORKFLOWS = {
    WishKind.INSPECT: inspect_recording,
    WishKind.PROCESS: process_recording,
    WishKind.ERASE: erase_story,
}
