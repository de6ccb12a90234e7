"""Every route of the running service, opened as every role over a story in every stage, as the table says."""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

import pytest
from fastapi.routing import APIRoute, iter_route_contexts
from starlette.routing import Mount

from models.roles import Scope
from tests.access.conftest import Tally
from tests.access.place import Answer, Place
from tests.access.stages import CURATORS, ROLES, STAGES, TELLER
from tests.access.stories import (
    ARCHIVES,
    CANARIES,
    IN_ARCHIVES,
    OF_UNKNOWN,
    ON_TELLERS_PAGES,
    READERS_WORD,
    UNKNOWN,
)
from tests.access.table import (
    API,
    FOR_PEOPLE,
    FOR_PROGRAMS,
    FOR_TELLERS,
    MOUNTED,
    TABLE,
    WITHOUT_SCOPE,
    Way,
)
from tests.plugins.stories import THEME

# What is looked for in lists and searches, beside everything.
ASKED: tuple[Mapping[str, Any], ...] = ({}, {"q": READERS_WORD}, {"pilot": "here", "theme": THEME})


def test_table_names_every_route_and_no_other(place: Place) -> None:
    found: set[str] = set()
    for route in iter_route_contexts(place.app.routes):
        if isinstance(route.original_route, Mount):
            assert route.path in MOUNTED, (
                f"who may open what is mounted at {route.path}? Say so in the table."
            )
            continue
        # A plain route of Starlette's adds HEAD to GET by itself, and answers it by the same function.
        by_itself = set() if isinstance(route.original_route, APIRoute) else {"HEAD"}
        found |= {f"{method} {route.path}" for method in set(route.methods or ()) - by_itself}
    assert found - TABLE.keys() == set(), "a route that is not in the table"
    assert TABLE.keys() - found == set(), "an entry whose route is gone"


def beside_notices(answer: Answer) -> Answer:
    """An answer without how many notices wait for whoever asked, and without its length."""
    headers = re.sub(r"\('content-length', '\d+'\)", "", answer.headers)
    return replace(
        answer, headers=headers, text=re.sub(r"(/notices\">\w+) \(\d+<span .*?</span>\)", r"\1", answer.text)
    )


@pytest.mark.parametrize("stage", STAGES)
def test_every_route_answers_every_role_as_the_table_says(place: Place, tally: Tally, stage: str) -> None:
    ids = place.tell(stage)
    for name, way in TABLE.items():
        for role in ROLES:
            if not way.is_walked(role, stage):
                continue
            answer, expected = place.ask(role, name, ids), way.expected(role, stage)
            wrong = given_away(role, stage, name, answer) + what_runs(name, answer) + leads_away(answer)
            if answer.status != expected:
                wrong.append(f"{answer.status} instead of {expected}: {answer.text[:200]}")
            if expected == 404 and names_a_story(name, way) and role not in STAGES[stage].who("reads"):
                unknown = place.ask_of_unknown(role, name)
                # Who pulled a story that is gone is told so by a notice, and its number stands on every page of theirs.
                answer, unknown = beside_notices(answer), beside_notices(unknown)
                if without_ids(answer, ids) != without_ids(unknown, ids):
                    wrong.append(f"unlike an unknown id: {answer} {unknown}")
            tally.check(f"{stage}, {role}, {name}", not wrong, "; ".join(wrong))
    tally.close()


def test_lists_counts_and_searches_are_the_same_with_and_without_hidden_stories(
    place: Place, tally: Tally
) -> None:
    lists = [
        name
        for name, way in TABLE.items()
        if name.startswith("GET") and not names_a_story(name, way) and not way.is_once and way.door != TELLER
    ]
    asked = [(name, params) for name in lists for params in (ASKED if "search" in name else ASKED[:1])]
    not_yet = {
        (role, name, str(params)): place.ask(role, name, place.ids, params=params)
        for role in ROLES
        for name, params in asked
    }
    hidden: list[str] = []
    # First what is hidden from most. Each role is asked when all is told that it may not read.
    for stages, asked_now in by_readers(STAGES):
        for stage in stages:
            place.tell(stage, is_collected=False)
        hidden += stages
        for role in asked_now:
            for name, params in asked:
                if role in CURATORS and name.endswith("/notices"):
                    # They are told what becomes of stories that they cared for.
                    continue
                if name == "GET /journal":
                    # Whoever runs the service sees that something was done, by numbers that say nothing else.
                    continue
                answer = place.ask(role, name, place.ids, params=params)
                before = not_yet[role, name, str(params)]
                # How many notices wait for curators stands on every page of theirs.
                counted = role in CURATORS
                is_same = beside_notices(answer) == beside_notices(before) if counted else answer == before
                tally.check(f"{role}, {name} {params}", is_same, f"tells of {hidden}: {answer}")
    tally.close()


def test_every_route_for_programs_asks_a_key_for_its_scope_and_for_no_other(
    place: Place, tally: Tally
) -> None:
    ids = place.tell("curated")
    assert {name for name, way in FOR_PROGRAMS.items() if way.scope is None} == WITHOUT_SCOPE
    for scope in Scope:
        with_it = place.key_of("curator", frozenset({scope}))
        without_it = place.key_of("curator", frozenset(Scope) - {scope})
        for name, way in FOR_PROGRAMS.items():
            if way.scope is not scope:
                continue
            refused, allowed = (place.ask_with(key, name, ids) for key in (without_it, with_it))
            is_refused = refused.status == 403 and "scope-missing" in refused.text
            tally.check(f"{name} without {scope}", is_refused, str(refused))
            is_right = allowed.status == way.expected("curator", "curated")
            tally.check(f"{name} with {scope} alone", is_right, str(allowed))
    tally.close()


def test_pages_do_not_know_keys(place: Place, tally: Tally) -> None:
    ids = place.tell("curated")
    key = place.key_of("curator", frozenset(Scope))
    for name, way in FOR_PEOPLE.items():
        answer = place.ask_with(key, name, ids)
        is_right = answer.status == way.expected("nobody", "curated")
        tally.check(f"{name} with a key", is_right, str(answer))
    tally.close()


def test_every_route_for_programs_is_described(place: Place) -> None:
    described = place.app.openapi()["paths"]
    for name in FOR_PROGRAMS.keys() - {f"GET {API}/openapi.json"}:
        method, path = name.split()
        if method != "HEAD":
            operation = described[path][method.lower()]
            assert operation["summary"], name
            assert operation["tags"], name


def names_a_story(name: str, way: Way) -> bool:
    return any(
        word in f"{name} {way.sends} {way.fills}"
        for word in ("{story_id}", "{recording_id}", "{private_token}", "{upload_id}", "{upload_metadata}")
    )


def given_away(role: str, stage: str, name: str, answer: Answer) -> list[str]:
    """What an answer tells somebody of a role who is not to know it."""
    rules = [CANARIES]
    rules += [ON_TELLERS_PAGES] if name in FOR_TELLERS else []
    rules += [IN_ARCHIVES] if name.endswith(ARCHIVES) else []
    found = []
    for word in CANARIES:
        columns = {column for rule in rules for column in rule.get(word, ())}
        if not any(role in STAGES[stage].who(column) for column in columns) and answer.names(word):
            found.append(f"gives away {word}")
    return found


# What the service itself writes; all else came from people, or was made of what came.
OURS = (
    *("text/html", "text/css", "application/json", "application/problem+json", "text/plain; version="),
    "text/event-stream",
)
OUR_FILES = ("GET /sw.js", "GET /imports/template.csv")
HARMLESS = ("audio/mp4", "video/mp4", "image/jpeg", "text/vtt")
SAVED = ("application/octet-stream", "application/zip")


def what_runs(name: str, answer: Answer) -> list[str]:
    """What a browser could do with bytes that people sent, beside playing, reading or saving them."""
    headers: dict[str, str] = dict(ast.literal_eval(answer.headers))
    kind = headers.get("content-type", "")
    if answer.status not in (200, 206) or not kind or kind.startswith(OURS) or name in OUR_FILES:
        return []
    is_saved = headers.get("content-disposition", "").startswith("attachment; filename=")
    asked = {
        f"is sent as {kind}": kind.startswith(HARMLESS) or (kind in SAVED and is_saved),
        "may be taken for something else": headers["x-content-type-options"] == "nosniff",
        "is in no sandbox": headers["content-security-policy"] == "default-src 'none'; sandbox",
        "is kept by caches": headers["cache-control"] == "private, no-store",
    }
    return [what for what, is_so in asked.items() if not is_so]


def leads_away(answer: Answer) -> list[str]:
    """A redirect to anywhere but ourselves."""
    if answer.status // 100 != 3:
        return []
    place_named = dict(ast.literal_eval(answer.headers))["location"]
    is_ours = re.fullmatch(r"/(?!/)[\w/#?=&.-]*", place_named) is not None
    return [] if is_ours else [f"leads to {place_named}"]


def without_ids(answer: Answer, ids: Mapping[str, Any]) -> Answer:
    text = answer.text
    for word in OF_UNKNOWN:
        text = text.replace(ids[word], UNKNOWN)
    return Answer(answer.status, answer.headers, text)


def by_readers(stages: Collection[str]) -> list[tuple[list[str], set[str]]]:
    """Stages that the same roles may read, fewest first; and who reads none so far, but one of those that follow."""
    alike: dict[frozenset[str], list[str]] = {}
    for stage in stages:
        alike.setdefault(STAGES[stage].who("reads"), []).append(stage)
    readers = sorted(alike, key=len)
    so_far: set[str] = set()
    found = []
    for these, following in zip(readers, [*readers[1:], frozenset(ROLES)], strict=True):
        so_far |= these
        found.append((alike[these], set(following) - so_far))
    return found
