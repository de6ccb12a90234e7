"""Collections as pages: what would be left out, what changed since the last release, recalls on top, downloads."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.collections.downloads import TEXTS, WHOLE
from app.exchange.manifest import TEXT_FORMATS
from models.consent import Use

if TYPE_CHECKING:
    from tests.app.collections.conftest import Room


def test_release_says_what_changed_since_the_one_before(room: Room) -> None:
    kept, noted, gone, left = (room.story(title) for title in ("Kept", "Noted", "Gone", "Left"))
    new = room.story("New & old")
    collection = room.collect(kept, noted, gone, left)
    path, page = f"/api/v1/collections/{collection}", f"/collections/{collection}"
    team = room.served.browser(room.team)
    room.as_team.post(f"{path}/releases")
    assert "Since release" not in team.get(f"{page}/releases/1").text
    room.as_team.post(f"{path}/entries", json={"story_id": new.id})
    room.as_team.delete(f"{path}/entries/{left.id}")
    room.as_team.put(f"{path}/entries/{noted.id}/note", json={"note": "another"})
    (digest,) = [
        each["digest"]
        for each in room.as_team.get(f"{path}/releases/1").json()["entries"]
        if each["entry"]["story_id"] == gone.id
    ]
    room.withdraw(gone)
    room.as_team.post(f"{path}/releases")
    shown = team.get(f"{page}/releases/2").text
    for line in ("1 added: New &amp; old", "1 taken out: Left", "1 changed: Noted", "1 taken back"):
        assert line in shown
    changed = shown[shown.index("Since release 1") : shown.index("Download")]
    assert f'<code class="cr-link">{digest}</code>' in changed
    assert "Gone" not in shown
    assert f"{page}/releases/2#changed" in team.get(page).text


def test_collection_says_what_a_release_made_now_would_leave_out(room: Room) -> None:
    open_now, closed = room.story("Open"), room.story("Closed")
    collection = room.collect(open_now, closed)
    room.consent(closed, uses=frozenset({Use.CURATION}))
    as_team, as_curator = (
        room.served.browser(each).get(f"/collections/{collection}").text for each in (room.team, room.curator)
    )
    for page in (as_team, as_curator):
        assert "A release made now would have 1 of 2 stories." in page
    assert "Left out: 1, no consent to sharing with this pilot." in as_curator
    assert "no consent" not in as_team


def test_recall_stands_on_top_of_the_collection_and_of_its_releases(room: Room) -> None:
    story, other = room.story(), room.story("Another")
    release, elsewhere = room.release(story), room.release(other)
    room.as_team.get(release)
    room.withdraw(story)
    team = room.served.browser(room.team)
    for address in (release, release.rpartition("/releases")[0]):
        page = team.get(address.removeprefix("/api/v1")).text
        beneath_the_title = page.partition("</h1>")[2]
        assert "A recall waits for you" in beneath_the_title.partition("<p ")[0], address
        assert story.id in page
    assert "recall waits" not in team.get(elsewhere.removeprefix("/api/v1")).text


def test_every_format_is_offered_with_what_it_is_for(room: Room) -> None:
    assert [name for name, _ in TEXTS] == list(TEXT_FORMATS)
    assert all(serves != name for name, serves in TEXTS)
    release = room.release(room.story())
    team = room.served.browser(room.team)
    at = release.removeprefix("/api/v1")
    page = team.get(at).text
    for name, _, serves in WHOLE:
        assert serves in page
        assert f'href="{at}/{name}" download' in page
        assert team.get(f"{at}/{name}").status_code == 200
    for name, serves in TEXTS:
        assert serves in page
        assert f"/{name}?recording=1" in page
