"""The queue: what waits and for whom, what is next, and one act on several stories with its way back."""

from __future__ import annotations

import re
from functools import partial

import pytest
from fastapi.testclient import TestClient

from app.review import queue
from models.consent import Use
from models.curation import State
from models.roles import Principal, Role
from models.stories import Story
from models.themes import ThemeState
from storage import assignments, themes
from storage.themes import Suggested
from tests.app.conftest import Rooms, forms_of

EVIDENCE = {"recording_id": "0" * 32, "segment": 0, "start_char": 0, "end_char": 1}
EVIDENCE |= {"start_seconds": 0.0, "end_seconds": 1.0, "text": "I", "why": "term"}

# Where a page leads, and which stories are chosen on it.
NEWER, BACK = r'href="([^"]*cursor=[^"]+)">Newer stories', r'govuk-back-link" href="([^"]+)"'
TICKED = r'name="story" value="(\w+)" checked'


@pytest.fixture
def other(rooms: Rooms) -> Principal:
    """Another curator of the same pilot."""
    return rooms.field.account(Role.CURATOR, rooms.field.pilot())


@pytest.fixture(params=["among few", "in order"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stories are found by either way, as if there were few of everything, or of nothing."""
    monkeypatch.setattr("storage.reach.FEW", 1000 if request.param == "among few" else -1)


def take(rooms: Rooms, story: Story, person: Principal) -> None:
    with rooms.database.write() as session:
        assignments.take(session, session.get_one(Story, story.id), actor=person.account_id or "")


def holder(rooms: Rooms, story: Story) -> str | None:
    with rooms.database.read() as session:
        found = assignments.of_stories(session, [story.id]).get(story.id)
        return found[0].account_id if found else None


@pytest.fixture
def pages_of_three(monkeypatch: pytest.MonkeyPatch) -> None:
    """The queue shows no more at once."""
    monkeypatch.setattr(queue, "page", partial(queue.page, limit=3))


def written_in(pattern: str, page: str) -> str:
    """The address that stands in a page's HTML."""
    (found,) = re.findall(pattern, page)
    return str(found).replace("&amp;", "&")


# ---- what is in it -----------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("way")
def test_queue_holds_what_the_curator_may_review_oldest_first(
    rooms: Rooms, desk: TestClient, curator: Principal
) -> None:
    field, autumn = rooms.field, rooms.field.pilot("autumn")
    assert "Nothing waits here." in desk.get("/review").text
    field.story(title="The <first>", with_recording=True)
    field.story(title="The second", state=State.IN_REVIEW, language="pl")
    field.story(title="Nobody was asked", consented_to=None)
    field.story(title="Elsewhere", pilots=[autumn])
    field.story(title="Sent by me, not agreed to", consented_to=None, by=curator)
    page = desk.get("/review").text
    assert page.index("The &lt;first&gt;") < page.index("The second")
    for hidden in ("Nobody was asked", "Elsewhere", "Sent by me"):
        assert hidden not in page
    assert "2 stories in all." in page
    assert "submitted (1)" in page
    assert "in review (1)" in page
    assert "ready 0:09" in page


@pytest.mark.usefixtures("way")
def test_queue_is_narrowed_by_what_stands_in_its_address(
    rooms: Rooms, desk: TestClient, curator: Principal
) -> None:
    take(rooms, rooms.field.story(title="The first"), curator)
    rooms.field.story(title="The second", state=State.IN_REVIEW, language="pl")
    for asked, shown, hidden in (
        ("state=in-review", "The second", "The first"),
        ("language=en", "The first", "The second"),
        ("pilot=spring&state=submitted", "The first", "The second"),
        ("whose=mine", "The first", "The second"),
        ("whose=unassigned", "The second", "The first"),
    ):
        page = desk.get(f"/review?{asked}").text
        assert shown in page, asked
        assert hidden not in page, asked
    assert "Nothing waits here." in desk.get("/review?pilot=nowhere").text
    for lost in ("state=lost", "cursor=lost", "whose=lost"):
        assert desk.get(f"/review?{lost}").status_code == 422


@pytest.mark.usefixtures("way")
def test_queue_shows_what_is_not_finished_and_leads_to_the_rest(rooms: Rooms, desk: TestClient) -> None:
    left = (State.SUBMITTED, State.IN_REVIEW, State.RETURNED)
    finished = (State.CURATED, State.PUBLISHED, State.DECLINED)
    for state in (*left, *finished):
        rooms.field.story(title=f"Now {state}.", state=state, consented_to=frozenset(Use))

    def shown(address: str) -> list[str]:
        return re.findall(r">Now ([a-z-]+)\.</a>", desk.get(address).text)

    page = desk.get("/review").text
    assert shown("/review") == list(left)
    assert "3 stories in all." in page
    assert all(f"{label} (1)" in page for label in ("submitted", "curated", "published", "declined"))
    assert 'href="/review?state=all"' in page
    assert shown("/review?state=all") == [*left, *finished]
    assert "6 stories in all." in desk.get("/review?state=all").text
    assert shown("/review?state=published") == ["published"]


@pytest.mark.usefixtures("way")
def test_counts_by_state_are_of_what_the_other_filters_ask_for(rooms: Rooms, desk: TestClient) -> None:
    rooms.field.story(language="pl")
    rooms.field.story(state=State.IN_REVIEW)
    page = desk.get("/review?language=pl&state=in-review").text
    assert "submitted (1)" in page
    assert "in-review (" not in page
    assert 'href="/review?language=pl&amp;state=submitted"' in page, "the others stay in the address"


def test_very_many_are_counted_no_further_than_is_said(
    rooms: Rooms, desk: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.review.queue.COUNTED", 50)
    for _ in range(51):
        rooms.field.story()
    rooms.field.story(state=State.IN_REVIEW)
    page = desk.get("/review").text
    assert "submitted (51)" in page, "few enough to be counted all the same"
    assert "52 stories in all." in page
    monkeypatch.setattr("storage.reach.FEW", 50)
    page = desk.get("/review").text
    assert "submitted (50 or more)" in page
    assert "in review (1)" in page
    assert "51 or more in all." in page
    assert "1 story in all." in desk.get("/review?state=in-review").text
    assert "50 or more in all." in desk.get("/review?state=submitted").text


@pytest.mark.usefixtures("way")
def test_stories_out_of_sight_change_no_count(rooms: Rooms, desk: TestClient) -> None:
    field, autumn = rooms.field, rooms.field.pilot("autumn")
    field.story(title="In sight")
    asked = ("", "?state=submitted", "?pilot=spring", "?pilot=autumn", "?language=en", "?whose=unassigned")

    def shown() -> list[str]:
        # Beside its main part stands how many notices wait: of a story that was withdrawn its curators are told.
        return [desk.get(f"/review{each}").text.partition("<main")[2] for each in asked]

    before = shown()
    assert "submitted (1)" in before[0]
    for state in (State.SUBMITTED, State.IN_REVIEW, State.PUBLISHED):
        field.story(pilots=[autumn], state=state, consented_to=frozenset(Use))
    field.story(consented_to=None)
    field.story(state=State.WITHDRAWN)
    assert shown() == before


@pytest.mark.usefixtures("way")
def test_queue_leads_on_to_newer_stories(rooms: Rooms, desk: TestClient) -> None:
    for n in range(52):
        rooms.field.story(title=f"Story number {n}.")
    first = desk.get("/review?pilot=spring").text
    newer = written_in(NEWER, first)
    second = desk.get(f"/review{newer}").text
    shown = re.findall(r">(Story number \d+\.)</a>", first + second)
    assert shown == [f"Story number {n}." for n in range(52)]


# ---- what is next ------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("way")
def test_next_story_is_the_oldest_that_waits_and_is_taken_in_hand(
    rooms: Rooms, desk: TestClient, curator: Principal, other: Principal
) -> None:
    rooms.field.story(state=State.CURATED)
    take(rooms, rooms.field.story(), other)
    oldest, newer = rooms.field.story(), rooms.field.story(state=State.IN_REVIEW)
    first = desk.post("/review/next")
    assert (first.status_code, first.headers["location"]) == (303, f"/review/{oldest.id}")
    assert holder(rooms, oldest) == curator.account_id
    second = desk.post("/review/next", data={"after": oldest.id})
    assert second.headers["location"] == f"/review/{newer.id}"
    third = desk.post("/review/next", data={"after": newer.id})
    assert third.headers["location"] == f"/review/{oldest.id}", "round, as long as it waits"


def test_whoever_works_on_one_pilot_in_one_language_stays_in_it(
    rooms: Rooms, desk: TestClient, curator: Principal
) -> None:
    autumn = rooms.field.pilot("autumn")
    first = rooms.field.story(language="pl")
    rooms.field.story()
    rooms.field.story(language="pl", pilots=[autumn])
    second = rooms.field.story(language="pl")
    asked = "?pilot=spring&language=pl&whose=unassigned"
    written = asked.replace("&", "&amp;")
    (from_queue,) = forms_of(desk.get(f"/review{asked}").text, f"/review/next{asked}")
    at = desk.post(from_queue.action).headers["location"]
    assert at == f"/review/{first.id}{asked}"
    page = desk.get(at).text
    assert f'<a class="govuk-back-link" href="/review{written}">' in page
    assert holder(rooms, first) == curator.account_id
    (from_desk,) = forms_of(page, f"/review/next{asked}")
    at = desk.post(from_desk.action, data=from_desk.fields).headers["location"]
    assert at == f"/review/{second.id}{asked}"


def test_what_is_done_at_the_desk_leads_back_to_it_with_the_filters(
    rooms: Rooms, desk: TestClient, story: Story
) -> None:
    asked = "?language=en"
    recording = f"/recordings/{story.recordings[0].id}"
    themes_at = (f"/review/{story.id}/themes", {"theme": "work", "decision": "accepted"})
    sent = [
        (f"/review/{story.id}/take", {}),
        themes_at,
        (f"/review/{story.id}/comments", {"text": "Ask her."}),
        (f"/review/{story.id}{recording}/transcript", {"approve": "yes"}),
        (f"/review/{story.id}/steps", {"verb": "return"}),
        (f"/review/{story.id}/put-back", {}),
        (f"/stories/{story.id}/review-copy", {}),
    ]
    for address, fields in sent:
        form = forms_of(desk.get(f"/review/{story.id}{asked}").text, f"{address}{asked}")[0]
        answer = desk.post(form.action, data=form.fields | fields)
        assert answer.headers["location"].partition("#")[0] == f"/review/{story.id}{asked}", address
    versions = desk.get(f"/review/{story.id}{recording}/versions{asked}").text
    assert f'href="/review/{story.id}{asked}"' in versions


def test_where_nothing_is_next_the_queue_says_so(rooms: Rooms, desk: TestClient) -> None:
    rooms.field.story(language="pl")
    answer = desk.post("/review/next?language=en")
    assert answer.headers["location"] == "/review?language=en&nothing=true"
    assert "Nothing more waits for you here." in desk.get(answer.headers["location"]).text


# ---- several at once ---------------------------------------------------------------------------------------------


def test_preview_says_what_would_happen_and_changes_nothing(
    rooms: Rooms, desk: TestClient, other: Principal
) -> None:
    free, held = rooms.field.story(title="Free"), rooms.field.story(title="Held")
    hidden = rooms.field.story(title="Elsewhere", pilots=[rooms.field.pilot("autumn")])
    take(rooms, held, other)
    chosen = [("act", "take"), *(("story", each.id) for each in (free, held, hidden))]
    page = desk.get("/review/several", params=chosen).text
    assert "It would be done for 1 of 2" in page
    assert "has it in hand" in page
    assert "Elsewhere" not in page
    assert holder(rooms, free) is None
    (form,) = forms_of(page, "/review/several")
    assert form.fields == {"act": "take", "theme": "", "story": free.id}


def test_theme_that_was_forgotten_is_asked_for_with_what_was_chosen(rooms: Rooms, desk: TestClient) -> None:
    stories = [rooms.field.story(title="The first", language="pl"), rooms.field.story(language="pl")]
    chosen = [("language", "pl"), ("act", "accept-theme"), ("theme", "")]
    chosen += [("story", each.id) for each in stories]
    answer = desk.get("/review/several", params=chosen)
    assert answer.status_code == 422
    assert '<a href="#theme">Choose the theme to accept.</a>' in answer.text
    assert "The first" in answer.text
    kept = re.findall(r'<input type="hidden" name="([a-z]+)" value="([^"]*)">', answer.text)
    assert sorted(kept) == sorted(each for each in chosen if each[0] != "theme")
    again = desk.get("/review/several", params=[*kept, ("theme", "work")])
    assert "It would be done for 2 of 2" in again.text
    (form,) = forms_of(again.text, "/review/several?language=pl")
    done = desk.post(form.action, data=form.fields | {"story": [each.id for each in stories]})
    assert done.headers["location"].startswith("/review?language=pl&done=accept-theme&")


def test_whoever_chose_no_story_finds_the_act_chosen_when_they_go_back(
    desk: TestClient, rooms: Rooms
) -> None:
    rooms.field.story()
    page = desk.get("/review/several?act=accept-theme&theme=work").text
    assert "No story was chosen." in page
    queue = desk.get(written_in(BACK, page)).text
    assert '<option value="accept-theme" selected>' in queue
    assert '<option value="work" selected>' in queue


def test_whoever_goes_back_from_the_preview_finds_their_page_and_what_they_had_ticked(
    rooms: Rooms, desk: TestClient, pages_of_three: None
) -> None:
    stories = [rooms.field.story(title=f"Story number {n}.") for n in range(6)]
    newer = written_in(NEWER, desk.get("/review?pilot=spring").text)
    (form,) = forms_of(desk.get(f"/review{newer}").text, "/review/several")
    assert form.choices["story"] == [each.id for each in stories[3:]]
    kept = {name: form.fields[name] for name in ("pilot", "cursor")}
    chosen = {each.id for each in stories[4:]}
    preview = desk.get("/review/several", params=kept | {"act": "put-back", "story": [*chosen]}).text
    page = desk.get(written_in(BACK, preview)).text
    (form,) = forms_of(page, "/review/several")
    assert form.choices["story"] == [each.id for each in stories[3:]], "the same page"
    assert set(re.findall(TICKED, page)) == chosen
    assert form.fields["act"] == "put-back"


def test_what_is_done_to_several_leads_back_to_their_page_with_nothing_ticked(
    rooms: Rooms, desk: TestClient, pages_of_three: None
) -> None:
    stories = [rooms.field.story(title=f"Story number {n}.") for n in range(4)]
    newer = written_in(NEWER, desk.get("/review").text)
    preview = desk.get(f"/review/several{newer}&act=take&story={stories[3].id}").text
    (form,) = forms_of(preview, f"/review/several{newer}")
    done = desk.post(form.action, data=form.fields).headers["location"]
    assert done.startswith(f"/review{newer}&done=take&")
    page = desk.get(done).text
    assert "Story number 3." in page
    assert re.findall(TICKED, page) == []
    (undo,) = forms_of(page, f"/review/several/undo{newer}")
    assert desk.post(undo.action, data=undo.fields).headers["location"] == f"/review{newer}"


def test_way_back_from_the_desk_leads_to_the_page_or_to_the_first_if_nothing_is_left_on_it(
    rooms: Rooms, desk: TestClient, pages_of_three: None
) -> None:
    stories = [rooms.field.story(title=f"Story number {n}.") for n in range(4)]
    newer = written_in(NEWER, desk.get("/review").text)
    back = written_in(BACK, desk.get(f"/review/{stories[3].id}{newer}").text)
    assert back == f"/review{newer}"
    page = desk.get(back).text
    assert "Story number 3." in page
    for other in ("/review", "/review?state=submitted", "/review?state=all"):
        assert f'href="{other}"' in page, "other states are looked at from their beginning"
    with rooms.database.write() as session:
        session.get_one(Story, stories[3].id).state = State.DECLINED
    page = desk.get(back).text
    assert "Nothing waits here." not in page
    assert "Story number 0." in page


def test_stories_are_taken_together_and_put_back_by_undo(
    rooms: Rooms, desk: TestClient, curator: Principal, other: Principal
) -> None:
    mine, theirs = [rooms.field.story(), rooms.field.story()], rooms.field.story()
    take(rooms, theirs, other)
    sent = {"act": "take", "story": [each.id for each in (*mine, theirs)]}
    answer = desk.post("/review/several", data=sent)
    page = desk.get(answer.headers["location"]).text
    assert "2 stories: in your hands." in page
    assert [holder(rooms, each) for each in mine] == [curator.account_id] * 2
    assert holder(rooms, theirs) == other.account_id
    assert desk.post("/review/several/undo", data=sent).headers["location"] == "/review"
    assert [holder(rooms, each) for each in mine] == [None, None]
    assert holder(rooms, theirs) == other.account_id


def test_theme_is_accepted_on_several_and_undo_lets_suggestions_stand_again(
    rooms: Rooms, desk: TestClient
) -> None:
    suggested, without, refused = (rooms.field.story() for _ in range(3))
    with rooms.database.write() as session:
        themes.suggest(
            session, session.get_one(Story, suggested.id), [Suggested("work", 0.5, [EVIDENCE])], codebook=1
        )
        no = session.get_one(Story, refused.id)
        themes.reject(session, no, "work", actor=no.submitted_by, codebook=1)
    chosen = [each.id for each in (suggested, without, refused)]
    sent = {"act": "accept-theme", "theme": "work", "story": chosen}

    def states() -> list[ThemeState | None]:
        with rooms.database.read() as session:
            rows = [themes.of_story(session, each) for each in chosen]
            return [found[0].state if found else None for found in rows]

    answer = desk.post("/review/several", data=sent)
    assert states() == [ThemeState.ACCEPTED, ThemeState.ACCEPTED, ThemeState.REJECTED]
    page = desk.get(answer.headers["location"]).text
    assert "2 stories: theme accepted." in page
    desk.post("/review/several/undo", data=sent | {"story": chosen[:2]})
    assert states() == [ThemeState.SUGGESTED, None, ThemeState.REJECTED]


def test_several_are_returned_where_the_table_allows_it(rooms: Rooms, desk: TestClient) -> None:
    in_review, curated = rooms.field.story(state=State.IN_REVIEW), rooms.field.story(state=State.CURATED)
    sent = {"act": "return", "story": [in_review.id, curated.id]}
    desk.post("/review/several", data=sent)

    def states() -> list[State]:
        with rooms.database.read() as session:
            return [session.get_one(Story, each.id).state for each in (in_review, curated)]

    assert states() == [State.RETURNED, State.CURATED]
    desk.post("/review/several/undo", data=sent)
    assert states() == [State.IN_REVIEW, State.CURATED]


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        ({"act": "take"}, 422),
        ({"act": "burn", "story": ["0" * 32]}, 422),
        ({"act": "take", "story": ["0" * 32] * 51}, 422),
        ({"act": "accept-theme", "theme": "weather", "story": ["0" * 32]}, 404),
    ],
)
def test_what_cannot_be_done_to_several_is_refused(
    desk: TestClient, sent: dict[str, str | list[str]], status: int
) -> None:
    assert desk.post("/review/several", data=sent).status_code == status
    assert desk.post("/review/several/undo", data=sent).status_code == status
