"""What the tests of faults counted, in one line: ``python -m tests.faults.figures FILE``."""

from __future__ import annotations

import json
import os
import sys
from collections import Counter
from pathlib import Path

FILE = "FAULTS_FIGURES"


def note(what: str, **counted: int) -> None:
    """Add a line to the file that the environment names; nothing where it names none."""
    print(f"faults: {what}: {counted}")
    if os.environ.get(FILE):
        with Path(os.environ[FILE]).open("a") as file:
            file.write(json.dumps({"what": what} | counted) + "\n")


def summary(file: Path) -> str:
    """All of it: boundaries, kills at random moments, and what was lost or doubled in either."""
    parts: dict[str, Counter[str]] = {}
    for line in file.read_text().splitlines():
        counted = json.loads(line)
        parts.setdefault(counted.pop("what"), Counter()).update(counted)
    said = [
        f"{what}: {', '.join(f'{count} {name}' for name, count in counted.items())}"
        for what, counted in sorted(parts.items())
    ]
    total: Counter[str] = sum(parts.values(), Counter())
    return f"faults: {'; '.join(said)}; in all {total['lost']} lost, {total['doubled']} doubled"


if __name__ == "__main__":
    print(summary(Path(sys.argv[1])))
