"""Whatever goes wrong is answered in words that say what to do, to programs and to people, and never with a 500."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from string import Formatter
from typing import Annotated, Any

import httpx2
import pytest
from fastapi import APIRouter, FastAPI, Request
from fastapi.dependencies.utils import get_flat_params
from fastapi.routing import APIRoute, iter_route_contexts
from fastapi.testclient import TestClient
from pydantic import TypeAdapter
from sqlalchemy.exc import IntegrityError
from structlog.testing import capture_logs

from app import problems
from app.main import create_app, stand_on
from app.web.translation import LANGUAGES, Phrase, Translator
from app.words import GUARDS, TITLES, WORDS, say
from models import errors
from models.accounts import Account
from models.base import Base
from models.curation import Guard, State
from models.roles import Principal, Role
from models.stories import StoryPilot
from storage.database import Database
from tests.app.conftest import Rooms

ROOT = Path(__file__).resolve().parent.parent.parent
LAYERS = ("app", "pipeline", "storage", "models")
KINDS = {
    name: kind
    for name, kind in vars(errors).items()
    if isinstance(kind, type) and issubclass(kind, errors.StoryError)
}
# Where a code stands among the arguments of what is not an error itself.
TAKES_A_CODE = {"note_failure": 2, "answer": 2, "fail": 1}
# Told by the command line with the number of its line, never by a code.
SAID_ELSEWHERE = {"line-unreadable"}


@dataclass(frozen=True)
class Said:
    """A code as the source raises it, with the names of its parameters; None: not to be read off the source."""

    at: str
    code: str | None
    parameters: frozenset[str] | None


def codes_in(source: str, at: str) -> Iterator[Said]:
    """Every code that a module raises, returns or keeps."""
    tree = ast.parse(source)
    constants = {
        target.id: node.value.value
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
        for target in node.targets
        if isinstance(target, ast.Name) and isinstance(node.value.value, str)
    }
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        where = f"{at}:{node.lineno}"
        if name in KINDS:
            names = [keyword.arg for keyword in node.keywords]
            known = None if None in names else frozenset(name for name in names if name)
            for code in _texts(node.args[0], constants) if node.args else [KINDS[name].code]:
                yield Said(where, code, known)
        elif name in TAKES_A_CODE and len(node.args) > TAKES_A_CODE[name]:
            for code in _texts(node.args[TAKES_A_CODE[name]], constants):
                if code is not None:
                    yield Said(where, code, None)


def _texts(node: ast.expr, constants: Mapping[str, str]) -> list[str | None]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return [node.value]
    if isinstance(node, ast.IfExp):
        return [*_texts(node.body, constants), *_texts(node.orelse, constants)]
    if isinstance(node, ast.Name):
        return [constants.get(node.id)]
    return [None]


@pytest.fixture(scope="module")
def everything_said() -> list[Said]:
    return [
        said
        for layer in LAYERS
        for path in sorted((ROOT / layer).rglob("*.py"))
        for said in codes_in(path.read_text(), str(path.relative_to(ROOT)))
    ]


def fields_of(words: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(words) if name}


# ---- words -------------------------------------------------------------------------------------------------------


def test_every_kind_of_error_has_a_status_and_its_page_a_title() -> None:
    for name, kind in KINDS.items():
        if kind is errors.StoryError:
            continue
        assert kind in problems.STATUSES, f"which status has {name}?"
        assert problems.STATUSES[kind] in TITLES, f"what is a page of {name} called?"
    assert set(problems.STATUSES) == set(KINDS.values()) - {errors.StoryError}


def test_kind_that_is_made_of_another_answers_as_that() -> None:
    class Closer(errors.Gone):
        pass

    class Unheard(errors.StoryError):
        pass

    assert problems.status_of(Closer()) == 410
    assert problems.status_of(Unheard()) == 500


def test_every_code_in_the_source_has_words(everything_said: list[Said]) -> None:
    assert len(everything_said) > 80, "the source was read"
    silent = [
        said
        for said in everything_said
        if said.code and said.code not in WORDS | dict.fromkeys(SAID_ELSEWHERE)
    ]
    assert silent == []


def test_every_parameter_that_words_use_is_passed(everything_said: list[Said]) -> None:
    missing = [
        f"{said.at}: {said.code} without {', '.join(sorted(lacks))}"
        for said in everything_said
        if said.code in WORDS and said.parameters is not None
        if (lacks := fields_of(WORDS[said.code]) - said.parameters)
    ]
    assert missing == []


def test_codes_that_no_constant_names_are_few(everything_said: list[Said]) -> None:
    """Each is passed on from where it was a constant: a new one wants a look."""
    passed_on = {said.at.split(":")[0] for said in everything_said if said.code is None}
    assert passed_on <= {
        "pipeline/media/inspection.py",
        "pipeline/media/renditions.py",
        "pipeline/transcription/recogniser.py",
        "pipeline/workplace.py",
        "storage/old_transactions.py",
    }


def test_reader_of_the_source_finds_what_it_should() -> None:
    source = """
FOUR = "four"
raise errors.Invalid("one" if bad else "two", reason=1)
return Gone()
raise NotFound(code, **more)
note_failure(session, recording, "three", {}, is_final=True)
raise Unavailable(FOUR)
raise ValueError("not ours")
"""
    found = {
        (said.code, said.parameters) for said in codes_in(source.replace("return Gone()", "x = Gone()"), "x")
    }
    assert found == {
        ("one", frozenset({"reason"})),
        ("two", frozenset({"reason"})),
        ("withdrawn", frozenset()),
        (None, None),
        ("three", None),
        ("four", frozenset()),
    }


@pytest.mark.parametrize("code", WORDS)
def test_words_are_a_sentence_that_nothing_is_left_open_in(code: str) -> None:
    said = say(code, dict.fromkeys(fields_of(WORDS[code]), "x"))
    assert said[0].isupper() or said[0] == "'", said
    assert said.endswith(".") or said.endswith("x"), said
    assert "{" not in said


def test_code_without_words_and_words_without_parameters_are_still_answered() -> None:
    assert say("never-heard-of", {}) == WORDS["internal"]
    assert say("theme-unknown", {}) == WORDS["theme-unknown"]
    assert say("role-missing", {"roles": ["curator", "pilot-team"]}).startswith(
        "You need another role for this: curator, pilot-team."
    )
    assert set(GUARDS) == set(Guard), "each guard says why a step waits"


def test_pages_call_what_is_filled_in_by_its_labels() -> None:
    def translate(message: str) -> str:
        return f"<{message}>"

    assert say("role-missing", {"roles": ["administrator", "pilot-team"]}, translate).startswith(
        "<You need another role for this: <administrator>, <pilot team>."
    )
    parameters: dict[str, object] = {"state": State.IN_REVIEW, "verb": "publish"}
    assert "that is <in review> cannot take the step '<Publish>'" in say(
        "no-such-step", parameters, translate
    )
    assert "that is in-review cannot" in say("no-such-step", parameters), "programs read the API's own names"
    missing: dict[str, object] = {"verb": "publish", "missing": [Guard.NOT_HELD.value]}
    assert f"<{GUARDS[Guard.NOT_HELD]}>" in say("guards-unmet", missing, translate)
    reason: dict[str, object] = {"reason": Phrase("too many: {count}", {"count": 3})}
    assert say("invalid", reason, translate).endswith("understood: <too many: 3>>")
    assert say("invalid", reason).endswith("understood: too many: 3")


@pytest.mark.parametrize(
    ("code", "parameters", "said"),
    [
        (
            "daily-limit",
            {"retry_after_seconds": 53_412},
            {"en": "15 hours", "pl": "15 godzin", "fi": "15 tuntia"},
        ),
        (
            "too-many-attempts",
            {"retry_after_seconds": 61},
            {"en": "2 minutes", "et": "2 minutit", "el": "2 λεπτά"},
        ),
        ("too-many-codes", {"retry_after_seconds": 1}, {"en": "1 minute", "hu": "1 perc", "es": "1 minuto"}),
        ("too-large", {"limit_bytes": 2**31}, {"en": "2.1 GB", "fi": "2,1 Gt", "nl": "2,1 GB"}),
        ("body-too-large", {"limit_bytes": 8 * 2**20}, {"en": "8.3 MB", "it": "8,3 MB", "sv": "8,3 MB"}),
    ],
)
def test_waits_and_sizes_are_said_as_people_say_them(
    code: str, parameters: dict[str, object], said: dict[str, str]
) -> None:
    (number,) = (str(each) for each in parameters.values())
    assert said["en"] in say(code, parameters)
    for language in LANGUAGES:
        sentence = say(code, parameters, Translator(language)).replace("\xa0", " ")
        assert said.get(language, "(") in sentence
        assert number not in sentence or len(number) < 3


def test_page_marks_what_is_said_in_english(rooms: Rooms) -> None:
    for code, is_english in (("upload-expired", True), ("recording-busy", False)):
        answer = raising(rooms, errors.Conflict(code)).get("/raise", headers={"accept": "text/html"})
        assert ('<p lang="en">' in page_of(answer)) is is_english


# ---- answers -----------------------------------------------------------------------------------------------------


@pytest.fixture
def reporter(rooms: Rooms) -> Principal:
    return rooms.field.account(Role.REPORTER, rooms.field.pilot())


def problem_of(answer: httpx2.Response) -> dict[str, Any]:
    """The answer as problem details (RFC 9457), whole."""
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    found: dict[str, Any] = answer.json()
    assert found["status"] == answer.status_code
    assert found["type"] == f"/problems#{found['code']}"
    assert found["title"] == TITLES[answer.status_code]
    assert found["detail"]
    assert answer.headers["cache-control"] == "no-store"
    return found


def page_of(answer: httpx2.Response) -> str:
    """The answer as a page that names the problem and leads on."""
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert '<div role="alert">' in answer.text
    assert f'<h1 class="govuk-error-summary__title">{TITLES[answer.status_code]}</h1>' in answer.text
    assert 'href="/sign-in"' in answer.text or "Back to the start" in answer.text
    return answer.text


@pytest.mark.parametrize(
    "path", ["/nowhere", "/api/v1/nowhere", "/stories/no/such/thing", "/static/nothing.css"]
)
def test_unknown_path_is_a_problem_for_programs_and_a_page_for_people(rooms: Rooms, path: str) -> None:
    found = problem_of(rooms.program().get(path))
    assert (found["status"], found["code"]) == (404, "not-found")
    answer = rooms.visitor().get(path)
    assert answer.status_code == 404
    if path.startswith("/api/"):
        problem_of(answer)
    else:
        assert "There is nothing here that you can see." in page_of(answer)


def test_wrong_method_says_which_are_right(rooms: Rooms) -> None:
    answer = rooms.program().delete("/api/v1/me")
    found = problem_of(answer)
    assert (found["status"], answer.headers["allow"]) == (405, "GET")
    assert "Method Not Allowed" in found["detail"]
    page = rooms.visitor().delete("/sign-in")
    assert page.status_code == 405
    page_of(page)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'"x"',
        b"\xff\xfe",
        b'{"title": "\xe9"}',
        b'{"title": "\\ud800"}',
        b"{" * 5000,
    ],
)
def test_body_that_is_no_json_is_a_problem(rooms: Rooms, reporter: Principal, body: bytes) -> None:
    sent = rooms.program(reporter).post(
        "/api/v1/stories", content=body, headers={"content-type": "application/json"}
    )
    found = problem_of(sent)
    assert found["status"] in (400, 422)
    assert found["code"] == "invalid"


HALF = "\ud800"
# Where a text is looked up, or said back: by a key's scope alone and without a story, so that none is needed.
LOOKED_UP: dict[str, tuple[str, dict[str, Any]]] = {
    "a pilot": ("/stories", {"title": "A", "language": "en", "pilots": [HALF]}),
    "a verb": ("/stories/{id}/steps", {"verb": HALF}),
    "a pilot to share with": (
        "/stories/{id}/people/{person}/consents",
        {"uses": ["sharing"], "share_with": [HALF]},
    ),
    "a wording": ("/stories/{id}/people/{person}/consents", {"uses": [], "wording_id": HALF}),
    "a recording": (
        "/stories/{id}/people/{person}/consents",
        {"uses": [], "moment": {"recording_id": HALF, "start_seconds": 0, "end_seconds": 1}},
    ),
    "somebody to be warned": ("/stories/{id}/embargoes", {"warned": HALF}),
}


@pytest.mark.parametrize("name", LOOKED_UP)
def test_half_a_character_is_no_text(rooms: Rooms, name: str) -> None:
    curator = rooms.field.account(Role.CURATOR, rooms.field.pilot())
    story = rooms.field.story(by=curator)
    path, sent = LOOKED_UP[name]
    filled = path.replace("{id}", story.id).replace("{person}", story.people[0].id)
    content, headers = json.dumps(sent), {"content-type": "application/json"}
    found = problem_of(rooms.program(curator).post(f"/api/v1{filled}", content=content, headers=headers))
    assert (found["status"], found["code"]) == (422, "invalid")
    assert "this is no text" in found["detail"]


def test_half_a_character_that_was_not_looked_at_is_no_failure_of_ours(rooms: Rooms) -> None:
    with pytest.raises(UnicodeEncodeError) as failed:
        HALF.encode()
    assert problem_of(raising(rooms, failed.value).get("/raise"))["status"] == 422
    # Where it is to be said back.
    said = problem_of(raising(rooms, errors.Conflict("no-such-step", verb=HALF, state=HALF)).get("/raise"))
    assert (said["status"], said["verb"]) == (409, "?")
    page = raising(rooms, errors.Conflict("no-such-step", verb=HALF, state=HALF))
    assert page.get("/raise", headers={"accept": "text/html"}).status_code == 409


def unbounded(
    schema: Any, at: str, known: dict[str, Any], seen: frozenset[str] = frozenset()
) -> Iterator[str]:
    """Where a schema of what comes in takes any text, or any number, that JSON can write."""
    if isinstance(schema, dict):
        if reference := schema.get("$ref"):
            name = reference.rpartition("/")[2]
            if name not in seen:
                yield from unbounded(known[name], name, known, seen | {name})
        limits = LIMITS.get(schema.get("type", ""), set())
        if limits and not limits & schema.keys():
            yield at
        for name, each in schema.get("properties", {}).items():
            yield from unbounded(each, f"{at}.{name}", known, seen)
        for each in (schema.get("items"), schema.get("additionalProperties"), *schema.get("anyOf", ())):
            yield from unbounded(each, at, known, seen)


# A text with any of these is looked at character by character before anything is done with it.
LIMITS = {
    "string": {"maxLength", "pattern", "enum", "const", "format", "contentMediaType"},
    "integer": {"maximum", "exclusiveMaximum", "enum"},
}


def test_every_text_and_number_that_comes_in_has_a_limit(rooms: Rooms) -> None:
    described = rooms.app.openapi()
    known, found = described["components"]["schemas"], set[str]()
    for path, methods in described["paths"].items():
        for operation in methods.values():
            bodies = operation.get("requestBody", {}).get("content", {}).values()
            # An address is as long as the server lets it be, and has no halves of characters.
            asked = [each for each in operation.get("parameters", ()) if each["in"] == "query"]
            for each in (*bodies, *asked):
                found |= set(unbounded(each["schema"], f"{path} {each.get('name', '')}", known))
    assert found == set()


def test_every_number_in_an_address_has_a_limit(rooms: Rooms) -> None:
    """Pages too: no database has a place for 20 digits."""
    found = set()
    for route in iter_route_contexts(rooms.app.routes):
        if isinstance(route.original_route, APIRoute):
            dependant = route.original_route.dependant
            for field in get_flat_params(dependant):
                schema = TypeAdapter(Annotated[field.field_info.annotation, field.field_info]).json_schema()
                kinds = (schema, *schema.get("anyOf", ()))
                if any(each.get("type") == "integer" and "maximum" not in each for each in kinds):
                    found.add(f"{route.path} {field.alias}")
    assert found == set()


def test_what_is_wrong_in_a_body_is_named_field_by_field(rooms: Rooms, reporter: Principal) -> None:
    sent = {"title": "A", "language": "english", "pilots": [], "more": 1}
    found = problem_of(rooms.program(reporter).post("/api/v1/stories", json=sent))
    assert {each["at"] for each in found["errors"]} == {"language", "pilots", "more"}
    assert all(each["says"] in found["detail"] for each in found["errors"])


def test_what_was_sent_is_not_sent_back(rooms: Rooms) -> None:
    answer = rooms.visitor().post("/sign-in", data={"sign_in_name": "rita", "password": "secret" * 50})
    assert answer.status_code == 422
    assert "secret" not in page_of(answer)


@pytest.mark.parametrize("status", [429, 503, 507])
def test_answer_that_passes_says_when_to_try_again(rooms: Rooms, status: int) -> None:
    kind = next(kind for kind, each in problems.STATUSES.items() if each == status)
    answer = raising(rooms, kind()).get("/raise")
    assert answer.headers["retry-after"] == str(problems.RETRY_AFTER_SECONDS[status])
    named = raising(rooms, kind(retry_after_seconds=7)).get("/raise")
    assert named.headers["retry-after"] == "7"


def keep(database: Database, *rows: Base) -> None:
    with database.write() as session:
        session.add_all(rows)


def test_what_two_people_chose_at_once_is_the_first_ones(rooms: Rooms, database: Database) -> None:
    """Both looked whether there was one, and there was none."""
    with pytest.raises(IntegrityError) as second:
        keep(database, *(Account(name="A", sign_in_name="anna") for _ in range(2)))
    found = problem_of(raising(rooms, second.value).get("/raise"))
    assert (found["status"], found["code"]) == (409, "changed-meanwhile")
    # Another fault of a row is ours.
    with pytest.raises(IntegrityError) as unknown:
        keep(database, StoryPilot(story_id="0" * 32, pilot_id="0" * 32))
    assert problem_of(raising(rooms, unknown.value).get("/raise"))["status"] == 500


def raising(rooms: Rooms, error: Exception) -> TestClient:
    """A program before a service of which one address fails so, until it is asked for another failure."""
    if not _failing:
        app = create_app(rooms.parts)
        app.include_router(_broken)
        _failing.append(app)
    (app,) = _failing
    stand_on(app, rooms.parts)
    app.state.error = error
    return TestClient(app, raise_server_exceptions=False)


# Made once: each new one would work two hundred routes out.
_failing: list[FastAPI] = []
_broken = APIRouter()


@_broken.get("/raise")
def fail(request: Request) -> None:
    raise request.app.state.error


@pytest.mark.parametrize("kind", [kind for kind in KINDS.values() if kind is not errors.StoryError])
def test_every_kind_of_error_is_answered_with_its_status(rooms: Rooms, kind: type[errors.StoryError]) -> None:
    answer = raising(rooms, kind(number=1, path=Path("/x"))).get("/raise")
    assert answer.status_code == problems.STATUSES[kind]
    found = problem_of(answer)
    assert (found["code"], found["number"], found["path"]) == (kind.code, 1, "/x")
    assert ("www-authenticate" in answer.headers) is (answer.status_code == 401)


def test_failure_of_ours_says_nothing_of_itself_and_is_noted(rooms: Rooms) -> None:
    with capture_logs() as noted:
        answer = raising(rooms, RuntimeError("at the well")).get("/raise")
    found = problem_of(answer)
    assert (found["status"], found["code"]) == (500, "internal")
    assert "at the well" not in answer.text
    assert [(each["event"], each["route"], each["error"]) for each in noted] == [
        ("request failed", "/raise", "RuntimeError")
    ]


def test_every_code_can_be_looked_up_where_its_type_points(rooms: Rooms) -> None:
    page = rooms.visitor().get("/problems").text
    for code in WORDS:
        assert f'id="{code}"' in page


# ---- names of every sort -----------------------------------------------------------------------------------------

ODD = {
    "long": "x" * 10_240,
    "longer than a column": "x" * 150,
    "with an end in it": "a\x00b",
    "that draws": "\x1b[31m\x07\u202eabc",
    "markup": "'; --<script>alert(1)</script>{{ 7 * 7 }}%s{title}",
    "many bytes": "\U0001f9d3" * 300,
}
IN_ADDRESSES = {name: "".join(f"%{byte:02x}" for byte in odd.encode()) for name, odd in ODD.items()} | {
    "not utf-8": "%ff%fe"
}


def paths_of(name: str) -> list[str]:
    return [
        f"/stories/{name}",
        f"/review/{name}",
        f"/come-in/{name}",
        f"/collections/{name}",
        f"/api/v1/stories/{name}",
        f"/api/v1/stories/{name}/recordings/{name}",
        f"/api/v1/stories/{name}/themes",
        f"/api/v1/stories?pilot={name}",
        f"/api/v1/stories?cursor={name}",
        f"/stories?cursor={name}",
        f"/review?pilot={name}",
        f"/review?language={name}",
    ]


@pytest.fixture(params=["sqlite", "postgresql"])
def on_both(
    request: pytest.FixtureRequest,
    make_database: Any,
    tmp_path: Path,
    cheap_passwords: None,
    logs_as_served: None,
) -> Rooms:
    """Rooms on each database: they differ in what they take for a text."""
    database: Database = make_database(request.param)
    return Rooms(database, tmp_path)


def test_odd_names_in_addresses_are_not_found(on_both: Rooms) -> None:
    curator = on_both.field.account(Role.CURATOR, on_both.field.pilot())
    for client in (on_both.browser(curator), on_both.program(curator)):
        for name, odd in IN_ADDRESSES.items():
            for path in paths_of(odd):
                answer = client.get(path)
                says = (name, path[:60], answer.status_code, answer.text[:300])
                assert answer.status_code in (200, 400, 401, 404, 422, 429), says
                assert "alert(1)</script>" not in answer.text


def is_kept_or_refused(says: object, answer: httpx2.Response, *kept: int) -> None:
    assert answer.status_code in (*kept, 400, 404, 409, 422), (says, answer.status_code, answer.text[:300])
    if answer.status_code >= 400:
        problem_of(answer)


def test_odd_words_from_programs_are_kept_or_refused(on_both: Rooms) -> None:
    curator = on_both.field.account(Role.CURATOR, on_both.field.pilot())
    program, browser = on_both.program(curator), on_both.browser(curator)
    story = on_both.field.story(with_recording=True)
    at = f"/api/v1/stories/{story.id}"
    transcript = f"{at}/recordings/{story.recordings[0].id}/transcript"
    whole = {"title": "A", "language": "en", "pilots": ["spring"]}
    for name, odd in ODD.items():
        for changed in (
            {"title": odd},
            {"pilots": [odd]},
            {"language": odd},
            {"told_when": odd},
            {"told_where": odd, "recorded_by": odd, "content_warning": odd},
            {"people": [{"label": odd, "part": "teller", "shown_name": odd, "contact": odd}]},
        ):
            is_kept_or_refused(
                (name, changed.keys()), program.post("/api/v1/stories", json=whole | changed), 201
            )
        person = f"{at}/people/{story.people[0].id}/consents"
        for terms in ({"evidence": odd}, {"relation": odd}, {"share_with": [odd]}, {"language": odd}):
            answer = program.post(person, json={"uses": ["curation"]} | terms)
            is_kept_or_refused((name, terms.keys()), answer, 201)
        version = program.get(transcript).json()["version"]
        segment = {"start_seconds": 0, "end_seconds": 1, "text": odd, "speaker": odd[:100]}
        corrected = program.put(transcript, json={"based_on_version": version, "segments": [segment]})
        is_kept_or_refused((name, "segment"), corrected, 200)
        key = browser.post("/api/v1/api-keys", json={"name": odd, "scopes": ["review"]})
        is_kept_or_refused((name, "key"), key, 201)
        is_kept_or_refused((name, "verb"), program.post(f"{at}/steps", json={"verb": odd}))
        is_kept_or_refused(name, program.get(at), 200)


def test_odd_words_from_forms_are_kept_or_refused(on_both: Rooms) -> None:
    office = on_both.browser(on_both.field.account(is_administrator=True))
    desk = on_both.browser(on_both.field.account(Role.CURATOR, on_both.field.pilot()))
    story = on_both.field.story(with_recording=True)
    person = f"/stories/{story.id}/people/{story.people[0].id}/consent"
    for name, odd in IN_ADDRESSES.items():
        for browser, path, fields in (
            (on_both.visitor(), "/sign-in", "sign_in_name={}&password={}"),
            (on_both.visitor(), "/come-in", "token={}&name={}&sign_in_name={}&password={}"),
            (office, "/pilots", "code={}&name={}&language=en"),
            (office, "/pilots", "code=new&name={}&language={}"),
            (office, "/pilots/spring/settings/about", "name={}&language-en=yes"),
            (office, "/pilots/spring/settings/quota", "gigabytes={}"),
            (office, "/invitations", "pilot={}&role=curator"),
            (office, "/people/{}/new-password", ""),
            (desk, "/governance/spring/settings/safeguarding", "safeguarding_name={}"),
            (desk, "/governance/spring/wordings", "language=en&text={}"),
            (desk, person, "use-curation=yes&evidence={}"),
            (desk, person, "use-curation=yes&relation={}&manner={}&appearance={}"),
            (desk, f"/review/{story.id}/steps", "verb={}"),
            (desk, f"/review/{story.id}/themes", "theme={}&decision=accepted"),
        ):
            form = {"content-type": "application/x-www-form-urlencoded"}
            answer = browser.post(path, content=fields.replace("{}", odd), headers=form)
            says = (name, path, fields, answer.status_code, answer.text[:300])
            assert answer.status_code in (303, 401, 404, 409, 422), says
            assert "alert(1)</script>" not in answer.text


def test_word_that_is_longer_than_its_column_is_named(rooms: Rooms, reporter: Principal) -> None:
    sent = {"title": "A", "language": "en", "pilots": ["spring"], "told_when": "x" * 101}
    found = problem_of(rooms.program(reporter).post("/api/v1/stories", json=sent))
    assert [each["at"] for each in found["errors"]] == ["told_when"]


def test_odd_headers_are_nobodys(rooms: Rooms) -> None:
    for headers in (
        {"authorization": b"Bearer \xff\xfe"},
        {"cookie": b"community_reporting_session=\xff\xfe"},
        {"accept": b"\xff"},
        {"origin": b"\xff://["},
        {"host": b"[::1"},
        {"content-type": b"multipart/form-data; boundary=\xff"},
    ):
        for method, path in (("GET", "/api/v1/me"), ("GET", "/nowhere"), ("POST", "/sign-out")):
            answer = rooms.visitor().request(method, path, headers=headers)
            assert answer.status_code < 500, (headers, path, answer.text[:300])


def test_problem_details_are_json_whatever_their_parameters_are(rooms: Rooms) -> None:
    odd = errors.Conflict(words=["a", "b"], nested={"a": None}, kind=Role.CURATOR, times=1.5, thing=object())
    body = json.loads(raising(rooms, odd).get("/raise").text)
    assert (body["words"], body["nested"], body["kind"]) == (["a", "b"], {"a": None}, "curator")
