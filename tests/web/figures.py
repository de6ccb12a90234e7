"""What the tests of pages counted, in one line: ``python -m tests.web.figures FILE``."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Collection
from pathlib import Path

from tests.web.checks import Found

FILE = "WEB_FIGURES"


def note(found: Found, began: float, *, languages: Collection[str], widths: Collection[int]) -> None:
    """Add a line to the file that the environment names; nothing where it names none.

    :param began: when the looking did, by ``time.monotonic``
    """
    line = {
        "pages": sorted(found.sizes),
        "languages": sorted(languages),
        "widths": sorted(widths),
        "violations": found.violations,
        "advice": sorted(found.advice),
        "sizes": found.sizes,
        "scripts": found.scripts,
        "seconds": time.monotonic() - began,
    }
    if os.environ.get(FILE):
        with Path(os.environ[FILE]).open("a") as file:
            file.write(json.dumps(line) + "\n")


def summary(file: Path) -> str:
    """All of it: what was opened, what axe found, and the heaviest page as it is sent (gzip)."""
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    of_all: dict[str, set[object]] = {
        each: {one for line in lines for one in line[each]}
        for each in ("pages", "languages", "widths", "advice")
    }
    sizes: dict[str, int] = {}
    for line in lines:
        sizes |= line["sizes"]
    heaviest, size_bytes = max(sizes.items(), key=lambda each: each[1], default=("none", 0))
    script_bytes = max((most for line in lines for most in line["scripts"].values()), default=0)
    violations = sum(line["violations"] for line in lines)
    seconds = sum(line["seconds"] for line in lines)
    return (
        f"web: {len(of_all['pages'])} pages, {len(of_all['languages'])} languages, "
        f"{len(of_all['widths'])} widths, {violations} axe violations ({len(of_all['advice'])} pieces of advice), "
        f"heaviest page {size_bytes / 1024:.0f} KB ({heaviest}), at most {script_bytes / 1024:.0f} KB of script, "
        f"{seconds:.0f} s"
    )


if __name__ == "__main__":
    print(summary(Path(sys.argv[1])))
