"""The public site: what is published and nothing else, in the reader's language, and gone once it is taken back."""

from __future__ import annotations

import re

import pytest
from fastapi.testclient import TestClient

from app.web.headers import CONTENT_SECURITY_POLICY
from app.web.translation import LANGUAGES, Translator
from models.consent import Use
from models.curation import State
from models.roles import Principal, Role
from models.stories import Story
from storage import collections, consents, holds, publications, releases, withdrawals
from storage.consents import Terms
from tests.app.conftest import Rooms, forms_of
from tests.plugins.stories import EVERY_USE

UNKNOWN = "0" * 32
TITLE = "Benches for <all>"


@pytest.fixture
def curator(rooms: Rooms) -> Principal:
    return rooms.field.account(Role.CURATOR)


@pytest.fixture
def story(rooms: Rooms, curator: Principal) -> Story:
    return rooms.field.story(state=State.PUBLISHED, consented_to=EVERY_USE, said=["A <bench>.", "Nobody."])


@pytest.fixture
def nobody(rooms: Rooms) -> TestClient:
    return rooms.visitor()


def collect(rooms: Rooms, curator: Principal, *stories: Story, is_public: bool = True) -> str:
    """A collection of some stories, released; its id."""
    actor = curator.account_id or ""
    with rooms.database.write() as session:
        made = collections.create(session, curator, rooms.field.pilot(), TITLE, actor=actor)
        for story in stories:
            collections.add(session, curator, made, story.id, actor=actor, note="our own note")
        releases.release(session, curator, made, actor=actor)
        if is_public:
            publications.publish(session, made, actor=actor)
        return made.id


def withdraw(rooms: Rooms, story: Story) -> None:
    with rooms.database.write() as session:
        withdrawals.withdraw(session, session.get_one(Story, story.id), actor="test")


def test_everybody_finds_published_collections_with_what_is_published_of_them(
    rooms: Rooms, curator: Principal, story: Story, nobody: TestClient
) -> None:
    shared = rooms.field.story(state=State.CURATED, title="For the team alone")
    collection = collect(rooms, curator, story, shared)
    hidden = collect(rooms, curator, story, is_public=False)
    found = nobody.get("/listen").text
    assert "Benches for &lt;all&gt;" in found
    assert "1 story" in found
    assert hidden not in found
    page = nobody.get(f"/listen/collections/{collection}").text
    assert story.title in page
    assert shared.title not in page
    assert "our own note" not in page
    assert [nobody.get(f"/listen/collections/{each}").status_code for each in (hidden, UNKNOWN)] == [404, 404]
    # Who may read more elsewhere sees here what everybody sees.
    assert shared.title not in rooms.browser(curator).get(f"/listen/collections/{collection}").text
    assert rooms.browser(curator).get(f"/listen/stories/{shared.id}").status_code == 404


def test_collection_that_has_nothing_to_hear_now_is_not_listed(
    rooms: Rooms, curator: Principal, story: Story, nobody: TestClient
) -> None:
    collection = collect(rooms, curator, story)
    with rooms.database.write() as session:
        kept = session.get_one(Story, story.id)
        consents.record(session, kept, kept.people[0].id, Terms(uses=frozenset({Use.CURATION})), actor="t")
    assert collection not in nobody.get("/listen").text
    assert "Nothing of this collection can be heard" in nobody.get(f"/listen/collections/{collection}").text
    assert nobody.get(f"/listen/stories/{story.id}").status_code == 404


def test_long_collection_comes_in_parts(
    rooms: Rooms, curator: Principal, nobody: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.public.service.STORIES_A_PAGE", 2)
    made = [
        rooms.field.story(state=State.PUBLISHED, consented_to=EVERY_USE, title=f"Story {n}") for n in range(3)
    ]
    at = f"/listen/collections/{collect(rooms, curator, *made)}"
    first = nobody.get(at).text
    (after,) = re.findall(r'href="\?after=(\d+)"', first)
    assert "3 stories" in first
    assert re.findall(r"Story \d", first) == ["Story 0", "Story 1"]
    second = nobody.get(f"{at}?after={after}").text
    assert re.findall(r"Story \d", second) == ["Story 2"]
    assert not re.search(r"\?after=\d+\"", second)
    assert nobody.get(f"{at}?after=-1").status_code == 422


def test_story_is_heard_with_captions_and_read_along_by_links_that_need_no_script(
    rooms: Rooms, story: Story, nobody: TestClient
) -> None:
    page = nobody.get(f"/listen/stories/{story.id}").text
    recording = story.recordings[0].id
    here = f"/stories/{story.id}/recordings/{recording}"
    assert f'src="{here}/renditions/audio"' in page
    assert 'poster="/static/sound.svg"' in page
    assert f'<track kind="captions" src="{here}/captions.vtt" srclang="en"' in page
    assert "A &lt;bench&gt;." in page
    assert f'href="?r={recording}&amp;t=4.0#player-{recording}"' in page
    at_moment = nobody.get(f"/listen/stories/{story.id}?r={recording}&t=4.0").text
    assert f'src="{here}/renditions/audio#t=4.0"' in at_moment
    assert nobody.get(f"/listen/stories/{story.id}?t=nan").status_code == 422
    assert 'name="robots" content="noindex"' in page


def test_warning_comes_before_anything_can_be_played(rooms: Rooms, story: Story, nobody: TestClient) -> None:
    with rooms.database.write() as session:
        session.get_one(Story, story.id).content_warning = "It speaks of <war>."
    for path in (f"/listen/stories/{story.id}", f"/listen/embed/{story.id}"):
        page = nobody.get(path).text
        warning, closed, player = (
            page.index(word) for word in ("It speaks of &lt;war", "<details", "<video")
        )
        assert warning < closed < player < page.index("</details>"), path
        # A browser opens what is closed around the target of an address.
        assert "#player-" not in page


def test_every_page_speaks_the_readers_language(
    rooms: Rooms, curator: Principal, story: Story, nobody: TestClient
) -> None:
    paths = [
        "/listen",
        f"/listen/collections/{collect(rooms, curator, story)}",
        f"/listen/stories/{story.id}",
        f"/listen/stories/{story.id}/concern",
        "/listen/thank-you",
        f"/listen/stories/{UNKNOWN}",
    ]
    for language in LANGUAGES:
        for path in paths:
            answer = nobody.get(path, params={"lang": language})
            assert f'<html lang="{language}"' in answer.text, path
            assert answer.headers["content-language"] == language
        say = Translator(language)
        assert say("Stories to listen to") in nobody.get("/listen", params={"lang": language}).text
        asked_for = {"accept-language": language}
        assert f'<html lang="{language}"' in rooms.visitor(**asked_for).get(f"/listen/embed/{story.id}").text


def test_withdrawn_story_is_gone_here_and_from_pages_of_others(
    rooms: Rooms, curator: Principal, story: Story, nobody: TestClient
) -> None:
    collection = collect(rooms, curator, story)
    withdraw(rooms, story)
    for path in (f"/listen/stories/{story.id}", f"/listen/embed/{story.id}"):
        gone = nobody.get(path, params={"lang": "it"})
        assert gone.status_code == 410, path
        assert story.title not in gone.text
        assert Translator("it")("This does not work now") in gone.text
    assert story.id not in nobody.get(f"/listen/collections/{collection}").text


def test_player_alone_may_stand_in_other_peoples_pages_and_nothing_else_may(
    rooms: Rooms, story: Story
) -> None:
    nobody = rooms.visitor()
    for path, status in ((f"/listen/embed/{story.id}", 200), (f"/listen/embed/{UNKNOWN}", 404)):
        answer = nobody.get(path, params={"lang": "pl"})
        assert answer.status_code == status
        policy = answer.headers["content-security-policy"]
        assert policy == CONTENT_SECURITY_POLICY.replace("frame-ancestors 'none'", "frame-ancestors *")
        assert "set-cookie" not in answer.headers
        assert forms_of(answer.text, "") == []
    for path in ("/listen", f"/listen/stories/{story.id}", f"/listen/stories/{story.id}/concern"):
        assert "frame-ancestors 'none'" in nobody.get(path).headers["content-security-policy"]


def test_concern_of_somebody_unknown_keeps_the_story_back_until_a_curator_lifts_it(
    rooms: Rooms, curator: Principal, story: Story, nobody: TestClient
) -> None:
    at = f"/listen/stories/{story.id}/concern"
    (form,) = forms_of(nobody.get(at).text, at)
    empty = nobody.post(at, data=form.filled(note="  "))
    assert (empty.status_code, "Write what worries you" in empty.text) == (422, True)
    said = nobody.post(at, data=form.filled(note="She says where her child is."))
    assert (said.status_code, said.headers["location"]) == (303, "/listen/thank-you")
    assert "Thank you" in nobody.get("/listen/thank-you").text
    assert nobody.get(f"/listen/stories/{story.id}").status_code == 404
    (notice,) = rooms.program(curator).get("/api/v1/notices").json()
    assert (notice["kind"], notice["story_id"]) == ("safeguarding", story.id)
    with rooms.database.write() as session:
        (hold,) = holds.standing_on(session, story.id)
        assert (hold.note, hold.raised_by) == ("She says where her child is.", "somebody")
        holds.lift(session, session.get_one(Story, story.id), hold.id, actor=curator.account_id or "")
    # Whether it is shown again is a curator's to decide: lifting the flag alone publishes nothing.
    assert rooms.browser(curator).get(f"/search/stories/{story.id}").status_code == 200


def test_one_household_keeps_back_few_stories_an_hour(rooms: Rooms, curator: Principal) -> None:
    made = [rooms.field.story(state=State.PUBLISHED, consented_to=EVERY_USE) for _ in range(4)]
    nobody = rooms.visitor()
    answers = [nobody.post(f"/listen/stories/{each.id}/concern", data={"note": "n"}) for each in made]
    assert [answer.status_code for answer in answers] == [303, 303, 303, 429]
    assert nobody.get(f"/listen/stories/{made[3].id}").status_code == 200


def test_only_curators_of_the_pilot_publish_a_collection_and_only_once_it_is_released(
    rooms: Rooms, curator: Principal, story: Story, nobody: TestClient
) -> None:
    team, actor = rooms.field.account(Role.PILOT_TEAM), curator.account_id or ""
    with rooms.database.write() as session:
        collection = collections.create(session, curator, rooms.field.pilot(), TITLE, actor=actor)
        collections.add(session, curator, collection, story.id, actor=actor)
    at = f"/collections/{collection.id}"
    refused = rooms.browser(curator).post(f"{at}/publication", data={"is_public": "yes"})
    assert refused.status_code == 409
    with rooms.database.write() as session:
        releases.release(session, curator, session.merge(collection), actor=actor)
    assert rooms.browser(team).post(f"{at}/publication", data={"is_public": "yes"}).status_code == 403
    assert rooms.browser(curator).post(f"{at}/publication", data={"is_public": "yes"}).status_code == 303
    assert nobody.get(f"/listen{at}").status_code == 200
    assert f'href="/listen{at}"' in rooms.browser(team).get(at).text
    taken_down = rooms.program(curator).delete(f"/api/v1{at}/publication")
    assert (taken_down.status_code, taken_down.json()["published_at"]) == (200, None)
    assert nobody.get(f"/listen{at}").status_code == 404
    assert rooms.program(curator).put(f"/api/v1{at}/publication").json()["published_at"] is not None
