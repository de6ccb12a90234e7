"""That a story was played is noted for its teller, and never in the way of whoever plays it."""

from __future__ import annotations

import pytest
from sqlalchemy.exc import OperationalError

from models.stories import RenditionKind
from storage import listenings
from tests.app.stories.test_media import SOUND, Player
from tests.plugins.served import Served, wait_until
from tests.plugins.stories import Field


def noted(player: Player) -> set[str]:
    """The roles as which somebody listened."""
    with player.database.read() as session:
        return {role for role, _ in listenings.of_story(session, player.story.id)}


def test_playing_is_noted_and_what_plays_nothing_is_not(served: Served, field: Field) -> None:
    player = Player(served, field)
    client = player.listen_as()
    for kind in (RenditionKind.PEAKS, RenditionKind.POSTER):
        player.keep(kind, b"[0]")
        assert client.get(player.path(kind)).status_code == 200
    assert client.head(player.path()).status_code == 200
    assert client.get(player.path(), headers={"range": "bytes=100000-"}).status_code == 416
    assert noted(player) == set()
    assert client.get(player.path(), headers={"range": "bytes=0-9"}).status_code == 206
    wait_until(lambda: noted(player) == {"pilot-team"}, "the note")


def test_no_range_after_the_first_one_of_a_day_writes(
    served: Served, field: Field, monkeypatch: pytest.MonkeyPatch
) -> None:
    player = Player(served, field)
    client, written = player.listen_as(), []
    note = listenings.note
    monkeypatch.setattr(listenings, "note", lambda *what: (written.append(what), note(*what)))
    client.get(player.path())
    # It is noted when the bytes are on their way.
    wait_until(lambda: noted(player) == {"pilot-team"}, "the note")
    for start in range(0, 100_000, 10_000):
        client.get(player.path(), headers={"range": f"bytes={start}-{start + 9_999}"})
    assert len(written) == 1


def test_story_is_heard_where_it_cannot_be_noted(
    served: Served, field: Field, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What follows the first piece, after which it is noted, comes too.
    player = Player(served, field, SOUND * 30)

    def refuse(*what: object) -> None:
        raise OperationalError("INSERT", {}, Exception("database or disk is full"))

    monkeypatch.setattr(listenings, "note", refuse)
    for _ in range(2):
        answer = player.listen_as().get(player.path())
        assert (answer.status_code, answer.content) == (200, SOUND * 30)
    assert noted(player) == set()
