"""Sending a story, one question a page: what is asked, what the browser alone keeps, and what a story becomes of it."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select

from app.stories import aloud, steps
from app.stories.words import EXAMPLES, WHAT_HAPPENS
from app.tellers.words import USES
from app.web.cookies import DRAFT_COOKIES
from models.consent import Manner, Naming, Use
from models.roles import Principal, Role
from models.stories import Part, Story
from pipeline.media import speaking
from storage import accounts, ledger, wordings
from tests.app.conftest import Rooms, forms_of

NEW = "/stories/new"
# What somebody answers who tells their own story; each test says what it changes.
ANSWERS: Mapping[str, dict[str, str]] = {
    "title": {"title": "The bench"},
    "language": {"language": "pl"},
    "purpose": {"purpose": "both"},
    "teller": {"teller_is": "me"},
    "guardian": {"has_guardian": "no"},
    "others": {"more": "no"},
    "told": {},
    "warning": {},
    "agree": {"manner": "form"},
    "uses": {"use-curation": "yes"},
    "appearance": {"appearance": "named"},
    "name": {},
    "contact": {},
}


@pytest.fixture
def sender(rooms: Rooms) -> Principal:
    return rooms.field.account(Role.REPORTER, rooms.field.pilot())


@pytest.fixture
def browser(rooms: Rooms, sender: Principal) -> TestClient:
    return rooms.browser(sender)


def begin(browser: TestClient) -> str:
    """Press the first button; where it leads."""
    answer = browser.post(NEW)
    assert answer.status_code == 303
    return answer.headers["location"]


def fill_in(browser: TestClient, at: str, **given: str) -> str:
    """Answer a page by its own form; where it leads."""
    page = browser.get(at)
    assert page.status_code == 200, (at, page.headers.get("location"))
    (form,) = forms_of(page.text, at)
    answer = browser.post(at, data=form.filled(**given))
    assert answer.status_code == 303, answer.text
    return answer.headers["location"]


def go_through(browser: TestClient, **changes: dict[str, str]) -> list[str]:
    """Answer every page that comes, as in ANSWERS but for ``changes``; the pages, the last one among them."""
    pages = [begin(browser)]
    while pages[-1] != f"{NEW}/check":
        step = pages[-1].removeprefix(f"{NEW}/")
        pages.append(fill_in(browser, pages[-1], **{**ANSWERS, **changes}[step]))
    return pages


def send(browser: TestClient) -> str:
    """Say that all is right; the story's id."""
    answer = browser.post(f"{NEW}/check")
    assert answer.status_code == 303, answer.text
    found = re.fullmatch(r"/stories/(\w+)/recording", answer.headers["location"])
    assert found, answer.headers["location"]
    return found[1]


def stories(rooms: Rooms) -> list[Story]:
    with rooms.database.read() as session:
        found = list(session.scalars(select(Story)))
        for story in found:
            _ = story.people, story.pilots
        return found


def test_answers_become_a_story_and_its_tellers_consent(rooms: Rooms, browser: TestClient) -> None:
    go_through(
        browser,
        title={"title": " The <bench> "},
        language={"language": "pl", "told_in_sign_language": "yes"},
        teller={"teller_is": "other", "teller": "my neighbour"},
        guardian={"has_guardian": "yes", "guardian": "her mother"},
        told={"told_when": "spring 2026", "told_where": "Nowa Wola", "recorded_by": "Rita"},
        warning={"content_warning": "it speaks of violence"},
        agree={"manner": "spoken"},
        uses={"use-curation": "yes", "use-sharing": "yes"},
        name={"shown_name": "Ewa"},
        contact={"contact": "+48 600 000 000"},
    )
    page = browser.get(f"{NEW}/check").text
    for said in ("The &lt;bench&gt;", "my neighbour", "her mother", "Nowa Wola", "polski", "Ewa", "+48 600"):
        assert said.casefold() in page.casefold()
    send(browser)
    (story,) = stories(rooms)
    assert (story.title, story.language, story.purpose) == ("The <bench>", "pl", "both")
    assert (story.told_when, story.told_where, story.recorded_by) == ("spring 2026", "Nowa Wola", "Rita")
    assert (story.content_warning, story.told_in_sign_language) == ("it speaks of violence", True)
    (teller,) = story.people
    assert (teller.label, teller.shown_name, teller.guardian) == ("my neighbour", "Ewa", "her mother")
    with rooms.database.read() as session:
        (event,) = ledger.events_of(session, story.id)
    assert (set(event.uses), event.manner) == ({Use.CURATION, Use.SHARING}, Manner.SPOKEN)
    assert (event.naming, event.pilot_ids, event.language) == (Naming.NAMED, list(story.pilot_ids), "en")


def test_pages_come_in_order_and_only_those_that_matter(rooms: Rooms, browser: TestClient) -> None:
    every_page = [f"{NEW}/{step.name}" for step in steps.STEPS if step.name != "pilot"] + [f"{NEW}/check"]
    assert go_through(browser) == every_page
    without = go_through(browser, agree={"manner": "later"})
    assert [page for page in every_page if page not in without] == [
        f"{NEW}/{name}" for name in ("uses", "appearance", "name")
    ]
    assert f"{NEW}/name" not in go_through(browser, appearance={"appearance": "hidden"})
    assert f"{NEW}/appearance" not in go_through(browser, uses={})


def test_nothing_is_kept_here_before_the_last_button(rooms: Rooms, browser: TestClient) -> None:
    go_through(browser, contact={"contact": "ewa@example.org"})
    assert stories(rooms) == []
    held = {name: browser.cookies.get(name) or "" for name in DRAFT_COOKIES}
    assert any(held.values())
    # Three letters stand in what is sealed by chance: it is looked for as a whole, also where it was only encoded.
    kept = "".join(held.values())
    decoded = base64.urlsafe_b64decode(kept + "=" * (-len(kept) % 4))
    assert "ewa@example" not in kept, "nor can it be read where it is kept"
    assert b"ewa@example" not in decoded
    send(browser)
    assert not any(browser.cookies.get(name) for name in DRAFT_COOKIES), "and then it is gone from there"


def test_others_are_named_one_by_one_and_can_be_removed(rooms: Rooms, browser: TestClient) -> None:
    begin(browser)
    at = f"{NEW}/others"
    for label, part in (("my sister", "seen"), ("a voice", "heard"), ("a dog", "heard")):
        assert fill_in(browser, at, more="yes") == f"{NEW}/person"
        assert fill_in(browser, f"{NEW}/person", person=label, part=part) == at
        (form,) = forms_of(browser.get(at).text, at)
        assert "more" not in form.fields, "whether there is one more is asked anew"
    page = browser.get(at).text
    assert page.index("my sister") < page.index("a voice") < page.index("a dog")
    assert browser.post(at, data={"remove": "2"}).headers["location"] == at
    assert "a dog" not in browser.get(at).text
    go_on = [step for step in ANSWERS if step != "others"]
    for step in go_on:
        fill_in(browser, f"{NEW}/{step}", **ANSWERS[step])
    fill_in(browser, at, more="no")
    send(browser)
    (story,) = stories(rooms)
    assert [(person.label, person.part) for person in story.people] == [
        ("teller", Part.TELLER),
        ("my sister", Part.SEEN),
        ("a voice", Part.HEARD),
    ]
    page = browser.get(f"/stories/{story.id}/sent").text
    assert "We wait for 2 people" in page
    for person in story.people[1:]:
        assert f"/stories/{story.id}/people/{person.id}/link" in page


def test_no_more_are_named_than_are_kept(browser: TestClient) -> None:
    begin(browser)
    for n in range(5):
        browser.post(f"{NEW}/person", data={"person": f"person {n}", "part": "heard"})
    (form,) = forms_of(browser.get(f"{NEW}/others").text, f"{NEW}/others")
    assert form.choices["more"] == ["no"]
    assert browser.get(f"{NEW}/person").status_code == 303


def test_nothing_is_ticked_beforehand_and_each_part_has_an_example_and_what_follows(
    browser: TestClient,
) -> None:
    begin(browser)
    for step in ("uses", "appearance", "agree", "purpose", "teller", "guardian", "others"):
        if step == "appearance":
            fill_in(browser, f"{NEW}/uses", **ANSWERS["uses"])
        page = browser.get(f"{NEW}/{step}").text
        assert " checked" not in page.replace("use-curation", ""), step
    page = browser.get(f"{NEW}/uses").text
    for use, (label, consequence) in USES.items():
        assert label.partition("{pilot}")[0] in page
        assert f"{EXAMPLES[use]} {consequence}" in page


@pytest.mark.parametrize(
    ("step", "given", "field", "says"),
    [
        ("title", {"title": " "}, "title", "Give the story a name."),
        ("title", {"title": "x" * 201}, "title", "This is too long."),
        ("language", {"language": "xx"}, "language", "Choose one of these."),
        ("purpose", {"purpose": "fun"}, "purpose", "Choose one of these."),
        ("teller", {}, "teller_is", "Choose one of these."),
        ("teller", {"teller_is": "other"}, "teller", "Say who it is."),
        ("guardian", {"has_guardian": "yes", "guardian": " "}, "guardian", "Say who it is."),
        ("others", {}, "more", "Choose one of these."),
        ("person", {"person": "", "part": "heard"}, "person", "Say who it is."),
        ("person", {"person": "my sister", "part": "singing"}, "part", "Choose one of these."),
        ("warning", {"content_warning": "x" * 301}, "content_warning", "This is too long."),
        ("agree", {"manner": "on-behalf"}, "relation", "Say what you are to them."),
        ("uses", {"use-sharing": "yes"}, "use-curation", "Tick the first one too."),
        ("contact", {"contact": "\N{GRINNING FACE}" * 201}, "contact", "This is too long."),
    ],
)
def test_what_is_wrong_is_said_on_top_and_at_the_field_and_nothing_written_is_lost(
    browser: TestClient, step: str, given: dict[str, str], field: str, says: str
) -> None:
    begin(browser)
    refused = browser.post(f"{NEW}/{step}", data=given)
    assert refused.status_code == 422
    page = refused.text
    assert "<title>Error: " in page
    assert re.search(rf'<a href="#{field}">{re.escape(says)}', page)
    assert re.search(rf'id="{field}"', page), "the link leads to the field"
    assert f'id="{field}-error"' in page
    assert re.search(rf'aria-describedby="[^"]*{field}-error', page)
    for text in given.values():
        assert not text.strip() or text in ("xx", "fun", "singing") or text in page
    assert browser.get(f"{NEW}/check").status_code == 303, "the page is not answered"


def test_back_and_change_lose_nothing(browser: TestClient) -> None:
    go_through(browser, told={"told_where": "Nowa Wola"})
    page = browser.get(f"{NEW}/check").text
    assert f'href="{NEW}/told"' in page
    (form,) = forms_of(browser.get(f"{NEW}/told").text, f"{NEW}/told")
    assert form.fields["told_where"] == "Nowa Wola"
    assert fill_in(browser, f"{NEW}/title", title="The well") == f"{NEW}/check", "changed, and back at once"
    page = browser.get(f"{NEW}/check").text
    assert "The well" in page
    assert "Nowa Wola" in page
    back = re.search(r'class="govuk-back-link" href="([^"]+)"', browser.get(f"{NEW}/language").text)
    assert back is not None
    assert back[1] == f"{NEW}/title"


def test_answers_stay_when_the_language_is_switched(browser: TestClient) -> None:
    go_through(browser, title={"title": "Ławka"})
    page = browser.get(f"{NEW}/check?lang=pl").text
    assert '<html lang="pl"' in page
    assert "Sprawdź odpowiedzi" in page
    assert "Ławka" in browser.get(f"{NEW}/title").text
    assert "Jak nazywa się ta opowieść?" in browser.get(f"{NEW}/title").text, "the choice is kept"


def test_later_is_an_answer_and_then_the_teller_is_waited_for(rooms: Rooms, browser: TestClient) -> None:
    go_through(browser, agree={"manner": "later"})
    story_id = send(browser)
    with rooms.database.read() as session:
        assert ledger.events_of(session, story_id) == []
    for path in (f"/stories/{story_id}", f"/stories/{story_id}/sent", "/stories"):
        assert "We wait for 1 person" in browser.get(path).text


def test_consent_that_was_ticked_and_then_put_off_is_not_given(rooms: Rooms, browser: TestClient) -> None:
    go_through(browser)
    fill_in(browser, f"{NEW}/agree", manner="later")
    story_id = send(browser)
    with rooms.database.read() as session:
        assert ledger.events_of(session, story_id) == []


def test_draft_ends_with_its_session_and_cannot_be_changed(
    rooms: Rooms, browser: TestClient, sender: Principal
) -> None:
    go_through(browser)
    held = {name: browser.cookies.get(name) or "" for name in DRAFT_COOKIES}
    other = rooms.browser(sender)
    for name, value in held.items():
        other.cookies.set(name, value, path=NEW)
    assert other.get(f"{NEW}/title").headers["location"] == NEW, "the same person, another session"
    first = DRAFT_COOKIES[0]
    changed = held[first][:40] + ("A" if held[first][40] != "A" else "B") + held[first][41:]
    browser.cookies.delete(first)
    browser.cookies.set(first, changed, path=NEW)
    assert browser.get(f"{NEW}/title").headers["location"] == NEW


def test_tapping_twice_sends_once(rooms: Rooms, browser: TestClient) -> None:
    go_through(browser)
    held = {name: browser.cookies.get(name) or "" for name in DRAFT_COOKIES}
    story_id = send(browser)
    for name, value in held.items():
        browser.cookies.set(name, value, path=NEW)
    assert send(browser) == story_id
    (story,) = stories(rooms)
    with rooms.database.read() as session:
        assert len(ledger.events_of(session, story.id)) == 1


def test_pilot_is_asked_where_there_is_a_choice_and_must_be_mine(rooms: Rooms) -> None:
    here, there = rooms.field.pilot(), rooms.field.pilot("autumn")
    rooms.field.pilot("winter")
    sender = rooms.field.account(Role.REPORTER, here)
    with rooms.database.write() as session:
        accounts.give_role(session, sender.account_id or "", there, Role.REPORTER, actor="test")
    browser = rooms.browser(sender)
    begin(browser)
    (form,) = forms_of(browser.get(f"{NEW}/pilot").text, f"{NEW}/pilot")
    assert sorted(form.choices["pilot"]) == ["autumn", "spring"]
    assert browser.post(f"{NEW}/pilot", data={"pilot": "winter"}).status_code == 422
    pages = [begin(browser)]
    while pages[-1] != f"{NEW}/check":
        step = pages[-1].removeprefix(f"{NEW}/")
        pages.append(fill_in(browser, pages[-1], **{**ANSWERS, "pilot": {"pilot": "autumn"}}[step]))
    send(browser)
    (story,) = stories(rooms)
    assert list(story.pilot_ids) == [there]


def test_whoever_has_begun_goes_on_or_starts_again(browser: TestClient) -> None:
    assert "Go on where you stopped" not in browser.get(NEW).text
    fill_in(browser, begin(browser), **ANSWERS["title"])
    page = browser.get(NEW).text
    assert f'href="{NEW}/language"' in page
    begin(browser)
    assert "The bench" not in browser.get(f"{NEW}/title").text


def test_last_page_waits_for_those_before_it(rooms: Rooms, browser: TestClient) -> None:
    assert browser.post(f"{NEW}/check").headers["location"] == NEW
    fill_in(browser, begin(browser), **ANSWERS["title"])
    assert browser.post(f"{NEW}/check").headers["location"] == f"{NEW}/language"
    assert browser.get(f"{NEW}/nowhere").status_code == 404
    assert stories(rooms) == []


def test_much_that_is_written_fits_into_what_a_browser_keeps(browser: TestClient) -> None:
    text = "Καθόμουν στο παγκάκι δίπλα στο πηγάδι και περίμενα το λεωφορείο. " * 9
    begin(browser)
    for n in range(5):
        browser.post(f"{NEW}/person", data={"person": f"{n} {text[n * 7 :][:98]}", "part": "heard"})
    for step in steps.STEPS:
        sent = {field: text[: steps.longest(field)].strip() for field in step.fields}
        browser.post(f"{NEW}/{step.name}", data=sent)
    (form,) = forms_of(browser.get(f"{NEW}/warning").text, f"{NEW}/warning")
    assert form.fields["content_warning"] == text[:300].strip()
    for name in DRAFT_COOKIES:
        assert len(name) + len(browser.cookies.get(name) or "") < 4000


def test_team_and_newcomers_send_nothing(rooms: Rooms) -> None:
    for person in (rooms.field.account(Role.PILOT_TEAM, rooms.field.pilot()), rooms.field.account()):
        browser = rooms.browser(person)
        assert browser.get(NEW).status_code == 403
        assert browser.post(NEW).status_code == 403
        assert NEW not in browser.get("/").text


def test_what_happens_is_said_and_read_aloud_before_the_first_question(
    rooms: Rooms, browser: TestClient
) -> None:
    page = browser.get(NEW).text
    for sentence in WHAT_HAPPENS:
        assert sentence in page
    assert "Our backups keep what you delete for 30 more days." in page
    assert f'src="{NEW}/aloud/en"' in page
    heard = browser.get(f"{NEW}/aloud/en")
    assert (heard.status_code, heard.headers["content-type"]) == (200, "audio/mp4")
    assert heard.content[4:8] == b"ftyp"
    (made,) = (rooms.parts.settings.cache_folder / "aloud").iterdir()
    first = made.stat().st_mtime_ns
    assert browser.get(f"{NEW}/aloud/en", headers={"range": "bytes=0-9"}).status_code == 206
    assert made.stat().st_mtime_ns == first, "it is made once"
    assert browser.get(f"{NEW}/aloud/xx").status_code == 404


def test_where_nothing_can_read_aloud_it_is_said_in_words_alone(
    browser: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(speaking, "_program", lambda: None)
    page = browser.get(NEW).text
    assert WHAT_HAPPENS[0] in page
    assert "<audio" not in page
    assert browser.get(f"{NEW}/aloud/en").status_code == 404


def test_where_a_person_has_read_it_they_are_heard(
    rooms: Rooms, browser: TestClient, monkeypatch: pytest.MonkeyPatch, spoken: Path
) -> None:
    settings = rooms.parts.settings
    kept = aloud.take_reading(aloud.what_happens("en", settings), "en", spoken, settings)
    monkeypatch.setattr(speaking, "_program", lambda: None)
    assert f'src="{NEW}/aloud/en"' in browser.get(NEW).text
    assert browser.get(f"{NEW}/aloud/en").content == kept.read_bytes()
    assert "<audio" not in browser.get(f"{NEW}?lang=pl").text


def says(rooms: Rooms, text: str, pilot: str | None = None, language: str = "en") -> str:
    """A pilot's text about consent (None: the service's); its id."""
    with rooms.database.write() as session:
        return wordings.add(session, language, text, pilot_id=pilot, actor="test").id


def texts_read(rooms: Rooms) -> list[str | None]:
    with rooms.database.read() as session:
        return [event.wording_id for story in stories(rooms) for event in ledger.events_of(session, story.id)]


def test_the_text_about_consent_is_shown_and_heard_and_the_ledger_says_which_it_was(
    rooms: Rooms, browser: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    says(rooms, "Of the service.")
    ours = says(rooms, "We keep it safe.\nYou may change it.", rooms.field.pilot())
    pages = go_through(browser)
    page = browser.get(f"{NEW}/uses").text
    assert '<p class="govuk-body">You may change it.</p>' in page
    assert "Of the service." not in page
    heard = browser.get(f"{NEW}/aloud/en", params={"wording": ours})
    assert f'src="{NEW}/aloud/en?wording={ours}"' in page
    assert (heard.status_code, heard.content[4:8]) == (200, b"ftyp")
    monkeypatch.setattr(speaking, "_program", lambda: None)
    page = browser.get(f"{NEW}/uses").text
    assert "We keep it safe." in page
    assert "<audio" not in page
    # Another version comes while this one is being read.
    says(rooms, "We keep it safer.", rooms.field.pilot())
    assert pages[-1] == f"{NEW}/check"
    send(browser)
    assert texts_read(rooms) == [ours]


def test_no_text_is_named_where_none_was_shown_in_the_readers_language(
    rooms: Rooms, browser: TestClient
) -> None:
    says(rooms, "We keep it safe.", rooms.field.pilot())
    browser.headers["accept-language"] = "pl"
    go_through(browser)
    (form,) = forms_of(browser.get(f"{NEW}/uses").text, f"{NEW}/uses")
    assert "wording" not in form.fields
    send(browser)
    assert texts_read(rooms) == [None]


def test_a_text_of_another_pilot_is_neither_heard_nor_named(rooms: Rooms, browser: TestClient) -> None:
    theirs = says(rooms, "Elsewhere.", rooms.field.pilot("elsewhere"))
    go_through(browser)
    assert browser.get(f"{NEW}/aloud/en", params={"wording": theirs}).status_code == 404
    browser.post(f"{NEW}/uses", data=ANSWERS["uses"] | {"wording": theirs})
    send(browser)
    assert texts_read(rooms) == [None]


def test_who_chooses_another_pilot_afterwards_is_asked_again_what_is_allowed(
    rooms: Rooms, browser: TestClient, sender: Principal
) -> None:
    spring, autumn = rooms.field.pilot(), rooms.field.pilot("autumn")
    with rooms.database.write() as session:
        accounts.give_role(session, sender.account_id or "", autumn, Role.REPORTER, actor="test")
    says(rooms, "Of spring.", spring)
    of_autumn = says(rooms, "Of autumn.", autumn)
    go_through(browser, pilot={"pilot": "spring"})
    fill_in(browser, f"{NEW}/pilot", pilot="autumn")
    assert browser.get(f"{NEW}/check").headers["location"] == f"{NEW}/uses"
    assert "Of autumn." in browser.get(f"{NEW}/uses").text
    fill_in(browser, f"{NEW}/uses", **ANSWERS["uses"])
    send(browser)
    assert texts_read(rooms) == [of_autumn]
