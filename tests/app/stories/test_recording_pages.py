"""The page on which a story is recorded: a form without scripts; with them light, kept for the day without a line."""

from __future__ import annotations

import gzip
import json
import re
import struct

import httpx2
import pytest

from app.stories.offline import KEPT
from app.web.headers import CONTENT_SECURITY_POLICY
from app.web.rendering import STATIC
from app.web.translation import LANGUAGES, Translator
from models.curation import State
from models.roles import Principal, Role
from tests.app.conftest import Rooms, forms_of
from tests.plugins.stories import Field

SCRIPTS = STATIC / "js"
MOST_SCRIPT_BYTES = 40 * 1024


@pytest.fixture
def field(rooms: Rooms) -> Field:
    return rooms.field


@pytest.fixture
def reporter(field: Field) -> Principal:
    return field.account(Role.REPORTER, field.pilot())


def files_of(text: str) -> set[str]:
    """What a page loads from among the static files, and what those scripts import."""
    found = set(re.findall(r'(?:href|src)="/static/([^"]+)"', text))
    to_read = [name for name in found if name.startswith("js/")]
    while to_read:
        script = (STATIC / to_read.pop()).read_text(encoding="utf-8")
        imported = {f"js/{name}" for name in re.findall(r'from "\./([^"]+)"', script)} - found
        found |= imported
        to_read += imported
    return found


def test_page_is_a_form_that_needs_no_script_and_names_the_story(rooms: Rooms, reporter: Principal) -> None:
    story = rooms.field.story(by=reporter, title="The <bench>")
    page = rooms.browser(reporter).get(f"/stories/{story.id}/record")
    (form,) = forms_of(page.text, f"/stories/{story.id}/recordings")
    assert form.method == "post"
    assert f'action="{form.action}" enctype="multipart/form-data"' in page.text
    assert "The &lt;bench&gt;" in page.text
    for part in ("here", "kept", "sending", "arrived", "which", "offline"):
        assert re.search(rf'data-part="{part}"[^>]* hidden>', page.text), (
            f"{part} is of no use without scripts"
        )


@pytest.mark.parametrize("language", LANGUAGES)
def test_page_is_in_the_readers_language(rooms: Rooms, reporter: Principal, language: str) -> None:
    story = rooms.field.story(by=reporter)
    page = rooms.browser(reporter).get(f"/stories/{story.id}/record", params={"lang": language})
    assert f'<html lang="{language}"' in page.text
    assert Translator(language)("Start recording") in page.text


def test_story_past_review_takes_no_recording(rooms: Rooms, reporter: Principal) -> None:
    story = rooms.field.story(by=reporter, state=State.CURATED)
    page = rooms.browser(reporter).get(f"/stories/{story.id}/record")
    assert page.status_code == 409
    assert "takes no more recordings" in page.text


def test_page_may_play_what_it_records_and_nothing_from_elsewhere(rooms: Rooms) -> None:
    policy = rooms.visitor().get("/record").headers["content-security-policy"]
    assert policy == CONTENT_SECURITY_POLICY.replace("media-src 'self'", "media-src 'self' blob:")


def test_page_that_browsers_keep_holds_nothing_of_anybody(rooms: Rooms, reporter: Principal) -> None:
    story = rooms.field.story(by=reporter, title="The bench")
    theirs, nobodys = rooms.browser(reporter).get("/record"), rooms.visitor().get("/record")
    assert theirs.text == nobodys.text
    assert story.id not in theirs.text
    assert "set-cookie" not in theirs.headers


def test_browsers_keep_all_that_the_page_loads_and_nothing_of_stories(rooms: Rooms) -> None:
    script = rooms.visitor().get("/sw.js")
    assert script.headers["content-type"].startswith("text/javascript")
    assert script.headers["cache-control"] == "no-cache"
    name, kept = re.findall(r"^const (?:NAME|KEPT) = (.+);$", script.text, re.MULTILINE)
    assert re.fullmatch(r'"record-[0-9a-f]{16}"', name)
    assert set(json.loads(kept)) == {f"/static/{each}" for each in KEPT}
    assert files_of(rooms.visitor().get("/record").text) <= set(KEPT)
    # What else is put there is that one page.
    assert re.findall(r"\.(?:put|addAll|add)\((\w+)", script.text) == ["PAGE", "KEPT"]


def test_scripts_for_a_reporter_are_light(rooms: Rooms) -> None:
    scripts = [name for name in files_of(rooms.visitor().get("/record").text) if name.endswith(".js")]
    sent = sum(len(gzip.compress((STATIC / name).read_bytes())) for name in scripts)
    worker = len(gzip.compress(rooms.visitor().get("/sw.js").content))
    assert len(scripts) > 10
    assert sent + worker <= MOST_SCRIPT_BYTES, f"{sent} and {worker} bytes"


@pytest.mark.parametrize("where", ["record", "recording"])
def test_everything_that_scripts_say_or_touch_stands_in_the_page(
    rooms: Rooms, reporter: Principal, where: str
) -> None:
    story = rooms.field.story(by=reporter)
    page = rooms.browser(reporter).get(f"/stories/{story.id}/{where}").text
    # Some of what the first page keeps it loads when it is needed.
    files = files_of(page) | (set(KEPT) if where == "record" else set())
    source = "".join((STATIC / each).read_text(encoding="utf-8") for each in files if "js/" in each)
    there = set(re.findall(r'data-part="([^"]+)"', page))
    assert set(re.findall(r'\bpart\("([^"]+)"', source)) <= there
    said = set(re.findall(r'data-key="([^"]+)"', page))
    named = set(re.findall(r'\b(?:says|#say|#warn)\("([^"]+)"', source))
    assert named <= said
    quoted = set(re.findall(r'"([a-z-]+)"', source))
    assert said <= quoted, "nobody says this any more"


def test_page_can_be_put_on_a_home_screen(rooms: Rooms) -> None:
    page = rooms.visitor().get("/record").text
    (address,) = re.findall(r'rel="manifest" href="([^"]+)"', page)
    answer = rooms.visitor().get(address)
    assert answer.headers["content-type"] == "application/manifest+json"
    manifest = answer.json()
    assert rooms.visitor().get(manifest["start_url"]).status_code == 200
    for icon in manifest["icons"]:
        picture = rooms.visitor().get(icon["src"])
        assert picture.headers["content-type"].startswith(icon["type"])
        if icon["type"] == "image/png":
            assert icon["sizes"] == size_of(picture)


def size_of(png: httpx2.Response) -> str:
    # The first chunk begins with the width and the height (PNG, §11.2.2).
    width, height = struct.unpack(">II", png.content[16:24])
    return f"{width}x{height}"
