"""What a story is found by: folded words and dictionary forms in every language of the pilots."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from models.base import new_id
from models.roles import Principal
from models.stories import Recording, Story
from models.themes import ThemeState
from pipeline.index import MAX_TERMS, entries_for, prepare_query, reindex
from pipeline.themes.lemmas import LANGUAGES
from storage import accounts, pilots, search, stories, themes, transcripts
from storage.database import Database, WriteSession
from storage.search import SearchPage, SearchQuery, Source
from storage.search.words import spans_of
from storage.stories import StoryDetails
from storage.themes import Suggested
from storage.transcripts import SegmentText


@pytest.fixture
def sender(database: Database) -> Principal:
    """Somebody who sends stories, and may therefore find them."""
    with database.write() as session:
        account = accounts.create(session, "Rita", "rita", actor="test")
        pilots.create(session, "here", "Here", list(LANGUAGES), actor="test")
        return Principal(account_id=account.id)


@pytest.fixture
def a_garden(database: Database, sender: Principal) -> Principal:
    """The sender of one story, so that an index is really asked."""
    with database.write() as session:
        told(session, sender, "garden")
    return sender


def told(
    session: WriteSession, sender: Principal, *said: str, language: str = "en", title: str = "-"
) -> Story:
    """A story with a transcript, a segment every five seconds; indexed."""
    assert sender.account_id is not None
    pilot = pilots.by_code(session, "here")
    details = StoryDetails(title=title, language=language, pilot_ids=[pilot.id])
    story = stories.create(session, details, submitted_by=sender.account_id)
    recording = Recording(story_id=story.id, position=0, original_key=new_id(), sent_name="a.wav")
    session.add(recording)
    session.flush()
    segments = [SegmentText(5.0 * n, 5.0 * n + 4, text) for n, text in enumerate(said)]
    transcripts.keep_machine_made(session, recording, segments, language=language, engine="e", weights="w")
    reindex(session, story)
    return story


def found(database: Database, sender: Principal, typed: str) -> SearchPage:
    with database.read() as session:
        return search.find(session, sender, prepare_query(typed))


def quoted(page: SearchPage) -> list[str]:
    """What is marked in the best moment of each hit."""
    moments = [hit.moments[0] for hit in page.hits]
    return [" ".join(part.text for part in moment.snippet if part.is_match) for moment in moments]


@pytest.mark.parametrize(
    ("language", "said", "typed"),
    [
        ("pl", "Mieszka tam jedna kobieta.", "kobiety"),
        ("pl", "Łóżko stało pod oknem.", "łóżka"),
        ("en", "Our houses were cold.", "house"),
        ("et", "Need majad on vanad.", "maja"),
        ("es", "Las mujeres hablaron.", "mujer"),
        ("hu", "A házakban hideg volt.", "ház"),
        ("nl", "De huizen zijn oud.", "huis"),
        ("it", "Le case erano fredde.", "casa"),
        ("sv", "Alla husen var gamla.", "hus"),
        ("fi", "Taloissa oli kylmä.", "talo"),
        ("el", "Τα σπίτια ήταν κρύα.", "σπίτι"),
    ],
)
def test_other_forms_of_a_word_are_found_in_each_language(
    database: Database, sender: Principal, language: str, said: str, typed: str
) -> None:
    with database.write() as session:
        story = told(session, sender, "…", said, language=language)
        told(session, sender, "Nothing of the kind", language=language)
    (hit,) = found(database, sender, typed).hits
    assert hit.story_id == story.id
    (moment,) = hit.moments
    assert (moment.source, moment.start_seconds, moment.end_seconds) == (Source.SEGMENT, 5.0, 9.0)
    assert "".join(part.text for part in moment.snippet) == said
    assert moment.is_machine_made


@pytest.mark.parametrize(
    ("said", "typed"),
    [
        ("Żółta ŁĄKA", "zolta laka"),
        ("zolta laka", "Żółta łąka"),
        ("Őszi eső", "oszi"),
        ("Ёлка", "елка"),
        ("Ο άνθρωπος", "ΑΝΘΡΩΠΟΣ"),
        ("οι δρόμοι της πόλης", "πολησ"),
        ("Straße", "STRASSE"),
        ("dell'anziana", "l’anziana"),
        ("İstanbul", "istanbul"),
        ("cafe\u0301", "café"),
        ("我住在東京附近", "東京"),
        ("เขาอยู่บ้าน", "บ้าน"),
        ("हिन्दी में", "हिन्दी"),
        ("مَدرَسة", "مدرسة"),
        ("co-housing", '"CO housing"'),
    ],
)
def test_case_accents_and_scripts_do_not_stand_between(
    database: Database, sender: Principal, said: str, typed: str
) -> None:
    with database.write() as session:
        # A language without lemma tables: folded words alone.
        story = told(session, sender, said, language="uk")
        told(session, sender, "…", language="uk")
    assert [hit.story_id for hit in found(database, sender, typed).hits] == [story.id]


def test_a_lemma_counts_in_its_own_language_only(database: Database, sender: Principal) -> None:
    """English "men" has the form "man", which in Swedish is another word."""
    with database.write() as session:
        english = told(session, sender, "The man left.", language="en")
        told(session, sender, "Man vet aldrig.", language="sv")
    assert [hit.story_id for hit in found(database, sender, "men").hits] == [english.id]


def test_accepted_themes_are_found_by_their_label_in_any_language(
    database: Database, sender: Principal
) -> None:
    assert sender.account_id is not None
    with database.write() as session:
        story = told(session, sender, "…")
        suggested = [Suggested("food", 1.0, []), Suggested("housing", 1.0, [])]
        themes.suggest(session, story, suggested, codebook=1)
        themes.accept(session, story, "food", actor=sender.account_id, codebook=1)
        reindex(session, story)
        states = {row.theme: row.state for row in themes.of_story(session, story.id)}
        assert states == {"food": ThemeState.ACCEPTED, "housing": ThemeState.SUGGESTED}
        entries = [entry.shown for entry in entries_for(session, story) if entry.source is Source.THEME]
    assert entries[0] == "Food and nutrition"
    for label in entries:
        # Neighbouring languages may share a label's words: each that fits is shown.
        moments = found(database, sender, label).hits[0].moments
        assert {(moment.source, moment.start_seconds) for moment in moments} == {(Source.THEME, None)}
    assert found(database, sender, "housing").total == 0


def test_only_the_newest_words_of_a_transcript_are_found(database: Database, sender: Principal) -> None:
    assert sender.account_id is not None
    with database.write() as session:
        story = told(session, sender, "The guardian grew.", title="Plots")
        corrected = [SegmentText(0.0, 4.0, "The garden grew.")]
        recording = session.get_one(Story, story.id).recordings[0]
        transcripts.correct(session, story, recording, corrected, actor=sender.account_id, based_on_version=1)
        reindex(session, story)
    assert found(database, sender, "guardian").total == 0
    assert quoted(found(database, sender, "gardens plot")) == ["Plots"]
    (moment,) = found(database, sender, "garden").hits[0].moments
    assert not moment.is_machine_made


def test_marks_stand_on_the_words_that_were_found(database: Database, sender: Principal) -> None:
    with database.write() as session:
        told(session, sender, "Two women, one woman's garden; WOMEN!")
        told(session, sender, "„Stary ogród” był tu.", language="pl")
    assert quoted(found(database, sender, "woman")) == ["women woman WOMEN"]
    assert quoted(found(database, sender, '"stary ogrod"')) == ["Stary ogród"]
    assert quoted(found(database, sender, "ogr*")) == ["ogród"]


def test_text_without_a_word_finds_nothing_and_no_text_finds_all(
    database: Database, sender: Principal
) -> None:
    with database.write() as session:
        told(session, sender, "one")
    assert found(database, sender, "  ").total == 1
    for typed in ("!", '"', "* - ()", '""', "_"):
        assert found(database, sender, typed) == SearchPage()


def test_a_query_keeps_its_filters_and_its_size() -> None:
    filters = SearchQuery(language="pl", limit=7)
    query = prepare_query(" ".join(f"w{n}" for n in range(90)) + " x" * 10_000, ["pl"], filters)
    assert (query.language, query.limit, len(query.terms)) == ("pl", 7, MAX_TERMS)
    assert prepare_query("a a A", ["pl"]).terms == prepare_query("a", ["pl"]).terms


OPERATORS = st.sampled_from(
    ["AND", "OR", "NOT", "NEAR(", ")", '"', "'", "*", ":*", "^", "-", "surface :", "{", "}", "&", "|", "!",
     "<->", "\\", "%", "_", ";--", "\0", "\ud800", "’", "„", "東京", "½", "ﾞ", "\u0301", "‍", "garden"]
)  # fmt: skip


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.one_of(st.text(), st.lists(OPERATORS, max_size=12).map(" ".join), st.lists(OPERATORS).map("".join)))
def test_no_text_breaks_a_search(database: Database, a_garden: Principal, typed: str) -> None:
    with database.read() as session:
        page = search.find(session, a_garden, prepare_query(typed, ["en", "el"]))
    assert page.total == 0 or "garden" in typed or not typed.strip()


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=60))
def test_every_text_is_found_by_itself(database: Database, said: str) -> None:
    if not spans_of(said):
        return
    with database.write() as session:
        name = new_id()
        account = accounts.create(session, name, name, actor="test")
        pilot = pilots.create(session, new_id(), "-", ["pl"], actor="test")
        details = StoryDetails(title=said, language="pl", pilot_ids=[pilot.id])
        story = stories.create(session, details, submitted_by=account.id)
        reindex(session, story)
        # Without quotation marks of its own, in quotation marks: as it stands.
        typed = '"' + "".join(" " if character in '"“”„‟«»「」' else character for character in said) + '"'
        page = search.find(session, Principal(account_id=account.id), prepare_query(typed, ["pl"]))
    assert [hit.story_id for hit in page.hits] == [story.id]
