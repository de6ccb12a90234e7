from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType

import pytest

FLOORS = {"en": 0.75, "pl": 0.75, "es": 0.75}


@pytest.fixture(scope="module")
def gold() -> ModuleType:
    spec = importlib.util.spec_from_file_location("gold", Path(__file__).with_name("gold.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["gold"] = module
    spec.loader.exec_module(module)
    return module


def test_themes_are_found_as_well_as_they_once_were(gold: ModuleType, shared_folder: Path) -> None:
    lines = (shared_folder / "themes" / "gold-dev.jsonl").read_text(encoding="utf-8").splitlines()
    result = gold.measure(lines)
    reached = {language: round(result.by_language[language].f1, 3) for language in FLOORS}
    assert not {language: f1 for language, f1 in reached.items() if f1 < FLOORS[language]}


def test_unsure_themes_neither_help_nor_harm(gold: ModuleType) -> None:
    excerpt = {"id": "1", "lang": "en", "text": "The landlord.", "themes": [], "maybe": ["housing"]}
    counts = gold.measure([json.dumps(excerpt)]).overall
    assert (counts.right, counts.wrong, counts.missed) == (0, 0, 0)


def test_right_wrong_and_missed_are_told_apart(gold: ModuleType) -> None:
    excerpt = {
        "id": "1",
        "lang": "en",
        "text": "The landlord and my job.",
        "themes": ["housing", "food"],
        "maybe": [],
    }
    counts = gold.measure([json.dumps(excerpt)]).overall
    assert (counts.right, counts.wrong, counts.missed) == (1, 1, 1)
    assert (counts.precision, counts.recall, counts.f1) == (0.5, 0.5, 0.5)
