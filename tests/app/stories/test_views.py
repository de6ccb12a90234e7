"""What is told of a story's original: to those who care for the story, and to nobody else."""

from __future__ import annotations

import pytest

from models.curation import State
from models.roles import Principal, Role
from models.stories import Recording, Story
from tests.app.conftest import Rooms
from tests.plugins.stories import EVERY_USE

OF_THE_ORIGINAL = ("size_bytes", "sha256", "notes")


@pytest.fixture
def story(rooms: Rooms) -> Story:
    made = rooms.field.story(state=State.PUBLISHED, consented_to=EVERY_USE)
    with rooms.database.write() as session:
        recording = session.get_one(Recording, made.recordings[0].id)
        recording.inspection = {"notes": ["cut-short"]}
        recording.failure_code, recording.failure_parameters = "stage-failed", {"step": "render"}
    return made


@pytest.mark.parametrize("who", ["nobody", "the team", "another reporter", "the sender", "a curator"])
def test_original_is_described_to_those_who_care_for_its_story_alone(
    rooms: Rooms, story: Story, who: str
) -> None:
    people: dict[str, Principal | None] = {
        "nobody": None,
        "the team": rooms.field.account(Role.PILOT_TEAM),
        "another reporter": rooms.field.account(Role.REPORTER),
        "the sender": Principal(account_id=story.submitted_by),
        "a curator": rooms.field.account(Role.CURATOR),
    }
    program, person = rooms.program(people[who]), people[who]
    whole = program.get(f"/api/v1/stories/{story.id}").json()
    alone = program.get(f"/api/v1/stories/{story.id}/recordings/{story.recordings[0].id}").json()
    browser = rooms.browser(person) if person else rooms.visitor()
    page = browser.get(f"/stories/{story.id}")
    assert page.status_code == 200
    cares = who in ("the sender", "a curator")
    assert ("Something went wrong on our side" in page.text) == cares
    for shown in (*whole["recordings"], alone):
        assert shown["renditions"] == ["audio"]
        assert shown["duration_seconds"] == 9.0
        if cares:
            assert [shown[name] for name in OF_THE_ORIGINAL] == [
                story.recordings[0].size_bytes,
                story.recordings[0].sha256,
                ["cut-short"],
            ]
            assert shown["failure"]["code"] == "stage-failed"
        else:
            assert [shown[name] for name in (*OF_THE_ORIGINAL, "progress", "failure")] == [None] * 5
