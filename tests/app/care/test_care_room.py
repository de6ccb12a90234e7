"""A worry can be said by whoever can read; what holds a story is lifted by its curators, and by nothing else."""

from __future__ import annotations

from datetime import timedelta

import pytest

from models.base import utc_now
from models.curation import State
from models.roles import Principal, Role
from models.stories import Story
from tests.app.conftest import Rooms, forms_of


@pytest.fixture
def story(rooms: Rooms) -> Story:
    return rooms.field.story(state=State.CURATED)


@pytest.fixture
def curator(rooms: Rooms) -> Principal:
    return rooms.field.account(Role.CURATOR)


@pytest.fixture
def team(rooms: Rooms) -> Principal:
    return rooms.field.account(Role.PILOT_TEAM)


def test_a_concern_closes_the_story_to_all_but_its_curators_until_one_lifts_it(
    rooms: Rooms, story: Story, curator: Principal, team: Principal
) -> None:
    reader, carer = rooms.program(team), rooms.program(curator)
    raised = reader.post(
        f"/api/v1/stories/{story.id}/concerns", json={"note": "She says where her child is."}
    )
    assert raised.status_code == 201, raised.text
    assert reader.get(f"/api/v1/stories/{story.id}").status_code == 404
    (hold,) = carer.get(f"/api/v1/stories/{story.id}/holds").json()
    assert (hold["kind"], hold["note"]) == ("safeguarding", "She says where her child is.")
    (notice,) = carer.get("/api/v1/notices").json()
    assert notice["kind"] == "safeguarding"
    assert "child" not in str(notice)
    steps = carer.get(f"/api/v1/stories/{story.id}/steps").text
    assert "safeguarding flag" in steps
    lifted = carer.post(f"/api/v1/stories/{story.id}/holds/{hold['id']}/lift")
    assert (lifted.status_code, lifted.json()) == (200, [])
    again = carer.post(f"/api/v1/stories/{story.id}/holds/{hold['id']}/lift")
    assert (again.status_code, again.json()["code"]) == (409, "hold-lifted")
    with rooms.database.read() as session:
        assert not session.get_one(Story, story.id).is_safeguarding


def test_who_cannot_read_a_story_cannot_raise_a_concern_or_learn_that_it_is_there(
    rooms: Rooms, story: Story
) -> None:
    stranger = rooms.program(rooms.field.account(Role.PILOT_TEAM, rooms.field.pilot("autumn")))
    for path in (f"/api/v1/stories/{story.id}/concerns", f"/api/v1/stories/{'0' * 32}/concerns"):
        answer = stranger.post(path, json={"note": "Hello?"})
        assert (answer.status_code, answer.json()["code"]) == (404, "not-found")


def test_a_concern_is_said_on_a_page_in_two_presses(rooms: Rooms, story: Story, team: Principal) -> None:
    browser = rooms.browser(team)
    assert f'href="/stories/{story.id}/concern"' in browser.get(f"/stories/{story.id}").text
    (form,) = forms_of(browser.get(f"/stories/{story.id}/concern").text, "")
    said = browser.post(f"/stories/{story.id}/concern", data=form.filled(note="I am worried."))
    assert said.status_code == 200
    assert "Thank you" in said.text
    assert browser.get(f"/stories/{story.id}").status_code == 404


def test_an_embargo_closes_at_once_and_only_curators_lift_it(
    rooms: Rooms, curator: Principal, team: Principal
) -> None:
    sender = rooms.field.account(Role.REPORTER)
    story = rooms.field.story(state=State.CURATED, by=sender)
    browser, reader = rooms.browser(sender), rooms.program(team)
    assert reader.get(f"/api/v1/stories/{story.id}").status_code == 200
    (form,) = forms_of(browser.get(f"/stories/{story.id}/embargo").text, "")
    day = (utc_now() + timedelta(days=30)).date().isoformat()
    assert browser.post(f"/stories/{story.id}/embargo", data=form.filled(until=day)).status_code == 303
    assert reader.get(f"/api/v1/stories/{story.id}").status_code == 404
    assert "lift it" not in browser.get(f"/stories/{story.id}/embargo").text
    page = rooms.browser(curator).get(f"/stories/{story.id}/embargo").text
    assert "lift it" in page
    (hold,) = rooms.program(curator).get(f"/api/v1/stories/{story.id}/holds").json()
    path = f"/api/v1/stories/{story.id}/holds/{hold['id']}/lift"
    assert rooms.program(sender).post(path).status_code == 403
    assert rooms.browser(curator).post(path.removeprefix("/api/v1")).status_code == 303
    assert rooms.program(curator).get(f"/api/v1/stories/{story.id}/holds").json() == []


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        ({"until": "2020-01-01T00:00:00Z"}, "until-past"),
        ({"until": "2099-01-01T00:00:00"}, "until-past"),
        ({"warned": "nobody"}, "account-unknown"),
        ({"until": "soon"}, "invalid"),
    ],
)
def test_an_embargo_that_nobody_could_keep_is_refused(
    rooms: Rooms, story: Story, curator: Principal, sent: dict[str, str], code: str
) -> None:
    answer = rooms.program(curator).post(f"/api/v1/stories/{story.id}/embargoes", json=sent)
    assert answer.status_code in (404, 422)
    assert answer.json()["code"] == code


def test_who_is_to_be_told_cares_for_the_story(rooms: Rooms, story: Story, curator: Principal) -> None:
    from models.accounts import Account

    outsider = rooms.field.account(Role.CURATOR, rooms.field.pilot("autumn"))
    with rooms.database.read() as session:
        name = session.get_one(Account, outsider.account_id).sign_in_name
    answer = rooms.program(curator).post(f"/api/v1/stories/{story.id}/embargoes", json={"warned": name})
    assert (answer.status_code, answer.json()["code"]) == (422, "warned-unfit")
