"""Search as programs and people meet it."""

from __future__ import annotations

from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.access import SESSION_COOKIE
from app.parts import Parts
from app.settings import Settings
from models.accounts import Account
from models.base import new_id, utc_now
from models.consent import Face, Naming, Use
from models.curation import CURATED_STATES, State
from models.roles import Role, Scope
from models.stories import Recording
from pipeline.index import reindex
from pipeline.themes.codebook import load_codebook
from storage import accounts, api_keys, collections, consents, pilots, stories, themes, transcripts
from storage.consents import Terms
from storage.database import Database
from storage.objects import Objects
from storage.stories import StoryDetails
from storage.themes import Suggested
from storage.transcripts import SegmentText
from tests.app.conftest import served_over

PAGE = {"accept": "text/html"}


@pytest.fixture
def database(sqlite_database: Database) -> Database:
    """The kind makes no difference in this room: what is found is tested on both in tests/storage."""
    return sqlite_database


@pytest.fixture
def client(database: Database, tmp_path: Path) -> TestClient:
    """A pilot with a shared story, a published and a raw one; nobody is signed in."""
    # Search asks the database alone: this store is never reached.
    objects = Objects.connect(
        endpoint="127.0.0.1:1", access_key="-", secret_key="-", bucket="none", secure=False
    )
    parts = Parts(Settings(data=tmp_path), database, objects, load_codebook())
    with database.write() as session:
        reporter = accounts.create(session, "Rita", "rita", actor="test")
        team = accounts.create(session, "Tom", "tom", actor="test")
        pilot = pilots.create(session, "here", "Here", ["pl"], actor="test")
        pilots.change_protocol(session, pilot, list(Use), actor="test")
        accounts.give_role(session, team.id, pilot.id, Role.PILOT_TEAM, actor="test")
        for state in (State.CURATED, State.PUBLISHED, State.SUBMITTED):
            details = StoryDetails(title=f"O domu <{state}>", language="pl", pilot_ids=[pilot.id])
            story = stories.create(session, details, submitted_by=reporter.id)
            terms = Terms(
                uses=frozenset({Use.CURATION, Use.SHARING, Use.PUBLICATION}),
                pilot_ids=frozenset({pilot.id}),
                naming=Naming.NAMED,
                face=Face.SHOWN,
            )
            consents.record(session, story, story.people[0].id, terms, actor=reporter.id)
            recording = Recording(story_id=story.id, position=0, original_key=new_id(), sent_name="a.wav")
            session.add(recording)
            session.flush()
            said = [SegmentText(0.0, 60.0, "Tak."), SegmentText(65.4, 70.0, "To jest <kobieta> stąd.")]
            heard = transcripts.keep_machine_made(
                session, recording, said, language="pl", engine="e", weights="w"
            )
            if state in CURATED_STATES:
                transcripts.approve(session, story, heard, actor=reporter.id)
            home = {"recording_id": recording.id, "segment": 1, "start_seconds": 66.0, "end_seconds": 67.0}
            home |= {"start_char": 9, "end_char": 16, "text": "kobieta", "why": "kobieta"}
            themes.suggest(session, story, [Suggested("housing", 0.9, [home])], codebook=1)
            themes.accept(session, story, "housing", actor=reporter.id, codebook=1)
            story.state = state
            reindex(session, story)
    return TestClient(served_over(parts))


def account_of(session: Session, name: str) -> Account:
    return session.scalars(select(Account).where(Account.sign_in_name == name)).one()


def tom(session: Session) -> Account:
    """Of the pilot's team."""
    return account_of(session, "tom")


def as_team(client: TestClient, database: Database, name: str = "tom") -> TestClient:
    with database.write() as session:
        account = account_of(session, name)
        client.cookies.set(SESSION_COOKIE, accounts.begin_session(session, account))
    return client


def test_programs_get_moments_in_seconds_and_what_is_said_there(
    client: TestClient, database: Database
) -> None:
    answer = as_team(client, database).get("/api/v1/search", params={"q": "kobiety"})
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert body["total"] == 2
    assert [hit["state"] for hit in body["hits"]] == ["published", "curated"]
    (moment,) = body["hits"][0]["moments"]
    assert (moment["source"], moment["start_seconds"], moment["end_seconds"]) == ("segment", 65.4, 70.0)
    assert moment["is_machine_made"] is False, "a person has approved it"
    assert moment["snippet"] == [
        {"text": "To jest <", "is_match": False},
        {"text": "kobieta", "is_match": True},
        {"text": "> stąd.", "is_match": False},
    ]
    assert body["facets"] == {
        "language": [{"value": "pl", "label": "Polski", "stories": 2}],
        "theme": [{"value": "housing", "label": "Housing", "stories": 2}],
        "state": [
            {"value": "curated", "label": "curated", "stories": 1},
            {"value": "published", "label": "published", "stories": 1},
        ],
        "pilot": [{"value": "here", "label": "Here", "stories": 2}],
        "purpose": [{"value": "input", "label": "to shape a service", "stories": 2}],
        "year": [{"value": str(utc_now().year), "label": str(utc_now().year), "stories": 2}],
    }


def test_nobody_in_particular_finds_what_is_published(client: TestClient) -> None:
    assert [hit["state"] for hit in client.get("/api/v1/search").json()["hits"]] == ["published"]


def test_pages_of_the_api_lead_to_the_next(client: TestClient, database: Database) -> None:
    as_team(client, database)
    first = client.get("/api/v1/search", params={"q": "tak", "limit": 1}).json()
    second = client.get("/api/v1/search", params={"q": "tak", "limit": 1, "cursor": first["next"]}).json()
    assert first["hits"][0]["story_id"] != second["hits"][0]["story_id"]
    assert second["next"] is None


@pytest.mark.parametrize(
    ("params", "total"),
    [
        ({"pilot": "here"}, 2),
        ({"language": "en"}, 0),
        ({"theme": "housing", "state": "curated"}, 1),
        ({"purpose": "co-evaluation"}, 0),
        ({"use": "sharing"}, 2),
        ({"use": "publication"}, 1),
        ({"use": "research"}, 0),
        ({"year": "2001"}, 0),
        ({"from_date": "2100-01-01"}, 0),
        (
            {"to_date": "2100-01-01", "language": "", "state": "", "from_date": "", "pilot": "", "theme": ""},
            2,
        ),
        ({"q": "mieszkanie"}, 2),
        ({"q": '"stąd'}, 2),
        ({"q": "\0"}, 0),
    ],
)
def test_filters_by_name(client: TestClient, database: Database, params: dict[str, str], total: int) -> None:
    answer = as_team(client, database).get("/api/v1/search", params=params)
    assert answer.status_code == 200, answer.text
    assert answer.json()["total"] == total


@pytest.mark.parametrize(
    ("params", "status"),
    [
        ({"pilot": "nowhere"}, 404),
        ({"pilot": "a\0"}, 422),
        ({"language": "english"}, 422),
        ({"theme": "a' OR 1"}, 422),
        ({"state": "none"}, 422),
        ({"from_date": "yesterday"}, 422),
        ({"limit": "1000"}, 422),
        ({"use": "profit"}, 422),
        ({"purpose": "fun"}, 422),
        ({"year": "1"}, 422),
        ({"year": "x"}, 422),
        ({"cursor": "WzEsIjIwMjYtMDEtMDEiLCJ4XHUwMDAwIl0="}, 422),
        ({"q": "x" * 501}, 422),
    ],
)
def test_what_cannot_be_looked_for_is_said_in_words(
    client: TestClient, params: dict[str, str], status: int
) -> None:
    answer = client.get("/api/v1/search", params=params)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert client.get("/search", params=params, headers=PAGE).status_code == status


def test_page_links_each_hit_to_its_moment(client: TestClient, database: Database) -> None:
    client = as_team(client, database)
    hit = client.get("/api/v1/search", params={"q": "kobiety"}).json()["hits"][0]
    recording = hit["moments"][0]["recording_id"]
    page = client.get("/search", params={"q": "kobiety", "language": "pl"}, headers=PAGE)
    assert page.status_code == 200
    assert "2 stories" in page.text
    moment = f"/search/stories/{hit['story_id']}?r={recording}&amp;t=65.40"
    assert f'href="{moment}"><span class="govuk-visually-hidden">Play from </span>1:05</a>' in page.text
    assert "To jest &lt;<mark>kobieta</mark>&gt; stąd." in page.text
    assert "O domu &lt;published&gt;" in page.text
    assert "written by a machine" not in page.text
    facet = 'href="/search?q=kobiety&amp;language=pl&amp;theme=housing">Housing</a> <span>2</span>'
    assert facet in page.text
    assert '<a class="govuk-link" href="/search?q=kobiety">told in Polski' in page.text, (
        "a filter to let go of"
    )
    assert "<script" not in page.text


def test_what_a_machine_wrote_says_so_to_who_sent_it(client: TestClient, database: Database) -> None:
    found = as_team(client, database, "rita").get("/search", params={"q": "kobiety"}, headers=PAGE).text
    assert found.count("written by a machine") == 1, "of three: a person has approved the others"


def test_page_leads_to_more_stories_and_says_when_there_are_none(
    client: TestClient, database: Database
) -> None:
    client = as_team(client, database)
    page = client.get("/search?q=tak&limit=1", headers=PAGE)
    assert "q=tak&amp;limit=1&amp;cursor=" in page.text
    nothing = client.get("/search?q=nowhere+else&language=pl", headers=PAGE).text
    assert "Nothing that you can read has all of this." in nothing
    assert "Try fewer words" in nothing
    assert 'href="/search?q=nowhere%20else">Let go of all filters</a>' in nothing


def test_page_counts_no_further_than_it_says(
    client: TestClient, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.search.pages.COUNTED", 1)
    page = as_team(client, database).get("/search", headers=PAGE).text
    assert "1 story or more" in page
    assert "Counted among the newest 1 story." in page


def test_stories_of_a_theme_are_played_where_they_speak_of_it(client: TestClient, database: Database) -> None:
    client = as_team(client, database)
    shown = client.get("/search", params={"theme": "housing"}, headers=PAGE).text
    assert shown.count("To jest &lt;<mark>kobieta</mark>&gt; stąd.") == 2
    assert shown.count("&amp;t=65.40") == 2
    asked_for_nothing = client.get("/search", headers=PAGE).text
    assert "<mark>" not in asked_for_nothing


def test_themes_are_called_as_their_reader_calls_them(client: TestClient, database: Database) -> None:
    label = load_codebook().theme("housing").label("pl")
    page = as_team(client, database).get("/search", headers=PAGE | {"accept-language": "pl"}).text
    assert f'href="/search?theme=housing">{label}</a>' in page


def test_story_is_listened_to_from_a_moment_and_put_into_a_collection(
    client: TestClient, database: Database
) -> None:
    client = as_team(client, database)
    with database.write() as session:
        account = tom(session)
        member = accounts.principal_of(session, account)
        (pilot,) = member.roles
        kept = collections.create(session, member, pilot, "For <us>", actor=account.id)
    hits = client.get("/api/v1/search", params={"q": "kobiety"}).json()["hits"]
    found = next(hit for hit in hits if hit["state"] == "curated")
    at = f"/search/stories/{found['story_id']}"
    page = client.get(at, headers=PAGE).text
    assert f'<option value="{kept.id}">For &lt;us&gt;</option>' in page
    assert "To jest &lt;kobieta&gt; stąd." in page
    assert "/listen/embed/" not in page, "it is not published"
    put = client.post(f"{at}/collect", data={"collection_id": kept.id}, follow_redirects=False)
    assert (put.status_code, put.headers["location"]) == (303, f"{at}#collect")
    again = client.post(f"{at}/collect", data={"collection_id": kept.id}, headers=PAGE)
    assert again.status_code == 409
    page = client.get(at, headers=PAGE).text
    assert f'href="/collections/{kept.id}#story-{found["story_id"]}">For &lt;us&gt;</a>' in page
    assert "<option" not in page
    published = next(hit for hit in hits if hit["state"] == "published")["story_id"]
    page = client.get(f"/search/stories/{published}", headers=PAGE).text
    assert f"/listen/embed/{published}" in page
    assert "title=&#34;O domu &amp;lt;published&amp;gt;&#34;" in page, (
        "as text that stays whole in another page"
    )
    client.cookies.clear()
    assert client.get(at, headers=PAGE).status_code == 404
    assert client.get(f"/search/stories/{published}", headers=PAGE).status_code == 200


def test_key_needs_its_scope_and_opens_no_page(client: TestClient, database: Database) -> None:
    with database.write() as session:
        account = tom(session)
        token = api_keys.make(session, account, "k", [Scope.REVIEW], days=1, actor=account.id).token
    key = {"authorization": f"Bearer {token}"}
    assert client.get("/api/v1/search", headers=key).status_code == 403
    assert client.get("/search", headers=key).text == client.get("/search").text


def test_openapi_describes_the_whole_answer(client: TestClient) -> None:
    paths = client.get("/api/v1/openapi.json").json()["paths"]
    operation = paths["/api/v1/search"]["get"]
    names = {parameter["name"] for parameter in operation["parameters"]}
    assert {"q", "pilot", "language", "theme", "state", "from_date", "to_date", "limit", "cursor"} <= names
    assert "SearchOut" in str(operation["responses"]["200"])
