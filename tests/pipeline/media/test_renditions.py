"""What people play and what the recogniser hears: complete, upright, of a bounded size, and without a trace."""

from __future__ import annotations

import hashlib
import json
import subprocess
import wave
from collections.abc import Callable
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from models.errors import PictureUnreadable, StageFailed, WorkCancelled
from pipeline.media.inspection import Inspection, MediaLimits, inspect
from pipeline.media.renditions import (
    MAX_PEAKS,
    SPEECH_RATE,
    _picture,
    measure_peaks,
    render_all,
    render_speech,
)
from pipeline.media.runner import never
from tests.pipeline.media.conftest import (
    PICTURE,
    TONE,
    TONE_SECONDS,
    MakeRecording,
    turned,
    without_a_decoder,
)

LookAt = Callable[[Path], dict[str, Any]]
CANARY = "canary-51ce"
# What stands in every file that ffmpeg writes, and tells of nobody.
HARMLESS_TAGS = {
    "major_brand": {"isom", "M4A "},
    "minor_version": {"512"},
    "compatible_brands": {"isomiso2avc1mp41", "isomiso2mp41", "isomiso2", "M4A isomiso2"},
    "language": {"und"},
    "handler_name": {"SoundHandler", "VideoHandler"},
    "vendor_id": {"[0][0][0][0]"},
    "encoder": {"Lavc libx264"},
}


def inspected(original: Path, **told: bool) -> Inspection:
    return inspect(original, told_in_sign_language=told.get("in_sign_language", False), limits=MediaLimits())


def render(original: Path, findings: Inspection | None = None) -> dict[str, Path]:
    """Every rendition of a file, by its kind, in the order in which they appeared."""
    folder = original.parent / f"made-of-{original.stem}"
    folder.mkdir()
    return dict(render_all(original, findings or inspected(original), folder))


def streams(found: dict[str, Any]) -> list[str]:
    return [stream["codec_type"] for stream in found["streams"]]


def samples_of(speech: Path) -> np.ndarray[Any, np.dtype[np.float32]]:
    with wave.open(str(speech), "rb") as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (16_000, 1, 2)
        return np.frombuffer(file.readframes(file.getnframes()), dtype="<i2").astype(np.float32) / 32768


def begins_playing_at_once(path: Path) -> bool:
    """Whether an MP4's index stands before its content."""
    content = path.read_bytes()
    return content.index(b"moov") < content.index(b"mdat")


@pytest.fixture
def film(make_recording: MakeRecording) -> Path:
    return make_recording("film.mp4", *TONE, *PICTURE, "-c:v", "libx264", "-c:a", "aac")


def test_sound_becomes_speech_audio_and_peaks(make_recording: MakeRecording, look_at: LookAt) -> None:
    original = make_recording("a.mp3", "-ac", "2")
    before = hashlib.sha256(original.read_bytes()).hexdigest()
    made = render(original)
    assert list(made) == ["speech", "audio", "peaks"]
    assert len(samples_of(made["speech"])) / 16_000 == pytest.approx(TONE_SECONDS, abs=0.1)
    audio = look_at(made["audio"])
    (stream,) = audio["streams"]
    assert (stream["codec_name"], stream["sample_rate"], stream["channels"]) == ("aac", "48000", 2)
    assert "mp4" in audio["format"]["format_name"]
    assert float(audio["format"]["duration"]) == pytest.approx(TONE_SECONDS, abs=0.1)
    assert begins_playing_at_once(made["audio"])
    assert hashlib.sha256(original.read_bytes()).hexdigest() == before


def test_film_also_becomes_video_and_poster(film: Path, look_at: LookAt) -> None:
    made = render(film)
    assert list(made) == ["speech", "audio", "peaks", "video", "poster"]
    video = look_at(made["video"])
    assert streams(video) == ["video", "audio"]
    picture, sound = video["streams"]
    assert (picture["codec_name"], picture["pix_fmt"], sound["codec_name"]) == ("h264", "yuv420p", "aac")
    assert (picture["width"], picture["height"]) == (176, 144)
    assert float(video["format"]["duration"]) == pytest.approx(TONE_SECONDS, abs=0.2)
    assert begins_playing_at_once(made["video"])
    (poster,) = look_at(made["poster"])["streams"]
    assert (poster["codec_name"], poster["width"], poster["height"]) == ("mjpeg", 176, 144)


@pytest.mark.parametrize(
    ("size", "shown"),
    [
        ("1920x1080", (1280, 720)),
        pytest.param("1080x1920", (720, 1280), marks=pytest.mark.long),
        pytest.param("1440x1440", (720, 720), marks=pytest.mark.long),
        pytest.param("2560x400", (1280, 200), marks=pytest.mark.long),
        ("641x361", (640, 360)),
        ("64x48", (64, 48)),
    ],
)
def test_picture_is_at_most_720_lines_and_never_enlarged(
    make_recording: MakeRecording, look_at: LookAt, size: str, shown: tuple[int, int]
) -> None:
    picture = ("-f", "lavfi", "-i", f"testsrc2=size={size}:rate=5:duration=1")
    pixels = ("-pix_fmt", "yuv444p", "-c:v", "ffv1")
    made = render(make_recording("a.mkv", *TONE, *picture, *pixels, "-t", "1"))
    found = look_at(made["video"])["streams"][0]
    assert (found["width"], found["height"]) == shown


def test_turned_film_stands_upright(film: Path, make_recording: MakeRecording, look_at: LookAt) -> None:
    made = render(make_recording("turned.mp4", *turned(str(film))))
    for kind in ("video", "poster"):
        picture = look_at(made[kind])["streams"][0]
        assert (picture["width"], picture["height"]) == (144, 176)
        # The pixels themselves were turned: a player that knows nothing of turns shows it upright.
        assert "side_data_list" not in picture


def test_fast_film_is_slowed_to_30_frames_a_second(make_recording: MakeRecording, look_at: LookAt) -> None:
    fast = ("-f", "lavfi", "-i", "testsrc2=size=64x64:rate=120:duration=1")
    made = render(make_recording("a.mp4", *TONE, *fast, "-t", "1"))
    (frames, seconds) = map(int, look_at(made["video"])["streams"][0]["avg_frame_rate"].split("/"))
    assert frames / seconds <= 31


def test_frames_keep_their_own_times(make_recording: MakeRecording, look_at: LookAt) -> None:
    # As a phone in the dark: every tenth of a second at first, then one and a half seconds of nothing.
    picture = ("-f", "lavfi", "-i", "testsrc2=size=64x64:rate=10:duration=3")
    dark = ("-vf", "select='lt(t,1)+gt(t,2.45)'", "-fps_mode", "vfr", "-c:v", "libx264", "-bf", "0")
    tone = ("-f", "lavfi", "-i", "sine=d=3")
    original = make_recording("a.mkv", *tone, *picture, *dark)
    made = render(original)["video"]
    before, after = _frame_times(original), _frame_times(made)
    assert len(after) == len(before)
    assert np.allclose(before, after, atol=0.034)


def _frame_times(path: Path) -> list[float]:
    asked = ["-select_streams", "v", "-show_entries", "frame=pts_time", "-of", "csv=p=0", str(path)]
    said = subprocess.run(["ffprobe", "-v", "error", *asked], check=True, capture_output=True, text=True)
    return [float(line.strip(",")) for line in said.stdout.split() if line.strip(",")]


def test_sound_that_starts_late_stays_with_its_picture(make_recording: MakeRecording) -> None:
    late = ("-itsoffset", "0.7", "-f", "lavfi", "-i", "sine=d=1")
    original = make_recording(
        "a.mkv", *late, "-f", "lavfi", "-i", "testsrc2=s=64x64:r=10:d=2", "-c:a", "flac"
    )
    heard = samples_of(render(original)["speech"])
    assert np.abs(heard[: int(0.65 * 16_000)]).max() < 0.01
    assert np.abs(heard[int(0.75 * 16_000) :]).max() > 0.05


def test_film_told_in_sign_language_has_a_picture_alone(
    make_recording: MakeRecording, look_at: LookAt
) -> None:
    original = make_recording("a.mp4", *PICTURE)
    made = render(original, inspected(original, in_sign_language=True))
    assert list(made) == ["video", "poster"]
    assert streams(look_at(made["video"])) == ["video"]


def of_noise(film: Path) -> Path:
    """The same MP4, whose picture has an unreadable head: no picture comes out of its decoder."""
    content = film.read_bytes()
    at = content.index(b"avcC") + 4
    made = film.with_name("noise.mp4")
    made.write_bytes(content[:at] + b"\xff" * 40 + content[at + 40 :])
    return made


@pytest.mark.parametrize("spoil", [without_a_decoder, of_noise])
def test_picture_that_cannot_be_read_comes_after_all_of_the_sound(
    film: Path, spoil: Callable[[Path], Path]
) -> None:
    original = spoil(film)
    findings = inspected(original)
    assert findings.has_video
    made = render_all(original, findings, film.parent)
    assert [kind for kind, _ in islice(made, 3)] == ["speech", "audio", "peaks"]
    with pytest.raises(PictureUnreadable) as failed:
        next(made)
    assert failed.value.code == "rendering-failed"


@pytest.mark.parametrize("what", ["killed", "disk full", "too slow", "nothing to hear"])
def test_picture_is_not_given_up_where_another_attempt_may_read_it(
    film: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    findings = inspected(film)

    def stopped(*_: object, **__: object) -> tuple[int, str]:
        if what == "disk full":
            return 1, "av_interleaved_write_frame(): No space left on device\nConversion failed!\n"
        if what == "nothing to hear":
            return 1, "Conversion failed!\n"
        raise StageFailed("decoder-stopped" if what == "killed" else "took-too-long")

    monkeypatch.setattr("pipeline.media.runner._run", stopped)
    if what == "nothing to hear":
        findings = replace(findings, is_silent=True)
    with pytest.raises(StageFailed) as failed:
        list(_picture(film, findings, film.parent, MediaLimits(), never, lambda fraction: None))
    assert not isinstance(failed.value, PictureUnreadable)


def _with_everything(make_recording: MakeRecording, folder: Path, name: str) -> Path:
    """A film whose every place for text holds the canary: tags, chapter, stream titles, subtitles, attachment."""
    subtitles, chapters = folder / "words.srt", folder / "chapters.txt"
    subtitles.write_text(f"1\n00:00:00,000 --> 00:00:01,000\n<script>{CANARY}</script>\n")
    chapters.write_text(f";FFMETADATA1\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=0\nEND=900\ntitle={CANARY}\n")
    tags = ("title", "comment", "artist", "location", "make", "model", "creation_time", "encoder", "synopsis")
    values = {"location": "+51.5007-000.1246/", "creation_time": "2026-01-02T03:04:05Z"}
    arguments = [
        *(*TONE, *PICTURE, "-i", str(subtitles), "-i", str(chapters)),
        *("-map", "0", "-map", "1", "-map", "2", "-map_metadata", "3", "-map_chapters", "3"),
        *("-c:v", "libx264", "-c:a", "aac"),
        *(part for tag in tags for part in ("-metadata", f"{tag}={values.get(tag, CANARY)}")),
        *("-metadata:s:a:0", f"title={CANARY}", "-metadata:s:v:0", f"handler_name={CANARY}"),
        *("-metadata:s:a:0", "language=gre", "-metadata:s:v:0", f"comment={CANARY}"),
    ]
    if name.endswith(".mkv"):
        page = folder / "evil.html"
        page.write_text(f"<script>{CANARY}</script>")
        return make_recording(
            name, *arguments, "-c:s", "srt", "-attach", str(page), "-metadata:s:t", "mimetype=text/html"
        )
    keys = ("-movflags", "+use_metadata_tags", "-timecode", "01:02:03:04", "-c:s", "mov_text")
    return make_recording(name, *arguments, *keys)


@pytest.mark.parametrize("name", ["a.mov", "a.mkv"])
def test_nothing_that_stood_in_metadata_is_left(
    make_recording: MakeRecording, tmp_path: Path, look_at: LookAt, name: str
) -> None:
    original = _with_everything(make_recording, tmp_path, name)
    content = original.read_bytes()
    assert content.count(CANARY.encode()) > 5
    assert b"51.5007" in content
    for kind, path in render(original).items():
        _assert_traceless(path)
        if kind in ("audio", "video"):
            _assert_tagless(look_at(path))


def _assert_traceless(path: Path) -> None:
    content = path.read_bytes()
    planted = (CANARY, "51.5007", "2026-01-02", "script", "evil.html", "01:02:03:04")
    assert [word for word in planted if word.encode() in content] == []


def _assert_tagless(found: dict[str, Any]) -> None:
    """That nothing but what ffmpeg always writes is left, and no more streams than sound and picture."""
    assert found["chapters"] == []
    assert set(streams(found)) <= {"audio", "video"}
    for part in (found["format"], *found["streams"]):
        for tag, value in part.get("tags", {}).items():
            assert value in HARMLESS_TAGS.get(tag, ()), f"{tag}={value}"


def test_cover_and_its_tags_are_in_no_rendition(make_recording: MakeRecording, look_at: LookAt) -> None:
    cover = ("-map", "0", "-map", "1", "-frames:v", "1", "-c:v", "mjpeg", "-disposition:v", "attached_pic")
    tags = ("-metadata", f"title={CANARY}", "-metadata", f"lyrics={CANARY}", "-id3v2_version", "3")
    original = make_recording("a.mp3", *TONE, *PICTURE, *cover, "-c:a", "libmp3lame", *tags)
    assert CANARY.encode() in original.read_bytes()
    made = render(original)
    assert list(made) == ["speech", "audio", "peaks"]
    assert streams(look_at(made["audio"])) == ["audio"]
    for path in made.values():
        assert CANARY.encode() not in path.read_bytes()


def test_captions_hidden_between_the_pictures_are_left_out(make_recording: MakeRecording) -> None:
    """Television's captions (CEA-708 in ATSC A/53 user data) are text from a stranger too."""
    plain = make_recording("plain.m2v", *PICTURE, "-r", "25", "-c:v", "mpeg2video", "-f", "mpeg2video")
    words = b"".join(b"\xfc" + CANARY.encode()[at : at + 2].ljust(2) for at in range(0, len(CANARY), 2))
    hidden = b"\0\0\1\xb2GA94\x03" + bytes([0x40 | len(words) // 3, 0xFF]) + words + b"\xff"
    film = plain.read_bytes().replace(b"\0\0\1\1", hidden + b"\0\0\1\1")
    plain.write_bytes(film)
    original = make_recording(
        "a.mpg",
        "-i",
        str(plain),
        *TONE,
        "-c:v",
        "copy",
        "-c:a",
        "mp2",
        "-f",
        "mpeg",
        "-map",
        "0",
        "-map",
        "1",
    )
    assert b"GA94" in original.read_bytes()
    made = render(original)
    assert b"GA94" not in made["video"].read_bytes()


@pytest.mark.parametrize(("channels", "kept"), [("mono", 1), ("stereo", 2), ("5.1", 1), ("7.1", 1)])
def test_audio_has_one_channel_or_two(
    make_recording: MakeRecording, look_at: LookAt, channels: str, kept: int
) -> None:
    sound = ("-f", "lavfi", "-i", f"anoisesrc=d=1:a=0.2,aformat=channel_layouts={channels}")
    made = render(make_recording("a.flac", *sound))
    assert look_at(made["audio"])["streams"][0]["channels"] == kept


@pytest.mark.parametrize("channel", [0, 3, 5])
def test_every_channel_reaches_the_recogniser(tmp_path: Path, channel: int) -> None:
    # The fourth of six is a cinema's bass: ffmpeg's own mixing drops it.
    samples = np.zeros((16_000, 6))
    samples[:, channel] = 8000 * np.sin(np.arange(16_000) / 10)
    original = _wav(tmp_path / "a.wav", samples)
    made = render(original)
    assert np.abs(samples_of(made["speech"])).max() > 0.05
    decoded = ["ffmpeg", "-v", "error", "-i", str(made["audio"]), "-f", "s16le", "pipe:1"]
    played = np.frombuffer(subprocess.run(decoded, check=True, capture_output=True).stdout, dtype="<i2")
    assert np.abs(played).max() > 1000


def _wav(path: Path, samples: np.ndarray[Any, Any]) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1 if samples.ndim == 1 else samples.shape[1])
        file.setsampwidth(2)
        file.setframerate(16_000)
        file.writeframes(samples.astype("<i2").tobytes())
    return path


@pytest.mark.parametrize(("decibels", "heard"), [(-6, -6), (-20, -3), (-40, -20), (-55, -55)])
def test_quiet_voice_is_lifted_for_the_recogniser_and_near_silence_is_not(
    tmp_path: Path, decibels: int, heard: int
) -> None:
    peak = 32_767 * 10 ** (decibels / 20)
    original = _wav(tmp_path / "a.wav", peak * np.sin(np.arange(32_000) / 10))
    speech = samples_of(render(original)["speech"])
    assert 20 * np.log10(np.abs(speech).max()) == pytest.approx(heard, abs=0.5)


def test_speech_alone_is_the_same_speech(make_recording: MakeRecording, tmp_path: Path) -> None:
    original = make_recording("a.ogg", "-c:a", "libopus")
    findings = inspected(original)
    alone = tmp_path / "alone.wav"
    render_speech(original, findings, alone)
    assert np.array_equal(samples_of(alone), samples_of(render(original, findings)["speech"]))


def test_peaks_follow_the_sound(tmp_path: Path) -> None:
    loud = 30_000 * np.sin(np.arange(16_000) / 5)
    original = _wav(tmp_path / "a.wav", np.concatenate([loud, loud / 10, np.zeros(16_000)]))
    peaks = json.loads(render(original)["peaks"].read_text())
    assert (peaks["version"], peaks["channels"], peaks["bits"]) == (2, 1, 8)
    assert peaks["sample_rate"] / peaks["samples_per_pixel"] == 20
    assert peaks["length"] == len(peaks["data"]) // 2 == 60
    least, greatest = peaks["data"][::2], peaks["data"][1::2]
    assert all(-128 <= low <= high <= 127 for low, high in zip(least, greatest, strict=True))
    first, second, third = greatest[2:18], greatest[22:38], greatest[42:58]
    assert min(first) > 100 > 20 > max(second) > max(third) == 0


def test_peaks_of_four_hours_are_few_enough_for_a_page(tmp_path: Path) -> None:
    speech = tmp_path / "speech.wav"
    with speech.open("wb") as file:
        file.truncate(44 + 4 * 3600 * SPEECH_RATE * 2)
    measure_peaks(speech, tmp_path / "peaks.json")
    peaks = json.loads((tmp_path / "peaks.json").read_text())
    assert peaks["length"] <= MAX_PEAKS
    assert peaks["length"] * peaks["samples_per_pixel"] >= 4 * 3600 * SPEECH_RATE


def test_rendition_that_came_out_shorter_is_not_kept(make_recording: MakeRecording) -> None:
    original = make_recording("a.mp3")
    longer = replace(inspected(original), duration_seconds=TONE_SECONDS + 1)
    with pytest.raises(StageFailed) as failed:
        render(original, longer)
    assert failed.value.code == "rendition-too-short"


def test_rendering_what_cannot_be_read_fails_without_saying_where_it_lay(tmp_path: Path) -> None:
    original = tmp_path / "a.wav"
    findings = inspected(_wav(original, 8000 * np.sin(np.arange(16_000) / 10)))
    original.write_bytes(b"nothing of the sort" * 100)
    with pytest.raises(StageFailed) as failed:
        render(original, findings)
    assert failed.value.code == "rendering-failed"
    assert str(tmp_path) not in str(failed.value)


def test_progress_goes_up_to_the_whole(film: Path, tmp_path: Path) -> None:
    told: list[float] = []
    list(render_all(film, inspected(film), tmp_path, progress=told.append))
    assert told == sorted(told)
    assert 0 <= told[0] <= told[-1] <= 1
    assert told[-1] > 0.9


def test_rendering_that_is_called_off_stops(film: Path, tmp_path: Path) -> None:
    with pytest.raises(WorkCancelled):
        list(render_all(film, inspected(film), tmp_path, cancelled=lambda: True))


@pytest.mark.parametrize(
    "name", ["gps-and-device.m4a", "huge-id3.mp3", "script-in-subtitles.mkv", "wav-then-html.wav"]
)
def test_planted_text_of_the_broken_files_is_in_no_rendition(
    shared_folder: Path, tmp_path: Path, look_at: LookAt, name: str
) -> None:
    original = shared_folder / "broken" / name
    for kind, path in render_all(original, inspected(original), tmp_path):
        content = path.read_bytes()
        planted = (b"canary-7f3a", b"51.5007", b"<script", b"evil.html", b"<html", b"alert(")
        assert [word for word in planted if word in content] == []
        if kind in ("audio", "video"):
            _assert_tagless(look_at(path))


def test_upright_phone_at_one_frame_a_second_plays(
    shared_folder: Path, tmp_path: Path, look_at: LookAt
) -> None:
    original = shared_folder / "broken" / "rotated-1fps.mp4"
    made = dict(render_all(original, inspected(original), tmp_path))
    for kind in ("video", "poster"):
        picture = look_at(made[kind])["streams"][0]
        assert (picture["width"], picture["height"]) == (120, 160)
