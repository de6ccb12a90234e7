"""The demo's stories can be heard: fictional people, each in their own language."""

from __future__ import annotations

import json
import subprocess
import wave
from pathlib import Path

import pytest

from app.operations.demo_stories import PILOTS, STORIES, DemoStory, record, speak


def test_every_story_belongs_to_a_pilot_that_knows_its_language() -> None:
    assert len({story.code for story in STORIES}) == len(STORIES)
    for story in STORIES:
        assert story.language in PILOTS[story.pilot][1]
    assert {story.language for story in STORIES} >= {"en", "es", "pl"}


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.code)
def test_story_speaks_for_as_long_as_its_words_need(story: DemoStory, tmp_path: Path) -> None:
    wav = tmp_path / "a.wav"
    speak(story.text, story.language, wav)
    with wave.open(str(wav)) as sound:
        seconds = sound.getnframes() / sound.getframerate()
        frames = sound.readframes(sound.getnframes())
    assert len(story.text.split()) / 5 < seconds < len(story.text.split())
    loud = max(frames[1::2], key=lambda byte: min(byte, 255 - byte))
    assert min(loud, 255 - loud) > 10, "somebody is heard"


def test_video_has_picture_and_sound(tmp_path: Path) -> None:
    story = next(each for each in STORIES if each.is_video)
    short = DemoStory("short", "Short", "en", "uk", "Every Thursday we cook together.", is_video=True)
    assert story.text
    video = record(short, tmp_path / "made")
    asked = ["ffprobe", "-v", "error", "-show_entries", "stream=codec_type", "-of", "json", str(video)]
    shown = json.loads(subprocess.run(asked, check=True, capture_output=True).stdout)
    assert sorted(stream["codec_type"] for stream in shown["streams"]) == ["audio", "video"]
