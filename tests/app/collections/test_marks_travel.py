"""What a community asks, and what a story warns of, goes with it wherever it is pulled; digests stay as they are."""

from __future__ import annotations

import io
import zipfile
from typing import TYPE_CHECKING

from models.pilots import Pilot
from models.stories import Story
from storage import pilots
from storage.pilots import Governance

if TYPE_CHECKING:
    from tests.app.collections.conftest import Room

LABEL = {"code": "TK-A", "text": "Name the valley"}


def govern(room: Room, pilot: str, terms: str) -> None:
    with room.database.write() as session:
        asked = Governance(labels=[LABEL], terms=terms)
        pilots.govern(session, session.get_one(Pilot, pilot), asked, actor="test")


def warn(room: Room, story: Story, warning: str) -> None:
    with room.database.write() as session:
        session.get_one(Story, story.id).content_warning = warning


def test_labels_terms_and_warnings_travel_in_every_pull(room: Room) -> None:
    both = room.story("Both", pilots=[room.pilot, room.other_pilot])
    ours = room.story("Ours")
    release = room.release(both, ours)
    before = room.as_team.get(release)
    govern(room, room.pilot, "Not for sale.")
    govern(room, room.other_pilot, "Only in winter.")
    warn(room, ours, "prison")
    after = room.as_team.get(release, headers={"if-none-match": before.headers["etag"]})
    assert after.status_code == 200, "what changed is sent again"
    made = after.json()
    assert made["pilot"]["terms"] == "Not for sale."
    assert made["pilot"]["labels"][0]["code"] == "TK-A"
    said = [[each["terms"] for each in entry["communities"]] for entry in made["entries"]]
    assert said == [["Only in winter.", "Not for sale."], ["Not for sale."]]
    # Labels may change after a release: its digests are of what was released.
    assert made["release"]["root_digest"] == before.json()["release"]["root_digest"]
    assert [each["digest"] for each in made["entries"]] == [
        each["digest"] for each in before.json()["entries"]
    ]
    for name in ("captions.vtt", "transcript.txt", "transcript.json"):
        text = room.as_team.get(f"{release}/stories/{both.id}/{name}").text
        assert "Only in winter." in text, name
        assert "prison" not in text, name
        own = room.as_team.get(f"{release}/stories/{ours.id}/{name}").text
        assert "prison" in own, name
        assert "winter" not in own, name
    assert "prison" in room.as_team.get(f"{release}/stories/{ours.id}/captions.srt").text
    recording = f"/api/v1/stories/{ours.id}/recordings/{ours.recordings[0].id}"
    assert "NOTE Content warning: prison" in room.as_curator.get(f"{recording}/captions.vtt").text
    archive = zipfile.ZipFile(io.BytesIO(room.as_team.get(f"{release}/download.zip").content))
    whole = archive.read("README.txt").decode()
    assert "Only in winter." in whole
    assert "- 002: prison" in whole
    texts = [each for each in archive.namelist() if each.endswith((".vtt", ".txt")) and "both" in each]
    assert len(texts) == 2
    assert all("Only in winter." in archive.read(each).decode() for each in texts)
