"""The feed of changes: in order, without a gap and without a repetition, and about nobody else's stories."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from models.collections import Release
from models.consent import Face, Naming, Use
from models.curation import State
from models.pilots import Pilot
from models.roles import Principal, Role
from models.stories import Story
from storage import changes, collections, consents, curation, holds, pilots, recalls, releases, withdrawals
from storage.changes import Change, Kind
from storage.consents import Terms
from storage.database import Database
from tests.plugins.stories import Field


class Desk:
    """A pilot's team that releases and pulls, and what is told of it."""

    def __init__(self, database: Database, field: Field, code: str = "spring") -> None:
        self.database, self.field = database, field
        self.pilot = field.pilot(code)
        self.team = field.account(Role.PILOT_TEAM, self.pilot)

    @property
    def actor(self) -> str:
        return self.team.account_id or ""

    def story(self, **given: object) -> Story:
        return self.field.story(**({"state": State.CURATED, "pilots": [self.pilot]} | given))  # type: ignore[arg-type]

    def release(self, *stories: Story, pulled_by: Principal | None = None) -> Release:
        with self.database.write() as session:
            made = collections.create(session, self.team, self.pilot, "Benches", actor=self.actor)
            for story in stories:
                collections.add(session, self.team, made, story.id, actor=self.actor)
            release = releases.release(session, self.team, made, actor=self.actor)
            if pulled_by:
                releases.note_disclosure(session, release, pulled_by.account_id or "", "download.zip")
            return release

    def say(self, story: Story, **terms: object) -> None:
        """What the teller says now."""
        with self.database.write() as session:
            kept = session.get_one(Story, story.id)
            said = {"uses": frozenset({Use.CURATION, Use.SHARING}), "pilot_ids": frozenset(kept.pilot_ids)}
            shown = {"naming": Naming.NAMED, "face": Face.SHOWN}
            consents.record(session, kept, kept.people[0].id, Terms(**(said | shown | terms)), actor="t")  # type: ignore[arg-type]

    def do(self, story: Story, act: Callable[..., object], *args: object, **more: object) -> None:
        with self.database.write() as session:
            act(session, session.get_one(Story, story.id), *args, **more)

    def told(self, since: int = 0, limit: int = 1000) -> list[Change]:
        with self.database.read() as session:
            return list(changes.since(session, {self.pilot}, since, limit=limit).changes)

    def kinds(self, since: int = 0) -> list[str]:
        return [each.kind.value for each in self.told(since)]


@pytest.fixture
def desk(database: Database, field: Field) -> Desk:
    return Desk(database, field)


def test_release_closing_opening_and_recall_are_told_in_order(desk: Desk) -> None:
    story = desk.story()
    release = desk.release(story, pulled_by=desk.team)
    desk.say(story, uses=frozenset({Use.CURATION}))
    desk.say(story)
    desk.do(story, curation.change_state, "curate", actor=desk.actor)
    told = desk.told()
    assert [each.kind for each in told] == [Kind.RELEASE, Kind.RECALL, Kind.CLOSED, Kind.OPENED]
    assert all(each.release.id == release.id and each.pilot_id == desk.pilot for each in told)
    assert told[2].entry is not None
    assert told[2].entry.position == 1
    assert told[1].recall is not None
    assert told[1].recall.reason == "sharing-ended"


def test_withdrawal_closes_for_good_and_is_told_after_erasure_too(desk: Desk) -> None:
    story = desk.story()
    desk.release(story, pulled_by=desk.team)
    desk.do(story, withdrawals.withdraw, actor="t")
    with desk.database.write() as session:
        withdrawals.note_erased(session, story.id)
        (recall,) = recalls.waiting_for(session, desk.actor)
        recalls.acknowledge(session, recall, actor=desk.actor)
    assert desk.kinds() == ["release", "recall", "close-entry", "acknowledge-recall"]
    last = desk.told()[-1]
    assert last.recall is not None
    assert (last.recall.reason, last.recall.story_id) == ("withdrawn", story.id)
    assert last.recall.acknowledged_at is not None


def test_closed_twice_is_told_once(desk: Desk) -> None:
    story = desk.story()
    desk.release(story)
    for _ in range(2):
        desk.say(story, uses=frozenset({Use.CURATION}))
    desk.do(story, withdrawals.withdraw, actor="t")
    assert desk.kinds() == ["release", "close-entry"]


@pytest.mark.parametrize("how", ["reopen", "embargo", "protocol", "appearance"])
def test_whatever_closes_an_entry_is_told_without_a_reason(desk: Desk, how: str) -> None:
    story = desk.story()
    desk.release(story)
    if how == "reopen":
        desk.do(story, curation.change_state, "reopen", actor=desk.actor)
    elif how == "embargo":
        desk.do(story, holds.raise_embargo, until=None, warned_id=desk.actor, actor=desk.actor)
    elif how == "protocol":
        with desk.database.write() as session:
            pilots.change_protocol(session, session.get_one(Pilot, desk.pilot), [Use.CURATION], actor="t")
    else:
        desk.say(story, naming=Naming.PSEUDONYM)
    assert desk.kinds() == ["release", "close-entry"]


def test_what_changes_nothing_for_the_release_is_not_told(desk: Desk) -> None:
    story, unreleased = desk.story(), desk.story()
    desk.release(story)
    desk.say(story, uses=frozenset({Use.CURATION, Use.SHARING, Use.RESEARCH}))
    desk.do(unreleased, withdrawals.withdraw, actor="t")
    assert desk.kinds() == ["release"]


def test_another_pilot_is_told_nothing(desk: Desk, database: Database, field: Field) -> None:
    other = Desk(database, field, "autumn")
    both = desk.story(pilots=[desk.pilot, other.pilot])
    desk.release(both, pulled_by=desk.team)
    desk.do(both, withdrawals.withdraw, actor="t")
    assert other.kinds() == []
    assert desk.kinds() == ["release", "recall", "close-entry"]


def test_sharing_that_ends_for_one_pilot_closes_only_its_own_releases(
    desk: Desk, database: Database, field: Field
) -> None:
    other = Desk(database, field, "autumn")
    both = desk.story(pilots=[desk.pilot, other.pilot])
    desk.release(both)
    other.release(both)
    desk.say(both, pilot_ids=frozenset({desk.pilot}))
    assert desk.kinds() == ["release"]
    assert other.kinds() == ["release", "close-entry"]


def test_what_others_do_does_not_even_move_the_place_to_go_on_from(desk: Desk) -> None:
    desk.release(desk.story())
    with desk.database.read() as session:
        found = changes.since(session, {desk.pilot}, 0, limit=10)
        assert (len(found.changes), found.has_more) == (1, False)
    desk.do(desk.story(), withdrawals.withdraw, actor="t")
    with desk.database.read() as session:
        again = changes.since(session, {desk.pilot}, found.next, limit=10)
        assert (again.changes, again.has_more) == ((), False)
        assert again.next == found.next < changes.head_of(session)


ACTS = ("release", "withdraw", "narrow", "share", "curate", "elsewhere")


@settings(
    max_examples=8,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    acts=some.lists(some.sampled_from(ACTS), max_size=8), limits=some.lists(some.integers(1, 3), min_size=1)
)
def test_read_in_any_pieces_at_any_time_there_is_no_gap_and_no_repetition(
    desk: Desk, acts: list[str], limits: list[int]
) -> None:
    other = Desk(desk.database, desk.field, "autumn")
    story = desk.story()
    read: list[int] = []
    with desk.database.read() as session:
        cursor = begin = changes.head_of(session)
    for step, act in enumerate([*acts, "read on", "read on", "read on"]):
        story = _carry_out(desk, other, story, act)
        with desk.database.read() as session:
            found = changes.since(session, {desk.pilot}, cursor, limit=limits[step % len(limits)])
        while True:
            assert found.next >= cursor
            cursor = found.next
            read += [each.sequence for each in found.changes]
            # Only sometimes to the end: a reader may go away in between.
            if not found.has_more or (step % 2 and act != "read on"):
                break
            with desk.database.read() as session:
                found = changes.since(session, {desk.pilot}, cursor, limit=limits[0])
    assert read == [each.sequence for each in desk.told(begin)]
    assert read == sorted(set(read))


def _carry_out(desk: Desk, other: Desk, story: Story, act: str) -> Story:
    with desk.database.read() as session:
        is_curated = session.get_one(Story, story.id).state is State.CURATED
    if act == "release" and is_curated:
        desk.release(story, pulled_by=desk.team)
    elif act == "withdraw":
        desk.do(story, withdrawals.withdraw, actor="t")
        return desk.story()
    elif act == "narrow":
        desk.say(story, uses=frozenset({Use.CURATION}))
    elif act == "share":
        desk.say(story)
    elif act == "curate" and not is_curated:
        desk.say(story)
        desk.do(story, curation.change_state, "curate", actor=desk.actor)
    elif act == "elsewhere":
        other.release(other.story(), pulled_by=other.team)
    return story
