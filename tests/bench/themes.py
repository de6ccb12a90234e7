"""How many of the themes that people found the tagger finds: one line, ``THEMES``.

python -m tests.bench.themes
"""

from __future__ import annotations

import importlib.util
import sys
from types import ModuleType

from pipeline.themes.codebook import languages_with_vocabulary
from tests.bench._measuring import ROOT, SHARED


def main() -> None:
    labelled = SHARED / "themes" / "gold-dev.jsonl"
    if not labelled.is_file():
        print("THEMES skipped: the labelled excerpts beside the checkout (themes/gold-dev.jsonl) are absent")
        return
    found = _gold().measure(labelled.read_text(encoding="utf-8").splitlines())
    overall = found.overall
    has_vocabulary = languages_with_vocabulary()
    languages = " ".join(
        f"{code} {counts.f1:.2f}" if code in has_vocabulary else f"{code} none yet"
        for code, counts in sorted(found.by_language.items())
    )
    print(
        f"THEMES F1 {overall.f1:.3f} precision {overall.precision:.3f} recall {overall.recall:.3f} "
        f"| {len(found.misses)} excerpts, {overall.right} right, {overall.wrong} wrong, {overall.missed} missed "
        f"| F1 by language: {languages}"
    )


def _gold() -> ModuleType:
    """The measurement that the tagger's tests use; it is a script, in a folder that is no package."""
    path = ROOT / "tests" / "pipeline" / "themes" / "gold.py"
    spec = importlib.util.spec_from_file_location("gold", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["gold"] = module
    spec.loader.exec_module(module)
    return module


if __name__ == "__main__":
    main()
