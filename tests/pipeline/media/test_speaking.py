"""Our words are read aloud into a file that browsers play."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from models.errors import StageFailed
from pipeline.media import speaking
from pipeline.media.runner import Limits, probe


def test_text_becomes_sound_of_its_length_and_nothing_else_is_left(tmp_path: Path) -> None:
    short, long = tmp_path / "a" / "short.m4a", tmp_path / "a" / "long.m4a"
    speaking.speak("Dzień dobry.", "pl", short)
    speaking.speak("Dzień dobry. Opowiedz swoją historię. Możesz zmienić zdanie.", "pl", long)
    seconds = [
        float(json.loads(probe(path, limits=Limits()).output)["format"]["duration"]) for path in (short, long)
    ]
    assert 0.5 < seconds[0] < seconds[1] - 1
    assert sorted(path.name for path in short.parent.iterdir()) == ["long.m4a", "short.m4a"]


def test_without_the_program_it_fails_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "which", lambda *_args, **_named: None)
    assert not speaking.can_speak()
    with pytest.raises(StageFailed):
        speaking.speak("Hello.", "en", tmp_path / "said.m4a")
    assert list(tmp_path.iterdir()) == []
