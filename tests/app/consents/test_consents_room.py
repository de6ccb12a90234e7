"""Consent as people and programs record it: what is open then, why the rest is not; and taking a story back."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import httpx2
import pytest
from fastapi.testclient import TestClient

from models.base import utc_now
from models.consent import ConsentEvent, Face, Manner, Naming, Use, Voice
from models.curation import State
from models.pilots import Pilot
from models.roles import Principal, Role, Scope
from models.stories import Part, Story
from storage import ledger, pilots, wordings
from tests.app.conftest import Form, Rooms, forms_of
from tests.plugins.stories import EVERY_USE, SHARED

NAMED = {"naming": "named", "face": "shown"}


@pytest.fixture
def sender(rooms: Rooms) -> Principal:
    return rooms.field.account(Role.REPORTER, rooms.field.pilot())


@pytest.fixture
def curator(rooms: Rooms) -> Principal:
    return rooms.field.account(Role.CURATOR, rooms.field.pilot())


@pytest.fixture
def team(rooms: Rooms) -> Principal:
    return rooms.field.account(Role.PILOT_TEAM, rooms.field.pilot())


def events_of(rooms: Rooms, story: Story) -> list[ConsentEvent]:
    with rooms.database.read() as session:
        return ledger.events_of(session, story.id)


def say(client: TestClient, story: Story, person: int = 0, **terms: Any) -> httpx2.Response:
    """Record what a person says, by the API."""
    return client.post(f"/api/v1/stories/{story.id}/people/{story.people[person].id}/consents", json=terms)


def allowed(client: TestClient, story: Story) -> dict[str, str | None]:
    """Each use with why it is not open now; None: it is."""
    answer = client.get(f"/api/v1/stories/{story.id}/consents")
    assert answer.status_code == 200, answer.text
    return {each["use"]: None if each["is_allowed"] else each["reason"] for each in answer.json()["allowed"]}


def consent_form(browser: TestClient, story: Story, person: int = 0) -> Form:
    page = browser.get(f"/stories/{story.id}/people/{story.people[person].id}/consent")
    assert page.status_code == 200, page.text
    (form,) = forms_of(page.text, "")
    return form


def send_form(browser: TestClient, story: Story, sent: dict[str, str], person: int = 0) -> httpx2.Response:
    return browser.post(f"/stories/{story.id}/people/{story.people[person].id}/consent", data=sent)


# ---- recording it ------------------------------------------------------------------------------------------------


def test_consent_by_the_form_opens_the_gate_at_once(
    rooms: Rooms, sender: Principal, curator: Principal
) -> None:
    story = rooms.field.story(by=sender, consented_to=None)
    browser, desk = rooms.browser(sender), rooms.browser(curator)
    assert desk.get(f"/stories/{story.id}").status_code == 404, "nobody was asked yet"
    sent = consent_form(browser, story).filled(
        **{"use-curation": "yes", "use-sharing": "yes", "appearance": "pseudonym", "manner": "spoken"},
        evidence=" minute 0:40 ",
    )
    answer = send_form(browser, story, sent)
    assert (answer.status_code, answer.headers["location"]) == (303, f"/stories/{story.id}")
    assert desk.get(f"/stories/{story.id}").status_code == 200
    (event,) = events_of(rooms, story)
    assert (event.kind, set(event.uses), event.pilot_ids) == ("granted", SHARED, [rooms.field.pilot()])
    assert (event.naming, event.face, event.voice) == (Naming.PSEUDONYM, Face.SHOWN, Voice.KEPT)
    assert (event.manner, event.evidence, event.recorded_by) == (
        Manner.SPOKEN,
        "minute 0:40",
        sender.account_id,
    )


def test_nothing_is_ticked_beforehand(rooms: Rooms, sender: Principal) -> None:
    story = rooms.field.story(by=sender, consented_to=None)
    form = consent_form(rooms.browser(sender), story)
    assert not any(name.startswith("use-") for name in form.fields)
    assert "appearance" not in form.fields
    assert {f"use-{use}" for use in Use} <= form.choices.keys(), "each use can be chosen"


@pytest.mark.parametrize("appearance", ["hidden", "unnamed", "pseudonym", "named"])
def test_form_shows_again_what_was_said(rooms: Rooms, sender: Principal, appearance: str) -> None:
    story, browser = rooms.field.story(by=sender, consented_to=None), rooms.browser(sender)
    ticked = {"use-curation": "yes", "use-excerpts": "yes"}
    send_form(browser, story, consent_form(browser, story).filled(appearance=appearance, **ticked))
    form = consent_form(browser, story)
    assert form.fields["appearance"] == appearance
    assert {name for name in form.fields if name.startswith("use-")} == ticked.keys()


def test_what_is_ticked_replaces_what_stood_and_the_page_tells_both(
    rooms: Rooms, sender: Principal, team: Principal
) -> None:
    story = rooms.field.story(by=sender, state=State.CURATED)
    browser = rooms.browser(sender)
    assert rooms.browser(team).get(f"/stories/{story.id}").status_code == 200
    form = consent_form(browser, story)
    del form.fields["use-sharing"]
    assert send_form(browser, story, form.fields).status_code == 303
    assert rooms.browser(team).get(f"/stories/{story.id}").status_code == 404
    page = browser.get(f"/stories/{story.id}/people/{story.people[0].id}/consent").text
    assert "Allowed for the first time (in a form)" in page
    assert "Allowed less than before (in a form)" in page


def test_text_that_is_asked_by_can_be_heard_by_whoever_is_asked(rooms: Rooms, sender: Principal) -> None:
    story, browser = rooms.field.story(by=sender), rooms.browser(sender)
    with rooms.database.write() as session:
        text = wordings.add(session, "en", "We keep it safe.", pilot_id=rooms.field.pilot(), actor="test").id
    here = f"/stories/new/aloud/en?wording={text}"
    page = browser.get(f"/stories/{story.id}/people/{story.people[0].id}/consent").text
    assert f'src="{here}"' in page
    assert browser.get(here).headers["content-type"] == "audio/mp4"


def test_form_with_nothing_ticked_takes_everything_back_but_the_story(
    rooms: Rooms, sender: Principal, curator: Principal
) -> None:
    story, browser = rooms.field.story(by=sender), rooms.browser(sender)
    send_form(browser, story, {"appearance": "named", "manner": "form"})
    assert [event.kind for event in events_of(rooms, story)] == ["granted", "withdrawn"]
    assert rooms.browser(curator).get(f"/stories/{story.id}").status_code == 404
    assert browser.get(f"/stories/{story.id}").status_code == 200


def test_consent_by_a_program_is_kept_as_it_was_said(rooms: Rooms, sender: Principal) -> None:
    story, until = rooms.field.story(by=sender, consented_to=None), utc_now() + timedelta(days=30)
    terms = {
        "uses": ["curation", "sharing"],
        "share_with": ["spring"],
        "until": until.isoformat(),
        "manner": "on-behalf",
        "relation": " her mother ",
        "language": "pl",
        "evidence": "paper form 12",
    }
    answer = say(rooms.program(sender), story, **terms, **NAMED)
    assert answer.status_code == 201, answer.text
    said = answer.json()
    assert (said["kind"], said["uses"], said["relation"]) == (
        "granted",
        ["curation", "sharing"],
        "her mother",
    )
    assert (said["naming"], said["face"], said["voice"], said["language"]) == ("named", "shown", "kept", "pl")
    (event,) = events_of(rooms, story)
    assert (event.until, event.evidence, event.recorded_by) == (until, "paper form 12", sender.account_id)
    ledger = rooms.program(sender).get(f"/api/v1/stories/{story.id}/consents").json()["events"]
    assert ledger == [said]


def test_appearance_that_is_not_named_is_the_narrowest(rooms: Rooms, sender: Principal) -> None:
    story = rooms.field.story(by=sender, consented_to=None)
    said = say(rooms.program(sender), story, uses=["curation"]).json()
    assert (said["naming"], said["face"], said["until"]) == ("anonymous", "masked", None)


def test_curator_records_consent_for_a_teller(rooms: Rooms, curator: Principal) -> None:
    story = rooms.field.story(others=[Part.HEARD])
    answer = say(rooms.program(curator), story, 1, uses=["curation"])
    assert answer.status_code == 201
    assert events_of(rooms, story)[-1].recorded_by == curator.account_id


@pytest.mark.parametrize(
    ("terms", "says"),
    [
        ({"until": "2020-01-01T00:00:00Z"}, "Choose a day that is still to come."),
        ({"until": "2999-01-01T00:00:00"}, "Choose a day that is still to come."),
        ({"manner": "on-behalf"}, "Say how the person who consents on behalf of another is related to them."),
        ({"manner": "on-behalf", "relation": " "}, "relation"),
        ({"uses": ["sharing"]}, "Choose at least one pilot of this story to share with"),
        ({"uses": ["sharing"], "share_with": ["autumn"]}, "Choose at least one pilot of this story"),
        ({"uses": ["everything"]}, "uses"),
        ({"relation": "x" * 101}, "relation"),
        ({"evidence": "x" * 501}, "evidence"),
        ({"language": "english"}, "language"),
        ({"and": "more"}, "and"),
    ],
)
def test_consent_that_cannot_stand_is_refused_in_words(
    rooms: Rooms, sender: Principal, terms: dict[str, Any], says: str
) -> None:
    rooms.field.pilot("spring")
    rooms.field.pilot("autumn")
    story = rooms.field.story(by=sender, consented_to=None)
    refused = say(rooms.program(sender), story, **{"uses": ["curation"]} | terms)
    assert refused.status_code == 422, refused.text
    assert says in refused.json()["detail"]
    assert events_of(rooms, story) == []


def test_consent_on_behalf_without_the_relation_is_refused_by_the_form(
    rooms: Rooms, sender: Principal
) -> None:
    story, browser = rooms.field.story(by=sender, consented_to=None), rooms.browser(sender)
    sent = consent_form(browser, story).filled(**{"use-curation": "yes", "manner": "on-behalf"})
    refused = send_form(browser, story, sent)
    assert refused.status_code == 422
    says = "Say how the person who consents on behalf of another is related to them."
    assert f'<a href="#relation">{says}</a>' in refused.text
    (again,) = forms_of(refused.text, "")
    assert again.fields == sent, "nothing that was filled in is lost"
    assert send_form(browser, story, sent | {"relation": "her mother"}).status_code == 303
    assert [event.relation for event in events_of(rooms, story)] == ["her mother"]


@pytest.mark.parametrize(
    ("wrong", "field", "says"),
    [
        ({"moment_start": "soon"}, "moment_start", "Give minutes and seconds"),
        ({"moment_start": "0:40", "moment_end": "0:20"}, "moment_start", "an end after it"),
        ({"until": "2020-01-01"}, "until", "Choose a day that is still to come."),
        ({"until": "one day"}, "until", "Give a day as year, month and day"),
        ({"relation": "x" * 101}, "consent-form", "relation: this has more than 100 characters"),
    ],
)
def test_what_is_wrong_stands_in_the_form_at_its_field_with_all_that_was_filled_in(
    rooms: Rooms, sender: Principal, wrong: dict[str, str], field: str, says: str
) -> None:
    story = rooms.field.story(by=sender, consented_to=None, with_recording=True)
    browser = rooms.browser(sender)
    sent = consent_form(browser, story).filled(
        **{"use-curation": "yes", "use-research": "yes", "appearance": "named", "manner": "spoken"},
        moment_recording=story.recordings[0].id,
        moment_start="0:40",
        moment_end="1:00",
        evidence="form 12",
        consent_language="pl",
        original_may_go="yes",
    )
    refused = send_form(browser, story, sent | wrong)
    assert refused.status_code == 422
    assert f'<a href="#{field}">' in refused.text
    assert f'id="{field}"' in refused.text
    assert says in refused.text
    assert f'id="{field}-error"' in refused.text or field == "consent-form"
    (again,) = forms_of(refused.text, "")
    assert again.fields == sent | wrong
    assert events_of(rooms, story) == []


@pytest.mark.parametrize("sent", [{"manner": "shouted"}, {"relation": "x" * 101}, {"evidence": "x" * 501}])
def test_form_that_cannot_be_read_is_refused(rooms: Rooms, sender: Principal, sent: dict[str, str]) -> None:
    story = rooms.field.story(by=sender, consented_to=None)
    refused = send_form(rooms.browser(sender), story, {"use-curation": "yes"} | sent)
    assert refused.status_code == 422
    assert events_of(rooms, story) == []


def test_pilot_that_is_not_there_is_not_found(rooms: Rooms, sender: Principal) -> None:
    story = rooms.field.story(by=sender, consented_to=None)
    refused = say(rooms.program(sender), story, uses=["sharing"], share_with=["nowhere"])
    assert (refused.status_code, refused.json()["code"]) == (404, "pilot-unknown")


def test_person_of_another_story_is_not_in_this_one(rooms: Rooms, sender: Principal) -> None:
    story, other = rooms.field.story(by=sender), rooms.field.story(by=sender)
    path = f"/stories/{story.id}/people/{other.people[0].id}/consent"
    assert rooms.browser(sender).get(path).status_code == 404
    assert rooms.browser(sender).post(path, data={"use-curation": "yes"}).status_code == 404
    answer = rooms.program(sender).post(f"/api/v1{path}s", json={"uses": []})
    assert (answer.status_code, answer.json()["code"]) == (404, "person-not-found")
    assert len(events_of(rooms, other)) == 1


def test_consent_that_has_run_out_opens_nothing(rooms: Rooms, sender: Principal, curator: Principal) -> None:
    story = rooms.field.story(by=sender, until=utc_now() + timedelta(seconds=0.2))
    program = rooms.program(sender)
    while allowed(program, story)["curation"] is None:
        pass
    assert allowed(program, story)["curation"] == "teller did not consent to this."
    assert rooms.browser(curator).get(f"/stories/{story.id}").status_code == 404


# ---- what follows, and why the rest does not ---------------------------------------------------------------------


def test_what_was_agreed_is_open(rooms: Rooms, sender: Principal) -> None:
    story = rooms.field.story(by=sender, consented_to=EVERY_USE, with_recording=True)
    assert allowed(rooms.program(sender), story) == dict.fromkeys(Use)


def test_use_that_somebody_did_not_agree_to_names_them(rooms: Rooms, sender: Principal) -> None:
    story = rooms.field.story(by=sender, others=[Part.HEARD, Part.SEEN], with_recording=True)
    program = rooms.program(sender)
    say(program, story, 1, uses=["curation"], **NAMED)
    why = allowed(program, story)
    assert why["curation"] is None
    assert why["sharing"] == "a heard did not consent to this."
    assert why["publication"] == "teller, a heard, a seen did not consent to this."


def test_without_consent_to_curation_that_is_the_reason(rooms: Rooms, sender: Principal) -> None:
    story = rooms.field.story(by=sender, consented_to={Use.SHARING, Use.EXCERPTS}, with_recording=True)
    why = allowed(rooms.program(sender), story)
    assert why["curation"] == "teller did not consent to this."
    assert (
        why["sharing"] == why["excerpts"] == "without consent to curation nothing can be done with the story."
    )


def test_use_that_a_protocol_does_not_admit_says_so(rooms: Rooms, sender: Principal) -> None:
    story = rooms.field.story(by=sender, consented_to=EVERY_USE, with_recording=True)
    with rooms.database.write() as session:
        pilot = session.get_one(Pilot, rooms.field.pilot())
        pilots.change_protocol(session, pilot, [Use.CURATION, Use.SHARING], actor="test")
    why = allowed(rooms.program(sender), story)
    assert (why["curation"], why["sharing"]) == (None, None)
    assert why["publication"] == why["research"] == "a pilot's protocol does not admit this."


@pytest.mark.parametrize(
    ("asks", "has_picture", "waits"),
    [
        ({"naming": Naming.ANONYMOUS}, False, True),
        ({"voice": Voice.ALTERED}, False, True),
        ({"face": Face.MASKED}, True, True),
        ({"face": Face.MASKED}, False, False),
        ({"naming": Naming.PSEUDONYM}, True, False),
    ],
)
def test_what_must_be_masked_first_is_not_possible_yet(
    rooms: Rooms, sender: Principal, asks: dict[str, Any], has_picture: bool, waits: bool
) -> None:
    story = rooms.field.story(by=sender, with_recording=True, has_picture=has_picture, **asks)
    why = allowed(rooms.program(sender), story)
    assert why["curation"] is None
    says = "not possible yet: consent asks for masking that has not been made."
    assert why["sharing"] == (says if waits else None)
    page = rooms.browser(sender).get(f"/stories/{story.id}").text
    assert ("It waits until nobody can be recognised who does not want to be." in page) is waits


def test_ledger_is_for_those_who_care_for_the_story(
    rooms: Rooms, sender: Principal, curator: Principal, team: Principal
) -> None:
    story = rooms.field.story(by=sender, state=State.PUBLISHED, consented_to=EVERY_USE)
    path = f"/api/v1/stories/{story.id}/consents"
    got = {
        who: rooms.program(person).get(path).status_code
        for who, person in (("sender", sender), ("curator", curator), ("team", team), ("nobody", None))
    }
    assert got == {"sender": 200, "curator": 200, "team": 403, "nobody": 401}


# ---- taking it back ----------------------------------------------------------------------------------------------


def readers(rooms: Rooms, story: Story, people: dict[str, Principal | None]) -> dict[str, int]:
    """What each of them is answered, by page and by API alike."""
    got = {}
    for who, person in people.items():
        page = (rooms.browser(person) if person else rooms.visitor()).get(f"/stories/{story.id}")
        answer = rooms.program(person).get(f"/api/v1/stories/{story.id}")
        assert page.status_code == answer.status_code, who
        got[who] = answer.status_code
    return got


def test_story_taken_back_by_the_page_is_gone_for_who_could_read_it_and_never_was_for_others(
    rooms: Rooms, sender: Principal, curator: Principal, team: Principal
) -> None:
    story, browser = (
        rooms.field.story(by=sender, state=State.CURATED, title="The <bench>"),
        rooms.browser(sender),
    )
    stranger = rooms.field.account(Role.CURATOR, rooms.field.pilot("autumn"))
    people = {"sender": sender, "curator": curator, "team": team, "stranger": stranger, "nobody": None}
    assert readers(rooms, story, people) == {
        "sender": 200, "curator": 200, "team": 200, "stranger": 404, "nobody": 404,
    }  # fmt: skip
    page = browser.get(f"/stories/{story.id}/withdraw").text
    assert 'Take “<span lang="en">The &lt;bench&gt;</span>” back?' in page
    (form,) = forms_of(page, "")
    done = browser.post(f"/stories/{story.id}/withdraw", data=form.fields)
    assert done.status_code == 200
    assert "The story is taken back" in done.text
    assert readers(rooms, story, people) == {
        "sender": 410, "curator": 410, "team": 410, "stranger": 404, "nobody": 404,
    }  # fmt: skip
    gone = browser.get(f"/stories/{story.id}").text
    assert "This story was withdrawn by the person who told it." in gone
    assert "bench" not in gone


def test_looking_at_the_page_takes_nothing_back(rooms: Rooms, sender: Principal) -> None:
    story, browser = rooms.field.story(by=sender), rooms.browser(sender)
    browser.get(f"/stories/{story.id}/withdraw")
    assert browser.post(f"/stories/{story.id}/withdraw").status_code == 422, "nobody said to be sure"
    assert browser.get(f"/stories/{story.id}").status_code == 200


def test_published_story_taken_back_by_a_program_is_gone_for_all(
    rooms: Rooms, sender: Principal, curator: Principal
) -> None:
    story = rooms.field.story(by=sender, state=State.PUBLISHED, consented_to=EVERY_USE)
    answer = rooms.program(curator).post(f"/api/v1/stories/{story.id}/withdraw")
    assert answer.is_success, answer.text
    stone = answer.json()
    assert (stone["story_id"], stone["erased_at"]) == (story.id, None)
    assert readers(rooms, story, {"sender": sender, "nobody": None}) == {"sender": 410, "nobody": 410}
    assert rooms.program(curator).post(f"/api/v1/stories/{story.id}/withdraw").status_code == 410


def test_story_nobody_else_could_read_leaves_no_trace_for_them(
    rooms: Rooms, sender: Principal, curator: Principal
) -> None:
    story = rooms.field.story(by=sender, consented_to=None)
    rooms.program(sender).post(f"/api/v1/stories/{story.id}/withdraw")
    people = {"sender": sender, "curator": curator, "nobody": None}
    assert readers(rooms, story, people) == {"sender": 410, "curator": 404, "nobody": 404}


def test_withdrawn_story_takes_no_consent(rooms: Rooms, sender: Principal) -> None:
    story = rooms.field.story(by=sender)
    rooms.program(sender).post(f"/api/v1/stories/{story.id}/withdraw")
    assert say(rooms.program(sender), story, uses=["curation"]).status_code == 410
    assert send_form(rooms.browser(sender), story, {"use-curation": "yes"}).status_code == 410


def test_team_that_reads_a_story_neither_records_consent_nor_takes_it_back(
    rooms: Rooms, sender: Principal, team: Principal
) -> None:
    story = rooms.field.story(by=sender, state=State.CURATED)
    before = len(events_of(rooms, story))
    refused = [
        say(rooms.program(team), story, uses=[]),
        rooms.program(team).post(f"/api/v1/stories/{story.id}/withdraw"),
        send_form(rooms.browser(team), story, {"manner": "form"}),
        rooms.browser(team).post(f"/stories/{story.id}/withdraw", data={"sure": "yes"}),
        rooms.browser(team).get(f"/stories/{story.id}/withdraw"),
    ]
    assert [answer.status_code for answer in refused] == [403] * 5
    assert len(events_of(rooms, story)) == before


def test_key_records_and_withdraws_with_the_scope_to_write_alone(rooms: Rooms, sender: Principal) -> None:
    story = rooms.field.story(by=sender)
    others = rooms.program(sender, *(scope for scope in Scope if scope is not Scope.STORIES_WRITE))
    writing = rooms.program(sender, Scope.STORIES_WRITE)
    assert say(others, story, uses=[]).status_code == 403
    assert others.post(f"/api/v1/stories/{story.id}/withdraw").status_code == 403
    assert writing.get(f"/api/v1/stories/{story.id}/consents").status_code == 403
    assert say(writing, story, uses=["curation"]).status_code == 201
    assert writing.post(f"/api/v1/stories/{story.id}/withdraw").is_success
