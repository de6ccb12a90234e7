"""Processes that are there at once: forked from one that has loaded the service and opened nothing.

What is loaded takes seconds; a fork of it takes some milliseconds, has everything to lose, and can be killed.
"""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from typing import Any

from tests.faults.boundaries import How

ACTS = "tests.faults.acts"
context = multiprocessing.get_context("forkserver")
context.set_forkserver_preload([ACTS])


@dataclass
class Told:
    """What a process said before it ended: ``answers`` as number of the act, name, and what was said."""

    answers: list[tuple[int, str, Any]] = field(default_factory=list)
    passed: list[str] | None = None
    failed_at: str | None = None
    error: str | None = None

    def of(self, name: str, *, act: int | None = None) -> Any:
        """What was said last under this name, in one act or in any; None if nothing was."""
        said = [each for number, named, each in self.answers if named == name and act in (None, number)]
        return said[-1] if said else None


def play(
    place: Mapping[str, Any],
    acts: list[tuple[str, dict[str, Any]]],
    *,
    fails_at: int | None = None,
    how: How = "raises",
    seconds: float = 120,
) -> Told:
    """Play acts in a process of their own, one after the other; the boundaries of the first are counted.

    :param fails_at: the boundary in the first act that fails
    """
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_play, args=(theirs, dict(place), acts, fails_at, how), daemon=True)
    process.start()
    theirs.close()
    told = Told()
    try:
        while ours.poll(seconds):
            kind, *said = ours.recv()
            if kind == "answer":
                told.answers.append((said[0], said[1], said[2]))
            elif kind == "passed":
                told.passed = said[0]
            elif kind == "failed at":
                told.failed_at = said[0]
            else:
                told.error = said[0]
        raise AssertionError(f"nothing said for {seconds} s: {acts}")
    except EOFError:
        process.join(10)
    finally:
        ours.close()
        if process.is_alive():
            process.kill()
            process.join()
    assert told.error is None, told.error
    return told


def start(act: str, given: dict[str, Any]) -> multiprocessing.process.BaseProcess:
    """Play one act in a process of its own, as long as it lasts."""
    process = context.Process(target=_play_alone, args=(act, given))
    process.start()
    return process


def _play(
    pipe: Connection,
    place: dict[str, Any],
    acts: list[tuple[str, dict[str, Any]]],
    fails_at: int | None,
    how: How,
) -> None:
    import traceback

    from tests.faults import acts as known
    from tests.faults.boundaries import watch

    try:
        boundaries = watch()
        house = known.House(place, lambda name, said: pipe.send(("answer", number, name, said)))
        for number, (name, given) in enumerate(acts):
            act: Callable[..., None] = getattr(known, name)
            if number == 0:
                boundaries.begin(fails_at, how, lambda where: pipe.send(("failed at", where)))
            try:
                act(house, **given)
            except Exception as error:
                # What failed because it was made to is what is looked at; all else is a mistake.
                if number or fails_at is None:
                    raise
                pipe.send(("answer", number, "raised", f"{type(error).__name__}: {error}"))
            finally:
                boundaries.end()
            if number == 0:
                pipe.send(("passed", boundaries.passed))
    except BaseException:
        pipe.send(("error", traceback.format_exc()))
    finally:
        pipe.close()
        os._exit(0)


def _play_alone(act: str, given: dict[str, Any]) -> None:
    from tests.faults import acts as known

    os.setsid()
    getattr(known, act)(**given)
    os._exit(0)
