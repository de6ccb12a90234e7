"""Who took copies of a story, as its people may know: the pilot and never the account; a recall belongs to its copy."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from sqlalchemy import select, update

from models.base import utc_now
from models.collections import Disclosure, Recall, Release
from models.consent import Face, Naming, Use
from models.curation import State
from models.notices import Notice, NoticeKind
from models.roles import Principal, Role
from models.stories import Story
from storage import collections, consents, curation, notices, recalls, releases, taken_copies
from storage.consents import Terms
from storage.database import Database
from storage.taken_copies import Copy
from tests.plugins.stories import Field

SHARING = Terms(
    uses=frozenset({Use.CURATION, Use.SHARING}),
    naming=Naming.NAMED,
    face=Face.SHOWN,
)


def pull(database: Database, team: Principal, story: Story, pilot_id: str) -> None:
    actor = team.account_id or ""
    with database.write() as session:
        made = collections.create(session, team, pilot_id, "Benches", actor=actor)
        collections.add(session, team, made, story.id, actor=actor)
        release = releases.release(session, team, made, actor=actor)
        releases.note_disclosure(session, release, actor, "download.zip")


def copies(database: Database, story: Story) -> list[Copy]:
    with database.read() as session:
        return taken_copies.of_story(session, story.id)


def stop_sharing(database: Database, story: Story) -> None:
    terms = Terms(uses=frozenset({Use.CURATION}), naming=Naming.NAMED, face=Face.SHOWN)
    with database.write() as session:
        kept = session.get_one(Story, story.id)
        consents.record(session, kept, kept.people[0].id, terms, actor="test")


def test_copy_is_named_by_its_pilot_and_keeps_what_became_of_it(database: Database, field: Field) -> None:
    here, there = field.pilot(), field.pilot("autumn")
    story = field.story(state=State.CURATED, pilots=[here, there])
    for pilot_id in (here, there):
        pull(database, field.account(Role.PILOT_TEAM, pilot_id), story, pilot_id)
    taken = copies(database, story)
    assert [(each.pilot, each.format, each.recalled_at) for each in taken] == [
        ("Spring", "download.zip", None),
        ("Autumn", "download.zip", None),
    ]
    stop_sharing(database, story)
    with database.write() as session:
        first = session.scalars(select(Recall).order_by(Recall.issued_at, Recall.id)).first()
        assert first is not None
        recalls.acknowledge(session, first, actor=first.account_id)
    assert all(each.recalled_at for each in copies(database, story))
    assert sum(each.acknowledged_at is not None for each in copies(database, story)) == 1


def test_recall_of_an_earlier_copy_says_nothing_of_a_later_one(database: Database, field: Field) -> None:
    story = field.story(state=State.CURATED)
    team = field.account(Role.PILOT_TEAM)
    pull(database, team, story, field.pilot())
    stop_sharing(database, story)
    with database.write() as session:
        recall = session.scalars(select(Recall)).one()
        recalls.acknowledge(session, recall, actor="test")
        later = recall.issued_at + timedelta(days=1)
        session.execute(update(Disclosure).values(pulled_at=later))
    (copy,) = copies(database, story)
    assert (copy.recalled_at, copy.acknowledged_at) == (None, None)


def test_open_recall_is_renewed_for_who_pulled_again(database: Database, field: Field) -> None:
    story = field.story(state=State.CURATED)
    team = field.account(Role.PILOT_TEAM)
    account_id = team.account_id or ""
    pull(database, team, story, field.pilot())
    stop_sharing(database, story)
    with database.write() as session:
        before = utc_now() - timedelta(days=8)
        session.execute(update(Disclosure).values(pulled_at=before))
        session.execute(update(Recall).values(issued_at=before + timedelta(minutes=1)))
        session.execute(update(Notice).values(once=None))
        assert recalls.remind(session, utc_now()) == 1
        kept = session.get_one(Story, story.id)
        agreed = replace(SHARING, pilot_ids=frozenset(kept.pilot_ids))
        consents.record(session, kept, kept.people[0].id, agreed, actor="test")
        curation.change_state(session, kept, "curate", actor="test")
    with database.write() as session:
        release = session.scalars(select(Release)).one()
        releases.note_disclosure(session, release, account_id, "download.zip")
    assert [each.recalled_at is None for each in copies(database, story)] == [False, True]
    stop_sharing(database, story)
    assert all(each.recalled_at for each in copies(database, story)), "the later copy too"
    with database.write() as session:
        told = [each.kind for each in notices.of_account(session, account_id)]
        assert told.count(NoticeKind.RECALL) == 2
        (recall,) = recalls.waiting_for(session, account_id)
        assert (recall.reminders, recall.reminded_at) == (0, None)
        assert recalls.remind(session, utc_now()) == 0, "a week from now on"
    # Nothing was pulled since: consent that changes again tells nobody anew.
    stop_sharing(database, story)
    with database.read() as session:
        told = [each.kind for each in notices.of_account(session, account_id)]
        assert told.count(NoticeKind.RECALL) == 2


def test_copies_of_other_stories_are_not_told_of(database: Database, field: Field) -> None:
    pulled, other = field.story(state=State.CURATED), field.story(state=State.CURATED)
    pull(database, field.account(Role.PILOT_TEAM), pulled, field.pilot())
    assert len(copies(database, pulled)) == 1
    assert copies(database, other) == []
