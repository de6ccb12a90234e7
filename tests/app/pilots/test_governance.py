"""A pilot is governed by its own curators: what it admits counts at once, and its texts are never rewritten."""

from __future__ import annotations

import pytest

from app.pilots.comparing import Kind, differences
from app.web import undoing
from models.consent import Use
from models.curation import State
from models.journal import JournalEntry
from models.pilots import Pilot
from models.roles import Principal, Role
from models.stories import Story
from storage import accounts, api_keys, pilots
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
    at = "/governance/spring/settings/protocol"
    (form,) = forms_of(browser.get(at).text, at)
    kept = {name: value for name, value in form.fields.items() if name != "use-publication"}
    assert "use-publication" in form.fields
    assert browser.post(at, data=kept | {"combination": "any"}).status_code == 303
    with rooms.database.read() as session:
        pilot = session.get_one(Pilot, rooms.field.pilot())
        assert set(pilot.protocol_uses) == set(Use) - {Use.PUBLICATION}
        assert pilot.protocol_combination == "any"
        assert pilot.protocol_shares_outside
    at = "/governance/spring/settings/travels"
    (form,) = forms_of(browser.get(at).text, at)
    sent = form.filled(terms="Invite us.", **{"label-0-code": "TK", "label-0-text": "Ask."})
    assert browser.post(at, data=sent).status_code == 303
    at = "/governance/spring/settings/retention"
    assert browser.post(at, data={"unreviewed_days": "90"}).status_code == 303
    shown = rooms.program(curator).get("/api/v1/pilots/spring").json()["governance"]
    assert (shown["terms"], shown["unreviewed_days"]) == ("Invite us.", 90)
    assert shown["labels"] == [{"code": "TK", "text": "Ask.", "uri": ""}]


@pytest.mark.parametrize("days", ["0", "-1", "x", "99999999"])
def test_a_number_of_days_that_is_none_is_refused(rooms: Rooms, curator: Principal, days: str) -> None:
    rooms.field.pilot()
    answer = rooms.browser(curator).post(
        "/governance/spring/settings/retention", data={"unreviewed_days": days}
    )
    assert answer.status_code == 422
    assert 'href="#unreviewed_days"' in answer.text
    assert f'value="{days}"' in answer.text, "what was written is not lost"


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


def test_a_change_is_changed_back_by_one_press(rooms: Rooms, curator: Principal) -> None:
    pilot = rooms.field.pilot()
    browser = rooms.browser(curator)
    browser.post("/governance/spring/settings/about", data={"name": "Autumn", "language-fi": "yes"})
    (back,) = forms_of(browser.get("/governance/spring").text, "/governance/spring/settings/about")
    with rooms.database.read() as session:
        assert session.get_one(Pilot, pilot).name == "Autumn"
    assert browser.post(back.action, data=back.fields).status_code == 303
    with rooms.database.read() as session:
        found = session.get_one(Pilot, pilot)
        assert (found.name, found.languages) == ("Spring", ["en", "pl"])
        acts = [entry.act for entry in session.query(JournalEntry).filter_by(subject=pilot)]
    assert acts[-2:] == ["describe-pilot", "describe-pilot"]
    assert "Change it back" not in browser.get("/governance/spring").text


@pytest.mark.parametrize("cookie", ["x", "eJw=", "", "e" * 4000])
def test_a_cookie_that_is_none_of_ours_changes_nothing_back(
    rooms: Rooms, curator: Principal, cookie: str
) -> None:
    rooms.field.pilot()
    browser = rooms.browser(curator)
    browser.cookies.set(undoing.COOKIE, cookie)
    page = browser.get("/governance/spring")
    assert (page.status_code, "Change it back" in page.text) == (200, False)


@pytest.mark.parametrize(
    ("section", "sent", "field"),
    [
        ("about", {"name": "", "language-en": "yes"}, "name"),
        ("about", {"name": "A"}, "language-en"),
        ("about", {"name": "A", "others": "klingon"}, "others"),
        ("travels", {"label-2-code": "TK"}, "label-2-text"),
        ("travels", {"label-0-code": "TK", "label-0-text": "x", "label-0-uri": "nowhere"}, "label-0-uri"),
        ("travels", {"terms": "x" * 10_001}, "terms"),
        ("safeguarding", {"safeguarding_name": "nobody"}, "safeguarding_name"),
        ("safeguarding", {"safeguarding_contact": "x" * 201}, "safeguarding_contact"),
        ("retention", {"originals_days": "9.5"}, "originals_days"),
    ],
)
def test_what_is_wrong_stands_above_the_form_and_leads_to_its_field(
    rooms: Rooms, curator: Principal, section: str, sent: dict[str, str], field: str
) -> None:
    rooms.field.pilot()
    answer = rooms.browser(curator).post(f"/governance/spring/settings/{section}", data=sent)
    assert answer.status_code == 422
    assert "There is a problem" in answer.text
    assert f'href="#{field}"' in answer.text
    assert f'id="{field}"' in answer.text


def test_history_of_a_wording_shows_what_was_added_and_taken_out(rooms: Rooms, curator: Principal) -> None:
    rooms.field.pilot()
    browser = rooms.browser(curator)
    sent = {"language": "en", "text": "We keep it for ever."}
    looked = browser.post("/governance/spring/wordings", data=sent | {"look": "yes"})
    assert "As tellers would see it" in looked.text
    assert "There is none yet" in browser.get("/governance/spring/wordings/en").text, "looking adds nothing"
    browser.post("/governance/spring/wordings", data=sent)
    browser.post("/governance/spring/wordings", data=sent | {"text": "We keep it safe."})
    page = browser.get("/governance/spring/wordings/en").text
    assert "<ins>safe.</ins>" in page
    assert "<del>for ever.</del>" in page
    assert browser.post("/governance/spring/wordings", data=sent | {"text": " "}).status_code == 422
    assert browser.get("/governance/spring/wordings/xx").status_code == 404


def test_differences_hold_both_texts_whole() -> None:
    before, after = "One two  three\nfour.", "One 2 three\nfour five."
    pieces = differences(before, after)
    assert "".join(each.text for each in pieces if each.kind is not Kind.ADDED) == before
    assert "".join(each.text for each in pieces if each.kind is not Kind.TAKEN_OUT) == after


def test_keys_of_a_pilots_people_are_seen_and_ended_by_its_curators(rooms: Rooms, curator: Principal) -> None:
    here, elsewhere = rooms.field.pilot(), rooms.field.pilot("autumn")
    ours, shared = (rooms.field.account(Role.REPORTER, here) for _ in range(2))
    with rooms.database.write() as session:
        accounts.give_role(session, shared.account_id or "", elsewhere, Role.REPORTER, actor="test")
    program, other = rooms.program(ours), rooms.program(shared)
    browser = rooms.browser(curator)
    with rooms.database.read() as session:
        (own,) = api_keys.of_account(session, ours.account_id or "")
        (key,) = api_keys.of_account(session, shared.account_id or "")
    page = browser.get("/governance/spring/programs").text
    (end,) = forms_of(page, f"/governance/spring/keys/{own.id}/end")
    assert forms_of(page, f"/governance/spring/keys/{key.id}/end") == []
    assert browser.post(end.action).status_code == 303
    assert program.get("/api/v1/stories").status_code == 401
    assert browser.post(f"/governance/spring/keys/{key.id}/end").status_code == 403
    assert other.get("/api/v1/stories").status_code == 200
    outsider = rooms.browser(rooms.field.account(Role.CURATOR, elsewhere))
    assert outsider.post(f"/governance/spring/keys/{key.id}/end").status_code == 404
