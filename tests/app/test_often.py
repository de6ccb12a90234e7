"""What costs the service most is done for each so often and no more."""

from __future__ import annotations

from pathlib import Path

import pytest
from fastapi.routing import APIRoute, iter_route_contexts
from limits import RateLimitItem

from app import often
from app.often import AtMost
from models.roles import Role
from storage.database import Database
from tests.app.conftest import Rooms

LIMITED = {
    often.SEARCHES: {"GET /api/v1/search", "GET /search"},
    often.ARCHIVES: {
        "GET /api/v1/collections/{collection_id}/releases/{number}/download.zip",
        "GET /collections/{collection_id}/releases/{number}/download.zip",
        "GET /api/v1/stories/{story_id}/everything.zip",
        "GET /teller/everything.zip",
    },
    often.STORIES: {"POST /api/v1/stories", "POST /stories/new/check"},
    often.EVENTS: {
        "POST /api/v1/stories/{story_id}/people/{person_id}/consents",
        "POST /stories/{story_id}/people/{person_id}/ask",
        "POST /stories/{story_id}/people/{person_id}/consent",
        "POST /teller/consent",
    },
}


@pytest.fixture
def rooms(sqlite_database: Database, tmp_path: Path) -> Rooms:
    return Rooms(sqlite_database, tmp_path)


@pytest.mark.parametrize("limit", LIMITED, ids=lambda limit: limit.namespace)
def test_every_door_to_it_has_the_limit_and_no_other(rooms: Rooms, limit: RateLimitItem) -> None:
    found = set()
    for context in iter_route_contexts(rooms.app.routes):
        route = context.original_route
        if isinstance(route, APIRoute) and any(
            each.dependency == AtMost(limit) for each in route.dependencies
        ):
            found |= {f"{method} {context.path}" for method in route.methods}
    assert found == LIMITED[limit]


def test_who_asks_too_often_is_told_when_to_ask_again_and_others_are_answered(rooms: Rooms) -> None:
    pilot = rooms.field.pilot()
    greedy, other = (rooms.field.account(Role.PILOT_TEAM, pilot) for _ in range(2))
    rooms.app.state.often.hit(often.SEARCHES, greedy.account_id, cost=often.SEARCHES.amount - 1)
    browser = rooms.browser(greedy)
    assert browser.get("/search").status_code == 200
    answer = browser.get("/search")
    assert answer.status_code == 429
    assert answer.headers["retry-after"] == "60"
    assert "Wait (1 minute)" in answer.text
    assert rooms.browser(other).get("/search").status_code == 200


def test_nobody_in_particular_is_counted_by_address(rooms: Rooms) -> None:
    one, another = rooms.visitor(), rooms.visitor()
    answers = [one.get("/search").status_code for _ in range(often.SEARCHES.amount + 1)]
    assert answers == [200] * often.SEARCHES.amount + [429]
    assert another.get("/search").status_code == 200
