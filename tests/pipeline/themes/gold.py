"""Measures the tagger against labelled excerpts: micro-precision, recall and F1, overall and by language.

    python tests/pipeline/themes/gold.py [FILE] [--by-theme] [--misses]

Themes that the labellers were unsure of (``maybe``) are neither credited nor counted against the tagger.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT))

from pipeline.themes.segments import TextSegment  # noqa: E402
from pipeline.themes.tagger import Suggestion, suggest  # noqa: E402

SHARED = Path(os.environ.get("COMMUNITY_REPORTING_SHARED", ROOT.parent / "shared"))
DEV = SHARED / "themes" / "gold-dev.jsonl"


@dataclass
class Counts:
    """(excerpt, theme) pairs: rightly suggested, wrongly suggested, missed."""

    right: int = 0
    wrong: int = 0
    missed: int = 0

    @property
    def precision(self) -> float:
        return self.right / (self.right + self.wrong or 1)

    @property
    def recall(self) -> float:
        return self.right / (self.right + self.missed or 1)

    @property
    def f1(self) -> float:
        return 2 * self.right / (2 * self.right + self.wrong + self.missed or 1)

    def line(self, name: str) -> str:
        figures = f"P {self.precision:.3f}  R {self.recall:.3f}  F1 {self.f1:.3f}"
        return f"{name:14} {figures}  ({self.right} right, {self.wrong} wrong, {self.missed} missed)"


@dataclass
class Measurement:
    """Counts over all excerpts, by language and by theme; ``misses`` are lines to read."""

    overall: Counts
    by_language: dict[str, Counts]
    by_theme: dict[str, Counts]
    misses: list[str]


def measure(lines: Iterable[str]) -> Measurement:
    """Tag every excerpt of a JSONL file with ``lang``, ``text``, ``themes``, ``maybe`` and compare."""
    result = Measurement(Counts(), defaultdict(Counts), defaultdict(Counts), [])
    for line in lines:
        excerpt = json.loads(line)
        answer = suggest([TextSegment(0, excerpt["text"])], excerpt["lang"])
        suggestions = {s.theme: s for s in answer} if isinstance(answer, list) else {}
        wanted, unsure = set(excerpt["themes"]), set(excerpt["maybe"])
        for theme in sorted((wanted | set(suggestions)) - unsure):
            for counts in (result.overall, result.by_language[excerpt["lang"]], result.by_theme[theme]):
                counts.right += theme in wanted and theme in suggestions
                counts.wrong += theme not in wanted
                counts.missed += theme not in suggestions
        result.misses.append(_misses(excerpt, wanted, unsure, suggestions))
    return result


def _misses(
    excerpt: dict[str, str], wanted: set[str], unsure: set[str], suggestions: dict[str, Suggestion]
) -> str:
    lines = [f"{excerpt['id']}: {excerpt['text']}"]
    for theme, suggestion in suggestions.items():
        if theme not in unsure:
            found = "; ".join(f"{piece.text} [{piece.why}]" for piece in suggestion.evidence)
            lines.append(f"   {'right' if theme in wanted else 'WRONG'} {theme} {suggestion.score}: {found}")
    lines.extend(f"   MISSED {theme}" for theme in sorted(wanted - set(suggestions)))
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", nargs="?", type=Path, default=DEV)
    parser.add_argument("--by-theme", action="store_true")
    parser.add_argument("--misses", action="store_true")
    options = parser.parse_args()
    result = measure(options.file.read_text(encoding="utf-8").splitlines())
    if options.misses:
        print("\n\n".join(result.misses))
    for name, counts in sorted(result.by_language.items()):
        print(counts.line(f"themes {name}"))
    if options.by_theme:
        for name, counts in sorted(result.by_theme.items()):
            print(counts.line(name))
    print(result.overall.line("themes overall"))


if __name__ == "__main__":
    main()
