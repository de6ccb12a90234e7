"""The state of the service in words, with what to do; and the journal, by act, story and day, page by page."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import update

from app.health import state, state_pages
from app.operations import examinations
from app.operations.doctor.findings import Finding
from app.web.translation import Translator
from models.base import utc_now
from models.curation import State
from models.journal import JournalEntry
from models.stories import Recording
from models.work import Wish
from storage import wishes
from storage.backup_sets import write_whole
from tests.app.conftest import Rooms, forms_of

FOUND = [
    Finding("journal", True, "unbroken"),
    Finding("disk", False, "0.1 GB free", "Make room."),
    Finding("address", False, "http://x", "Serve by TLS.", is_warning=True),
]


@pytest.fixture
def office(rooms: Rooms) -> TestClient:
    return rooms.browser(rooms.field.account(is_administrator=True))


def looks(rooms: Rooms) -> dict[str, state.Look]:
    return {
        look.what: look for group in state.of_service(rooms.parts, Translator("en")) for look in group.looks
    }


def note_backup(rooms: Rooms, made: timedelta, lost: int = 0) -> None:
    folder = rooms.parts.settings.data / "backups"
    folder.mkdir(exist_ok=True)
    made_at = utc_now() - made
    noted = f'{{"id": "{made_at:%Y%m%dT%H%M%S-%f}", "to": "{folder}", "lost": {lost}}}'
    write_whole(rooms.parts.settings.data / "last-backup.json", noted.encode())


def test_page_says_what_wants_attention_and_what_to_do(rooms: Rooms, office: TestClient) -> None:
    page = office.get("/service").text
    assert "none yet" in page
    assert "Run community-reporting backup every day" in page
    assert "does not answer" in page, "the store of this test never does"
    assert "Nobody has looked at everything yet." in page


def test_backup_is_old_lost_or_well(rooms: Rooms) -> None:
    note_backup(rooms, timedelta(hours=3))
    assert looks(rooms)["Last backup"].is_well
    assert "3 hours ago" in looks(rooms)["Last backup"].says
    assert looks(rooms)["Read back"].is_well
    note_backup(rooms, timedelta(days=3), lost=2)
    assert not looks(rooms)["Last backup"].is_well
    assert "2 recordings or files were missing" in looks(rooms)["Read back"].says
    (rooms.parts.settings.data / "backups").rmdir()
    assert not looks(rooms)["Where"].is_well


def test_work_that_nobody_does_and_damage_are_said(rooms: Rooms) -> None:
    rooms.field.pilot()
    rooms.field.story(with_recording=True)
    assert looks(rooms)["Damaged"].is_well
    with rooms.database.write() as session:
        session.execute(update(Recording).values(original_damaged_at=utc_now()))
        wishes.make(session, wishes.WishKind.ERASE, "0" * 32)
        session.execute(update(Wish).values(created_at=utc_now() - timedelta(days=2)))
    found = looks(rooms)
    assert not found["Damaged"].is_well
    assert not found["Workers"].is_well
    assert "Start community-reporting worker" in found["Workers"].mend
    assert "waited 2 days" in found["Stories to erase"].says


def test_what_the_doctor_found_is_kept_and_shown(
    rooms: Rooms, office: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(examinations, "examine", lambda parts: iter(FOUND))
    (form,) = forms_of(office.get("/service").text, "/service/examine")
    assert office.post(form.action).headers["location"] == "/service#doctor"
    page = office.get("/service").text
    assert page.index("Make room.") < page.index("Serve by TLS."), "failures before warnings"
    assert "act now" in page
    kept = rooms.parts.settings.data / "last-examination.json"
    assert kept.stat().st_mode & 0o077 == 0
    kept.write_bytes(b"{")
    assert "Nobody has looked at everything yet." in office.get("/service").text


def test_who_asks_while_somebody_looks_is_not_kept_waiting(rooms: Rooms, office: TestClient) -> None:
    with examinations._looking:
        assert office.post("/service/examine").status_code == 303
    assert examinations.last(rooms.parts.settings.data) is None


def test_chain_is_followed_and_what_is_broken_is_named(rooms: Rooms, office: TestClient) -> None:
    rooms.field.pilot()
    assert "Nobody has followed it yet." in office.get("/journal").text
    assert office.post("/journal/verify").status_code == 303
    assert ">unbroken.<" in office.get("/journal").text
    with rooms.database.write() as session:
        session.execute(update(JournalEntry).where(JournalEntry.sequence == 2).values(act="nothing"))
    office.post("/journal/verify")
    assert ">broken at entry 2." in office.get("/journal").text


def test_journal_is_shown_by_act_story_and_day_and_names_nothing(rooms: Rooms, office: TestClient) -> None:
    story = rooms.field.story(state=State.CURATED, title="A title of nobody's business")

    def shown(**asked: str) -> list[str]:
        page = office.get("/journal", params=asked).text
        assert "nobody's business" not in page.replace("&#39;", "'")
        return re.findall(r'<td class="govuk-table__cell">([a-z-]+)</td>', page)

    assert set(shown(act="submit")) == {"submit"}
    of_story = shown(story=story.id)
    assert of_story[-1] == "submit"
    assert "curate" in of_story
    assert "create-pilot" not in of_story
    today = utc_now().date()
    assert shown(story=story.id, since=today.isoformat(), until=today.isoformat()) == of_story
    assert shown(since=(today + timedelta(days=1)).isoformat()) == []
    for wrong in ({"since": "yesterday"}, {"before": "0"}, {"before": "x"}):
        assert office.get("/journal", params=wrong).status_code == 422


def test_journal_goes_on_page_by_page(
    rooms: Rooms, office: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(state_pages, "A_PAGE", 3)
    rooms.field.story(state=State.CURATED)
    with rooms.database.read() as session:
        whole = [each.sequence for each in session.query(JournalEntry)]
    seen: list[int] = []
    at = "/journal?act="
    while at:
        page = office.get(at).text
        seen += map(int, re.findall(r'<th scope="row" class="govuk-table__header">(\d+)</th>', page))
        further = re.search(r'href="(/journal\?[^"]*before=\d+)"', page)
        at = further[1].replace("&amp;", "&") if further else ""
    assert seen == sorted(whole, reverse=True)
