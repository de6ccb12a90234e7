"""Every write boundary of a deed fails in turn: it is tried again with the next, until a run passes untouched.

After each the service recovers by itself, what was answered 2xx is there, and whoever was not answered looks, tries
again, and finds everything once.
"""

from __future__ import annotations

import itertools
import random
import shutil
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from app.operations.backup import make_backup
from storage.database import Database
from storage.embedded import Embedded
from storage.objects import Objects
from storage.sealing import make_key
from tests.app.operations.conftest import Installation
from tests.faults import figures
from tests.faults.boundaries import How
from tests.faults.ground import Ground, a_sound, settings_of
from tests.faults.knobs import EVERY, SEED
from tests.faults.warm import Told, play
from tests.plugins.databases import on_postgresql, on_sqlite
from tests.plugins.objects import bucket_on

Rows = dict[str, list[dict[str, Any]]]
# What a restore itself writes.
OURS = ("journal_entry", "journal_head")
# The large one goes into the store in two parts.
SMALL, LARGE = a_sound(1.0, 1), a_sound(175.0, 2)


@dataclass(frozen=True)
class Case:
    """One run of a deed: what its acts are given, and what must be so in the end."""

    place: dict[str, Any]
    given: dict[str, Any]
    story_id: str | None
    ills: Callable[[], list[str]]


@dataclass(frozen=True)
class Deed:
    """What is killed: ``act``, and ``again``, what whoever was not answered does then.

    ``kept`` says of what was answered, and of what was found before anybody tried again, what is missing.
    """

    act: str
    again: str
    prepare: Callable[[Ground], Case]
    kept: Callable[[Told, dict[str, Any]], list[str]]
    #: What the service does in between.
    recovers: bool = True


# ---- the deeds ----


def _status(told: Told, name: str) -> int:
    said = told.of(name, act=0)
    return said["status"] if said else 0


def _sending(content: bytes) -> Callable[[Ground], Case]:
    def prepare(ground: Ground) -> Case:
        story = ground.new_story()
        given = {"story_id": story.id, "content": content}
        return Case(ground.place, given, story.id, lambda: ground.ills_of_recording(story.id, content))

    return prepare


def _is_received(told: Told, found: dict[str, Any]) -> list[str]:
    is_lost = _status(told, "last") in (201, 204) and len(found["received"]) != 1
    return ["lost: a recording that was answered"] if is_lost else []


def _consenting(ground: Ground) -> Case:
    story = ground.inspected_story(SMALL, consents_to=False)
    given = {"story_id": story.id, "person_id": story.people[0].id}
    return Case(ground.place, given, story.id, lambda: ground.ills_of_consent(story.id))


def _is_consented(told: Told, found: dict[str, Any]) -> list[str]:
    return ["lost: consent"] if _status(told, "consent") == 201 and found["events"] != 1 else []


def _withdrawing(ground: Ground) -> Case:
    story = ground.published_story()
    return Case(ground.place, {"story_id": story.id}, story.id, lambda: ground.ills_of_withdrawal(story.id))


def _is_withdrawn(told: Told, found: dict[str, Any]) -> list[str]:
    is_there = found["state"] == "withdrawn" and found["has_stone"] and found["stone_is_written"]
    return ["lost: a withdrawal"] if _status(told, "withdraw") == 200 and not is_there else []


def _erasing(ground: Ground) -> Case:
    story = ground.withdrawn_story()
    given = {"story_id": story.id, "steps": ["erase", "erased"]}
    token = story.object_token
    return Case(ground.place, given, story.id, lambda: ground.ills_of_erasure(story.id, token))


def _is_still_closed(told: Told, found: dict[str, Any]) -> list[str]:
    return [] if found["state"] in (None, "withdrawn") else ["lost: a withdrawal"]


def _rendering(ground: Ground) -> Case:
    story = ground.inspected_story(SMALL)
    given = {"story_id": story.id, "steps": ["render"]}
    return Case(ground.place, given, story.id, lambda: ground.ills_of_renditions(story.id))


def _nothing_promised(told: Told, found: dict[str, Any]) -> list[str]:
    return []


DEEDS = {
    "finish-upload": Deed("send_by_tus", "go_on_by_tus", _sending(SMALL), _is_received),
    "finish-upload in parts": Deed("send_by_tus", "go_on_by_tus", _sending(LARGE), _is_received),
    "finish-upload by form": Deed("send_by_form", "send_by_form_again", _sending(SMALL), _is_received),
    "render": Deed("work", "work", _rendering, _nothing_promised),
    "consent": Deed("consent", "consent_again", _consenting, _is_consented),
    "withdraw": Deed("withdraw", "withdraw_again", _withdrawing, _is_withdrawn),
    "erase": Deed("work", "work", _erasing, _is_still_closed),
}


# ---- failing in turn ----


def fail_once(ground: Ground, deed: Deed, number: int | None, how: How) -> tuple[Told, list[str]]:
    """One run in which this boundary fails; what it passed, and what is wrong afterwards."""
    case = deed.prepare(ground)
    first = [(deed.act, case.given)]
    after: list[tuple[str, dict[str, Any]]] = [("recover", {})] if deed.recovers else []
    after += [("found", {"story_id": case.story_id})] if case.story_id else []
    after += [(deed.again, case.given), ("look_over", {})]
    if how == "raises":
        told = ended = play(case.place, first + after, fails_at=number, how=how)
    else:
        told = play(case.place, first, fails_at=number, how=how)
        ended = play(case.place | {"where": told.of("where"), "starts": True}, after)
    ills = deed.kept(told, ended.of("found") or {})
    if number is not None and _status_of_failed(told) >= 500 and not _says_when(told):
        ills.append("ill: no word of when to try again")
    ills += [f"ill: {each}" for each in ended.of("ill")]
    return told, ills + case.ills()


def _status_of_failed(told: Told) -> int:
    statuses = [said["status"] for act, _, said in told.answers if act == 0 and isinstance(said, dict)]
    return max((each for each in statuses if isinstance(each, int)), default=0)


def _says_when(told: Told) -> bool:
    answers = [said for act, _, said in told.answers if act == 0 and isinstance(said, dict)]
    return all(
        each["status"] in (503, 507) and each["retry_after"] for each in answers if each["status"] >= 500
    )


def fail_in_turn(ground: Ground, deed: Deed, numbers: Iterable[int], how: How) -> tuple[int, list[str]]:
    """Each of these boundaries fails, until a run passes untouched; how many failed, and all that was wrong."""
    failed, wrong = 0, []
    for number in numbers:
        told, ills = fail_once(ground, deed, number, how)
        assert told.failed_at or told.passed is not None, f"{number}: it died before its first boundary"
        if told.failed_at is None and len(told.passed) < number:
            assert ills == [], "nothing failed"
            break
        failed += 1
        wrong += [f"{number} ({told.failed_at}, {how}): {each}" for each in ills]
    return failed, wrong


def note(what: str, failed: int, wrong: list[str]) -> None:
    print("\n".join(wrong))
    lost = sum(": lost: " in each for each in wrong)
    figures.note(what, boundaries=failed, lost=lost, doubled=sum(": doubled: " in each for each in wrong))
    assert wrong == [], "\n".join(wrong)


@pytest.mark.long
@pytest.mark.faults
@pytest.mark.parametrize("how", ["dies", "raises"])
@pytest.mark.parametrize("name", DEEDS)
def test_every_boundary_fails_in_turn(ground: Ground, name: str, how: How) -> None:
    failed, wrong = fail_in_turn(ground, DEEDS[name], itertools.count(1), how)
    note(f"{name}, {how}", failed, wrong)


def _working(ground: Ground) -> Case:
    story = ground.sent_story(SMALL)
    return Case(ground.place, {"story_id": story.id}, story.id, lambda: ground.ills_of_work(story.id))


@pytest.mark.long
@pytest.mark.faults
def test_worker_dies_at_its_boundaries_and_those_of_durable_work(ground: Ground) -> None:
    """From the first look at a recording to the index. At each takes an hour; every so many in turn are minutes."""
    deed = Deed("carry_on", "carry_on", _working, _nothing_promised, recovers=False)
    first = random.Random(SEED).randrange(1, EVERY + 1)
    failed, wrong = fail_in_turn(ground, deed, itertools.count(first, EVERY), "dies")
    note(f"a worker, every {EVERY}th, dies", failed, wrong)


SHORT = {"finish-upload": 3, "render": 2, "withdraw": 2}


@pytest.mark.parametrize("name", SHORT)
def test_some_boundaries_fail(ground: Ground, name: str) -> None:
    some_fail(ground, name, SHORT[name])


@pytest.mark.long
@pytest.mark.parametrize("kind", ["postgresql"])
@pytest.mark.parametrize("name", DEEDS)
def test_some_boundaries_of_each_deed_fail_on_postgresql(ground: Ground, name: str) -> None:
    some_fail(ground, name, 4)


def some_fail(ground: Ground, name: str, count: int) -> None:
    """A few boundaries spread over a deed, half of them by dying there."""
    told, ills = fail_once(ground, DEEDS[name], None, "raises")
    assert (ills, told.failed_at) == ([], None)
    last = len(told.passed or ())
    numbers = sorted({round(1 + (last - 1) * (each + 0.5) / count) for each in range(count)})
    for number, how in zip(numbers, itertools.cycle(("dies", "raises"))):
        failed, wrong = fail_in_turn(ground, DEEDS[name], [number], how)  # type: ignore[arg-type]
        note(f"{name}, some", failed, wrong)
        assert failed == 1


# ---- restore: into a new installation each time ----


@dataclass
class Shelf:
    """A backup, where it came from, the key beside it, and what makes an empty database of the same kind."""

    home: Installation
    place: Path
    folder: Path
    server: Embedded
    new_database: Callable[[Path], AbstractContextManager[Database]]


@pytest.fixture
def shelf(
    make_database: Callable[..., Database],
    kind: str,
    request: pytest.FixtureRequest,
    object_store: Objects,
    object_server: Embedded,
    tmp_path: Path,
) -> Shelf:
    """A backup of three stories, one of which was taken back since."""
    make_key(tmp_path / "key")
    home = Installation(tmp_path / "home", make_database(kind), object_store)
    for title in ("Under the oak", "By the well", "At the mill"):
        home.stories.append(home.story(title=title))
    make_backup(home.parts, tmp_path / "backups")
    home.withdraw(home.stories[0])

    def empty(folder: Path) -> AbstractContextManager[Database]:
        if kind == "sqlite":
            return on_sqlite(folder, None)
        return on_postgresql(request.getfixturevalue("postgresql_home"), "template0")

    return Shelf(home, tmp_path / "backups", tmp_path, object_server, empty)


def restore_once(shelf: Shelf, number: int | None, how: How) -> tuple[Told, list[str]]:
    """One restore in which this boundary fails, and what is wrong when it was run again."""
    folder = shelf.folder / f"new-{number}-{how}"
    folder.mkdir()
    with shelf.new_database(folder) as database, bucket_on(shelf.server) as objects:
        settings = settings_of(folder / "data", database, objects, shelf.server)
        settings |= {"backup_key": str(shelf.folder / "key")}
        settings |= {"tombstones": str(shelf.home.settings.tombstones_folder)}
        place = {"settings": settings}
        first, again = (
            ("restore", {"source": str(shelf.place)}),
            ("restore_again", {"source": str(shelf.place)}),
        )
        if how == "raises":
            told = ended = play(place, [first, again, ("look_over", {})], fails_at=number, how=how)
        else:
            told = play(place, [first], fails_at=number, how=how)
            ended = play(place, [again, ("look_over", {})])
        new = Installation(folder / "data", database, objects)
        # Nobody works there who could erase, and for the last of many restores the withdrawal was long ago.
        ills = [f"ill: {each}" for each in ended.of("ill") if not str(each).startswith("late erasures")]
        if new.bytes_of_everything() != shelf.home.bytes_of_everything():
            ills.append("lost: objects")
        ills += _differing(new.rows(), shelf.home.rows(), shelf.home.stories[0].id)
    shutil.rmtree(folder)
    return told, ills


def _differing(rows: Rows, at_home: Rows, gone: str) -> list[str]:
    """Tables that are not as at home, but for what a restore itself writes, and for the story that was taken back."""
    here, there = _without(rows, gone), _without(at_home, gone)
    return [
        f"{'lost' if len(here[name]) < len(there[name]) else 'doubled'}: rows of {name}"
        for name in here
        if name not in OURS and here[name] != there[name]
    ]


def _without(rows: Rows, story_id: str) -> Rows:
    """Rows that do not name a story, nor a row that does."""
    named = {story_id}
    while True:
        naming = [row for table in rows.values() for row in table if named & _texts(row)]
        more = {str(row["id"]) for row in naming if "id" in row}
        if more <= named:
            return {name: [row for row in table if not named & _texts(row)] for name, table in rows.items()}
        named |= more


def _texts(row: dict[str, Any]) -> set[str]:
    return {value for value in row.values() if isinstance(value, str)}


@pytest.mark.long
@pytest.mark.faults
@pytest.mark.parametrize("how", ["dies", "raises"])
def test_every_boundary_of_a_restore_fails_in_turn(shelf: Shelf, how: How) -> None:
    failed, wrong = 0, []
    for number in itertools.count(1):
        told, ills = restore_once(shelf, number, how)
        if told.failed_at is None:
            assert ills == [], "nothing failed"
            break
        failed += 1
        wrong += [f"{number} ({told.failed_at}, {how}): {each}" for each in ills]
    note(f"restore, {how}", failed, wrong)


@pytest.mark.parametrize("kind", ["sqlite", pytest.param("postgresql", marks=pytest.mark.long)])
def test_restore_that_dies_half_way_is_run_again(shelf: Shelf) -> None:
    told, ills = restore_once(shelf, None, "raises")
    assert ills == []
    last = len(told.passed or ())
    for number in (last // 2, last - 2):
        told, ills = restore_once(shelf, number, "dies")
        assert told.failed_at is not None
        note("restore, some", 1, [f"{number} ({told.failed_at}): {each}" for each in ills])
