"""The table of states: what every story's road obeys."""

from __future__ import annotations

from pathlib import Path

import pytest

from models.curation import CURATED_STATES, TRANSITIONS, Guard, State, as_markdown, find, transitions_from

ROOT = Path(__file__).resolve().parents[2]


def test_each_step_is_in_the_table_once() -> None:
    named = [(step.verb, step.start) for step in TRANSITIONS]
    assert len(named) == len(set(named))


def test_every_state_can_be_reached() -> None:
    reached, before = {State.SUBMITTED}, set[State]()
    while reached != before:
        before = set(reached)
        reached |= {step.end for state in before for step in transitions_from(state)}
    assert reached == set(State)


@pytest.mark.parametrize("state", [state for state in State if state is not State.WITHDRAWN])
def test_withdrawal_is_open_in_every_state_and_asks_for_nothing(state: State) -> None:
    step = find("withdraw", state)
    assert step is not None
    assert step.end is State.WITHDRAWN
    assert step.guards == ()


def test_nothing_leads_out_of_withdrawal() -> None:
    assert transitions_from(State.WITHDRAWN) == ()


def test_steps_are_found_for_a_state_read_as_plain_text() -> None:
    assert transitions_from("in-review") == transitions_from(State.IN_REVIEW)  # type: ignore[arg-type]


def test_whatever_leads_into_curated_asks_for_what_a_curated_story_has() -> None:
    wanted = {Guard.TRANSCRIPT_APPROVED, Guard.THEME_ACCEPTED, Guard.CONSENT_TO_SHARING, Guard.MASKING_DONE}
    for step in TRANSITIONS:
        if step.end in CURATED_STATES and step.start not in CURATED_STATES:
            assert wanted <= set(step.guards), step


def test_whatever_leads_into_published_asks_for_consent_to_publication() -> None:
    for step in TRANSITIONS:
        if step.end is State.PUBLISHED:
            assert Guard.CONSENT_TO_PUBLICATION in step.guards


def test_whatever_leads_into_review_from_elsewhere_asks_for_consent_to_curation() -> None:
    for step in TRANSITIONS:
        if step.end is State.IN_REVIEW and step.start not in CURATED_STATES:
            assert Guard.CONSENT_TO_CURATION in step.guards


def test_the_page_in_the_docs_is_made_from_the_table() -> None:
    page = ROOT / "docs" / "reference" / "states.md"
    assert page.read_text() == as_markdown(), (
        "run: .venv/bin/python -m models.curation > docs/reference/states.md"
    )
