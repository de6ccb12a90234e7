"""What is around every answer: headers that keep other sites and scripts out, and forms from elsewhere refused."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import httpx2
import pytest
from fastapi import APIRouter
from fastapi.testclient import TestClient
from starlette.responses import Response

from app.main import create_app
from app.web.bodies import MAX_BODY_BYTES
from app.web.headers import CONTENT_SECURITY_POLICY, HEADERS
from app.web.rendering import STATIC
from models.accounts import LinkPurpose
from models.curation import State
from models.roles import Principal, Role
from models.stories import Story
from storage import accounts
from storage.database import Database
from tests.app.conftest import Rooms
from tests.plugins.stories import EVERY_USE

HOST = "127.0.0.1:8000"


@pytest.fixture
def curator(rooms: Rooms) -> Principal:
    return rooms.field.account(Role.CURATOR, rooms.field.pilot())


@pytest.fixture
def story(rooms: Rooms, curator: Principal) -> Story:
    return rooms.field.story(by=curator, state=State.PUBLISHED, consented_to=EVERY_USE)


# ---- headers -----------------------------------------------------------------------------------------------------


def is_guarded(answer: httpx2.Response) -> None:
    for name, value in HEADERS.items():
        if name not in ("Referrer-Policy", "Content-Security-Policy"):
            assert answer.headers[name] == value, (answer.url, name)
    assert answer.headers["referrer-policy"] in ("same-origin", "strict-origin")
    (policy,) = answer.headers.get_list("content-security-policy")
    # What is no page may do nothing at all where somebody opens it by itself.
    assert policy in (CONTENT_SECURITY_POLICY, "default-src 'none'; sandbox"), answer.url


def test_every_kind_of_answer_carries_the_headers(rooms: Rooms, curator: Principal, story: Story) -> None:
    app = rooms.app = create_app(rooms.parts)
    router = APIRouter()

    @router.get("/raise")
    def fail() -> Response:
        raise RuntimeError

    app.include_router(router)
    browser, program, nobody = rooms.browser(curator), rooms.program(curator), rooms.visitor()
    recording = f"/stories/{story.id}/recordings/{story.recordings[0].id}"
    answers = {
        "page": browser.get(f"/stories/{story.id}"),
        "page of a problem": browser.get("/nowhere"),
        "page that is not allowed": nobody.get("/review"),
        "redirect": browser.post(f"/review/{story.id}/steps", data={"verb": "unpublish"}),
        "json": program.get("/api/v1/me"),
        "problem details": program.get("/api/v1/nowhere"),
        "wrong method": program.delete("/api/v1/me"),
        "what cannot be read": program.post("/api/v1/stories", content=b"{"),
        "captions": browser.get(f"{recording}/captions.vtt"),
        "store that does not answer": browser.get(f"{recording}/renditions/audio"),
        "head": browser.head("/sign-in"),
        "static file": nobody.get("/static/brand.css"),
        "static file that is not there": nobody.get("/static/none.css"),
        "static file not changed": nobody.get(
            "/static/brand.css", headers={"if-none-match": nobody.get("/static/brand.css").headers["etag"]}
        ),
        "machine's description": nobody.get("/api/v1/openapi.json"),
        "health": nobody.get("/healthz"),
        "foreign form": nobody.post("/sign-out", headers={"origin": "https://evil.example"}),
        "failure of ours": nobody.get("/raise"),
    }
    statuses = {kind: answer.status_code for kind, answer in answers.items()}
    assert statuses["redirect"] == 303, answers["redirect"].text
    assert (statuses["store that does not answer"], statuses["static file not changed"]) == (503, 304)
    assert statuses["failure of ours"] == 500
    for kind, answer in answers.items():
        try:
            is_guarded(answer)
        except KeyError as missing:
            raise AssertionError(f"{kind} has no {missing}") from missing


def test_policy_lets_nothing_in_from_elsewhere() -> None:
    rules = dict(each.split(" ", 1) for each in CONTENT_SECURITY_POLICY.split("; "))
    assert rules["default-src"] == "'none'"
    assert rules["frame-ancestors"] == rules["base-uri"] == "'none'"
    assert rules["form-action"] == "'self'"
    allowed = {source for each in rules.values() for source in each.split()}
    assert allowed <= {"'self'", "'none'", "data:"}
    assert "data:" not in rules["script-src"]


def test_answers_about_people_are_kept_by_no_cache(rooms: Rooms, curator: Principal, story: Story) -> None:
    browser, program = rooms.browser(curator), rooms.program(curator)
    for answer in (
        browser.get("/"),
        browser.get(f"/stories/{story.id}"),
        browser.get("/review"),
        program.get(f"/api/v1/stories/{story.id}"),
        rooms.visitor().get(f"/stories/{story.id}"),
        browser.get("/nowhere"),
    ):
        assert "no-store" in answer.headers["cache-control"], answer.url


@pytest.mark.parametrize(
    ("settings", "sent"),
    [
        ({}, None),
        ({"public_url": "https://stories.example"}, "max-age=31536000"),
        (
            {"public_url": "https://stories.example", "hsts_subdomains": True},
            "max-age=31536000; includeSubDomains",
        ),
        ({"public_url": "http://stories.example", "secure_cookies": True}, None),
    ],
)
def test_browsers_are_told_to_come_back_by_https_where_people_come_so(
    sqlite_database: Database, tmp_path: Path, settings: dict[str, Any], sent: str | None
) -> None:
    rooms = Rooms(sqlite_database, tmp_path, **settings)
    for path in ("/", "/nowhere", "/static/brand.css", "/api/v1/me", "/healthz"):
        assert rooms.visitor().get(path).headers.get("strict-transport-security") == sent, path


def test_nothing_says_what_software_answers(rooms: Rooms) -> None:
    for path in ("/", "/nowhere", "/api/v1/me"):
        headers = rooms.visitor().get(path).headers
        assert not headers.keys() & {"server", "x-powered-by"}


# ---- pages keep to the policy ------------------------------------------------------------------------------------


class _Reader(HTMLParser):
    """What of a page a browser under the policy would not take, and labels that a reader without sight needs."""

    def __init__(self) -> None:
        super().__init__()
        self.forbidden: list[str] = []
        self.loaded: list[str] = []
        self.fields: list[dict[str, str | None]] = []
        self.labels: set[str | None] = set()
        self.language: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag in ("style", "iframe", "object", "embed", "base") or (
            tag == "script" and not given.get("src")
        ):
            self.forbidden.append(tag)
        self.forbidden += [f"{tag} {name}" for name in given if name.startswith("on") or name == "style"]
        if tag in ("link", "script", "img", "audio", "video", "source", "track"):
            self.loaded.append(given.get("href") or given.get("src") or "")
        if tag == "form":
            self.loaded.append(given.get("action") or "/")
        if tag in ("input", "select", "textarea") and given.get("type") not in ("hidden", "submit"):
            self.fields.append(given)
        if tag == "label":
            self.labels.add(given.get("for"))
        if tag == "html":
            self.language = given.get("lang")


def pages(rooms: Rooms, curator: Principal, story: Story) -> dict[str, str]:
    """Pages of every room, as those who may open them see them."""
    office = rooms.browser(rooms.field.account(is_administrator=True))
    browser, nobody = rooms.browser(curator), rooms.visitor()
    person = story.people[0].id
    with rooms.database.write() as session:
        invitation = accounts.make_link(session, LinkPurpose.INVITATION)
    found = {
        path: client.get(path)
        for client, path in (
            (nobody, "/"),
            (nobody, "/sign-in"),
            (nobody, "/nowhere"),
            (nobody, "/problems"),
            (office, "/pilots"),
            (browser, "/stories"),
            (browser, "/stories/new"),
            (nobody, "/record"),
            (browser, f"/stories/{story.id}"),
            (browser, f"/stories/{story.id}/sent"),
            (browser, f"/stories/{story.id}/people/{person}/consent"),
            (browser, f"/stories/{story.id}/people/{person}/receipt"),
            (browser, f"/stories/{story.id}/withdraw"),
            (browser, "/review"),
            (browser, f"/review/{story.id}"),
            (browser, "/search?q=bench"),
            (browser, "/collections"),
            (browser, "/account"),
            (browser, "/account/second-factor"),
            (office, f"/people/{curator.account_id}"),
            (nobody, f"/come-in/{invitation}"),
        )
    }
    for path, answer in found.items():
        assert answer.status_code == (404 if path == "/nowhere" else 200), path
    return {path: answer.text for path, answer in found.items()}


def test_pages_hold_nothing_that_the_policy_forbids(rooms: Rooms, curator: Principal, story: Story) -> None:
    for path, text in pages(rooms, curator, story).items():
        reader = _Reader()
        reader.feed(text)
        assert reader.forbidden == [], path
        assert [each for each in reader.loaded if not re.match(r"/(?!/)", each)] == [], path
        assert reader.language == "en", path


def test_every_field_has_a_label(rooms: Rooms, curator: Principal, story: Story) -> None:
    for path, text in pages(rooms, curator, story).items():
        reader = _Reader()
        reader.feed(text)
        unnamed = [
            field.get("name")
            for field in reader.fields
            if field.get("id") not in reader.labels and not field.get("aria-label")
        ]
        assert unnamed == [], path


def test_passwords_are_masked_while_they_are_typed(rooms: Rooms, curator: Principal, story: Story) -> None:
    typed = []
    for path, text in pages(rooms, curator, story).items():
        reader = _Reader()
        reader.feed(text)
        for field in reader.fields:
            if "password" in f"{field.get('name')} {field.get('autocomplete')}":
                typed.append(path)
                assert field["type"] == "password", path
    assert {"/sign-in", "/account", "/account/second-factor"} <= set(typed)


def test_who_is_signed_in_can_sign_out_on_every_page(rooms: Rooms, curator: Principal, story: Story) -> None:
    for path, text in pages(rooms, curator, story).items():
        reader = _Reader()
        reader.feed(text)
        is_nobodys = path in ("/", "/sign-in", "/problems", "/nowhere", "/record") or path.startswith(
            "/come-in/"
        )
        assert ("/sign-out" in reader.loaded) is not is_nobodys, path


def test_every_file_that_pages_load_is_there(rooms: Rooms, curator: Principal, story: Story) -> None:
    wanted = {
        each
        for text in pages(rooms, curator, story).values()
        for each in re.findall(r'(?:href|src)="(/static/[^"]+)"', text)
    }
    assert wanted
    for path in wanted:
        assert rooms.visitor().get(path).status_code == 200, path


def test_style_sheets_load_nothing_from_elsewhere() -> None:
    for sheet in STATIC.rglob("*.css"):
        for address in re.findall(r"url\(([^)]*)\)|@import\s+([^;]+)", sheet.read_text()):
            loaded = "".join(address).strip("\"' ")
            assert loaded.startswith(("data:", "/static/")) or "//" not in loaded, (sheet.name, loaded)


# What makes HTML, or code, of a text.
MAKING = re.compile(
    r"\.(?:inner|outer)HTML\s*=|insertAdjacentHTML|document\.write|DOMParser|createContextualFragment|setHTML"
    r"|srcdoc|\beval\(|new Function\("
)


def test_scripts_make_no_html_of_what_they_are_told() -> None:
    scripts = [*(STATIC / "js").glob("*.js")]
    assert len(scripts) > 10, "they were read"
    # It puts parts of our own pages, as they are now, in the place of those that are shown.
    assert [each.name for each in scripts if MAKING.search(each.read_text())] == ["parts.js"]


# ---- forms from elsewhere ----------------------------------------------------------------------------------------

FOREIGN: tuple[dict[str, str], ...] = (
    {"origin": "https://evil.example"},
    {"origin": f"http://{HOST}.evil.example"},
    {"origin": f"http://evil.example/{HOST}"},
    {"origin": "http://127.0.0.1:9000"},
    {"origin": "null"},
    {"sec-fetch-site": "cross-site"},
    {"sec-fetch-site": "same-site"},
    {"sec-fetch-site": "cross-site", "origin": f"http://{HOST}"},
)
OURS: tuple[dict[str, str], ...] = (
    {},
    {"origin": f"http://{HOST}"},
    {"sec-fetch-site": "same-origin"},
    {"sec-fetch-site": "none"},
    {"sec-fetch-site": "same-origin", "origin": f"http://{HOST}"},
)


def take_back(browser: TestClient, story: Story, headers: dict[str, str], path: str = "") -> httpx2.Response:
    return browser.post(f"{path}/stories/{story.id}/withdraw", data={"sure": "yes"}, headers=headers)


@pytest.mark.parametrize("headers", FOREIGN)
def test_form_of_another_site_acts_in_nobodys_name(
    rooms: Rooms, curator: Principal, story: Story, headers: dict[str, str]
) -> None:
    browser = rooms.browser(curator)
    for path in ("", "/api/v1"):
        refused = take_back(browser, story, headers, path)
        assert refused.status_code == 403
        assert "This request came from another site." in refused.text
    for method in ("PUT", "PATCH", "DELETE"):
        assert browser.request(method, "/api/v1/me", headers=headers).status_code == 403
    assert browser.post("/sign-in", data={}, headers=headers).status_code == 403, "nor signs somebody in"
    assert browser.get(f"/stories/{story.id}").status_code == 200, "nothing was taken back"


@pytest.mark.parametrize("headers", OURS)
def test_our_own_form_and_programs_without_a_page_are_let_through(
    rooms: Rooms, curator: Principal, story: Story, headers: dict[str, str]
) -> None:
    browser = rooms.browser(curator)
    assert take_back(browser, story, headers).status_code == 200
    assert browser.get(f"/stories/{story.id}").status_code == 410


@pytest.mark.parametrize("headers", FOREIGN)
def test_links_from_other_sites_lead_here(
    rooms: Rooms, curator: Principal, story: Story, headers: dict[str, str]
) -> None:
    browser = rooms.browser(curator)
    assert browser.get(f"/stories/{story.id}", headers=headers).status_code == 200
    assert browser.head("/sign-in", headers=headers).status_code != 403


def test_key_is_shown_by_no_browser_by_itself_so_its_page_does_not_matter(
    rooms: Rooms, curator: Principal, story: Story
) -> None:
    program = rooms.program(curator)
    elsewhere = {"origin": "https://tool.example", "sec-fetch-site": "cross-site"}
    assert program.post(f"/api/v1/stories/{story.id}/withdraw", headers=elsewhere).is_success


def test_made_up_key_does_not_open_the_way_for_a_cookie(
    rooms: Rooms, curator: Principal, story: Story
) -> None:
    browser = rooms.browser(curator)
    headers = {"origin": "https://evil.example", "authorization": "Bearer x"}
    assert browser.post(f"/api/v1/stories/{story.id}/withdraw", headers=headers).status_code == 401
    assert browser.get(f"/stories/{story.id}").status_code == 200


def test_no_other_site_is_told_that_it_may_read_answers(rooms: Rooms, curator: Principal) -> None:
    browser = rooms.browser(curator)
    elsewhere = {"origin": "https://evil.example"}
    for answer in (
        browser.get("/api/v1/me", headers=elsewhere),
        browser.options("/api/v1/me", headers=elsewhere | {"access-control-request-method": "GET"}),
    ):
        assert not {name for name in answer.headers if name.startswith("access-control-")}


def test_refusal_is_problem_details_for_programs(rooms: Rooms) -> None:
    answer = rooms.program().post("/api/v1/api-keys", json={}, headers={"origin": "https://evil.example"})
    assert (answer.headers["content-type"], answer.json()["code"]) == (
        "application/problem+json",
        "foreign-origin",
    )


@pytest.mark.parametrize("sent", ["Basic cml0YTp4", "Bearer x", "bearer"])
def test_password_for_a_proxy_does_not_open_the_way_for_another_site(
    rooms: Rooms, curator: Principal, story: Story, sent: str
) -> None:
    """A browser sends it by itself, with another site's form too; and pages know no keys."""
    browser = rooms.browser(curator)
    foreign = {"origin": "https://evil.example", "authorization": sent}
    assert take_back(browser, story, foreign).status_code == 403
    assert take_back(browser, story, foreign, "/api/v1").status_code in (401, 403)
    ours = {"origin": f"http://{HOST}", "authorization": sent}
    assert take_back(browser, story, ours).status_code == 200


def test_create_app_is_guarded_outermost(rooms: Rooms) -> None:
    """Also what no route answers: the guard stands before everything."""
    answer = TestClient(create_app(rooms.parts)).post("/nowhere", headers={"origin": "https://evil.example"})
    assert (answer.status_code, answer.json()["code"]) == (403, "foreign-origin")


@pytest.mark.parametrize("path", ["/api/v1/stories", "/sign-in", "/come-in"])
def test_body_that_is_too_large_is_refused_before_it_is_read(rooms: Rooms, path: str) -> None:
    """From anybody: the framework reads a body before it asks who sends it."""

    def body() -> Iterator[bytes]:
        for _ in range(64):
            yield b"x" * 2**20

    headers = {"content-type": "application/json" if "api" in path else "application/x-www-form-urlencoded"}
    answer = rooms.visitor(accept="application/json").post(path, content=body(), headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (413, "body-too-large")
    assert answer.json()["limit_bytes"] == MAX_BODY_BYTES
    declared = headers | {"content-length": str(MAX_BODY_BYTES + 1)}
    refused = rooms.visitor(accept="application/json").post(path, content=b"{}", headers=declared)
    assert (refused.status_code, refused.json()["code"]) == (413, "body-too-large")
    assert refused.headers["x-content-type-options"] == "nosniff"
    assert refused.headers["cache-control"] == "no-store"


def test_limit_of_bodies_is_named_where_it_was_passed_alone(rooms: Rooms) -> None:
    for answer in (rooms.program().get("/api/v1/nowhere"), rooms.program().delete("/api/v1/me")):
        assert answer.status_code in (404, 405)
        assert "limit_bytes" not in answer.json()
