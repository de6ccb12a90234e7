"""Somebody who came by their private link, in a browser of their own."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from fastapi.testclient import TestClient

from models.consent import Giver
from models.roles import Principal, Role
from models.stories import Story
from storage import tellers
from tests.app.conftest import Rooms


@dataclass(frozen=True)
class Doors:
    """Makes private links, and opens them."""

    rooms: Rooms

    def link(self, story: Story, person: int = 0, giver: Giver = Giver.PERSON) -> str:
        """A new private link, as its token."""
        with self.rooms.database.write() as session:
            kept = session.get_one(Story, story.id)
            return tellers.make_link(session, kept, story.people[person].id, actor="test", giver=giver)

    def opened(self, story: Story, person: int = 0, giver: Giver = Giver.PERSON) -> TestClient:
        """The browser of somebody who has opened their link."""
        browser = self.rooms.visitor()
        answer = browser.get(f"/teller/enter/{self.link(story, person, giver)}")
        assert (answer.status_code, answer.headers["location"]) == (303, "/teller"), answer.text
        return browser


@pytest.fixture
def doors(rooms: Rooms) -> Doors:
    return Doors(rooms)


@pytest.fixture
def sender(rooms: Rooms) -> Principal:
    return rooms.field.account(Role.REPORTER, rooms.field.pilot())


@pytest.fixture
def curator(rooms: Rooms) -> Principal:
    return rooms.field.account(Role.CURATOR, rooms.field.pilot())


@pytest.fixture
def team(rooms: Rooms) -> Principal:
    return rooms.field.account(Role.PILOT_TEAM, rooms.field.pilot())
