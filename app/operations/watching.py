"""Watching work in the terminal: a bar for each piece on its way. It names ids only, never a story's title."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress

from rich.progress import Progress, TaskID

from app.parts import Parts
from models.base import utc_now
from models.work import WishKind
from storage import wishes

LOOK_EVERY_SECONDS = 0.5
# The work that a recording's next step wishes for comes a moment after the one before has ended.
QUIET_LOOKS = 4


def watch(parts: Parts, bars: Progress, *, stop: Callable[[], bool] = lambda: False) -> None:
    """Show what is on its way until nothing is, or until it is interrupted."""
    shown: dict[str, TaskID] = {}
    quiet = 0
    with bars, suppress(KeyboardInterrupt):
        while quiet < QUIET_LOOKS and not stop():
            is_quiet = _look(parts, bars, shown)
            quiet = quiet + 1 if is_quiet else 0
            time.sleep(LOOK_EVERY_SECONDS)


def _look(parts: Parts, bars: Progress, shown: dict[str, TaskID]) -> bool:
    """Bring the bars up to date; True if nothing is on its way."""
    with parts.database.read() as session:
        on_their_way = {wish.id: wish for wish in wishes.open_wishes(session)}
        now = utc_now()
        for wish_id, wish in on_their_way.items():
            if wish_id not in shown:
                shown[wish_id] = bars.add_task("", total=100)
            progress = wishes.progress_of(wish, now)
            of_what = wish.recording_id or wish.story_id
            step = progress.step or ("waiting" if wish.kind is not WishKind.ERASE else "erasing")
            bars.update(shown[wish_id], description=f"{of_what[:8]} {step}", completed=progress.percent)
    for wish_id in shown.keys() - on_their_way.keys():
        bars.update(shown[wish_id], completed=100)
    return not on_their_way
