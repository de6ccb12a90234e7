"""Finding stories: the same on both databases, and made of nothing that the reader may not see."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import event, insert, select, text
from sqlalchemy.orm import Session

from models.base import new_id
from models.consent import Face, Naming, Permission, Use
from models.curation import State
from models.errors import Conflict, Invalid, NotFound
from models.roles import ANYONE, Principal, Role
from models.search import SearchEntry
from models.stories import Purpose, Recording, Story
from models.themes import StoryTheme, ThemeState
from storage import accounts, consents, pilots, schema, search, stories, transcripts, withdrawals
from storage.consents import Terms
from storage.database import Database, WriteSession
from storage.search import Entry, SearchPage, SearchQuery, Source, Term
from storage.search.facets import counts
from storage.search.queries import Reading
from storage.search.words import SnippetPart, cut_snippet, spans_of
from storage.stories import StoryDetails
from storage.transcripts import SegmentText

ALL_USES = frozenset({Use.CURATION, Use.SHARING, Use.PUBLICATION})
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
WORD = Term(("garden",))


@dataclass(frozen=True)
class Town:
    """Two pilots; a reporter who sends to both, and a pilot team in each."""

    here: str
    there: str
    reporter: str

    def team(self, pilot_id: str) -> Principal:
        return Principal(account_id=new_id(), roles={pilot_id: frozenset({Role.PILOT_TEAM})})

    def curator(self, pilot_id: str) -> Principal:
        return Principal(account_id=new_id(), roles={pilot_id: frozenset({Role.CURATOR})})


@pytest.fixture
def town(database: Database) -> Town:
    with database.write() as session:
        reporter = accounts.create(session, "Rita", "rita", actor="test")
        here = pilots.create(session, "here", "Here", ["en", "pl"], actor="test")
        there = pilots.create(session, "there", "There", ["en"], actor="test")
        for pilot in (here, there):
            pilots.change_protocol(session, pilot, list(Use), actor="test")
        return Town(here.id, there.id, reporter.id)


def a_story(
    session: WriteSession,
    town: Town,
    title: str = "A story",
    *said: str,
    pilot_id: str | None = None,
    language: str = "en",
    state: State = State.CURATED,
    uses: frozenset[Use] = ALL_USES,
    theme: str | None = None,
    purpose: Purpose = Purpose.INPUT,
    created_at: datetime = NOON,
) -> Story:
    """A story that can be found by its title and by what is said, a segment every five seconds."""
    pilot = pilot_id or town.here
    details = StoryDetails(title=title, language=language, pilot_ids=[pilot], purpose=purpose)
    story = stories.create(session, details, submitted_by=town.reporter)
    terms = Terms(uses=uses, pilot_ids=frozenset({pilot}), naming=Naming.NAMED, face=Face.SHOWN)
    consents.record(session, story, story.people[0].id, terms, actor=town.reporter)
    story.state, story.created_at = state, created_at
    if theme:
        row = StoryTheme(story_id=story.id, theme=theme, state=ThemeState.ACCEPTED, evidence=[])
        row.codebook_version, row.sent_at = 1, created_at
        session.add(row)
    search.replace_entries(session, story.id, entries_of(title, said))
    return story


def entries_of(title: str, said: Sequence[str]) -> list[Entry]:
    segments = [
        Entry(Source.SEGMENT, each, plain(each), lemmas_of(each), "r" * 32, 5.0 * n, 5.0 * n + 4)
        for n, each in enumerate(said)
    ]
    return [Entry(Source.TITLE, title, plain(title)), *segments]


def plain(shown: str) -> str:
    return " ".join(shown[start:end].lower() for start, end in spans_of(shown))


def lemmas_of(shown: str) -> str:
    """English for a test: the dictionary form of a word is the word without its last s."""
    return " ".join(f"en·{word.removesuffix('s')}" for word in plain(shown).split())


def speaking(said: Sequence[str], segment: int, words: str) -> dict[str, Any]:
    """A piece of evidence, as it stands with a theme."""
    start = said[segment].index(words)
    at = {"start_seconds": 5.0 * segment + 1, "end_seconds": 5.0 * segment + 2, "text": words, "why": words}
    return {
        "recording_id": "r" * 32,
        "segment": segment,
        "start_char": start,
        "end_char": start + len(words),
        **at,
    }


def ids(page: SearchPage) -> list[str]:
    return [hit.story_id for hit in page.hits]


@pytest.fixture(params=["among few", "in order"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stories are found by either way, as if there were few of everything, or of nothing."""
    monkeypatch.setattr("storage.reach.FEW", 1000 if request.param == "among few" else -1)


def test_hit_names_the_moment_and_quotes_what_was_said(database: Database, town: Town) -> None:
    with database.write() as session:
        story = a_story(session, town, "Allotments", "We met on Monday.", "Then: our GARDENS, at last!")
    term = Term(("garden",), frozenset({("en·garden",)}))
    with database.read() as session:
        (hit,) = search.find(session, town.team(town.here), SearchQuery((term,))).hits
    assert (hit.story_id, hit.title, hit.language, hit.state) == (story.id, "Allotments", "en", State.CURATED)
    (moment,) = hit.moments
    assert (moment.source, moment.start_seconds, moment.end_seconds) == (Source.SEGMENT, 5.0, 9.0)
    assert moment.snippet == (
        SnippetPart("Then: our ", False),
        SnippetPart("GARDENS", True),
        SnippetPart(", at last!", False),
    )


def test_words_of_a_query_may_stand_in_different_segments_of_one_story(
    database: Database, town: Town
) -> None:
    with database.write() as session:
        apart = a_story(session, town, "One", "the garden grew", "the rain fell")
        together = a_story(session, town, "Two", "rain on the garden", created_at=NOON - timedelta(days=9))
        a_story(session, town, "Three", "only a garden")
    with database.read() as session:
        page = search.find(session, town.team(town.here), SearchQuery((WORD, Term(("rain",)))))
    assert ids(page) == [together.id, apart.id]
    assert [moment.start_seconds for moment in page.hits[1].moments] == [0.0, 5.0]


def test_order_is_as_typed_then_title_then_newest(database: Database, town: Town) -> None:
    term = Term(("gardens",), frozenset({("en·garden",)}))
    with database.write() as session:
        by_lemma = a_story(session, town, "One", "a garden", created_at=NOON)
        older = a_story(session, town, "Two", "two gardens", created_at=NOON - timedelta(days=2))
        newer = a_story(session, town, "Three", "two gardens", created_at=NOON - timedelta(days=1))
        in_title = a_story(session, town, "Gardens", "or not", created_at=NOON - timedelta(days=3))
    with database.read() as session:
        page = search.find(session, town.team(town.here), SearchQuery((term,)))
    assert ids(page) == [in_title.id, newer.id, older.id, by_lemma.id]


def test_stories_of_a_theme_lead_to_the_moments_that_speak_of_it(database: Database, town: Town) -> None:
    said = ["We had no roof.", "It rained.", "Then a flat, at last.", "A house, a real house.", "Our home."]
    evidence = [
        speaking(said, n, word) for n, word in enumerate(("roof", None, "flat", "real house", "home")) if word
    ]
    with database.write() as session:
        story = a_story(session, town, "One", *said, theme="housing")
        session.scalars(select(StoryTheme).where(StoryTheme.story_id == story.id)).one().evidence = evidence
        a_story(session, town, "By hand", *said, theme="housing", created_at=NOON - timedelta(days=1))

    def moments(**chosen: Any) -> list[list[tuple[float | None, list[str]]]]:
        with database.read() as session:
            hits = search.find(session, town.team(town.here), SearchQuery(**chosen)).hits
        return [
            [(at.start_seconds, [part.text for part in at.snippet if part.is_match]) for at in hit.moments]
            for hit in hits
        ]

    speak = [(0.0, ["roof"]), (10.0, ["flat"]), (15.0, ["real", "house"])]
    assert moments(theme="housing") == [speak, []]
    assert moments() == [[], []]
    assert moments(theme="housing", terms=(Term(("rained",)),)) == [[(5.0, ["rained"])]] * 2
    with database.write() as session:
        search.replace_entries(
            session, story.id, entries_of("One", [said[0], said[1], "Then a room.", *said[3:]])
        )
    assert moments(theme="housing")[0] == [speak[0], speak[2]], "words that are gone are not quoted"


@pytest.mark.usefixtures("way")
def test_page_that_counts_no_further_is_the_page_that_counts_all(database: Database, town: Town) -> None:
    with database.write() as session:
        for n in range(4):
            a_story(session, town, "garden", theme="housing", created_at=NOON - timedelta(days=n % 2))
    for limit in (1, 2, 9):
        for count_up_to in (1, 3, 9):
            query = SearchQuery(theme="housing", limit=limit)
            with database.read() as session:
                page = search.find(session, town.team(town.here), query)
                some = search.find(session, town.team(town.here), replace(query, count_up_to=count_up_to))
            assert (some.hits, some.next) == (page.hits, page.next)
            assert some.total == min(count_up_to, page.total) == some.facets.theme[0][1]


@pytest.mark.parametrize(
    ("term", "finds"),
    [
        (Term(("old", "garden")), ["the old garden"]),
        (Term(("garden", "old")), []),
        (Term(("gard",)), []),
        (Term(("gard",), is_prefix=True), ["the old garden", "an old, walled garden"]),
        (Term(("old", "gard"), is_prefix=True), ["the old garden"]),
        (Term(("x",), frozenset({("en·walled", "en·garden")})), ["an old, walled garden"]),
        (Term(("x",), frozenset({("en·the",), ("en·walled",)})), ["the old garden", "an old, walled garden"]),
        (Term(("東", "京")), ["東京タワー"]),
        (Term(("京", "東")), []),
        (Term(()), []),
    ],
)
def test_terms_find_words_and_neighbours(
    database: Database, town: Town, term: Term, finds: list[str]
) -> None:
    said = ["the old garden", "an old, walled garden", "東京タワー"]
    with database.write() as session:
        for number, each in enumerate(said):
            a_story(session, town, "-", each, created_at=NOON - timedelta(days=number))
    with database.read() as session:
        hits = search.find(session, town.team(town.here), SearchQuery((term,))).hits
    found = ["".join(part.text for part in hit.moments[0].snippet) for hit in hits]
    assert sorted(found) == sorted(finds)


@pytest.mark.usefixtures("way")
def test_each_reader_finds_what_the_gate_lets_them_read(database: Database, town: Town) -> None:
    with database.write() as session:
        published = a_story(session, town, "garden 1", state=State.PUBLISHED, created_at=NOON)
        shared = a_story(session, town, "garden 2", created_at=NOON - timedelta(days=1))
        raw = a_story(session, town, "garden 3", state=State.SUBMITTED, created_at=NOON - timedelta(days=2))
        elsewhere = a_story(
            session, town, "garden 4", pilot_id=town.there, created_at=NOON - timedelta(days=3)
        )
    administrator = Principal(account_id=new_id(), is_administrator=True)
    expected = [
        (town.team(town.here), [published, shared]),
        (town.team(town.there), [published, elsewhere]),
        (town.curator(town.here), [published, shared, raw]),
        (Principal(account_id=town.reporter), [published, shared, raw, elsewhere]),
        (administrator, [published]),
        (ANYONE, [published]),
    ]
    for query in (SearchQuery((WORD,)), SearchQuery()):
        for reader, may_read in expected:
            with database.read() as session:
                page = search.find(session, reader, query)
            assert ids(page) == [story.id for story in may_read]
            assert page.total == len(may_read)


@pytest.mark.usefixtures("way")
def test_stories_out_of_sight_change_nothing_that_is_seen(database: Database, town: Town) -> None:
    """Results, order, counts, facets and cursors are the same with and without them in the database."""
    reader = town.team(town.here)
    queries = [
        SearchQuery(limit=2),
        SearchQuery((WORD,), limit=2),
        SearchQuery((WORD, Term(("rain",))), limit=2),
        SearchQuery((WORD,), theme="housing"),
        SearchQuery(theme="housing", limit=1),
        SearchQuery(pilot_id=town.here, count_up_to=4, limit=2),
        SearchQuery(pilot_id=town.there),
        SearchQuery(use=Use.SHARING, state=State.CURATED, language="en"),
        SearchQuery((Term(("hidden",)),)),
    ]

    def everything_seen() -> list[SearchPage]:
        pages = []
        with database.read() as session:
            for query in queries:
                page = search.find(session, reader, query)
                pages.append(page)
                while page.next:
                    page = search.find(session, reader, replace(query, cursor=page.next))
                    pages.append(page)
        return pages

    with database.write() as session:
        for n in range(5):
            a_story(session, town, "In sight", "garden", "rain " * n, theme="housing" if n % 2 else None)
    before = everything_seen()
    assert before[0].total == 5
    with database.write() as session:
        out_of_sight: Any = {"theme": "housing", "language": "pl"}
        for n in range(8):
            when = NOON - timedelta(days=n - 4)
            a_story(
                session,
                town,
                "hidden garden",
                "garden rain",
                uses=frozenset(),
                created_at=when,
                **out_of_sight,
            )
            a_story(session, town, "hidden", "garden", pilot_id=town.there, created_at=when, **out_of_sight)
            a_story(session, town, "hidden", "garden rain", state=State.IN_REVIEW, created_at=when)
        taken_back = a_story(session, town, "hidden garden", "rain in the garden", theme="housing")
        withdrawals.withdraw(session, taken_back, actor=town.reporter)
    assert everything_seen() == before


def test_withdrawn_story_is_not_found_and_cannot_be_indexed_again(database: Database, town: Town) -> None:
    with database.write() as session:
        story = a_story(session, town, "garden", state=State.PUBLISHED)
    with database.write() as session:
        withdrawals.withdraw(session, session.get_one(Story, story.id), actor=town.reporter)
    with database.write() as session, pytest.raises(Conflict):
        search.replace_entries(session, story.id, entries_of("garden", []))
    with database.read() as session:
        assert search.find(session, Principal(account_id=town.reporter), SearchQuery((WORD,))) == SearchPage()
    with database.write() as session, pytest.raises(NotFound):
        search.replace_entries(session, new_id(), [])


def test_replacing_and_forgetting_leave_nothing_of_before(database: Database, town: Town) -> None:
    reader = town.team(town.here)
    with database.write() as session:
        story = a_story(session, town, "Old", "garden garden")
        search.replace_entries(session, story.id, entries_of("New", ["orchard"]))
    with database.read() as session:
        assert search.find(session, reader, SearchQuery((WORD,))).total == 0
        assert search.find(session, reader, SearchQuery((Term(("orchard",)),))).total == 1
    with database.write() as session:
        search.forget(session, story.id)
    with database.read() as session:
        assert search.find(session, reader, SearchQuery((Term(("orchard",)),))).total == 0


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("terms", [(), (WORD,)])
def test_filters_and_facets(database: Database, town: Town, terms: tuple[Term, ...]) -> None:
    reader = Principal(account_id=town.reporter)
    with database.write() as session:
        a_story(session, town, "garden a", language="pl", theme="housing", created_at=NOON)
        a_story(session, town, "garden b", theme="housing", created_at=NOON + timedelta(days=1))
        detected = a_story(session, town, "garden c", language="detect", state=State.SUBMITTED)
        detected.detected_language = "et"
        unknown = a_story(session, town, "garden d", language="detect", pilot_id=town.there)
        unknown.created_at = NOON + timedelta(days=2)

    def titles(**filters: object) -> list[str]:
        with database.read() as session:
            page = search.find(session, reader, replace(SearchQuery(terms), **filters))  # type: ignore[arg-type]
        assert page.total == len(page.hits)
        return sorted(hit.title[-1] for hit in page.hits)

    assert titles(language="pl") == ["a"]
    assert titles(language="et") == ["c"]
    assert titles(theme="housing") == ["a", "b"]
    assert titles(state=State.SUBMITTED) == ["c"]
    assert titles(pilot_id=town.there) == ["d"]
    assert titles(from_date=date(2026, 3, 2)) == ["b", "d"]
    assert titles(from_date=date(2026, 3, 2), to_date=date(2026, 3, 2)) == ["b"]
    assert titles(to_date=date(2026, 3, 1)) == ["a", "c"]
    assert titles(from_date=date.min, to_date=date.max) == ["a", "b", "c", "d"]
    with database.read() as reading:
        page = search.find(reading, reader, SearchQuery(terms, limit=1))
    assert page.total == 4
    assert page.facets.language == (("en", 1), ("et", 1), ("pl", 1))
    assert page.facets.theme == (("housing", 2),)
    assert page.facets.state == (("curated", 3), ("submitted", 1))
    assert page.facets.pilot == (("here", 3), ("there", 1))
    assert page.facets.purpose == (("input", 4),)
    assert page.facets.year == (("2026", 4),)


@pytest.mark.usefixtures("way")
def test_year_purpose_and_use_are_filters(database: Database, town: Town) -> None:
    team = town.team(town.here)
    new_year = datetime(2025, 12, 31, 23, 59, 59, tzinfo=UTC)
    with database.write() as session:
        a_story(session, town, "garden a", created_at=new_year, purpose=Purpose.BOTH)
        a_story(session, town, "garden b", created_at=new_year + timedelta(seconds=1))
        only_shared = frozenset({Use.CURATION, Use.SHARING})
        a_story(session, town, "garden c", uses=only_shared, purpose=Purpose.CO_EVALUATION)

    def titles(**filters: object) -> list[str]:
        with database.read() as session:
            page = search.find(session, team, replace(SearchQuery((WORD,)), **filters))  # type: ignore[arg-type]
        return sorted(hit.title[-1] for hit in page.hits)

    assert titles(year=2025) == ["a"]
    assert titles(year=2026) == ["b", "c"]
    assert titles(purpose=Purpose.INPUT) == ["a", "b"]
    assert titles(purpose=Purpose.CO_EVALUATION) == ["a", "c"]
    assert titles(use=Use.SHARING) == ["a", "b", "c"]
    assert titles(use=Use.RESEARCH) == []
    with database.read() as reading:
        years = search.find(reading, team, SearchQuery()).facets.year
    assert years == (("2026", 2), ("2025", 1))


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("terms", [(), (WORD,)])
def test_counting_stops_where_it_is_told_to_and_hits_do_not(
    database: Database, town: Town, terms: tuple[Term, ...]
) -> None:
    with database.write() as session:
        for n in range(5):
            a_story(session, town, f"garden {n}", created_at=NOON + timedelta(days=n))
        a_story(session, town, "garden old", state=State.PUBLISHED, created_at=NOON - timedelta(days=1))
    with database.read() as reading:
        page = search.find(reading, town.team(town.here), SearchQuery(terms, count_up_to=5))
    assert (page.total, len(page.hits)) == (5, 6)
    assert page.facets.state == (("curated", 5),), "the newest are counted"


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("terms", [(), (WORD,)])
def test_pages_hold_every_story_once(database: Database, town: Town, terms: tuple[Term, ...]) -> None:
    reader = town.team(town.here)
    with database.write() as session:
        for n in range(11):
            # Many at the same moment, and with the same score: the id decides then.
            a_story(session, town, f"{n}", "garden", created_at=NOON + timedelta(microseconds=n // 4))
    seen: list[str] = []
    cursor = None
    with database.read() as reading:
        whole = search.find(reading, reader, SearchQuery(terms, limit=50))
        while True:
            page = search.find(reading, reader, SearchQuery(terms, limit=3, cursor=cursor))
            assert page.total == 11
            seen += ids(page)
            cursor = page.next
            if cursor is None:
                break
    assert seen == ids(whole)
    assert len(set(seen)) == 11


@pytest.mark.parametrize(
    "cursor",
    [
        "x",
        "e30=",
        "W10=",
        "WzEsMiwzXQ==",
        "żółw",
        "WzEsIjIwMjYtMDEtMDEiLCJ4Il0=",
        "WzEsIjAwMDEtMDEtMDFUMDA6MDA6MDArMTQ6MDAiLCJ4Il0=",
    ],
)
def test_foreign_cursor_is_refused(database: Database, town: Town, cursor: str) -> None:
    with database.read() as session, pytest.raises(Invalid):
        search.find(session, ANYONE, SearchQuery(cursor=cursor))


def test_snippet_says_that_a_machine_wrote_it_until_somebody_approves(database: Database, town: Town) -> None:
    reader = town.curator(town.here)
    with database.write() as session:
        story = a_story(session, town, "-", state=State.IN_REVIEW)
        recording = Recording(story_id=story.id, position=0, original_key=new_id(), sent_name="a.wav")
        session.add(recording)
        session.flush()
        said = [SegmentText(0.0, 4.0, "garden")]
        transcript = transcripts.keep_machine_made(
            session, recording, said, language="en", engine="e", weights="w"
        )
        search.replace_entries(
            session, story.id, [Entry(Source.SEGMENT, "garden", "garden", "", recording.id, 0.0, 4.0)]
        )
        assert search.find(session, reader, SearchQuery((WORD,))).hits[0].moments[0].is_machine_made
        transcripts.approve(session, story, transcript, actor=town.reporter)
        session.flush()
        assert not search.find(session, reader, SearchQuery((WORD,))).hits[0].moments[0].is_machine_made


@settings(max_examples=75, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.builds(
            Term,
            st.lists(
                st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1),
                max_size=3,
            ).map(tuple),
            st.frozensets(
                st.lists(
                    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1),
                    min_size=1,
                    max_size=2,
                ).map(tuple),
                max_size=2,
            ),
            st.booleans(),
        ),
        max_size=3,
    )
)
def test_no_term_is_an_operator(database: Database, town: Town, terms: list[Term]) -> None:
    """Whatever stands in a term, neither database reads it as a part of a query's grammar."""
    with database.write() as session:
        if search.find(session, Principal(account_id=town.reporter), SearchQuery()).total == 0:
            a_story(session, town, "garden")
    with database.read() as session:
        search.find(session, Principal(account_id=town.reporter), SearchQuery(tuple(terms)))


@settings(max_examples=300, deadline=None)
@given(st.text())
def test_words_are_cut_in_order_and_without_overlap(shown: str) -> None:
    spans = spans_of(shown)
    assert all(start < end for start, end in spans)
    assert all(one[1] <= other[0] for one, other in pairwise(spans))
    assert not any(character.isspace() for start, end in spans for character in shown[start:end])


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=900), st.sets(st.integers(0, 40)))
def test_snippet_is_cut_from_what_is_shown(shown: str, found: set[int]) -> None:
    parts = cut_snippet(shown, found)
    quoted = "".join(part.text for part in parts).removeprefix("…").removesuffix("…")
    assert quoted in shown
    assert len(quoted) <= 200
    words = {shown[start:end] for n, (start, end) in enumerate(spans_of(shown)) if n in found}
    assert {part.text for part in parts if part.is_match} <= words


def test_long_snippet_shows_the_match_within_its_surroundings() -> None:
    shown = "word " * 200 + "garden " + "more " * 200
    parts = cut_snippet(shown, {200})
    assert SnippetPart("garden", True) in parts
    assert parts[0].text == "…"
    assert parts[-1].text.endswith("…")


def test_compacted_index_holds_no_word_of_a_forgotten_story(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'search.sqlite'}")
    schema.upgrade(database)
    with database.write() as session:
        reporter = accounts.create(session, "Rita", "rita", actor="test")
        here = pilots.create(session, "here", "Here", ["en"], actor="test")
        town = Town(here.id, here.id, reporter.id)
        for n in range(50):
            a_story(session, town, "-", f"word{n} canaryzwq" if n == 25 else f"word{n}")
    assert any(b"canaryzwq" in file.read_bytes() for file in tmp_path.iterdir())
    with database.write() as session:
        found = search.find(session, town.team(here.id), SearchQuery((Term(("canaryzwq",)),)))
        search.forget(session, found.hits[0].story_id)
    search.compact(database)
    assert [file.name for file in tmp_path.iterdir() if b"canary" in file.read_bytes()] == []
    database.close()


def test_compacting_keeps_what_was_not_forgotten(database: Database, town: Town) -> None:
    with database.write() as session:
        a_story(session, town, "garden")
        search.forget(session, a_story(session, town, "garden").id)
    search.compact(database)
    with database.read() as session:
        assert search.find(session, town.team(town.here), SearchQuery((WORD,))).total == 1


def test_erasing_a_story_takes_its_words_out_of_the_index(database: Database, town: Town) -> None:
    """Rows that go with their story (by the foreign key) leave the index too."""
    with database.write() as session:
        story = a_story(session, town, "garden")
        withdrawals.note_erased(session, story.id)
    if database.is_sqlite:
        with database.write() as session:
            # Compares the index with the rows, and raises where they differ.
            session.execute(text("INSERT INTO search_text(search_text, rank) VALUES ('integrity-check', 1)"))
            assert session.scalar(text("SELECT count(*) FROM search_text('garden')")) == 0


def test_migration_indexes_rows_that_were_there_before(database: Database, town: Town) -> None:
    with database.write() as session:
        a_story(session, town, "garden")
    schema.downgrade(database, "0001")
    schema.upgrade(database)
    with database.read() as session:
        assert search.find(session, town.team(town.here), SearchQuery((WORD,))).total == 1


def test_a_thousand_stories_are_found_by_index(database: Database, town: Town) -> None:
    with database.write() as session:
        _add_many(session, town, 1000)
    if not database.is_sqlite:
        with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("ANALYZE"))
    asked: list[tuple[str, Any]] = []
    event.listen(
        database.engine, "before_cursor_execute", lambda c, cur, sql, values, *_: asked.append((sql, values))
    )
    with database.read() as session:
        query = SearchQuery((Term(("garden50",), is_prefix=True),), limit=5)
        assert search.find(session, town.team(town.here), query).total == 11
        page, count = (
            _plan(session, database, *each)
            for each in tuple(asked)
            if "piece" in each[0] and "row_number" not in each[0]
        )
    for plan in (page, count):
        assert ("VIRTUAL TABLE INDEX" if database.is_sqlite else "search_text_surface") in plan, plan


def test_newest_are_read_in_the_order_of_an_index(
    sqlite_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without looking at the rows of stories that are passed by, and without sorting all that there are."""
    monkeypatch.setattr("storage.reach.FEW", -1)
    asked: list[tuple[str, Any]] = []
    event.listen(
        sqlite_database.engine,
        "before_cursor_execute",
        lambda c, u, sql, given, *_: asked.append((sql, given)),
    )
    reader = Principal(account_id=new_id(), roles={new_id(): frozenset({Role.CURATOR})})
    with sqlite_database.read() as session:
        for query, index in (
            (SearchQuery(count_up_to=9), "ix_story_by_moment"),
            (SearchQuery(count_up_to=9, theme="housing", language="pl"), "ix_story_theme_by_moment"),
            (SearchQuery(count_up_to=9, state=State.CURATED), "ix_story_by_state"),
        ):
            asked.clear()
            reading = Reading(session, reader, query)
            session.execute(reading.hits().limit(20))
            session.execute(counts(reading.counted(None), is_sqlite=True))
            for each in [each for each in tuple(asked) if "_at DESC" in each[0]]:
                plan = _plan(session, sqlite_database, *each)
                assert f"INDEX {index}" in plan, plan
                assert "FOR ORDER BY" not in plan, plan


def _add_many(session: WriteSession, town: Town, count: int) -> None:
    """Stories that may be shared, in a few statements: the verbs would take longer than the search."""
    story_ids = [new_id() for _ in range(count)]
    plain_story = {"title": "-", "language": "en", "purpose": "input", "submitted_by": town.reporter}
    session.execute(
        insert(Story), [{"id": each, "state": State.CURATED, **plain_story} for each in story_ids]
    )
    permitted = {"use": Use.SHARING, "pilot_id": town.here, "until": None}
    session.execute(insert(Permission), [{"story_id": each, **permitted} for each in story_ids])
    said = [
        {"story_id": each, "source": Source.SEGMENT, "shown": words, "surface": words, "lemmas": ""}
        for n, each in enumerate(story_ids)
        for words in (f"garden{n} and rain", "on the allotment", "in the morning")
    ]
    session.execute(insert(SearchEntry), said)


def _plan(session: Session, database: Database, sql: str, values: Any) -> str:
    explain = "EXPLAIN QUERY PLAN " if database.is_sqlite else "EXPLAIN "
    return "\n".join(str(row[-1]) for row in session.connection().exec_driver_sql(explain + sql, values))
