"""What the tests of erasure measured, in one line: ``python -m tests.erasure.figures FILE``."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

FILE = "ERASURE_FIGURES"


def note(what: str, *, places: int, traces: int, before: int, after: int) -> None:
    """Add a line to the file that the environment names; nothing where it names none."""
    line = {"what": what, "places": places, "traces": traces, "before": before, "after": after}
    print(f"erasure: {line}")
    if os.environ.get(FILE):
        with Path(os.environ[FILE]).open("a") as file:
            file.write(json.dumps(line) + "\n")


def summary(file: Path) -> str:
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    whole = [line for line in lines if line["what"].startswith("whole")]
    parts = [
        f"{line['what'].removeprefix('whole, ')}: {line['places']} places, {line['traces']} markers found "
        f"{line['before']} times before, {line['after']} after"
        for line in sorted(whole, key=lambda line: str(line["what"]))
    ]
    others = [line for line in lines if line not in whole]
    if others:
        parts.append(
            f"{len(others)} more withdrawals and breakdowns, {sum(line['after'] for line in others)} left"
        )
    return f"erasure: {'; '.join(parts)}"


if __name__ == "__main__":
    print(summary(Path(sys.argv[1])))
