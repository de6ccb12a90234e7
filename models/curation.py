"""Curation: the states of a story, and the table of transitions between them.

The table is data: the guarded ``UPDATE`` in ``storage.stories``, the review desk's buttons and the page in
``docs/`` are made from it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """Where a story stands with the people who care for it."""

    SUBMITTED = "submitted"
    IN_REVIEW = "in-review"
    CURATED = "curated"
    PUBLISHED = "published"
    RETURNED = "returned"
    DECLINED = "declined"
    WITHDRAWN = "withdrawn"


class Guard(StrEnum):
    """A condition that a transition asks for beside the state it starts from."""

    RECORDING_PROCESSED = "recording-processed"
    TRANSCRIPT_APPROVED = "transcript-approved"
    THEME_ACCEPTED = "theme-accepted"
    CONSENT_TO_CURATION = "consent-to-curation"
    CONSENT_TO_SHARING = "consent-to-sharing"
    CONSENT_TO_PUBLICATION = "consent-to-publication"
    MASKING_DONE = "masking-done"
    NOT_HELD = "not-held"
    TELLER_AGREED = "teller-agreed"


@dataclass(frozen=True)
class Transition:
    """One allowed step: a verb of the field, the states it leads between, and what it asks for."""

    verb: str
    start: State
    end: State
    guards: tuple[Guard, ...] = ()


_TO_CURATED = (
    Guard.RECORDING_PROCESSED,
    Guard.TRANSCRIPT_APPROVED,
    Guard.THEME_ACCEPTED,
    Guard.CONSENT_TO_SHARING,
    Guard.MASKING_DONE,
    Guard.NOT_HELD,
    Guard.TELLER_AGREED,
)

TRANSITIONS: tuple[Transition, ...] = (
    Transition("take-up", State.SUBMITTED, State.IN_REVIEW, (Guard.CONSENT_TO_CURATION,)),
    Transition("take-up", State.RETURNED, State.IN_REVIEW, (Guard.CONSENT_TO_CURATION,)),
    Transition("return", State.IN_REVIEW, State.RETURNED),
    Transition("decline", State.SUBMITTED, State.DECLINED),
    Transition("decline", State.IN_REVIEW, State.DECLINED),
    Transition("reopen", State.DECLINED, State.IN_REVIEW, (Guard.CONSENT_TO_CURATION,)),
    Transition("curate", State.IN_REVIEW, State.CURATED, _TO_CURATED),
    Transition("reopen", State.CURATED, State.IN_REVIEW),
    Transition("publish", State.CURATED, State.PUBLISHED, (*_TO_CURATED, Guard.CONSENT_TO_PUBLICATION)),
    Transition("unpublish", State.PUBLISHED, State.CURATED),
    *(Transition("withdraw", state, State.WITHDRAWN) for state in State if state is not State.WITHDRAWN),
)

CURATED_STATES = (State.CURATED, State.PUBLISHED)
VERBS = tuple(dict.fromkeys(transition.verb for transition in TRANSITIONS))


def transitions_from(state: State) -> tuple[Transition, ...]:
    """The steps that lead out of ``state``, in the table's order."""
    return tuple(transition for transition in TRANSITIONS if transition.start == state)


def find(verb: str, state: State) -> Transition | None:
    """The step called ``verb`` out of ``state``, if there is one."""
    return next((step for step in transitions_from(state) if step.verb == verb), None)


def as_markdown() -> str:
    """The table as a page for people: ``docs/reference/states.md``, written by ``python -m models.curation``."""
    names = ", ".join(f"**{state}**" for state in State)
    rows = "\n".join(
        f"| {step.verb} | {step.start} | {step.end} | {', '.join(step.guards) or '—'} |"
        for step in TRANSITIONS
    )
    arrows = "\n".join(
        f'    {_node(step.start)} -->|"{step.verb}"| {_node(step.end)}' for step in TRANSITIONS
    )
    nodes = "\n".join(f'    {_node(state)}["{state}"]' for state in State)
    return _PAGE.format(names=names, rows=rows, nodes=nodes, arrows=arrows)


def _node(state: State) -> str:
    return state.name.lower()


_PAGE = """# The states of a story

<!-- Made from the table in models/curation.py by `python -m models.curation > docs/reference/states.md`. -->

A story is in one of these states: {names}.

It moves only by the steps below. Each step is one guarded update with an entry in the journal; what stands in the
last column must hold, or the step is refused and says why.

| step | from | to | asks for |
|---|---|---|---|
{rows}

When consent changes so that it no longer carries a state, the story falls back by itself: *published* to
*curated* where publication is no longer allowed, and both to *in-review* where sharing is not. Withdrawal is
possible in every state, asks for nothing, and is final.

```mermaid
flowchart LR
{nodes}
{arrows}
```
"""

if __name__ == "__main__":
    print(as_markdown(), end="")
