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
    ConsentEvent,
    EventKind,
    Face,
    Manner,
    Naming,
    Standing,
    Use,
    Voice,
    allowed,
    narrowest,
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
protocols = st.dictionaries(st.sampled_from(PILOTS), st.frozensets(st.sampled_from(Use)), max_size=3)


def open_at(allowances: frozenset[Allowance], now: datetime) -> set[tuple[Use, str | None]]:
    """What can be done at a moment."""
    return {(a.use, a.pilot_id) for a in allowances if a.until is None or a.until > now}


@given(people, protocols, standings, st.booleans(), st.booleans(), moments)
def test_one_more_person_never_widens(
    there: Sequence[Standing],
    admitting: Mapping[str, frozenset[Use]],
    newcomer: Standing,
    has_picture: bool,
    is_masked: bool,
    now: datetime | None,
) -> None:
    before = allowed(there, admitting, has_picture=has_picture, is_masked=is_masked)
    after = allowed([*there, newcomer], admitting, has_picture=has_picture, is_masked=is_masked)
    assert open_at(after, now or NOON) <= open_at(before, now or NOON)


@given(people, protocols, st.sampled_from(PILOTS), st.frozensets(st.sampled_from(Use)))
def test_one_more_pilot_opens_nothing_but_its_own_door(
    there: Sequence[Standing], admitting: Mapping[str, frozenset[Use]], code: str, uses: frozenset[Use]
) -> None:
    before = open_at(allowed(there, admitting), NOON)
    after = open_at(allowed(there, {**admitting, code: admitting.get(code, uses) & uses}), NOON)
    ever_open_to_all = {each for each in after if each[1] is None}
    assert {each for each in after if each[1] not in (None, code)} <= before
    assert ever_open_to_all <= before or not admitting


@given(people, protocols, st.booleans(), st.booleans())
def test_nothing_is_allowed_that_somebody_did_not_grant(
    there: Sequence[Standing], admitting: Mapping[str, frozenset[Use]], has_picture: bool, is_masked: bool
) -> None:
    for each in allowed(there, admitting, has_picture=has_picture, is_masked=is_masked):
        assert all(each.use in person.uses for person in there)
        assert all(each.use in uses for uses in admitting.values())
        if each.until is None:
            assert all(person.uses[each.use] is None for person in there)
        else:
            assert each.until in {person.uses[each.use] for person in there}
        if each.use is Use.SHARING:
            assert all(each.pilot_id in person.pilot_ids for person in there)


@given(people, protocols, st.booleans(), st.booleans())
def test_no_use_without_curation(
    there: Sequence[Standing], admitting: Mapping[str, frozenset[Use]], has_picture: bool, is_masked: bool
) -> None:
    uses = {use for use, _ in open_at(allowed(there, admitting), NOON)}
    assert not uses or Use.CURATION in {a.use for a in allowed(there, admitting)}
    without = {code: admitted - {Use.CURATION} for code, admitted in admitting.items()}
    assert not allowed(there, without, has_picture=has_picture, is_masked=is_masked)


@given(people, protocols, st.booleans())
def test_masking_that_does_not_exist_blocks_all_but_curation(
    there: Sequence[Standing], admitting: Mapping[str, frozenset[Use]], has_picture: bool
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
    assert allowed(whole, {"north": frozenset(Use)}, has_picture=False, is_masked=True) == frozenset()


def test_nobody_and_no_pilot_allow_nothing() -> None:
    assert allowed([], {"north": frozenset(Use)}) == frozenset()
    assert allowed([OPEN], {}) == frozenset()


def test_what_all_agree_to_is_allowed_and_to_whom() -> None:
    both = allowed([OPEN, OPEN], {"north": frozenset(Use), "south": frozenset(Use)})
    for_all = {(use, None) for use in Use if use not in (Use.CURATION, Use.SHARING)}
    by_pilot = {(use, code) for use in (Use.CURATION, Use.SHARING) for code in ("north", "south")}
    assert open_at(both, NOON) == for_all | by_pilot


def test_sharing_reaches_only_pilots_that_are_named() -> None:
    named = Standing(OPEN.uses, frozenset({"south"}), Naming.NAMED, Face.SHOWN, Voice.KEPT)
    found = allowed([OPEN, named], {"north": frozenset(Use), "south": frozenset(Use)})
    assert {each.pilot_id for each in found if each.use is Use.SHARING} == {"south"}


def test_a_face_is_masked_only_where_one_can_be_seen() -> None:
    hidden = Standing(OPEN.uses, OPEN.pilot_ids, Naming.NAMED, Face.MASKED, Voice.KEPT)
    north = {"north": frozenset(Use)}
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


def test_an_empty_ledger_leaves_nothing_standing() -> None:
    assert standing_of([]) == NOTHING
    assert NOTHING.asks_for_masking(has_picture=True)


def _event(sequence: int, uses: frozenset[Use], until: datetime | None) -> ConsentEvent:
    return ConsentEvent(
        sequence=sequence,
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
