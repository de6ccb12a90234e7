"""What somebody finds behind their private link: all that is held, in their language, and what came of it."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from markupsafe import escape
from sqlalchemy import select

from app.web.translation import LANGUAGES, Translator
from models.base import utc_now
from models.collections import Recall
from models.consent import Use
from models.curation import State
from models.notices import NoticeKind
from models.pilots import Pilot
from models.roles import Principal
from models.stories import Part, Story, StoryPerson
from storage import (
    collections,
    consents,
    holds,
    ledger,
    notices,
    recalls,
    releases,
    responses,
    review_copies,
    wordings,
)
from storage.consents import Terms
from tests.app.conftest import Rooms
from tests.app.tellers.conftest import Doors
from tests.plugins.stories import EVERY_USE, SHARED, THEME


def pulled(rooms: Rooms, story: Story, team: Principal, title: str = "Benches") -> str:
    """A collection with the story, released and pulled by the team; its id."""
    actor = team.account_id or ""
    with rooms.database.write() as session:
        made = collections.create(session, team, rooms.field.pilot(), title, actor=actor)
        collections.add(session, team, made, story.id, actor=actor)
        release = releases.release(session, team, made, actor=actor)
        releases.note_disclosure(session, release, actor, "download.zip")
        return made.id


def test_page_shows_what_is_held_and_who_made_it(rooms: Rooms, doors: Doors) -> None:
    story = rooms.field.story(state=State.IN_REVIEW, with_recording=True, title="The <bench>")
    page = doors.opened(story).get("/teller")
    assert page.status_code == 200
    assert page.headers["content-language"] == "en"
    assert "The &lt;bench&gt;" in page.text
    assert "You told this story." in page.text
    assert "Recording 1, 0:09" in page.text
    assert f'src="/teller/recordings/{story.recordings[0].id}/renditions/audio"' in page.text
    assert "A machine has written down what is said. No person has checked it yet." in page.text
    assert "Nobody was there." in page.text
    assert "Nobody until now." in page.text
    assert "Nobody has answered yet." in page.text


def test_title_says_the_language_that_the_story_is_told_in(rooms: Rooms, doors: Doors) -> None:
    """The page is in the reader's; a screen reader would say a Polish title as if it were English."""
    story = rooms.field.story(language="pl", title="Ławka przy studni")
    assert ' lang="pl">Ławka przy studni</h1>' in doors.opened(story).get("/teller").text


def test_checked_text_and_themes_are_called_so(rooms: Rooms, doors: Doors) -> None:
    page = doors.opened(rooms.field.story(state=State.CURATED)).get("/teller").text
    assert "a person has checked it" in page
    assert f"What it is about: {rooms.parts.codebook.theme(THEME).label('en')}" in page
    assert "A machine" not in page


def test_each_use_says_yes_or_no_until_when_and_what_follows(rooms: Rooms, doors: Doors) -> None:
    until = datetime(2199, 5, 7, 12, tzinfo=UTC)
    page = doors.opened(rooms.field.story(consented_to=SHARED, until=until)).get("/teller").text
    assert page.count("<strong>Yes</strong> – until 7 May 2199") == 2
    assert page.count("<strong>No</strong>") == len(Use) - 2
    assert "The team of Spring may use it in workshops, evaluations and reports" in page
    assert "Without this nobody works with the story" in page
    assert "It waits" not in page


@pytest.mark.parametrize(
    ("obstacle", "says"),
    [
        ("others", "not everybody in the story has agreed"),
        ("guardian", "the person who stands beside you"),
        ("protocol", "the rules of the community"),
        ("held", "kept back for now"),
        ("masking", "nobody can be recognised"),
    ],
)
def test_use_that_waits_says_for_what(rooms: Rooms, doors: Doors, obstacle: str, says: str) -> None:
    story = rooms.field.story(others=(Part.HEARD,) if obstacle == "others" else ())
    with rooms.database.write() as session:
        kept = session.get_one(Story, story.id)
        match obstacle:
            case "others":
                consents.record(
                    session, kept, kept.people[1].id, Terms(uses=frozenset({Use.CURATION})), actor="test"
                )
            case "guardian":
                session.get_one(StoryPerson, kept.people[0].id).guardian = "her mother"
                session.flush()
                consents.apply(session, kept)
            case "protocol":
                session.query(Pilot).one().protocol_uses = [Use.CURATION]
                session.flush()
                consents.apply(session, kept)
            case "held":
                holds.raise_safeguarding(session, kept, note="", actor="test")
            case "masking":
                terms = Terms(uses=SHARED, pilot_ids=frozenset(kept.pilot_ids))
                consents.record(session, kept, kept.people[0].id, terms, actor="test")
    assert says in doors.opened(story).get("/teller").text


def test_page_says_who_may_hear_it_now(rooms: Rooms, doors: Doors) -> None:
    def hearers(**terms: object) -> list[str]:
        page = doors.opened(rooms.field.story(**terms)).get("/teller").text  # type: ignore[arg-type]
        part = page.split('id="hearers"')[1].split("</ul>")[0]
        return [each.split("</li>")[0] for each in part.split("<li>")[1:]]

    own = "The people in the story, and whoever sent it to us"
    assert hearers(consented_to=None) == [own]
    assert hearers() == [own, "The curators of Spring"]
    assert hearers(state=State.CURATED) == [own, "The curators of Spring", "The team of Spring"]
    assert hearers(state=State.PUBLISHED, consented_to=EVERY_USE)[-1] == "Everybody"


def test_page_tells_which_pilot_has_a_copy_and_never_whose_account(
    rooms: Rooms, doors: Doors, team: Principal
) -> None:
    story = rooms.field.story(state=State.CURATED)
    pulled(rooms, story, team)
    browser = doors.opened(story)
    page = browser.get("/teller").text
    assert "Spring, " in page
    assert "(download.zip)" in page
    assert (team.account_id or "") not in page
    assert "pilot-team-" not in page, "the account's name"
    browser.post("/teller/stop/sharing", data={"sure": "yes"})
    assert "We have asked them to delete it (" in browser.get("/teller").text
    with rooms.database.write() as session:
        recalls.acknowledge(session, session.scalars(select(Recall)).one(), actor="test")
    assert "They say that their copy is deleted (" in browser.get("/teller").text


def test_copy_taken_after_a_recall_is_not_called_deleted(rooms: Rooms, doors: Doors, team: Principal) -> None:
    story = rooms.field.story(state=State.CURATED)
    pulled(rooms, story, team)
    with rooms.database.write() as session:
        recall = Recall(
            release_id=session.scalars(select(releases.Release.id)).one(),
            story_id=story.id,
            account_id=team.account_id,
            issued_at=utc_now() - timedelta(days=3),
            acknowledged_at=utc_now() - timedelta(days=2),
        )
        session.add(recall)
    assert "deleted (" not in doors.opened(story).get("/teller").text


def test_page_tells_what_came_of_it(rooms: Rooms, doors: Doors, team: Principal) -> None:
    story, other = rooms.field.story(state=State.CURATED), rooms.field.story(state=State.CURATED)
    collection_id = pulled(rooms, story, team)
    with rooms.database.write() as session:
        responses.record(
            session,
            session.get_one(collections.Collection, collection_id),
            "We read it in the council.",
            answered_on=date(2026, 3, 2),
            actor=team.account_id or "",
            will_change="The bus stops at the well again.",
        )
    page = doors.opened(story).get("/teller").text
    assert "We read it in the council." in page
    assert "This will change:</strong> The bus stops at the well again." in page
    assert "2 March 2026" in page
    assert "Somebody has answered to your story." in page
    assert "council" not in doors.opened(other).get("/teller").text


def test_heard_person_reads_their_own_messages_alone(rooms: Rooms, doors: Doors) -> None:
    story = rooms.field.story(others=(Part.HEARD,))
    with rooms.database.write() as session:
        notices.tell_person(session, story.people[0], NoticeKind.CONSENT_ENDED)
    assert "What you allowed has ended" in doors.opened(story, 0).get("/teller").text
    page = doors.opened(story, 1).get("/teller").text
    assert "What you allowed has ended" not in page
    assert "You are heard in this story." in page


def test_days_of_backups_are_told(rooms: Rooms, doors: Doors) -> None:
    browser = doors.opened(rooms.field.story())
    for days, says in ((14, "for 14 more days."), (1, "for 1 more day.")):
        rooms.parts.settings.backup_days = days
        assert f"Our backups keep what you delete {says}" in browser.get("/teller").text


def test_changed_wording_asks_and_closes_nothing(rooms: Rooms, doors: Doors) -> None:
    with rooms.database.write() as session:
        first = wordings.add(session, "en", "The first text.", pilot_id=None, actor="test")
    story = rooms.field.story(wording=first.id)
    browser = doors.opened(story)
    # What was read of the rest holds for it, in whichever language one use is stopped.
    browser.post("/teller/stop/sharing", data={"sure": "yes"}, headers={"accept-language": "pl"})
    assert "You may not have read the text" not in browser.get("/teller").text
    with rooms.database.write() as session:
        newer = wordings.add(session, "en", "The second text.", pilot_id=None, actor="test")
    page = browser.get("/teller").text
    assert (
        "You may not have read the text about consent that holds now. What you allowed still holds." in page
    )
    assert page.count("<strong>Yes</strong>") == 1
    assert "The second text." in browser.get("/teller/consent").text
    code = "spring"
    sent = {"use-curation": "yes", f"share-{code}": "yes", "appearance": "named", "wording": newer.id}
    assert browser.post("/teller/consent", data=sent).status_code == 303
    assert "You may not have read the text" not in browser.get("/teller").text
    with rooms.database.read() as session:
        last = ledger.events_of(session, story.id)[-1]
        assert (last.wording_id, last.kind) == (newer.id, "widened")


def test_whoever_said_yes_to_no_text_that_is_known_is_asked_to_read_the_one_there_is(
    rooms: Rooms, doors: Doors
) -> None:
    with rooms.database.write() as session:
        wordings.add(session, "en", "The only text.", pilot_id=None, actor="test")
    story = rooms.field.story()
    assert "Read the new text" in doors.opened(story).get("/teller").text


def test_page_is_in_the_storys_language_and_can_be_switched(rooms: Rooms, doors: Doors) -> None:
    browser = doors.opened(rooms.field.story(language="pl"))
    page = browser.get("/teller", headers={"accept-language": "sv"})
    assert page.headers["content-language"] == "pl"
    assert '<html lang="pl"' in page.text
    for code in ("en", "el"):
        assert f'href="?lang={code}"' in page.text
    assert '<html lang="el"' in browser.get("/teller?lang=el").text
    assert '<html lang="el"' in browser.get("/teller/consent").text, "kept for the pages that follow"
    assert '<html lang="el"' in browser.get("/teller?lang=xx").text
    assert '<html lang="el"' in browser.get("/teller/nothing-here").text


def test_whoever_has_no_story_yet_is_answered_in_the_browsers_language(rooms: Rooms) -> None:
    answer = rooms.visitor(**{"accept-language": "de-DE, sv-SE;q=0.8, en;q=0.5"}).get("/teller/enter/x")
    assert '<html lang="sv"' in answer.text
    unknown = rooms.visitor(**{"accept-language": "de;q=nonsense,,"}).get("/teller/enter/x")
    assert '<html lang="en"' in unknown.text


def test_story_in_another_language_than_ours_is_told_in_english(rooms: Rooms, doors: Doors) -> None:
    assert '<html lang="en"' in doors.opened(rooms.field.story(language="de")).get("/teller").text


def test_nothing_of_another_story_is_behind_this_link(rooms: Rooms, doors: Doors) -> None:
    mine, other = rooms.field.story(title="Mine"), rooms.field.story(title="The mill", with_recording=True)
    browser = doors.opened(mine)
    recording = other.recordings[0].id
    for path in (f"recordings/{recording}/renditions/audio", f"recordings/{recording}/captions.vtt"):
        assert browser.get(f"/teller/{path}").status_code == 404
    assert "The mill" not in browser.get("/teller").text


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_page_is_there_in_every_language(
    rooms: Rooms, doors: Doors, team: Principal, language: str
) -> None:
    story = rooms.field.story(state=State.CURATED, language=language)
    pulled(rooms, story, team)
    with rooms.database.write() as session:
        review_copies.send(session, session.get_one(Story, story.id), actor=story.submitted_by)
    browser = doors.opened(story)
    own_words = Translator(language)
    for path in ("", "/consent", "/copy", "/stop/sharing", "/withdraw", "/receipt"):
        page = browser.get(f"/teller{path}")
        assert page.status_code == 200, path
        assert f'<html lang="{language}"' in page.text, path
        if path == "" and language != "en":
            for english in ("What you allow", "Leave this page", "Yes<", "Curators may"):
                assert english not in page.text
    assert escape(own_words("Change what I allow")) in browser.get("/teller").text
    answer = browser.post("/teller/withdraw", data={"sure": "yes"})
    assert escape(own_words("Your story is taken back")) in answer.text
    leaving = doors.opened(rooms.field.story(language=language))
    left = leaving.get(leaving.post("/teller/leave").headers["location"])
    assert escape(own_words("You have left")) in left.text
