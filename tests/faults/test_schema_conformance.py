"""Requests made of the API's own description, good ones and bad ones, from everybody: the answers are as it says.

schemathesis makes the requests and judges the answers: never a failure of ours, only statuses that are described,
each with the kind of content and the schema that stand beside it. Half of the requests name things that are there.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import cycle
from pathlib import Path
from typing import Any

import anyio.to_thread
import httpx2
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.generation.feedback import FeedbackSources
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from app.uploads.protocol import KIND
from models.roles import Scope
from storage.embedded import Embedded
from tests.access.place import Place
from tests.plugins.databases import on_sqlite
from tests.plugins.objects import bucket_on

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
PEOPLE = ("nobody", "sender", "facilitator", "curator", "team", "administrator")
# One a stage of the story that requests name: what may be done with it differs.
STAGES = ("in review", "published")
EVERY_STAGE = (*STAGES, "nobody asked", "curated", "flagged", "recalled")
ADDRESS = "http://testserver"
QUICKLY = settings(
    deadline=None,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


schemathesis.serializer.alias(KIND, "application/octet-stream")


class Judge:
    """Sends what schemathesis makes as everybody, and keeps what is not as the description says."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.schema = schemathesis.openapi.from_dict(place.app.openapi())
        self._scopes = cycle(Scope)
        self._keys = {scope: place.key_of("curator", frozenset({scope})) for scope in Scope}
        self.asked = 0
        self.statuses: dict[str, set[int]] = {}
        self.wrong: dict[str, str] = {}

    def operations(self) -> Iterator[Any]:
        for found in self.schema.get_all_operations():
            yield found.ok()

    def ask_as_each(self, people: Sequence[str], case: Case[Any], ids: Mapping[str, Any] | None) -> None:
        """As these people, and as a program whose key has one scope."""
        if ids is not None:
            name_what_is_there(case, ids)
        for role in people:
            self._ask(case, role, self.place.headers_of(role))
        scope = next(self._scopes)
        self._ask(case, f"a key for {scope}", self._keys[scope])

    def _ask(self, case: Case[Any], role: str, comes_with: Mapping[str, str]) -> None:
        sent = case.as_transport_kwargs(base_url=ADDRESS)
        sent["headers"].update(comes_with)
        if "cookie" in comes_with:
            sent["cookies"] = None
        prepared = requests.Request(**sent).prepare()
        self.asked += 1
        what = f"{case.operation.label} as {role}"
        try:
            answer = self.place.send(as_asked(prepared))
        except Exception as error:
            self.wrong.setdefault(f"{case.operation.label}: {error!r}"[:300], f"{what}: {case!r}")
            return
        headers: dict[str, list[str]] = {}
        for name, value in answer.headers:
            headers.setdefault(name, []).append(value)
        response = schemathesis.Response(answer.status, headers, answer.body, prepared, 0.0, False)
        self.statuses.setdefault(case.operation.label, set()).add(answer.status)
        try:
            case.validate_response(response, checks=CHECKS)
        except FailureGroup as group:
            for failure in group.exceptions:
                said = f"{failure.title}: {failure.message}"[:600]
                self.wrong.setdefault(f"{case.operation.label}: {said}", f"{what}: {case!r} {answer}"[:2000])

    def assert_nothing_wrong(self) -> None:
        shown = [f"{wrong}\n    {example}" for wrong, example in self.wrong.items()]
        assert not shown, f"{len(shown)} answers are not as described:\n" + "\n".join(shown)


def as_asked(prepared: requests.PreparedRequest) -> httpx2.Request:
    body = prepared.body or b""
    return httpx2.Request(
        str(prepared.method),
        str(prepared.url),
        headers=[(name, value) for name, value in prepared.headers.items()],
        content=body.encode() if isinstance(body, str) else body,
    )


def name_what_is_there(case: Case[Any], ids: Mapping[str, Any]) -> None:
    """Put the ids of things that are there into the places of a request's own."""
    case.path_parameters = {
        name: ids.get(name, "captions.vtt" if name == "name" else value)
        for name, value in (case.path_parameters or {}).items()
    }
    if "Upload-Metadata" in case.headers:
        case.headers["Upload-Metadata"] = ids["upload_metadata"]
    case.body = _named(case.body, ids)


def _named(body: Any, ids: Mapping[str, Any]) -> Any:
    known = {
        **{name: ids[name] for name in ("story_id", "recording_id") if name in ids},
        **{"pilot": "here", "pilots": ["here"], "share_with": ["here"], "story_ids": [ids["story_id"]]},
        "based_on_version": 1,
    }
    if isinstance(body, dict):
        return {name: known.get(name, _named(value, ids)) for name, value in body.items()}
    return [_named(each, ids) for each in body] if isinstance(body, list) else body


async def _run_here(function: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
    return function(*arguments)


@pytest.fixture
def judge(
    object_server: Embedded, sqlite_template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Judge]:
    # One request at a time: going to another thread and back takes longer than all the rest.
    monkeypatch.setattr(anyio.to_thread, "run_sync", _run_here)
    with (
        on_sqlite(tmp_path, sqlite_template) as database,
        bucket_on(object_server) as objects,
        Place(database, objects, tmp_path).opened() as place,
    ):
        yield Judge(place)


def see_all(
    judge: Judge,
    stages: tuple[str, ...],
    examples: int,
    of_seed: int,
    good_ones_as: tuple[tuple[str, ...], ...] = (PEOPLE,),
    bad_ones_as: tuple[tuple[str, ...], ...] = (PEOPLE,),
) -> None:
    """Each operation with so many good requests and as many bad ones, most of them of things that are there.

    One request after the other comes from the people of the next group.
    """
    told = [judge.place.tell(stage) for stage in stages]
    for number, operation in enumerate(judge.operations()):
        for mode, groups in ((GenerationMode.POSITIVE, good_ones_as), (GenerationMode.NEGATIVE, bad_ones_as)):
            turns = zip(cycle(groups), cycle([told[number % len(told)], None, *told]))
            cases = operation.as_strategy(generation_mode=mode, feedback=FeedbackSources())
            see(judge, cases, turns, examples, of_seed)
    assert judge.statuses.keys() == {each.label for each in judge.operations()}


def see(judge: Judge, cases: Any, turns: Iterator[Any], examples: int, of_seed: int) -> None:
    @seed(of_seed)
    @settings(QUICKLY, max_examples=examples)
    @given(cases)
    def ask(case: Case[Any]) -> None:
        people, ids = next(turns)
        judge.ask_as_each(people, case, ids)

    # Of what takes nothing there is no bad request.
    with suppress(Unsatisfiable):
        ask()


def test_every_answer_is_as_the_description_says(judge: Judge) -> None:
    """Each operation meets everybody once."""
    halves = PEOPLE[::2], PEOPLE[1::2]
    see_all(judge, STAGES, examples=2, of_seed=1, good_ones_as=halves, bad_ones_as=(("curator",),))
    judge.assert_nothing_wrong()


@pytest.mark.long
def test_every_answer_to_thousands_of_requests_is_as_the_description_says(judge: Judge) -> None:
    of_seed = int.from_bytes(os.urandom(4))
    print(f"seed {of_seed}")
    see_all(judge, EVERY_STAGE, examples=8, of_seed=of_seed)
    print(f"{judge.asked} requests")
    judge.assert_nothing_wrong()
