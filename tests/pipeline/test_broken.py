"""Every broken, odd or hostile file, from its upload to what people play and read."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from app.parts import Parts
from app.settings import Settings
from models.consent import Use
from models.roles import Role
from models.stories import Recording, RecordingState, Rendition, RenditionKind, Story
from models.transcripts import Transcript
from pipeline.themes.codebook import load_codebook
from pipeline.transcription.wer import word_error_rate
from storage import consents
from storage.consents import Terms
from tests.plugins.served import Served, serving_over
from tests.plugins.workshop import Workshop

ENDS = {RecordingState.READY, RecordingState.REFUSED, RecordingState.FAILED}
# Where nobody speaks, by what the manifest says of each: a machine that writes something there invents it.
NOBODY_SPEAKS = {"direct-current.wav", "silence-5s.mp3", "old-phone-amr.3gp"}
# What is said in the part that is easily missed: the eighth of eight channels, the second of three tracks, the second
# half of a chain.
SAID = {
    "eight-channels.flac": "Only the eighth microphone was switched on.",
    "three-audio-tracks.mkv": "This is the story itself.",
    "chained-ogg.mp3": "This is the first half of the story. And this is the second half of the story.",
}
# Each file, from its claim to its end. That no child may take more memory is asserted of every child
# (tests/pipeline/media/test_runner.py).
MOST_SECONDS = 30.0
MOST_MISHEARD = 0.25
# Texts of strangers that lie in metadata, subtitles, attachments and trailing pages.
PLANTED = (b"canary-7f3a", b"<script", b"evil.html", b"<html", b"51.5007")
TELLING = (
    "one-byte.wav",
    "hls-playlist.mp4",
    "silence-5s.mp3",
    "gps-and-device.m4a",
    "wav-then-html.wav",
)


@dataclass(frozen=True)
class Sent:
    """A broken file that was uploaded, and what the manifest expects of it."""

    expected: dict[str, Any]
    content: bytes
    story_id: str
    recording_id: str

    @property
    def name(self) -> str:
        return str(self.expected["file"])


class Line:
    """The service, one worker, and the broken files on their way through both."""

    def __init__(self, workshop: Workshop, served: Served, folder: Path) -> None:
        self.workshop, self.served, self.folder = workshop, served, folder
        self.database, self.objects = workshop.database, workshop.objects
        pilot = workshop.field.pilot()
        self.reporter = workshop.field.account(Role.REPORTER, pilot)
        self.client = served.client(self.reporter)
        self.listener = served.client(workshop.field.account(Role.CURATOR, pilot))

    def send(self, expected: dict[str, Any]) -> Sent:
        """Upload a file into a story of its own, whose teller consents to curation."""
        content = (self.folder / expected["file"]).read_bytes()
        assert hashlib.sha256(content).hexdigest() == expected["sha256"], "the manifest is of another file"
        story = self.client.post(
            "/api/v1/stories", json={"title": expected["file"], "language": "en", "pilots": ["spring"]}
        ).json()
        with self.database.write() as session:
            found = session.get_one(Story, story["id"])
            everything = Terms(frozenset({Use.CURATION}))
            consents.record(session, found, found.people[0].id, everything, actor="test")
        answer = self.client.post(
            f"/api/v1/stories/{story['id']}/recordings", files={"file": (expected["file"], content)}
        )
        if not content:
            assert (answer.status_code, answer.json()["code"]) == (422, "recording-empty")
            return Sent(expected, content, story["id"], "")
        assert answer.status_code == 201, answer.text
        return Sent(expected, content, story["id"], answer.json()["id"])

    def wait_for(self, sent: Sequence[Sent], seconds: float) -> None:
        ids = [each.recording_id for each in sent if each.recording_id]

        def all_ended() -> bool:
            with self.database.read() as session:
                query = select(Recording.id).where(Recording.id.in_(ids), Recording.state.in_(ENDS))
                return len(list(session.scalars(query))) == len(ids)

        self.workshop.wait_until(all_ended, "the end of all files", seconds)

    def check(self, sent: Sent) -> None:
        """That a file became what the manifest expects, and that nothing of it was lost or got through."""
        shown = self.client.get(f"/api/v1/stories/{sent.story_id}").json()
        if not sent.content:
            assert shown["recordings"] == [], "an empty file leaves nothing to look at"
            return
        assert 0 < self.workshop.took_seconds(sent.story_id) <= MOST_SECONDS
        (recording,) = shown["recordings"]
        self._check_original(sent)
        if sent.expected["expect"] == "refused":
            self._check_refused(recording)
        else:
            self._check_accepted(sent, recording)

    def _check_original(self, sent: Sent) -> None:
        with self.database.read() as session:
            recording = session.get_one(Recording, sent.recording_id)
        assert recording.sha256 == sent.expected["sha256"]
        kept = b"".join(self.objects.open_range(recording.original_key, 0, None))
        assert hashlib.sha256(kept).hexdigest() == sent.expected["sha256"]

    def _check_refused(self, recording: dict[str, Any]) -> None:
        assert recording["state"] in ("refused", "failed"), recording
        assert recording["renditions"] == []
        # In words that somebody can act on, not a code.
        assert len(recording["failure"]["says"].split()) > 4
        assert recording["failure"]["code"] not in ("internal", "stage-failed"), recording
        with self.database.read() as session:
            made = select(Transcript.id).where(Transcript.recording_id == recording["id"])
            assert session.scalars(made).first() is None

    def _check_accepted(self, sent: Sent, recording: dict[str, Any]) -> None:
        assert (recording["state"], recording["failure"]) == ("ready", None), recording
        assert {"audio", "peaks"} <= set(recording["renditions"])
        assert recording["duration_seconds"] == pytest.approx(sent.expected["duration_seconds"], abs=0.35)
        with self.database.read() as session:
            query = select(Transcript).where(Transcript.recording_id == sent.recording_id)
            (transcript,) = session.scalars(query)
            text = transcript.text.strip()
            renditions = list(
                session.scalars(select(Rendition).where(Rendition.recording_id == sent.recording_id))
            )
        if sent.name in NOBODY_SPEAKS:
            assert text == ""
        if sent.name in SAID:
            assert word_error_rate(SAID[sent.name], text) <= MOST_MISHEARD, text
        for rendition in renditions:
            content = b"".join(self.objects.open_range(rendition.object_key, 0, None))
            assert hashlib.sha256(content).hexdigest() == rendition.sha256
            assert [each for each in PLANTED if each in content] == []
            if rendition.kind is not RenditionKind.SPEECH:
                self._check_played(sent, rendition.kind)

    def _check_played(self, sent: Sent, kind: RenditionKind) -> None:
        path = f"/api/v1/stories/{sent.story_id}/recordings/{sent.recording_id}/renditions/{kind}"
        answer = self.listener.get(path)
        assert answer.status_code == 200
        assert answer.headers["content-type"].split("/")[0] in ("audio", "video", "image", "application")
        assert answer.headers["x-content-type-options"] == "nosniff"

    def check_that_it_lives(self, spoken: Path) -> None:
        """After all of them, the same worker does its work, and nothing half-made lies about."""
        last = self.send(
            {"file": spoken.name, "sha256": hashlib.sha256(spoken.read_bytes()).hexdigest()}
            | {"expect": "accepted", "duration_seconds": None}
        )
        self.workshop.wait_for(last.recording_id, RecordingState.READY)
        work = self.workshop.folder / "work"
        self.workshop.wait_until(lambda: not list(work.iterdir()), "an empty work folder", 30)
        assert list(self.objects.list_unfinished("")) == []
        with self.database.read() as session:
            named = set(session.scalars(select(Recording.original_key)))
            named |= set(session.scalars(select(Rendition.object_key)))
        assert set(self.objects.list_prefix("")) == named


@pytest.fixture
def broken(shared_folder: Path) -> list[dict[str, Any]]:
    """What the manifest says of each file."""
    found: list[dict[str, Any]] = json.loads((shared_folder / "broken" / "manifest.json").read_text())
    return found


@pytest.fixture
def make_line(workshop: Workshop, shared_folder: Path, tmp_path: Path) -> Iterator[Callable[[], Line]]:
    settings = Settings(_env_file=None, data=tmp_path, workers=0, min_free_bytes=0)
    parts = Parts(settings, workshop.database, workshop.objects, load_codebook())
    with serving_over(parts) as served:
        yield lambda: Line(workshop, served, shared_folder / "broken")


def see_through(
    line: Line, files: Sequence[dict[str, Any]], subtests: pytest.Subtests, spoken: Path, seconds: float
) -> None:
    line.workshop.start_worker()
    sent = [line.send(each) for each in files]
    line.wait_for(sent, seconds)
    for each in sent:
        with subtests.test(file=each.name):
            line.check(each)
    with subtests.test(file="the next good one"):
        line.folder = spoken.parent
        line.check_that_it_lives(spoken)


def test_telling_files_become_what_they_should(
    make_line: Callable[[], Line],
    broken: list[dict[str, Any]],
    subtests: pytest.Subtests,
    spoken: Path,
) -> None:
    files = [each for each in broken if each["file"] in TELLING]
    assert len(files) == len(TELLING)
    see_through(make_line(), files, subtests, spoken, 180)


@pytest.mark.long
def test_every_broken_file_becomes_what_the_manifest_says(
    make_line: Callable[[], Line],
    broken: list[dict[str, Any]],
    subtests: pytest.Subtests,
    spoken: Path,
) -> None:
    see_through(make_line(), broken, subtests, spoken, 900)
