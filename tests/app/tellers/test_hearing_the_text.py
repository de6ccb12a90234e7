"""The text about consent behind a private link: whoever is asked by it reads it there, or hears it."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from app.web.translation import LANGUAGES
from models.roles import Principal
from pipeline.media import speaking
from storage import wordings
from tests.app.conftest import Rooms
from tests.app.tellers.conftest import Doors


def says(rooms: Rooms, text: str, pilot: str | None = None, language: str = "en") -> str:
    """A pilot's text about consent (None: the service's); its id."""
    with rooms.database.write() as session:
        return wordings.add(session, language, text, pilot_id=pilot, actor="test").id


def seconds_of_sound(sound: bytes, folder: Path) -> float:
    """How long a file plays, by who reads it from its first to its last sample."""
    (folder / "heard.m4a").write_bytes(sound)
    asked = ["ffprobe", "-v", "error", "-show_entries", "format=duration", "-of", "csv=p=0"]
    return float(subprocess.check_output([*asked, str(folder / "heard.m4a")]))


@pytest.mark.parametrize("language", LANGUAGES)
def test_text_is_heard_where_it_is_agreed_to(
    rooms: Rooms, doors: Doors, language: str, tmp_path: Path
) -> None:
    text = says(rooms, "12 34 56", rooms.field.pilot(), language)
    browser = doors.opened(rooms.field.story(consented_to=None))
    page = browser.get("/teller/consent", params={"lang": language}).text
    assert '<p class="govuk-body">12 34 56</p>' in page
    assert f'src="/teller/aloud/{text}"' in page
    heard = browser.get(f"/teller/aloud/{text}")
    assert (heard.status_code, heard.headers["content-type"]) == (200, "audio/mp4")
    assert seconds_of_sound(heard.content, tmp_path) > 1
    part = browser.get(f"/teller/aloud/{text}", headers={"range": "bytes=0-9"})
    assert (part.status_code, part.content) == (206, heard.content[:10])


def test_text_that_nothing_reads_aloud_is_there_to_read(
    rooms: Rooms, doors: Doors, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(speaking, "_program", lambda: None)
    text = says(rooms, "We keep it safe.\nYou may change it.")
    browser = doors.opened(rooms.field.story(consented_to=None))
    page = browser.get("/teller/consent").text
    assert '<p class="govuk-body">You may change it.</p>' in page
    assert "<audio" not in page
    assert browser.get(f"/teller/aloud/{text}").status_code == 404


def test_text_of_another_pilot_is_not_heard(rooms: Rooms, doors: Doors) -> None:
    theirs = says(rooms, "Elsewhere.", rooms.field.pilot("elsewhere"))
    browser = doors.opened(rooms.field.story(pilots=[rooms.field.pilot()], consented_to=None))
    for text in (theirs, "0" * 32, "nothing"):
        assert browser.get(f"/teller/aloud/{text}").status_code == 404


def test_text_is_heard_behind_a_private_link_alone(rooms: Rooms, sender: Principal) -> None:
    text = says(rooms, "We keep it safe.")
    for browser in (rooms.visitor(), rooms.browser(sender)):
        assert browser.get(f"/teller/aloud/{text}").status_code == 401
