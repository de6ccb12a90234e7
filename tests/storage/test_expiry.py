"""Consent that ends: at its second, after warnings, and for good only when nobody renewed it."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta
from io import BytesIO
from typing import Any

import pytest

from models.base import utc_now
from models.consent import EventKind, Giver, Use
from models.curation import State
from models.errors import Unavailable
from models.notices import NoticeKind
from models.roles import Action, Role
from models.stories import Part, Recording, Story, Tombstone
from pipeline import rounds
from storage import consents, curation, expiry, gate, holds, ledger, notices, recalls, retention, withdrawals
from storage.consents import Terms
from storage.database import Database, WriteSession
from storage.objects import Objects
from tests.plugins.stories import SHARED, Field

SOON = utc_now() + timedelta(hours=1)


def kinds_told(database: Database, account_id: str | None) -> list[NoticeKind]:
    with database.read() as session:
        return [notice.kind for notice in notices.of_account(session, account_id or "")]


def at(database: Database, part: object, moment: datetime) -> int:
    with database.write() as session:
        return part(session, moment)  # type: ignore[operator, no-any-return]


@pytest.mark.parametrize("seconds", [-1, 0, 1])
def test_consent_ends_exactly_at_its_second(
    database: Database, field: Field, monkeypatch: pytest.MonkeyPatch, seconds: int
) -> None:
    end = utc_now() + timedelta(hours=1)
    story = field.story(state=State.CURATED, until=end)
    team = field.account(Role.PILOT_TEAM)
    monkeypatch.setattr("storage.gate.utc_now", lambda: end + timedelta(seconds=seconds))
    with database.read() as session:
        assert gate.may_not(session, team, Action.READ, story.id) == (seconds >= 0)
        assert bool(session.scalars(gate.stories(team, Use.SHARING)).all()) == (seconds < 0)


def test_people_are_warned_a_month_and_a_week_before_and_once_each(database: Database, field: Field) -> None:
    curator = field.account(Role.CURATOR)
    end = utc_now() + timedelta(days=60)
    story = field.story(until=end)
    field.story()
    for days, told in ((31, 0), (29, 1), (28, 1), (8, 1), (6, 2), (1, 2)):
        at(database, expiry.warn, end - timedelta(days=days))
        assert kinds_told(database, curator.account_id) == [NoticeKind.CONSENT_ENDS_SOON] * told
    with database.read() as session:
        assert len(notices.of_person(session, story.people[0].id)) == 2


def test_whose_word_ends_is_told_and_the_other_is_not(database: Database, field: Field) -> None:
    end = utc_now() + timedelta(days=60)
    story = field.story()
    with database.write() as session:
        mine = session.get_one(Story, story.id)
        mine.people[0].guardian = "her mother"
        terms = Terms(uses=frozenset({Use.CURATION}), until=end, given_by=Giver.GUARDIAN)
        consents.record(session, mine, mine.people[0].id, terms, actor="test")
    at(database, expiry.warn, end - timedelta(days=6))
    at(database, expiry.expire, end)
    with database.read() as session:
        told = {
            giver: {each.kind for each in notices.of_person(session, story.people[0].id, giver)}
            for giver in Giver
        }
    ends = {NoticeKind.CONSENT_ENDS_SOON, NoticeKind.CONSENT_ENDED}
    assert told[Giver.GUARDIAN] >= ends
    assert not told[Giver.PERSON] & ends


def test_what_ended_is_written_into_the_ledger_and_erased_a_week_later(
    database: Database, field: Field
) -> None:
    curator = field.account(Role.CURATOR)
    end = utc_now() + timedelta(hours=1)
    story, other = field.story(until=end, state=State.CURATED), field.story()
    assert at(database, expiry.expire, end - timedelta(seconds=1)) == 0
    assert at(database, expiry.expire, end) == 1
    assert at(database, expiry.expire, end) == 0
    with database.read() as session:
        last = ledger.events_of(session, story.id)[-1]
        assert (last.kind, last.uses, last.recorded_by) == (EventKind.EXPIRED, [], "service")
        assert session.get_one(Story, story.id).state is State.IN_REVIEW
    assert NoticeKind.CONSENT_ENDED in kinds_told(database, curator.account_id)
    assert at(database, expiry.erase_expired, utc_now() + expiry.RENEWED_WITHIN - timedelta(minutes=1)) == 0
    assert at(database, expiry.erase_expired, utc_now() + expiry.RENEWED_WITHIN) == 1
    with database.read() as session:
        assert session.get_one(Story, story.id).state is State.WITHDRAWN
        assert session.get(Tombstone, story.id) is not None
        assert session.get_one(Story, other.id).state is State.SUBMITTED


def test_consent_renewed_in_time_is_not_erased(database: Database, field: Field) -> None:
    end = utc_now() + timedelta(hours=1)
    story = field.story(until=end)
    at(database, expiry.expire, end)
    with database.write() as session:
        mine = session.get_one(Story, story.id)
        again = Terms(uses=SHARED, pilot_ids=frozenset(mine.pilot_ids))
        consents.record(session, mine, mine.people[0].id, again, actor="teller")
    assert at(database, expiry.erase_expired, utc_now() + timedelta(days=30)) == 0


def test_what_one_of_several_took_back_is_closed_at_once_and_erased_after_a_month(
    database: Database, field: Field
) -> None:
    story, opened_again = (field.story(state=State.CURATED, others=[Part.HEARD]) for _ in range(2))
    for each in (story, opened_again):
        with database.write() as session:
            mine = session.get_one(Story, each.id)
            nothing = Terms(uses=frozenset())
            consents.record(session, mine, mine.people[1].id, nothing, actor="teller")
            assert not ledger.permits(session, each.id, Use.CURATION)
    with database.write() as session:
        mine = session.get_one(Story, opened_again.id)
        consents.record(session, mine, mine.people[1].id, Terms(), actor="teller")
    month = expiry.SAID_ANEW_WITHIN
    assert at(database, expiry.erase_taken_back, utc_now() + month - timedelta(minutes=1)) == 0
    assert at(database, expiry.erase_taken_back, utc_now() + month) == 1
    with database.read() as session:
        assert session.get_one(Story, story.id).state is State.WITHDRAWN
        assert session.get_one(Story, opened_again.id).state is State.IN_REVIEW


@pytest.mark.parametrize("kind", [EventKind.EXPIRED, EventKind.WITHDRAWN])
def test_saying_again_that_nothing_is_allowed_neither_keeps_a_story_nor_puts_it_off(
    database: Database, field: Field, kind: EventKind
) -> None:
    story = field.story(state=State.CURATED, others=[Part.HEARD])
    for each in (kind, None, EventKind.GRANTED):
        with database.write() as session:
            mine = session.get_one(Story, story.id)
            # The last as older versions wrote it: a grant of nothing.
            event = consents.record(
                session, mine, mine.people[1].id, Terms(uses=frozenset()), actor="teller", kind=each
            )
            if each is kind:
                event.recorded_at -= timedelta(days=1)
    lasts = expiry.RENEWED_WITHIN if kind is EventKind.EXPIRED else expiry.SAID_ANEW_WITHIN
    due = utc_now() - timedelta(days=1) + lasts
    for moment, erased in ((due - timedelta(minutes=1), 0), (due, 1)):
        assert (
            at(database, expiry.erase_expired, moment) + at(database, expiry.erase_taken_back, moment)
            == erased
        )


def test_no_as_the_first_word_of_one_of_several_is_erased_after_a_month(
    database: Database, field: Field
) -> None:
    story = field.story(consented_to=None, others=[Part.HEARD])
    with database.write() as session:
        mine = session.get_one(Story, story.id)
        for person, terms in zip(mine.people, (Terms(), Terms(uses=frozenset())), strict=True):
            consents.record(session, mine, person.id, terms, actor="teller")
    assert at(database, expiry.erase_taken_back, utc_now() + expiry.SAID_ANEW_WITHIN) == 1


@pytest.mark.parametrize("teller", [Terms(), Terms(uses=frozenset()), None])
def test_a_no_that_older_versions_kept_is_told_of_first_and_erased_a_month_after_that(
    database: Database, field: Field, teller: Terms | None
) -> None:
    curator = field.account(Role.CURATOR)
    story = field.story(consented_to=None, others=[Part.HEARD])
    with database.write() as session:
        mine = session.get_one(Story, story.id)
        mine.created_at -= timedelta(days=90)
        for person, terms in zip(mine.people, (teller, Terms(uses=frozenset())), strict=True):
            if terms is not None:
                said = consents.record(
                    session, mine, person.id, terms, actor="teller", kind=EventKind.GRANTED
                )
                said.recorded_at -= timedelta(days=60)

    now, month = utc_now(), expiry.SAID_ANEW_WITHIN

    def erased(moment: datetime) -> int:
        return at(database, expiry.erase_taken_back, moment) + _at_once(database, moment - month)

    assert erased(now) == 0
    assert at(database, expiry.warn_of_kept, now) > 0
    told = kinds_told(database, curator.account_id)
    assert NoticeKind.CONSENT_ENDED in told
    assert NoticeKind.CONSENT_ENDED in kinds_told(database, story.submitted_by)
    with database.read() as session:
        (notice,) = notices.of_person(session, story.people[1].id)
        assert notice.parameters["until"] == (now + month).date().isoformat()
    at(database, expiry.warn_of_kept, now + timedelta(days=1))
    assert kinds_told(database, curator.account_id) == told, "once"
    assert erased(now + month - timedelta(minutes=1)) == 0
    assert erased(utc_now() + month) == 1


def test_a_no_that_older_versions_kept_and_that_became_a_yes_erases_nothing(
    database: Database, field: Field
) -> None:
    story = field.story(consented_to=None)
    for terms in (Terms(uses=frozenset()), Terms()):
        with database.write() as session:
            mine = session.get_one(Story, story.id)
            consents.record(session, mine, mine.people[0].id, terms, actor="teller", kind=EventKind.GRANTED)
        at(database, expiry.warn_of_kept, utc_now())
    later = utc_now() + timedelta(days=90)
    assert at(database, expiry.erase_taken_back, later) + _at_once(database, later) == 0


def _at_once(database: Database, before: datetime) -> int:
    return at(database, withdrawals.forget_never_agreed_to, before)


def test_an_embargo_whose_date_has_passed_is_said_and_opens_nothing(database: Database, field: Field) -> None:
    curator = field.account(Role.CURATOR)
    story = field.story(state=State.CURATED)
    end = utc_now() + timedelta(days=1)
    with database.write() as session:
        mine = session.get_one(Story, story.id)
        for until in (end, None):
            holds.raise_embargo(
                session, mine, until=until, warned_id=curator.account_id or "", actor="teller"
            )
    for moment, told in ((end - timedelta(seconds=1), 0), (end, 1), (end + timedelta(days=400), 0)):
        assert at(database, holds.warn_of_passed, moment) == told
    team = field.account(Role.PILOT_TEAM)
    with database.read() as session:
        assert gate.may_not(session, team, Action.READ, story.id)
    with database.write() as session:
        mine = session.get_one(Story, story.id)
        for hold in holds.standing_on(session, story.id):
            assert ledger.is_held(session, story.id)
            holds.lift(session, mine, hold.id, actor=curator.account_id or "")
        assert ledger.permits(session, story.id, Use.SHARING)


def test_a_story_that_nobody_took_up_goes_after_its_pilots_time_and_a_weeks_notice(
    database: Database, field: Field
) -> None:
    curator = field.account(Role.CURATOR)
    story, taken_up = field.story(), field.story(state=State.IN_REVIEW)
    now = utc_now() + timedelta(days=91)
    assert at(database, retention.erase_unreviewed, now) == 0
    _keep(database, field, unreviewed_days=90)
    assert at(database, retention.erase_unreviewed, now) == 0
    assert at(database, retention.warn_of_unreviewed, now) == 1
    assert NoticeKind.RETENTION in kinds_told(database, curator.account_id)
    assert at(database, retention.erase_unreviewed, now + timedelta(days=8)) == 1
    with database.read() as session:
        assert session.get_one(Story, story.id).state is State.WITHDRAWN
        assert session.get_one(Story, taken_up.id).state is State.IN_REVIEW


@pytest.mark.parametrize("agreed", [True, False])
def test_an_original_goes_after_publication_only_if_everybody_agreed(
    database: Database, field: Field, object_store: Objects, agreed: bool
) -> None:
    _keep(database, field, originals_days=10)
    story = field.story(state=State.PUBLISHED, consented_to=list(Use))
    key = story.recordings[0].original_key
    object_store.put_stream(key, BytesIO(b"a voice"))
    _let_original_go(database, story, agreed=agreed)
    for days, is_there in ((9, True), (10, not agreed), (11, not agreed)):
        rounds.make_round(database, object_store, utc_now() + timedelta(days=days, minutes=1))
        assert (key in set(object_store.list_prefix(key))) == is_there
    with database.read() as session:
        recording = session.get_one(Story, story.id).recordings[0]
        assert (recording.original_erased_at is not None) == agreed
        assert (recording.original_gone_at is not None) == agreed
        assert retention.not_gone_yet(session) == {}


def test_an_original_that_the_store_did_not_let_go_is_tried_again_until_it_is_seen_gone(
    database: Database, field: Field, object_store: Objects, monkeypatch: pytest.MonkeyPatch
) -> None:
    _keep(database, field, originals_days=10)
    story = field.story(state=State.PUBLISHED, consented_to=list(Use))
    recording = story.recordings[0]
    object_store.put_stream(recording.original_key, BytesIO(b"a voice"))
    _let_original_go(database, story)

    def away(key: str) -> None:
        raise Unavailable("object-store-unavailable", reason="test")

    now = utc_now() + timedelta(days=11)
    monkeypatch.setattr(object_store, "delete", away)
    for days in (0, 2, 20):
        with pytest.raises(Unavailable):
            rounds.make_round(database, object_store, now + timedelta(days=days))
    monkeypatch.setattr(object_store, "delete", lambda key: None)
    rounds.make_round(database, object_store, now + timedelta(days=21))
    with database.read() as session:
        assert retention.not_gone_yet(session) == {recording.id: recording.original_key}, "it is still there"
        assert retention.not_gone_yet(session, marked_before=now) == {}

    monkeypatch.undo()
    rounds.make_round(database, object_store, now + timedelta(days=22))
    assert not object_store.exists(recording.original_key)
    with database.read() as session:
        assert retention.not_gone_yet(session) == {}
        mine = session.get_one(Recording, recording.id)
        assert mine.original_erased_at == now
        assert mine.original_gone_at is not None


def _let_original_go(database: Database, story: Story, *, agreed: bool = True) -> None:
    with database.write() as session:
        mine = session.get_one(Story, story.id)
        said = {"naming": "named", "face": "shown", "voice": "kept"}
        terms = Terms(frozenset(Use), frozenset(mine.pilot_ids), original_may_go=agreed, **said)  # type: ignore[arg-type]
        consents.record(session, mine, mine.people[0].id, terms, actor="teller")


def test_holders_are_reminded_every_week_until_they_acknowledge(database: Database, field: Field) -> None:
    from models.collections import Disclosure
    from storage import collections, releases

    team = field.account(Role.PILOT_TEAM)
    story = field.story(state=State.CURATED)
    with database.write() as session:
        made = collections.create(session, team, field.pilot(), "Benches", actor=team.account_id or "")
        collections.add(session, team, made, story.id, actor=team.account_id or "")
        release = releases.release(session, team, made, actor=team.account_id or "")
        session.add(Disclosure(release_id=release.id, account_id=team.account_id or "", format="zip"))
    with database.write() as session:
        mine = session.get_one(Story, story.id)
        consents.record(session, mine, mine.people[0].id, Terms(), actor="teller")
    with database.read() as session:
        (recall,) = recalls.waiting_for(session, team.account_id or "")
        assert recall.reason == "sharing-ended"
    now = utc_now()
    for days, reminded in ((6, 0), (8, 1), (9, 0), (15, 1)):
        assert at(database, recalls.remind, now + timedelta(days=days)) == reminded
    with database.write() as session:
        (recall,) = recalls.waiting_for(session, team.account_id or "")
        assert recall.reminders == 2
        recalls.acknowledge(session, recall, actor=team.account_id or "")
    assert at(database, recalls.remind, now + timedelta(days=60)) == 0


def _says(session: WriteSession, story: Story) -> None:
    terms = Terms(uses=SHARED, pilot_ids=frozenset(story.pilot_ids))
    consents.record(session, story, story.people[0].id, terms, actor="teller")


def _takes_up(session: WriteSession, story: Story) -> None:
    curation.change_state(session, story, "take-up", actor="test")


def _forgets(session: WriteSession, moment: datetime) -> int:
    return withdrawals.forget_never_agreed_to(session, moment)


@pytest.mark.parametrize(
    ("last", "part", "act", "after"),
    [
        (Terms(until=SOON), expiry.expire, _says, SOON),
        (EventKind.EXPIRED, expiry.erase_expired, _says, SOON + expiry.RENEWED_WITHIN),
        (EventKind.WITHDRAWN, expiry.erase_taken_back, _says, SOON + expiry.SAID_ANEW_WITHIN),
        (None, _forgets, _says, SOON),
        (Terms(), retention.erase_unreviewed, _takes_up, SOON + timedelta(days=300)),
    ],
    ids=["expire", "erase-expired", "erase-taken-back", "never-agreed-to", "unreviewed"],
)
def test_what_is_said_at_the_moment_of_the_round_counts(
    postgresql_database: Database, last: Terms | EventKind | None, part: object, act: Any, after: datetime
) -> None:
    """SQLite has one writer at a time: there the round reads before or after, and not in between."""
    database, field = postgresql_database, Field(postgresql_database)
    field.account(Role.CURATOR, field.pilot())
    story = field.story(consented_to=None)
    _keep(database, field, unreviewed_days=90)
    at(database, retention.warn_of_unreviewed, after - timedelta(days=10))
    with database.write() as session:
        mine = session.get_one(Story, story.id)
        if last is not None:
            terms = last if isinstance(last, Terms) else Terms(uses=frozenset())
            kind = last if isinstance(last, EventKind) else None
            consents.record(session, mine, mine.people[0].id, terms, actor="test", kind=kind)
    done: list[int] = []
    making_it = threading.Thread(target=lambda: done.append(at(database, part, after)))
    with database.write() as session:
        act(session, session.get_one(Story, story.id))
        making_it.start()
        making_it.join(0.5)
        assert making_it.is_alive(), "the round waits for what is being said"
    making_it.join()
    assert done == [0]
    with database.read() as session:
        assert session.get_one(Story, story.id).state is not State.WITHDRAWN
        assert ledger.events_of(session, story.id)[-1].uses


def _keep(database: Database, field: Field, **days: int) -> None:
    from models.pilots import Pilot
    from storage import pilots

    with database.write() as session:
        pilot = session.get_one(Pilot, field.pilot())
        pilots.govern(session, pilot, pilots.Governance(**days), actor="test")  # type: ignore[arg-type]
