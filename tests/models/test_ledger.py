"""Any ledger and any protocols: what is allowed is what a ten-line reference says, and never more than was granted."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from models.consent import (
    Allowance,
    Combination,
    ConsentEvent,
    Face,
    Giver,
    Naming,
    Protocol,
    Use,
    Voice,
    allowed,
    standing_of,
)

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
PILOTS = ("north", "south")
PEOPLE = ("teller", "neighbour", "child")

moments = st.none() | st.integers(-5, 5).map(lambda seconds: NOON + timedelta(seconds=seconds))
said = st.builds(
    ConsentEvent,
    person_id=st.sampled_from(PEOPLE),
    given_by=st.sampled_from([Giver.PERSON, Giver.PERSON, Giver.GUARDIAN]),
    uses=st.lists(st.sampled_from(Use), unique=True) | st.just(list(Use)),
    pilot_ids=st.lists(st.sampled_from(PILOTS), unique=True) | st.just(list(PILOTS)),
    until=moments,
    naming=st.sampled_from([Naming.NAMED, Naming.NAMED, Naming.ANONYMOUS]),
    face=st.just(Face.SHOWN),
    voice=st.sampled_from([Voice.KEPT, Voice.KEPT, Voice.ALTERED]),
    original_may_go=st.booleans(),
)


def everything(person: str, by: Giver = Giver.PERSON) -> ConsentEvent:
    return ConsentEvent(
        person_id=person,
        given_by=by,
        uses=list(Use),
        pilot_ids=list(PILOTS),
        until=None,
        naming=Naming.NAMED,
        face=Face.SHOWN,
        voice=Voice.KEPT,
        original_may_go=True,
    )


# Random words alone never agree on anything: mostly everybody has allowed everything, and then says something else.
everybody = st.builds(
    lambda: [*(everything(person) for person in PEOPLE), everything("child", Giver.GUARDIAN)]
)
ledgers = st.builds(
    lambda base, more: base + more,
    st.one_of(everybody, everybody, everybody, st.just([])),
    st.lists(said, max_size=2),
)
wide = st.just(Protocol(frozenset(Use), shares_outside=True))
narrower = st.builds(
    Protocol,
    st.just(frozenset(Use)) | st.frozensets(st.sampled_from(Use)),
    st.sampled_from(Combination),
    st.booleans(),
)
protocols = st.dictionaries(st.sampled_from(PILOTS), wide | narrower, min_size=1) | st.just({})


def numbered(ledger: Sequence[ConsentEvent]) -> list[ConsentEvent]:
    for number, event in enumerate(ledger, start=1):
        event.sequence = number
    return list(ledger)


def people_of(ledger: Sequence[ConsentEvent]) -> dict[str, list[ConsentEvent]]:
    return {person: [event for event in ledger if event.person_id == person] for person in PEOPLE}


def open_at(allowances: frozenset[Allowance], now: datetime) -> set[tuple[Use, str | None]]:
    return {(each.use, each.pilot_id) for each in allowances if each.until is None or each.until > now}


def rule(
    ledger: Sequence[ConsentEvent], admitting: dict[str, Protocol], *, held: bool
) -> frozenset[Allowance]:
    """The product's rule, over a ledger: the child has a guardian."""
    standings = [
        standing_of(events, has_guardian=person == "child") for person, events in people_of(ledger).items()
    ]
    return allowed(standings, admitting, has_picture=False, is_held=held)


def reference(
    ledger: Sequence[ConsentEvent], admitting: dict[str, Protocol], use: Use, pilot: str | None, *, held: bool
) -> bool:
    """Whether a use is open at noon: said once more, as plainly as can be."""
    givers = {(person, Giver.PERSON) for person in PEOPLE} | {("child", Giver.GUARDIAN)}
    givers |= {(event.person_id, event.given_by) for event in ledger}
    last = {(event.person_id, event.given_by): event for event in ledger}
    words = [last.get(giver) for giver in givers]

    def agreed(wanted: Use) -> bool:
        return all(w is not None and wanted in w.uses and (w.until is None or w.until > NOON) for w in words)

    def admitted(wanted: Use) -> bool:
        each = [wanted in protocol.uses for protocol in admitting.values()]
        any_will_do = all(protocol.combination is Combination.ANY for protocol in admitting.values())
        return bool(each) and (any(each) if any_will_do else all(each))

    if not (agreed(use) and admitted(use) and agreed(Use.CURATION) and admitted(Use.CURATION)):
        return False
    hides = any(w is not None and (w.naming is Naming.ANONYMOUS or w.voice is Voice.ALTERED) for w in words)
    if use is Use.CURATION:
        return pilot in admitting and use in admitting[pilot].uses
    if held or hides:
        return False
    if use is not Use.SHARING:
        return pilot is None
    others = [each for name, each in admitting.items() if name != pilot]
    any_will_do = all(protocol.combination is Combination.ANY for protocol in admitting.values())
    return (
        pilot in admitting
        and use in admitting[pilot].uses
        and all(w is not None and pilot in w.pilot_ids for w in words)
        and (any_will_do or all(use in each.uses and each.shares_outside for each in others))
    )


@settings(max_examples=200, deadline=None)
@given(ledgers, protocols, st.booleans())
def test_the_rule_is_what_the_reference_says(
    ledger: list[ConsentEvent], admitting: dict[str, Protocol], held: bool
) -> None:
    ledger = numbered(ledger)
    found = open_at(rule(ledger, admitting, held=held), NOON)
    wanted = {
        (use, pilot)
        for use in Use
        for pilot in (None, *PILOTS)
        if reference(ledger, admitting, use, pilot, held=held)
    }
    assert found == wanted


@settings(max_examples=200, deadline=None)
@given(ledgers, protocols)
def test_a_story_allows_no_more_than_each_person_alone_and_each_protocol(
    ledger: list[ConsentEvent], admitting: dict[str, Protocol]
) -> None:
    ledger = numbered(ledger)
    whole = open_at(rule(ledger, admitting, held=False), NOON)
    for person, events in people_of(ledger).items():
        alone = standing_of(events, has_guardian=person == "child")
        assert whole <= open_at(allowed([alone], admitting, has_picture=False), NOON)
    if all(protocol.combination is Combination.ALL for protocol in admitting.values()):
        for pilot in admitting:
            only = {each: p for each, p in admitting.items() if each == pilot}
            standings = [
                standing_of(events, has_guardian=person == "child")
                for person, events in people_of(ledger).items()
            ]
            by_it = open_at(allowed(standings, only, has_picture=False), NOON)
            assert {(use, where) for use, where in whole if where in (None, pilot)} <= by_it


@settings(max_examples=200, deadline=None)
@given(ledgers, protocols, st.integers(-6, 6))
def test_nothing_is_open_that_was_never_granted_and_all_ends_at_its_second(
    ledger: list[ConsentEvent], admitting: dict[str, Protocol], seconds: int
) -> None:
    ledger = numbered(ledger)
    now = NOON + timedelta(seconds=seconds)
    for use, pilot in open_at(rule(ledger, admitting, held=False), now):
        for person in PEOPLE:
            last = [
                event for event in ledger if event.person_id == person and event.given_by is Giver.PERSON
            ][-1]
            assert use in last.uses
            assert last.until is None or now < last.until
            if use is Use.SHARING:
                assert pilot in last.pilot_ids
