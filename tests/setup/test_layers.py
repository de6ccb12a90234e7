"""Each room under app/ keeps its pages and its API to itself: the import checker has a contract for it."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
DOORS = ("api", "pages")

Contract = dict[str, Any]


def doors_of_rooms(app: Path) -> dict[str, set[str]]:
    """Each room with the modules that answer from outside: what no other room may import."""
    found: dict[str, set[str]] = {}
    for path in sorted(app.glob("*/*.py")):
        if path.stem in DOORS:
            room = path.parent.name
            found.setdefault(room, set()).add(f"app.{room}.{path.stem}")
    return found


def unguarded(app: Path, contracts: Sequence[Contract]) -> dict[str, set[str]]:
    """The doors of rooms that no contract protects for that room alone."""
    protected = {
        room: set(contract["protected_modules"])
        for contract in contracts
        if contract["type"] == "protected"
        for room in doors_of_rooms(app)
        if set(contract["allowed_importers"]) == {"app.main", f"app.{room}"}
    }
    doors = doors_of_rooms(app)
    left = {room: each - protected.get(room, set()) for room, each in doors.items()}
    return {room: each for room, each in left.items() if each}


@pytest.fixture
def contracts() -> list[Contract]:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    found: list[Contract] = settings["tool"]["importlinter"]["contracts"]
    return found


def test_every_room_has_a_contract_of_its_own(contracts: list[Contract]) -> None:
    assert doors_of_rooms(ROOT / "app").keys() >= {"stories", "consents", "review", "collections", "people"}
    assert unguarded(ROOT / "app", contracts) == {}


def test_no_contract_is_for_a_room_that_is_gone(contracts: list[Contract]) -> None:
    doors = {door for each in doors_of_rooms(ROOT / "app").values() for door in each}
    protected = [each for each in contracts if each["type"] == "protected"]
    assert {module for each in protected for module in each["protected_modules"]} == doors


def test_room_without_a_contract_is_found(contracts: list[Contract], tmp_path: Path) -> None:
    for path in ("people/api.py", "people/pages.py", "letters/pages.py", "exchange/naming.py"):
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).touch()
    assert unguarded(tmp_path, contracts) == {"letters": {"app.letters.pages"}}


def test_contract_that_lets_another_room_in_protects_nothing(
    contracts: list[Contract], tmp_path: Path
) -> None:
    (tmp_path / "people").mkdir()
    (tmp_path / "people" / "api.py").touch()
    opened = [
        each | {"allowed_importers": [*each.get("allowed_importers", []), "app.review"]} for each in contracts
    ]
    assert unguarded(tmp_path, contracts) == {}
    assert unguarded(tmp_path, opened) == {"people": {"app.people.api"}}
