"""Private links and the sessions behind them, and what a teller says to a copy: on both databases."""

from __future__ import annotations

import pytest

from models.base import utc_now
from models.consent import Giver
from models.curation import State
from models.errors import Conflict, Invalid, NotFound
from models.roles import Principal
from models.stories import Part, Story, StoryPerson
from models.tellers import CopyAnswer
from storage import journal, review_copies, tellers, themes, withdrawals
from storage.database import Database
from storage.tellers import SESSION_LASTS
from tests.plugins.stories import CODEBOOK, Field


def link(database: Database, story: Story, person: int = 0, giver: Giver = Giver.PERSON) -> str:
    with database.write() as session:
        kept = session.get_one(Story, story.id)
        return tellers.make_link(session, kept, story.people[person].id, actor="test", giver=giver)


def opened(database: Database, token: str) -> str:
    with database.write() as session:
        return tellers.begin_session(session, token)[0]


def who(database: Database, cookie: str) -> str | None:
    with database.read() as session:
        holder = tellers.holder_of(session, cookie)
        return holder.person_id if holder else None


def test_link_leads_to_one_person_and_is_kept_as_a_digest(database: Database, field: Field) -> None:
    story = field.story(others=(Part.HEARD,))
    token = link(database, story, 1)
    cookie = opened(database, token)
    assert who(database, cookie) == story.people[1].id
    assert who(database, token) is None
    assert who(database, "") is None
    with database.read() as session:
        people = session.get_one(Story, story.id).people
        assert people[0].link_digest is None
        assert token not in str(people[1].link_digest)
        assert tellers.holder_of(session, cookie) == Principal(story_id=story.id, person_id=people[1].id)


def test_new_link_ends_the_old_one_of_this_person_alone(database: Database, field: Field) -> None:
    story = field.story(others=(Part.HEARD,))
    old, other = link(database, story), opened(database, link(database, story, 1))
    cookie = opened(database, old)
    link(database, story)
    assert who(database, cookie) is None
    assert who(database, other) == story.people[1].id
    with pytest.raises(NotFound):
        opened(database, old)


def test_guardian_has_a_link_of_their_own_that_ends_by_itself(database: Database, field: Field) -> None:
    story = field.story()
    with pytest.raises(Invalid):
        link(database, story, giver=Giver.GUARDIAN)
    with database.write() as session:
        session.get_one(StoryPerson, story.people[0].id).guardian = "her mother"
    own, guardians = (link(database, story, giver=each) for each in Giver)
    cookies = [opened(database, token) for token in (own, guardians)]
    with database.read() as session:
        found = [tellers.holder_of(session, cookie) for cookie in cookies]
        acts = [entry.act for entry in journal.of_story(session, story.id)]
    assert found == [Principal(story_id=story.id, person_id=story.people[0].id, giver=each) for each in Giver]
    assert acts[-4:] == ["make-link", "make-guardian-link", "open-link", "open-guardian-link"]
    link(database, story)
    assert [who(database, cookie) is not None for cookie in cookies] == [False, True]
    with database.write() as session:
        kept = session.get_one(Story, story.id)
        tellers.revoke_link(session, kept, story.people[0].id, actor="test", giver=Giver.GUARDIAN)
    assert who(database, cookies[1]) is None
    with pytest.raises(NotFound):
        opened(database, guardians)


def test_link_ends_by_being_revoked_and_with_its_story(database: Database, field: Field) -> None:
    revoked, withdrawn = field.story(), field.story()
    tokens = [link(database, revoked), link(database, withdrawn)]
    with database.write() as session:
        tellers.revoke_link(session, session.get_one(Story, revoked.id), revoked.people[0].id, actor="test")
        withdrawals.withdraw(session, session.get_one(Story, withdrawn.id), actor="test")
    for token in tokens:
        with pytest.raises(NotFound):
            opened(database, token)
    with pytest.raises(Conflict):
        link(database, withdrawn)


def test_link_is_made_for_people_of_the_story(database: Database, field: Field) -> None:
    story, other = field.story(), field.story()
    with pytest.raises(NotFound), database.write() as session:
        tellers.make_link(session, session.get_one(Story, story.id), other.people[0].id, actor="test")


def test_sessions_end_by_themselves_and_are_then_removed(database: Database, field: Field) -> None:
    story = field.story()
    cookie = opened(database, link(database, story))
    with database.write() as session:
        tellers.remove_ended(session, utc_now())
    assert who(database, cookie) == story.people[0].id
    with database.write() as session:
        tellers.remove_ended(session, utc_now() + SESSION_LASTS)
    assert who(database, cookie) is None


def test_copies_are_listed_newest_first_and_answered_while_they_hold(
    database: Database, field: Field
) -> None:
    story = field.story(state=State.CURATED)
    actor, teller = story.submitted_by, story.people[0].id
    with database.write() as session:
        kept = session.get_one(Story, story.id)
        first = review_copies.send(session, kept, actor=actor)
        themes.accept(session, kept, "hope", actor=actor, codebook=CODEBOOK)
    with pytest.raises(Conflict), database.write() as session:
        review_copies.answer(
            session, session.get_one(Story, story.id), teller, CopyAnswer.APPROVED, actor=journal.TELLER
        )
    with database.write() as session:
        kept = session.get_one(Story, story.id)
        second = review_copies.send(session, kept, actor=actor)
        review_copies.answer(session, kept, teller, CopyAnswer.APPROVED, actor=journal.TELLER)
    with database.read() as session:
        found = review_copies.of_story(session, story.id)
        newest = review_copies.newest(session, story.id)
    assert [each.id for each in found] == [second.id, first.id]
    assert [each.answer for each in found] == [CopyAnswer.APPROVED, None]
    assert newest is not None
    assert newest.id == second.id
