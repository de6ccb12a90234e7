"""The consent rule, as pure functions: for every ledger there is, not for examples alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import permutations

from hypothesis import given
from hypothesis import strategies as st

from models.consent import (
    NOTHING,
    Allowance,
    Combination,
    ConsentEvent,
    EventKind,
    Face,
    Giver,
    Manner,
    Naming,
    Protocol,
    Standing,
    Use,
    Voice,
    allowed,
    narrowest,
    protocols_admit,
    standing_of,
)

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
PILOTS = ("north", "south", "west")
OPEN = Standing(dict.fromkeys(Use), frozenset(PILOTS), Naming.NAMED, Face.SHOWN, Voice.KEPT)

moments = st.none() | st.integers(-3, 3).map(lambda hours: NOON + timedelta(hours=hours))
pilot_sets = st.frozensets(st.sampled_from(PILOTS))
standings = st.builds(
    Standing,
    st.dictionaries(st.sampled_from(Use), moments),
    pilot_sets,
    st.sampled_from(Naming),
    st.sampled_from(Face),
    st.sampled_from(Voice),
)
people = st.lists(standings, min_size=1, max_size=4)
admitted = st.frozensets(st.sampled_from(Use))
protocols = st.dictionaries(
    st.sampled_from(PILOTS),
    st.builds(Protocol, admitted, st.sampled_from(Combination), st.booleans()),
    max_size=3,
)
WIDE = Protocol(frozenset(Use), shares_outside=True)


def open_at(allowances: frozenset[Allowance], now: datetime) -> set[tuple[Use, str | None]]:
    """What can be done at a moment."""
    return {(a.use, a.pilot_id) for a in allowances if a.until is None or a.until > now}


@given(people, protocols, standings, st.booleans(), st.booleans(), moments)
def test_one_more_person_never_widens(
    there: Sequence[Standing],
    admitting: Mapping[str, Protocol],
    newcomer: Standing,
    has_picture: bool,
    is_masked: bool,
    now: datetime | None,
) -> None:
    before = allowed(there, admitting, has_picture=has_picture, is_masked=is_masked)
    after = allowed([*there, newcomer], admitting, has_picture=has_picture, is_masked=is_masked)
    assert open_at(after, now or NOON) <= open_at(before, now or NOON)


@given(people, protocols, st.sampled_from(PILOTS), admitted)
def test_one_more_strict_pilot_opens_nothing_but_its_own_door(
    there: Sequence[Standing], admitting: Mapping[str, Protocol], code: str, uses: frozenset[Use]
) -> None:
    strict = Protocol(admitting[code].uses & uses if code in admitting else uses)
    before = open_at(allowed(there, admitting), NOON)
    after = open_at(allowed(there, {**admitting, code: strict}), NOON)
    if not admitting or admitting.keys() == {code}:
        return
    if any(each.combination is Combination.ALL for each in admitting.values()):
        assert {each for each in after if each[1] != code} <= before
    assert {pilot for use, pilot in after if use is Use.SHARING} <= {code}


@given(people, protocols, st.booleans(), st.booleans())
def test_nothing_is_allowed_that_somebody_did_not_grant(
    there: Sequence[Standing], admitting: Mapping[str, Protocol], has_picture: bool, is_masked: bool
) -> None:
    for each in allowed(there, admitting, has_picture=has_picture, is_masked=is_masked):
        assert all(each.use in person.uses for person in there)
        assert protocols_admit(admitting, each.use, each.pilot_id)
        any_will_do = all(one.combination is Combination.ANY for one in admitting.values())
        assert (any if any_will_do else all)(each.use in one.uses for one in admitting.values())
        if each.pilot_id is not None:
            assert each.use in admitting[each.pilot_id].uses
        if each.until is None:
            assert all(person.uses[each.use] is None for person in there)
        else:
            assert each.until in {person.uses[each.use] for person in there}
        if each.use is Use.SHARING:
            assert all(each.pilot_id in person.pilot_ids for person in there)


@given(people, protocols, st.booleans(), st.booleans())
def test_no_use_without_curation(
    there: Sequence[Standing], admitting: Mapping[str, Protocol], has_picture: bool, is_masked: bool
) -> None:
    uses = {use for use, _ in open_at(allowed(there, admitting), NOON)}
    assert not uses or Use.CURATION in {a.use for a in allowed(there, admitting)}
    without = {code: Protocol(each.uses - {Use.CURATION}) for code, each in admitting.items()}
    assert not allowed(there, without, has_picture=has_picture, is_masked=is_masked)


@given(people, protocols, st.booleans())
def test_masking_that_does_not_exist_blocks_all_but_curation(
    there: Sequence[Standing], admitting: Mapping[str, Protocol], has_picture: bool
) -> None:
    uses = {each.use for each in allowed(there, admitting, has_picture=has_picture)}
    if narrowest(there).asks_for_masking(has_picture=has_picture):
        assert uses <= {Use.CURATION}


@given(people)
def test_the_narrowest_wins_in_whatever_order_people_stand(there: Sequence[Standing]) -> None:
    assert len({repr(_sorted(narrowest(order))) for order in permutations(there)}) == 1


@given(standings, st.lists(standings, max_size=3))
def test_somebody_who_said_nothing_allows_nothing(one: Standing, others: list[Standing]) -> None:
    whole = [one, *others, NOTHING]
    assert allowed(whole, {"north": WIDE}, has_picture=False, is_masked=True) == frozenset()


def test_nobody_and_no_pilot_allow_nothing() -> None:
    assert allowed([], {"north": WIDE}) == frozenset()
    assert allowed([OPEN], {}) == frozenset()


def test_what_all_agree_to_is_allowed_and_to_whom() -> None:
    both = allowed([OPEN, OPEN], {"north": WIDE, "south": WIDE})
    for_all = {(use, None) for use in Use if use not in (Use.CURATION, Use.SHARING)}
    by_pilot = {(use, code) for use in (Use.CURATION, Use.SHARING) for code in ("north", "south")}
    assert open_at(both, NOON) == for_all | by_pilot


def test_sharing_reaches_only_pilots_that_are_named() -> None:
    named = Standing(OPEN.uses, frozenset({"south"}), Naming.NAMED, Face.SHOWN, Voice.KEPT)
    found = allowed([OPEN, named], {"north": WIDE, "south": WIDE})
    assert {each.pilot_id for each in found if each.use is Use.SHARING} == {"south"}


def test_a_face_is_masked_only_where_one_can_be_seen() -> None:
    hidden = Standing(OPEN.uses, OPEN.pilot_ids, Naming.NAMED, Face.MASKED, Voice.KEPT)
    north = {"north": WIDE}
    assert {each.use for each in allowed([hidden], north)} == {Use.CURATION}
    assert {each.use for each in allowed([hidden], north, has_picture=False)} == set(Use)
    assert {each.use for each in allowed([hidden], north, is_masked=True)} == set(Use)


def test_a_use_ends_at_its_moment_and_the_earliest_counts() -> None:
    soon, late = NOON + timedelta(hours=1), NOON + timedelta(hours=2)
    two = [Standing({Use.CURATION: until}, naming=Naming.NAMED) for until in (soon, late)]
    assert narrowest(two).grants(Use.CURATION, NOON)
    assert not narrowest(two).grants(Use.CURATION, soon)
    assert not NOTHING.grants(Use.CURATION, NOON)


@given(st.lists(st.tuples(st.frozensets(st.sampled_from(Use)), moments), min_size=1, max_size=5))
def test_the_last_event_says_all_that_stands(ledger: list[tuple[frozenset[Use], datetime | None]]) -> None:
    events = [_event(n, uses, until) for n, (uses, until) in enumerate(ledger, start=1)]
    uses, until = ledger[-1]
    assert standing_of(reversed(events)).uses == dict.fromkeys(uses, until)


@given(people, protocols, st.booleans())
def test_what_is_held_stays_with_its_curators(
    there: Sequence[Standing], admitting: Mapping[str, Protocol], has_picture: bool
) -> None:
    held = allowed(there, admitting, has_picture=has_picture, is_masked=True, is_held=True)
    free = allowed(there, admitting, has_picture=has_picture, is_masked=True)
    assert held == {each for each in free if each.use is Use.CURATION}


def test_a_pilot_that_shares_nothing_outside_keeps_a_story_of_two_pilots_to_itself() -> None:
    inside = Protocol(frozenset(Use))
    found = allowed([OPEN], {"north": inside, "south": WIDE})
    assert {each.pilot_id for each in found if each.use is Use.SHARING} == {"north"}


def test_any_of_several_pilots_will_do_only_where_all_of_them_say_so() -> None:
    closed = Protocol(frozenset({Use.CURATION}), Combination.ANY)
    wide = Protocol(frozenset(Use), Combination.ANY)
    either = allowed([OPEN], {"north": closed, "south": wide})
    assert (Use.PUBLICATION, None) in open_at(either, NOON)
    assert {each.pilot_id for each in either if each.use is Use.SHARING} == {"south"}
    strict = allowed([OPEN], {"north": closed, "south": Protocol(frozenset(Use))})
    assert {each.use for each in strict} == {Use.CURATION}


events = st.lists(st.tuples(st.sampled_from(Giver), admitted, moments), max_size=6)


@given(events, st.booleans())
def test_person_and_guardian_count_as_two_of_whom_the_narrower_wins(
    said: list[tuple[Giver, frozenset[Use], datetime | None]], has_guardian: bool
) -> None:
    ledger = [_event(n, uses, until, by) for n, (by, uses, until) in enumerate(said, start=1)]
    each = [standing_of([e for e in ledger if e.given_by is by]) for by in (Giver.PERSON,)]
    guardian = [e for e in ledger if e.given_by is Giver.GUARDIAN]
    if has_guardian or guardian:
        each.append(_alone(guardian))
    assert standing_of(ledger, has_guardian=has_guardian) == (narrowest(each) if len(each) > 1 else each[0])


def _alone(said: list[ConsentEvent]) -> Standing:
    return standing_of([_event(e.sequence, frozenset(map(Use, e.uses)), e.until) for e in said])


def test_an_empty_ledger_leaves_nothing_standing() -> None:
    assert standing_of([]) == NOTHING
    assert NOTHING.asks_for_masking(has_picture=True)


def _event(
    sequence: int, uses: frozenset[Use], until: datetime | None, by: Giver = Giver.PERSON
) -> ConsentEvent:
    return ConsentEvent(
        sequence=sequence,
        given_by=by,
        kind=EventKind.GRANTED,
        uses=sorted(uses),
        pilot_ids=[],
        until=until,
        naming=Naming.NAMED,
        face=Face.SHOWN,
        voice=Voice.KEPT,
        manner=Manner.FORM,
    )


def _sorted(standing: Standing) -> tuple[object, ...]:
    uses = sorted(standing.uses.items(), key=lambda pair: pair[0])
    return uses, sorted(standing.pilot_ids), standing.naming, standing.face, standing.voice
