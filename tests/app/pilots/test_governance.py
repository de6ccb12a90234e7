"""A pilot is governed by its own curators: what it admits counts at once, and its texts are never rewritten."""

from __future__ import annotations

import pytest

from models.consent import Use
from models.curation import State
from models.pilots import Pilot
from models.roles import Principal, Role
from models.stories import Story
from storage import pilots
from tests.app.conftest import Rooms, forms_of
from tests.plugins.stories import EVERY_USE


@pytest.fixture
def curator(rooms: Rooms) -> Principal:
    return rooms.field.account(Role.CURATOR)


def test_a_new_pilot_admits_curation_and_sharing_inside_it_and_nothing_else(rooms: Rooms) -> None:
    with rooms.database.write() as session:
        pilot = pilots.create(session, "new", "New", ["en"], actor="test")
        assert set(pilot.protocol_uses) == {Use.CURATION, Use.SHARING}
        assert not pilot.protocol_shares_outside
        assert set(pilot.protocol_readers) == {Role.CURATOR, Role.PILOT_TEAM}


def test_what_the_protocol_closes_is_closed_with_the_answer(rooms: Rooms, curator: Principal) -> None:
    story = rooms.field.story(state=State.PUBLISHED, consented_to=EVERY_USE)
    assert rooms.visitor().get(f"/stories/{story.id}").status_code == 200
    program = rooms.program(curator)
    answer = program.put("/api/v1/pilots/spring/protocol", json={"uses": ["curation", "sharing"]})
    assert answer.status_code == 200, answer.text
    assert answer.json()["protocol"]["shares_outside"] is False
    assert rooms.visitor().get(f"/stories/{story.id}").status_code == 404
    with rooms.database.read() as session:
        assert session.get_one(Story, story.id).state is State.CURATED


def test_the_form_shows_what_stands_and_sets_it(rooms: Rooms, curator: Principal) -> None:
    rooms.field.pilot()
    browser = rooms.browser(curator)
    assert browser.get("/governance").headers["location"] == "/governance/spring"
    page = browser.get("/governance/spring").text
    (form,) = forms_of(page, "/governance/spring/protocol")
    kept = {name: value for name, value in form.fields.items() if name != "use-publication"}
    assert "use-publication" in form.fields
    assert browser.post("/governance/spring/protocol", data=kept | {"combination": "any"}).status_code == 303
    with rooms.database.read() as session:
        pilot = session.get_one(Pilot, rooms.field.pilot())
        assert set(pilot.protocol_uses) == set(Use) - {Use.PUBLICATION}
        assert pilot.protocol_combination == "any"
        assert pilot.protocol_shares_outside
    (form,) = forms_of(browser.get("/governance/spring").text, "/governance/spring")
    sent = form.filled(
        terms="Invite us.", unreviewed_days="90", **{"label-0-code": "TK", "label-0-text": "Ask."}
    )
    assert browser.post("/governance/spring", data=sent).status_code == 303
    shown = rooms.program(curator).get("/api/v1/pilots/spring").json()["governance"]
    assert (shown["terms"], shown["unreviewed_days"]) == ("Invite us.", 90)
    assert shown["labels"] == [{"code": "TK", "text": "Ask.", "uri": ""}]


@pytest.mark.parametrize("days", ["0", "-1", "x", "99999999"])
def test_a_number_of_days_that_is_none_is_refused(rooms: Rooms, curator: Principal, days: str) -> None:
    rooms.field.pilot()
    answer = rooms.browser(curator).post("/governance/spring", data={"unreviewed_days": days})
    assert answer.status_code == 422


def test_others_govern_nothing_and_administrators_neither(rooms: Rooms) -> None:
    rooms.field.pilot()
    elsewhere = rooms.field.account(Role.CURATOR, rooms.field.pilot("autumn"))
    assert rooms.program(elsewhere).get("/api/v1/pilots/spring").status_code == 404
    answer = rooms.program(elsewhere).put("/api/v1/pilots/spring/protocol", json={"uses": []})
    assert answer.status_code == 404
    for person in (rooms.field.account(Role.PILOT_TEAM), rooms.field.account(is_administrator=True)):
        assert rooms.program(person).get("/api/v1/pilots/spring").status_code == 403


def test_a_wording_gets_versions_and_none_is_changed(rooms: Rooms, curator: Principal) -> None:
    rooms.field.pilot()
    program, browser = rooms.program(curator), rooms.browser(curator)
    for text in ("We keep it.", "We keep it safe."):
        sent = {"language": "en", "text": text}
        assert program.post("/api/v1/pilots/spring/wordings", json=sent).status_code == 201
    assert (
        browser.post("/governance/spring/wordings", data={"language": "pl", "text": "Tak."}).status_code
        == 303
    )
    found = program.get("/api/v1/pilots/spring/wordings").json()
    assert [(each["language"], each["version"], each["text"]) for each in found] == [
        ("en", 2, "We keep it safe."),
        ("en", 1, "We keep it."),
        ("pl", 1, "Tak."),
    ]


def test_readers_that_the_protocol_names_see_what_is_shared_and_others_do_not(
    rooms: Rooms, curator: Principal
) -> None:
    story = rooms.field.story(state=State.CURATED)
    reporter, team = rooms.field.account(Role.REPORTER), rooms.field.account(Role.PILOT_TEAM)
    where = f"/api/v1/stories/{story.id}"

    def seen() -> list[bool]:
        return [rooms.program(each).get(where).status_code == 200 for each in (reporter, team)]

    assert seen() == [False, True]
    said = {"uses": list(Use), "readers": ["reporter", "curator"]}
    assert rooms.program(curator).put("/api/v1/pilots/spring/protocol", json=said).status_code == 200
    assert seen() == [True, False]
    # Seeing is not taking: collections are the team's and the curators'.
    mine = rooms.program(reporter).get("/api/v1/collections")
    assert mine.status_code == 403
