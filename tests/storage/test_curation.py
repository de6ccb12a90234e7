"""A story's road: every verb from every state, and every guard that stands in its way."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import update

from models.consent import Face, Permission, Use
from models.curation import TRANSITIONS, VERBS, Guard, State, find
from models.errors import Conflict
from models.stories import Story
from models.tellers import CopyAnswer
from storage import (
    consents,
    curation,
    holds,
    journal,
    recordings,
    review_copies,
    themes,
    transcripts,
)
from storage.database import Database, WriteSession
from storage.transcripts import SegmentText
from tests.plugins.stories import CODEBOOK, EVERY_USE, THEME, Field


@contextmanager
def changing(database: Database, story: Story) -> Iterator[tuple[WriteSession, Story]]:
    with database.write() as session:
        yield session, session.get_one(Story, story.id)


@pytest.fixture
def ready(field: Field) -> Story:
    """A story for which every guard is met."""
    return field.story(consented_to=EVERY_USE, with_recording=True, approved=True)


@pytest.mark.parametrize("state", State)
def test_every_verb_leads_where_the_table_says_or_is_refused(
    database: Database, ready: Story, state: State
) -> None:
    for verb in VERBS:
        with database.write() as session:
            session.execute(update(Story).values(state=state))
        step = find(verb, state)
        with changing(database, ready) as (session, story):
            if step is not None and verb != "withdraw":
                assert curation.change_state(session, story, verb, actor="curator") == step
                assert story.state is step.end
                continue
            with pytest.raises(Conflict) as refused:
                curation.change_state(session, story, verb, actor="curator")
            assert refused.value.code in ("no-such-step", "story-withdrawn")
            assert story.state is state
    with database.read() as session:
        acts = [entry.act for entry in journal.of_story(session, ready.id)]
        taken = [step.verb for step in TRANSITIONS if step.start is state and step.verb != "withdraw"]
        assert [act for act in acts if act in VERBS] == [verb for verb in VERBS if verb in taken]


def _break_recording(session: WriteSession, story: Story, field: Field) -> None:
    recordings.begin_again(session, story, story.recordings[0], actor="curator")


def _break_transcript(session: WriteSession, story: Story, field: Field) -> None:
    correction = [SegmentText(0.0, 1.0, "Other words.")]
    recording = story.recordings[0]
    transcripts.correct(session, story, recording, correction, actor=story.submitted_by, based_on_version=1)


def _break_theme(session: WriteSession, story: Story, field: Field) -> None:
    themes.reject(session, story, THEME, actor=story.submitted_by, codebook=CODEBOOK)


def _break_consent(use: Use) -> Callable[[WriteSession, Story, Field], None]:
    def narrow(session: WriteSession, story: Story, field: Field) -> None:
        terms = consents.Terms(
            uses=EVERY_USE - {use},
            pilot_ids=frozenset(story.pilot_ids),
            naming=consents.Naming.NAMED,
            face=Face.SHOWN,
        )
        consents.record(session, story, story.people[0].id, terms, actor="teller")

    return narrow


def _break_masking(session: WriteSession, story: Story, field: Field) -> None:
    terms = consents.Terms(uses=EVERY_USE, pilot_ids=frozenset(story.pilot_ids))
    consents.record(session, story, story.people[0].id, terms, actor="teller")
    # The rule leaves no permission either; the guard says the reason that people can act on.
    session.add_all(Permission(story_id=story.id, use=use) for use in (Use.SHARING, Use.PUBLICATION))
    session.flush()


def _break_hold(session: WriteSession, story: Story, field: Field) -> None:
    holds.raise_embargo(session, story, until=None, warned_id=story.submitted_by, actor="teller")
    # The rule leaves no permission either, as above.
    shared = {"use": Use.SHARING, "pilot_id": story.pilot_ids[0]}
    session.add_all(
        [Permission(story_id=story.id, **shared), Permission(story_id=story.id, use=Use.PUBLICATION)]
    )
    session.flush()


def _break_agreement(session: WriteSession, story: Story, field: Field) -> None:
    review_copies.send(session, story, actor="curator")
    review_copies.answer(session, story, story.people[0].id, CopyAnswer.STOPPED, actor="teller")


BREAKS: dict[Guard, Callable[[WriteSession, Story, Field], None]] = {
    Guard.RECORDING_PROCESSED: _break_recording,
    Guard.TRANSCRIPT_APPROVED: _break_transcript,
    Guard.THEME_ACCEPTED: _break_theme,
    Guard.CONSENT_TO_CURATION: _break_consent(Use.CURATION),
    Guard.CONSENT_TO_SHARING: _break_consent(Use.SHARING),
    Guard.CONSENT_TO_PUBLICATION: _break_consent(Use.PUBLICATION),
    Guard.MASKING_DONE: _break_masking,
    Guard.NOT_HELD: _break_hold,
    Guard.TELLER_AGREED: _break_agreement,
}


@pytest.mark.parametrize("guard", Guard)
def test_each_guard_stops_the_steps_that_ask_for_it_and_no_other(
    database: Database, field: Field, ready: Story, guard: Guard
) -> None:
    with changing(database, ready) as (session, story):
        BREAKS[guard](session, story, field)
    asked_for_curation = guard is Guard.CONSENT_TO_CURATION
    for step in TRANSITIONS:
        if step.verb == "withdraw":
            continue
        with changing(database, ready) as (session, story):
            missing = set(curation.unmet(session, story, step))
            if not asked_for_curation:  # without curation there is no other use either
                assert missing == {guard} & set(step.guards), step
            assert (guard in missing) == (guard in step.guards), step


def test_a_refused_step_says_every_guard_that_is_not_met(database: Database, field: Field) -> None:
    story = field.story(state=State.IN_REVIEW, consented_to={Use.CURATION})
    with changing(database, story) as (session, mine):
        with pytest.raises(Conflict) as refused:
            curation.change_state(session, mine, "curate", actor="curator")
        assert refused.value.code == "guards-unmet"
        wanted = ["recording-processed", "transcript-approved", "theme-accepted", "consent-to-sharing"]
        assert refused.value.parameters == {"verb": "curate", "missing": wanted}
        assert mine.state is State.IN_REVIEW
        possible = {step.verb: missing for step, missing in curation.possible_steps(session, mine)}
        assert [guard.value for guard in possible["curate"]] == wanted
        assert possible["return"] == []
        assert "withdraw" not in possible


def test_a_recording_that_was_refused_does_not_hold_a_story_up(
    database: Database, field: Field, ready: Story
) -> None:
    with changing(database, ready) as (session, story):
        second = recordings.expect_recording(session, story, "empty.wav", sent_by=story.submitted_by)
        recordings.receive(session, second.id, size_bytes=0, sha256="0" * 64)
        curation.change_state(session, story, "take-up", actor="curator")
        with pytest.raises(Conflict, match="recording-processed"):
            curation.change_state(session, story, "curate", actor="curator")
        recordings.note_failure(session, second, "no-sound", {}, is_final=True)
        curation.change_state(session, story, "curate", actor="curator")
        assert story.state is State.CURATED


def test_of_two_who_press_at_once_one_is_told_that_it_changed(database: Database, field: Field) -> None:
    story = field.story()
    together = threading.Barrier(4)
    said: list[str] = []

    def press() -> None:
        together.wait()
        try:
            with changing(database, story) as (session, mine):
                curation.change_state(session, mine, "take-up", actor="curator")
            said.append("done")
        except Conflict as refused:
            said.append(refused.code)

    threads = [threading.Thread(target=press) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(said) == ["done", *["no-such-step"] * 3]
    with database.read() as session:
        acts = [entry.act for entry in journal.of_story(session, story.id)]
        assert acts.count("take-up") == 1
