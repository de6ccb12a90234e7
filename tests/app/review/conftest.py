"""A curator, their browser, and a story that waits at the desk as the pipeline leaves it."""

from __future__ import annotations

import pytest
from fastapi.testclient import TestClient

from models.curation import State
from models.roles import Principal, Role
from models.stories import Story
from pipeline.index import reindex
from pipeline.tag import suggest_themes
from storage import transcripts
from storage.transcripts import SegmentText
from tests.app.conftest import Rooms
from tests.plugins.stories import EVERY_USE

WORDS = (("I", 0.0, 0.5), ("lost", 0.5, 1.0), ("my", 1.0, 1.2), ("job.", 1.2, 2.0))
SAID = [
    SegmentText(
        0.0,
        2.0,
        "I lost my job.",
        words=[{"text": text, "start": start, "end": end, "probability": 0.9} for text, start, end in WORDS],
    ),
    SegmentText(65.0, 68.0, "My <neighbours> listened."),
]


@pytest.fixture
def curator(rooms: Rooms) -> Principal:
    return rooms.field.account(Role.CURATOR, rooms.field.pilot())


@pytest.fixture
def program(rooms: Rooms, curator: Principal) -> TestClient:
    return rooms.program(curator)


@pytest.fixture
def desk(rooms: Rooms, curator: Principal) -> TestClient:
    """The curator's browser."""
    return rooms.browser(curator)


@pytest.fixture
def story(rooms: Rooms) -> Story:
    """In review, transcribed and tagged as the pipeline would."""
    made = rooms.field.story(state=State.IN_REVIEW, consented_to=EVERY_USE)
    with rooms.database.write() as session:
        told = session.get_one(Story, made.id)
        recording = rooms.field.recording(session, told)
        rooms.field.process(session, told, recording, [])
        transcripts.keep_machine_made(
            session, recording, SAID, language="en", engine="faster-whisper", weights="base"
        )
        suggest_themes(session, told)
        reindex(session, told)
        session.refresh(told, ["people", "recordings", "pilots"])
        return told
