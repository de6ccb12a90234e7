"""Invitations: many at once on sheets to print, in the pilot's languages; listed while they stand, and taken back."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from models.journal import JournalEntry
from models.roles import Principal, Role
from storage import pilots
from storage.database import Database
from tests.app.conftest import Rooms, forms_of

LINK = re.compile(r"http://127\.0\.0\.1:8000(/come-in/[\w-]{43})")


@pytest.fixture
def office(rooms: Rooms) -> Principal:
    return rooms.field.account(is_administrator=True)


def test_sheet_has_a_code_for_each_in_the_pilots_languages(rooms: Rooms, office: Principal) -> None:
    rooms.field.pilot("spring", ["pl", "en", "uk"])
    browser = rooms.browser(office)
    (form,) = forms_of(browser.get("/invitations").text, "/invitations")
    page = browser.post("/invitations", data=form.filled(pilot="spring", role="reporter", count="7")).text
    links = LINK.findall(page)
    assert len(set(links)) == len(links) == page.count("<svg") == 7
    assert page.count('viewBox="0 0 ') == 7, (
        "else a browser cuts off what is larger than the card has room for"
    )
    assert page.count("Zapraszamy do: Spring.") == page.count("You are invited to Spring.") == 7
    for link in links:
        assert rooms.visitor().get(link).status_code == 200
    only = browser.post("/invitations", data=form.filled(pilot="spring", role="curator", language="fi")).text
    assert "Sinut on kutsuttu: Spring." in only
    assert "Zapraszamy" not in only


@pytest.mark.parametrize("count", ["0", "-1", "61", "x", "99999999999999999999"])
def test_how_many_is_a_number_that_fits_on_some_sheets(rooms: Rooms, office: Principal, count: str) -> None:
    rooms.field.pilot()
    sent = {"pilot": "spring", "role": "reporter", "count": count}
    assert rooms.browser(office).post("/invitations", data=sent).status_code == 422


def test_what_stands_is_listed_and_taken_back(rooms: Rooms, office: Principal) -> None:
    rooms.field.pilot()
    browser = rooms.browser(office)
    sent = {"pilot": "spring", "role": "reporter", "count": "2"}
    links = LINK.findall(browser.post("/invitations", data=sent).text)
    page = browser.get("/invitations").text
    revoking = re.findall(r'action="(/invitations/\w+/revoke)"', page)
    assert len(revoking) == 2
    assert not LINK.search(page), "an address is shown only once"
    assert browser.post(revoking[0]).status_code == 303
    assert sorted(rooms.visitor().get(link).status_code for link in links) == [200, 404]
    assert browser.post(revoking[0]).status_code == 404
    with rooms.database.read() as session:
        entry = session.query(JournalEntry).filter_by(act="revoke-invitation").one()
    assert (entry.actor, entry.subject) == (office.account_id, revoking[0].split("/")[2])


def test_curators_invite_who_brings_stories_to_their_own_pilot_and_nobody_else(rooms: Rooms) -> None:
    here, _ = rooms.field.pilot(), rooms.field.pilot("autumn")
    browser = rooms.browser(rooms.field.account(Role.CURATOR, here))
    (form,) = forms_of(browser.get("/invitations").text, "/invitations")
    assert form.choices["role"] == ["reporter", "facilitator"]
    assert form.choices["pilot"] == ["spring"]
    for pilot, role, status in (
        ("spring", "facilitator", 200),
        ("spring", "curator", 403),
        ("spring", "pilot-team", 403),
        ("autumn", "reporter", 403),
    ):
        answer = browser.post("/invitations", data={"pilot": pilot, "role": role})
        assert (answer.status_code, bool(LINK.search(answer.text))) == (status, status == 200)


def test_curators_neither_see_nor_take_back_others_invitations(rooms: Rooms, office: Principal) -> None:
    here, _ = rooms.field.pilot(), rooms.field.pilot("autumn")
    browser = rooms.browser(office)
    browser.post("/invitations", data={"pilot": "autumn", "role": "reporter"})
    (path,) = re.findall(r'action="(/invitations/\w+/revoke)"', browser.get("/invitations").text)
    curator = rooms.browser(rooms.field.account(Role.CURATOR, here))
    assert "/revoke" not in curator.get("/invitations").text
    assert curator.post(path).status_code == 404
    assert browser.post(path).status_code == 303


def test_administrators_set_a_pilots_name_and_room_but_not_its_protocol(
    rooms: Rooms, office: Principal
) -> None:
    rooms.field.pilot()
    browser = rooms.browser(office)
    assert browser.post("/pilots/spring/settings/quota", data={"gigabytes": "2"}).status_code == 303
    with rooms.database.read() as session:
        assert pilots.by_code(session, "spring").daily_upload_bytes == 2 * 1024**3
    page = browser.get("/pilots/spring").text
    assert "2 GiB" in page
    (back,) = forms_of(page, "/pilots/spring/settings/quota")
    assert browser.post(back.action, data=back.fields).status_code == 303
    with rooms.database.read() as session:
        assert pilots.by_code(session, "spring").daily_upload_bytes is None
    for wrong in ("0", "x", "99999999", "1.5"):
        answer = browser.post("/pilots/spring/settings/quota", data={"gigabytes": wrong})
        assert answer.status_code == 422
    assert browser.get("/pilots/spring/settings/protocol").status_code == 404
    assert browser.post("/pilots/spring/settings/protocol", data={}).status_code == 404


def test_administrators_choose_among_the_weights_that_are_offered(
    sqlite_database: Database, tmp_path: Path, cheap_passwords: None, logs_as_served: None
) -> None:
    rooms = Rooms(sqlite_database, tmp_path, weights_offered="small, /models/whisper-ours")
    pilot = rooms.field.pilot()
    browser = rooms.browser(rooms.field.account(is_administrator=True))
    at = "/pilots/spring/settings/weights"
    assert "base, as for every pilot" in browser.get("/pilots/spring").text
    page = browser.get(at).text
    assert re.findall(r'name="weights" type="radio" value="(.*?)"', page) == ["", "small", "ours"]
    assert browser.post(at, data={"weights": "large"}).status_code == 422
    assert browser.post(at, data={"weights": "ours"}).status_code == 303
    page = browser.get("/pilots/spring").text
    assert "as for every pilot" not in page.partition('id="weights"')[2].partition("</section>")[0]
    curator = rooms.browser(rooms.field.account(Role.CURATOR, pilot))
    assert "faster-whisper, weights ours" in curator.get("/governance/spring").text
    (back,) = forms_of(page, at)
    browser.post(back.action, data=back.fields)
    assert "base, as for every pilot" in browser.get("/pilots/spring").text


def test_weights_that_are_not_offered_any_more_count_as_none(rooms: Rooms, office: Principal) -> None:
    rooms.field.pilot()
    with rooms.database.write() as session:
        pilots.hear_with(session, pilots.by_code(session, "spring"), "gone", actor="test")
    browser = rooms.browser(office)
    assert "base, as for every pilot" in browser.get("/pilots/spring").text
    page = browser.get("/pilots/spring/settings/weights").text
    assert "has offered no others" in page
    assert re.findall(r'value="(.*?)" checked', page) == [""]
