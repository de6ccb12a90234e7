"""The durable workflows, as a table of contents: what happens to a recording, and to a story withdrawn.

Each step is carried out at least once and is idempotent; DBOS keeps which are done, so that work resumes at the
step where its worker died. What passes between steps is ids and true or false, never anything of a story.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from dbos import DBOS

from models.base import utc_now
from models.work import WishKind
from pipeline import erasure, index, inspect, render, rounds, tag, transcribe
from pipeline.workplace import carry_out, here

# Bumped by hand when the steps change: work of another version is wished for again (pipeline.worker).
VERSION = "1"


def patiently(name: str) -> Callable[[Callable[[str], bool]], Callable[[str], bool]]:
    """A step that waits for parts that do not answer (database, object store): about a quarter of an hour in all."""
    return DBOS.step(name=name, retries_allowed=True, max_attempts=10, interval_seconds=2.0, backoff_rate=2.0)


@DBOS.workflow(name="inspect", max_recovery_attempts=10)
def inspect_recording(wish_id: str) -> None:
    """A whole recording is looked at, whether or not anybody has consented yet."""
    inspect_step(wish_id)


@DBOS.workflow(name="process", max_recovery_attempts=10)
def process_recording(wish_id: str) -> None:
    """Inspected and consent to curation standing: a recording becomes something to play, read and find."""
    for step in (render_step, transcribe_step, tag_step, index_step):
        if not step(wish_id):
            return


@DBOS.workflow(name="erase", max_recovery_attempts=100)
def erase_story(wish_id: str) -> None:
    """A withdrawn story is erased; what was still being written when it was withdrawn is erased after."""
    if not erase_step(wish_id):
        return
    # What was being put when the story was withdrawn: its slot's lease ends within this time, and after it nothing
    # writes under the story's prefix any more.
    DBOS.sleep(here().lease_seconds + 2)
    erased_step(wish_id)


@patiently("inspect")
def inspect_step(wish_id: str) -> bool:
    return carry_out("inspect", wish_id, inspect.inspect)


@patiently("render")
def render_step(wish_id: str) -> bool:
    return carry_out("render", wish_id, render.render)


@patiently("transcribe")
def transcribe_step(wish_id: str) -> bool:
    return carry_out("transcribe", wish_id, transcribe.transcribe)


@patiently("tag")
def tag_step(wish_id: str) -> bool:
    return carry_out("tag", wish_id, tag.tag)


@patiently("index")
def index_step(wish_id: str) -> bool:
    return carry_out("index", wish_id, index.index)


@patiently("erase")
def erase_step(wish_id: str) -> bool:
    return carry_out("erase", wish_id, erasure.erase)


@patiently("erased")
def erased_step(wish_id: str) -> bool:
    return carry_out("erased", wish_id, erasure.erase_stragglers)


@DBOS.workflow(name="round", max_recovery_attempts=10)
def hourly_round(when: datetime, context: Any) -> None:
    """What falls due by its date; see :mod:`pipeline.rounds`."""
    round_step()


@DBOS.step(name="round", retries_allowed=True, max_attempts=5, interval_seconds=5.0, backoff_rate=2.0)
def round_step() -> None:
    rounds.make_round(here().database, here().objects, utc_now())


WORKFLOWS = {
    WishKind.INSPECT: inspect_recording,
    WishKind.PROCESS: process_recording,
    WishKind.ERASE: erase_story,
}
