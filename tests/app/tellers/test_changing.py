"""What people say behind their private link: for themselves alone, and in no more steps than consenting took."""

from __future__ import annotations

import base64
import json
import re
from datetime import date, timedelta

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select

from app.access import TELLER_COOKIE
from app.stories.words import EXAMPLES
from models.base import utc_now
from models.collections import Recall
from models.consent import ConsentEvent, EventKind, Giver, Manner, Naming, Use
from models.curation import State
from models.notices import NoticeKind
from models.roles import Principal
from models.stories import Part, Story, StoryPerson
from storage import consents, ledger, notices
from storage.consents import Terms
from tests.app.conftest import Form, Rooms, forms_of
from tests.app.tellers.conftest import Doors
from tests.app.tellers.test_teller_pages import pulled
from tests.plugins.stories import EVERY_USE, SHARED


def consent_form(browser: TestClient) -> Form:
    (form,) = forms_of(browser.get("/teller/consent").text, "/teller/consent")
    return form


def last_event(rooms: Rooms, story: Story, person: int = 0) -> ConsentEvent:
    with rooms.database.read() as session:
        return ledger.events_of(session, story.id, story.people[person].id)[-1]


def state_of(rooms: Rooms, story: Story) -> State:
    with rooms.database.read() as session:
        return session.get_one(Story, story.id).state


def stand_beside(rooms: Rooms, story: Story, person: int = 0) -> None:
    """Her mother stands beside whoever is in the story."""
    with rooms.database.write() as session:
        session.get_one(StoryPerson, story.people[person].id).guardian = "her mother"


# ---- saying what is allowed --------------------------------------------------------------------------------------


def test_teller_says_what_is_allowed_and_the_gate_follows_at_once(
    rooms: Rooms, doors: Doors, curator: Principal
) -> None:
    story = rooms.field.story(consented_to=None)
    browser, desk = doors.opened(story), rooms.browser(curator)
    assert desk.get(f"/stories/{story.id}").status_code == 404
    form = consent_form(browser)
    assert not any(name.startswith(("use-", "share-")) for name in form.fields), (
        "nothing is ticked beforehand"
    )
    day = (utc_now() + timedelta(days=90)).date()
    sent = form.filled(
        **{"use-curation": "yes", "share-spring": "yes", "appearance": "pseudonym"}, until=day.isoformat()
    )
    answer = browser.post("/teller/consent", data=sent)
    assert (answer.status_code, answer.headers["location"]) == (303, "/teller")
    assert desk.get(f"/stories/{story.id}").status_code == 200
    said = last_event(rooms, story)
    assert (said.kind, set(said.uses), said.pilot_ids) == ("granted", SHARED, [rooms.field.pilot()])
    assert (said.naming, said.manner, said.given_by) == (Naming.PSEUDONYM, Manner.FORM, Giver.PERSON)
    assert said.until is not None
    assert said.until.date() == day, "until a day holds on that day"
    assert said.recorded_by == "teller"
    again = consent_form(browser)
    assert again.fields["until"] == day.isoformat(), "or saving it once more would make it last for ever"
    assert {"use-curation", "share-spring"} <= again.fields.keys()


def test_sharing_is_with_the_pilots_that_are_ticked(rooms: Rooms, doors: Doors) -> None:
    here, there = rooms.field.pilot(), rooms.field.pilot("autumn")
    story = rooms.field.story(pilots=[here, there], shared_with=[there])
    browser = doors.opened(story)
    form = consent_form(browser)
    assert {name for name in form.fields if name.startswith("share-")} == {"share-autumn"}
    browser.post("/teller/consent", data=form.fields)
    assert last_event(rooms, story).pilot_ids == [there], "what was not asked was not widened"


def test_what_the_form_does_not_ask_stays_as_it_was(rooms: Rooms, doors: Doors) -> None:
    story = rooms.field.story()
    with rooms.database.write() as session:
        kept = session.get_one(Story, story.id)
        terms = Terms(uses=SHARED, pilot_ids=frozenset(kept.pilot_ids), original_may_go=True)
        consents.record(session, kept, kept.people[0].id, terms, actor="test")
    browser = doors.opened(story)
    browser.post("/teller/consent", data=consent_form(browser).fields)
    assert last_event(rooms, story).original_may_go
    browser.post("/teller/stop/sharing", data={"sure": "yes"})
    assert last_event(rooms, story).original_may_go


def test_person_who_is_heard_changes_their_own_consent_alone(rooms: Rooms, doors: Doors) -> None:
    story = rooms.field.story(state=State.CURATED, others=(Part.HEARD,))
    browser = doors.opened(story, 1)
    before = last_event(rooms, story, 0)
    form = consent_form(browser)
    del form.fields["share-spring"]
    assert browser.post("/teller/consent", data=form.fields).status_code == 303
    assert last_event(rooms, story, 0).id == before.id, "the teller has said nothing"
    assert last_event(rooms, story, 1).kind is EventKind.NARROWED
    assert state_of(rooms, story) is State.IN_REVIEW, "the narrowest wins"


def test_who_chooses_another_name_is_not_shown_by_their_own(rooms: Rooms, doors: Doors) -> None:
    story = rooms.field.story(state=State.PUBLISHED, consented_to=EVERY_USE)
    with rooms.database.write() as session:
        session.get_one(StoryPerson, story.people[0].id).shown_name = "Maria Nowak"
    browser = doors.opened(story)
    page = f"/listen/stories/{story.id}"
    assert "told by Maria Nowak" in rooms.visitor().get(page).text
    for name, says in (("", "Maria Nowak"), ("Ewa", "told by Ewa"), ("", "told by Ewa")):
        sent = consent_form(browser).filled(appearance="pseudonym", shown_name=name)
        assert browser.post("/teller/consent", data=sent).status_code == 303
        assert (says in rooms.visitor().get(page).text) is (says != "Maria Nowak")
    assert consent_form(browser).fields["shown_name"] == "", "nobody sends one name with the other choice"


def test_each_use_has_an_example_and_what_follows(rooms: Rooms, doors: Doors) -> None:
    page = doors.opened(rooms.field.story()).get("/teller/consent").text
    for use in Use:
        assert EXAMPLES[use].replace("'", "&#39;") in page, use


def test_guardian_has_a_link_of_their_own_and_both_must_agree(rooms: Rooms, doors: Doors) -> None:
    story = rooms.field.story(consented_to=None)
    stand_beside(rooms, story)
    says = {Giver.PERSON: "I speak for myself", Giver.GUARDIAN: "I speak as guardian (her mother)"}
    for giver, is_open in ((Giver.PERSON, False), (Giver.GUARDIAN, True)):
        browser = doors.opened(story, giver=giver)
        page = browser.get("/teller/consent").text
        assert [text in page for text in says.values()] == [each is giver for each in says]
        assert ("You speak for yourself alone." in page) is (giver is Giver.PERSON)
        sent = {"use-curation": "yes", "appearance": "named"}
        assert browser.post("/teller/consent", data=sent).status_code == 303
        assert last_event(rooms, story).given_by is giver
        with rooms.database.read() as session:
            assert ledger.permits(session, story.id, Use.CURATION) is is_open


@pytest.mark.parametrize("has_guardian", [False, True])
def test_behind_the_persons_own_link_nobody_speaks_as_their_guardian(
    rooms: Rooms, doors: Doors, has_guardian: bool
) -> None:
    story = rooms.field.story(consented_to=None)
    if has_guardian:
        stand_beside(rooms, story)
    browser = doors.opened(story)
    sent = {"use-curation": "yes", "appearance": "named", "given_by": "guardian", "giver": "guardian"}
    # As a form said that was opened when one link was for both: it is not taken for the person's word.
    assert browser.post("/teller/consent", data=sent | {"speaks": "guardian"}).status_code == 422
    with rooms.database.read() as session:
        assert ledger.events_of(session, story.id) == []
    assert browser.post("/teller/consent", data=sent).status_code == 303
    assert last_event(rooms, story).given_by is Giver.PERSON
    with rooms.database.read() as session:
        assert ledger.permits(session, story.id, Use.CURATION) is not has_guardian


def test_each_sees_and_changes_their_own_word_and_not_the_others(rooms: Rooms, doors: Doors) -> None:
    story = rooms.field.story(consented_to=None)
    stand_beside(rooms, story)
    own, guardian = doors.opened(story), doors.opened(story, giver=Giver.GUARDIAN)
    own.post("/teller/consent", data={"use-curation": "yes", "use-research": "yes", "appearance": "named"})
    assert "You have not allowed anything yet." in guardian.get("/teller").text
    assert consent_form(guardian).fields.get("use-curation") is None
    sent = {"use-curation": "yes", "appearance": "hidden"}
    assert guardian.post("/teller/consent", data=sent).status_code == 303
    page = guardian.get("/teller").text
    assert "You speak here as guardian (her mother)." in page
    assert "How does the person appear in it?" in page
    assert "Nobody can recognise the person" in page
    assert consent_form(guardian).fields.get("use-curation") == "yes"
    page = own.get("/teller").text
    assert "You told this story." in page
    assert "you and the person who stands beside you must both agree" in page, "research waits"
    guardian.post("/teller/stop/curation", data={"sure": "yes"})
    assert last_event(rooms, story).given_by is Giver.GUARDIAN
    assert consent_form(own).fields.get("use-curation") == "yes", "the person's own word stands"
    assert "you and the person who stands beside you must both agree" in own.get("/teller").text
    with rooms.database.read() as session:
        assert not ledger.permits(session, story.id, Use.CURATION)


def test_guardian_of_who_told_it_takes_the_story_back(rooms: Rooms, doors: Doors) -> None:
    story = rooms.field.story(state=State.PUBLISHED, consented_to=EVERY_USE)
    stand_beside(rooms, story)
    browser = doors.opened(story, giver=Giver.GUARDIAN)
    assert "Take the story back" in browser.get("/teller").text
    assert "Do you want to take the story back?" in browser.get("/teller/withdraw").text
    answer = browser.post("/teller/withdraw", data={"sure": "yes"})
    assert "The story is taken back" in answer.text
    event = last_event(rooms, story)
    assert (event.kind, event.given_by) == (EventKind.WITHDRAWN, Giver.GUARDIAN)
    assert rooms.visitor().get(f"/listen/stories/{story.id}").status_code == 410
    assert browser.get("/teller").status_code == 401


def test_guardian_of_who_is_heard_closes_the_story_and_leaves_the_persons_word(
    rooms: Rooms, doors: Doors
) -> None:
    story = rooms.field.story(others=(Part.HEARD,), consented_to=EVERY_USE)
    stand_beside(rooms, story, person=1)
    browser = doors.opened(story, 1, Giver.GUARDIAN)
    assert browser.post("/teller/withdraw", data={"sure": "yes"}).status_code == 200
    event = last_event(rooms, story, 1)
    assert (event.person_id, event.given_by, event.uses) == (story.people[1].id, Giver.GUARDIAN, [])
    with rooms.database.read() as session:
        assert session.get_one(Story, story.id).state is not State.WITHDRAWN
        assert not ledger.permits(session, story.id, Use.CURATION)


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"appearance": "invisible"}, "appearance-hidden"),
        ({"until": "soon"}, "until"),
        ({"until": (date.today() - timedelta(days=2)).isoformat()}, "until"),
        ({"wording": "0" * 32}, "consent-form"),
        ({"shown_name": "M" * 201}, "shown_name"),
    ],
)
def test_form_that_is_wrong_changes_nothing_and_says_so_kindly(
    rooms: Rooms, doors: Doors, wrong: dict[str, str], field: str
) -> None:
    story = rooms.field.story()
    browser, before = doors.opened(story), last_event(rooms, story)
    sent = consent_form(browser).filled(
        **{"use-research": "yes", "appearance": "named", "until": "2999-01-01"}
    )
    answer = browser.post("/teller/consent", data=sent | wrong)
    assert answer.status_code == 422
    assert "There is a problem" in answer.text
    assert f'<a href="#{field}">' in answer.text
    assert f'id="{field}"' in answer.text
    (again,) = forms_of(answer.text, "/teller/consent")
    kept = {
        name: value for name, value in (sent | wrong).items() if value != "invisible" and name != "wording"
    }
    assert {name: again.fields.get(name) for name in kept} == kept, "nothing that was filled in is lost"
    assert last_event(rooms, story).id == before.id


def test_those_who_care_for_the_story_are_told(rooms: Rooms, doors: Doors, curator: Principal) -> None:
    sender = rooms.field.account()
    story = rooms.field.story(by=sender)
    doors.opened(story).post("/teller/stop/sharing", data={"sure": "yes"})
    with rooms.database.read() as session:
        for account in (curator, sender):
            (told,) = notices.of_account(session, account.account_id or "")
            assert (told.kind, told.story_id) == (NoticeKind.CONSENT_CHANGED, story.id)
            assert told.parameters == {"person_id": story.people[0].id}


# ---- taking back, wholly or one use ------------------------------------------------------------------------------


class Walk:
    """Somebody who follows what a page offers, and counts what they press."""

    def __init__(self, rooms: Rooms, link: str) -> None:
        self.browser, self.presses = rooms.visitor(), 0
        self.page = self._arrive(self.browser.get(link))

    def follow(self, address: str) -> None:
        """Press a link that stands on the page."""
        assert f'href="{address}"' in self.page, address
        self.presses += 1
        self.page = self._arrive(self.browser.get(address))

    def press(self, action: str, **values: str) -> None:
        """Press the button of a form that stands on the page."""
        (form,) = forms_of(self.page, action)
        self.presses += 1
        self.page = self._arrive(self.browser.post(action, data=form.filled(**values)))

    def _arrive(self, answer: object) -> str:
        while answer.status_code == 303:  # type: ignore[attr-defined]
            answer = self.browser.get(answer.headers["location"])  # type: ignore[attr-defined]
        assert answer.status_code == 200, answer.text  # type: ignore[attr-defined]
        return answer.text  # type: ignore[attr-defined, no-any-return]


def test_taking_back_takes_one_press_and_one_confirmation_and_no_more_than_consenting(
    rooms: Rooms, doors: Doors
) -> None:
    consenting, stopping, withdrawing = (
        Walk(rooms, f"/teller/enter/{doors.link(story)}")
        for story in (rooms.field.story(consented_to=None), rooms.field.story(), rooms.field.story())
    )
    consenting.follow("/teller/consent")
    consenting.press("/teller/consent", **{"use-curation": "yes"})
    stopping.follow("/teller/stop/sharing")
    stopping.press("/teller/stop/sharing")
    withdrawing.follow("/teller/withdraw")
    withdrawing.press("/teller/withdraw")
    assert "Your story is taken back" in withdrawing.page
    assert stopping.page.count("<strong>Yes</strong>") == 1
    assert withdrawing.presses == stopping.presses == 2 <= consenting.presses


def test_story_taken_back_is_gone_at_once_and_the_receipt_stays(
    rooms: Rooms, doors: Doors, team: Principal
) -> None:
    story = rooms.field.story(state=State.PUBLISHED, consented_to=EVERY_USE, others=(Part.HEARD,))
    pulled(rooms, story, team)
    link, heard = doors.link(story), doors.opened(story, 1)
    browser = rooms.visitor()
    browser.get(f"/teller/enter/{link}")
    cookie = browser.cookies[TELLER_COOKIE]
    answer = browser.post("/teller/withdraw", data={"sure": "yes"})
    assert answer.status_code == 200
    assert "We have asked those who took a copy to delete it: Spring." in answer.text
    assert "We are deleting it now" in answer.text
    assert TELLER_COOKIE not in browser.cookies
    assert state_of(rooms, story) is State.WITHDRAWN
    assert rooms.visitor().get(f"/stories/{story.id}").status_code == 410, "it was published"
    browser.cookies.set(TELLER_COOKIE, cookie, path="/teller")
    assert browser.get("/teller").status_code == 401, "the session has ended"
    assert rooms.visitor().get(f"/teller/enter/{link}").status_code == 404
    gone = heard.get("/teller")
    assert gone.status_code == 410
    assert "Your story is not lost" not in gone.text, "it is: somebody in it took it back"
    assert "taken back" not in heard.get("/teller").text
    match = re.search(r'href="data:application/json;base64,([^"]+)"', answer.text)
    assert match
    receipt = json.loads(base64.b64decode(match[1]))
    assert receipt["events"][-1]["event_state"] == "withdrawn"
    assert receipt["record_metadata"]["pii_principal_id"] == story.people[0].id
    assert [each["format"] for each in receipt["pii_processing"]["recipients"][0]["received"]] == [
        "download.zip"
    ]
    with rooms.database.read() as session:
        assert session.scalars(select(Recall)).one().reason == "withdrawn"


def test_whoever_is_heard_takes_back_their_own_word_and_closes_the_story_to_others(
    rooms: Rooms, doors: Doors, curator: Principal, team: Principal
) -> None:
    sender = rooms.field.account()
    story = rooms.field.story(state=State.CURATED, others=(Part.HEARD,), by=sender)
    browser = doors.opened(story, 1)
    assert "Do you want to take back all that you allowed?" in browser.get("/teller/withdraw").text
    answer = browser.post("/teller/withdraw", data={"sure": "yes"})
    assert "You have taken back what you allowed" in answer.text
    assert state_of(rooms, story) is State.IN_REVIEW, "it is the teller's to have it erased"
    assert last_event(rooms, story, 0).kind is EventKind.GRANTED
    assert last_event(rooms, story, 1).kind is EventKind.WITHDRAWN
    for person in (curator, team):
        assert rooms.browser(person).get(f"/stories/{story.id}").status_code == 404
    assert rooms.browser(sender).get(f"/stories/{story.id}").status_code == 200
    assert browser.get("/teller").status_code == 200, "they can allow it again"


def test_taking_back_twice_is_taking_back_once(rooms: Rooms, doors: Doors) -> None:
    story = rooms.field.story(state=State.CURATED, others=(Part.HEARD,))
    browser = doors.opened(story, 1)
    for _ in range(2):
        answer = browser.post("/teller/withdraw", data={"sure": "yes"})
        assert "You have taken back what you allowed" in answer.text
    last = last_event(rooms, story, 1)
    assert (last.kind, last.sequence) == (EventKind.WITHDRAWN, 3), "each has said one thing, and one another"


def test_taking_back_before_having_said_anything_is_a_no(rooms: Rooms, doors: Doors) -> None:
    story = rooms.field.story(consented_to=None, others=(Part.HEARD,))
    browser = doors.opened(story, 1)
    assert browser.post("/teller/withdraw", data={"sure": "yes"}).status_code == 200
    assert last_event(rooms, story, 1).kind is EventKind.WITHDRAWN


def test_stopping_the_first_use_stops_all(rooms: Rooms, doors: Doors) -> None:
    story = rooms.field.story(consented_to=EVERY_USE)
    browser = doors.opened(story)
    assert "Then nothing else is possible" in browser.get("/teller/stop/curation").text
    assert "Then nothing else is possible" not in browser.get("/teller/stop/sharing").text
    browser.post("/teller/stop/curation", data={"sure": "yes"})
    assert (last_event(rooms, story).uses, last_event(rooms, story).kind) == ([], EventKind.WITHDRAWN)
    assert "nothing happens" not in browser.get("/teller").text, "they have spoken"


def test_stopping_one_use_leaves_the_rest_and_is_said_once(rooms: Rooms, doors: Doors) -> None:
    until = utc_now() + timedelta(days=9)
    story = rooms.field.story(consented_to=EVERY_USE, until=until)
    browser = doors.opened(story)
    for _ in range(2):
        assert browser.post("/teller/stop/sharing", data={"sure": "yes"}).status_code == 303
    last = last_event(rooms, story)
    assert set(last.uses) == EVERY_USE - {Use.SHARING}
    assert (last.sequence, last.pilot_ids, last.until) == (2, [], until)
    assert (last.naming, last.kind) == (Naming.NAMED, EventKind.NARROWED)


def test_use_that_is_none_is_not_there(rooms: Rooms, doors: Doors) -> None:
    browser = doors.opened(rooms.field.story())
    assert browser.get("/teller/stop/selling").status_code == 422
    assert browser.post("/teller/stop/selling", data={"sure": "yes"}).status_code == 422


def test_person_of_another_story_is_not_reached_by_any_field(rooms: Rooms, doors: Doors) -> None:
    mine, other = rooms.field.story(), rooms.field.story()
    browser = doors.opened(mine)
    sent = {"appearance": "named", "person_id": other.people[0].id, "story_id": other.id}
    browser.post("/teller/consent", data=sent)
    assert last_event(rooms, mine).kind is EventKind.WITHDRAWN
    assert last_event(rooms, other).kind is EventKind.GRANTED
