"""What a recording is, whatever it claims: every accepted container, and files that nobody should meet."""

from __future__ import annotations

import json
import subprocess
import wave
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from models.errors import StageFailed, UnusableRecording, WorkCancelled
from pipeline.media import runner
from pipeline.media.inspection import Inspection, MediaLimits, _count_pictures, inspect, mix_to_mono
from pipeline.media.listening import RATE, Listener
from pipeline.media.runner import Limits
from tests.pipeline.media.conftest import PICTURE, TONE, TONE_SECONDS, MakeRecording, turned

AND_PICTURE = (*TONE, *PICTURE, "-shortest")

# File's name, how ffmpeg makes it, the container that must be recognised, and whether there is a picture.
CONTAINERS: dict[str, tuple[str, tuple[str, ...], str, bool]] = {
    "MP4": ("a.mp4", (*AND_PICTURE, "-c:v", "libx264", "-c:a", "aac"), "mov", True),
    "MOV": ("a.mov", (*AND_PICTURE, "-c:v", "mpeg4", "-c:a", "pcm_s16le"), "mov", True),
    "M4A": ("a.m4a", ("-c:a", "aac"), "mov", False),
    "M4A, lossless": ("a.m4a", ("-c:a", "alac"), "mov", False),
    "3GP": ("a.3gp", (*AND_PICTURE, "-c:v", "h263", "-c:a", "aac"), "mov", True),
    "Matroska": ("a.mkv", (*AND_PICTURE, "-c:v", "libx264", "-c:a", "libvorbis"), "matroska", True),
    "WebM": ("a.webm", (*AND_PICTURE, "-c:v", "libvpx", "-c:a", "libopus"), "matroska", True),
    "Ogg with Opus": ("a.ogg", ("-c:a", "libopus"), "ogg", False),
    "Ogg with Vorbis": ("a.oga", ("-c:a", "libvorbis"), "ogg", False),
    "Ogg with Speex": ("a.spx", ("-ar", "16000", "-c:a", "libspeex"), "ogg", False),
    "MP3": ("a.mp3", ("-c:a", "libmp3lame"), "mp3", False),
    "WAV": ("a.wav", (), "wav", False),
    "WAV of 24 bits": ("a.wav", ("-c:a", "pcm_s24le"), "wav", False),
    "Wave64": ("a.w64", (), "w64", False),
    "AIFF": ("a.aiff", (), "aiff", False),
    "CAF": ("a.caf", ("-c:a", "pcm_s16be"), "caf", False),
    "FLAC": ("a.flac", (), "flac", False),
    "AAC": ("a.aac", ("-c:a", "aac"), "aac", False),
    "WMA": ("a.wma", ("-c:a", "wmav2"), "asf", False),
    "WMV": ("a.wmv", (*AND_PICTURE, "-c:v", "wmv2", "-c:a", "wmav2"), "asf", True),
    "AVI": ("a.avi", (*AND_PICTURE, "-c:v", "mpeg4", "-c:a", "libmp3lame"), "avi", True),
    "MPEG": (
        "a.mpg",
        (*AND_PICTURE, "-r", "25", "-c:v", "mpeg2video", "-c:a", "mp2", "-f", "mpeg"),
        "mpeg",
        True,
    ),
    "MPEG of television": (
        "a.ts",
        (*AND_PICTURE, "-r", "25", "-c:v", "mpeg2video", "-c:a", "mp2", "-f", "mpegts"),
        "mpegts",
        True,
    ),
}

# Why each hostile file of the shared folder is refused.
REFUSED = {
    "empty.mp3": "recording-empty",
    "one-byte.wav": "not-a-recording",
    "mp4-without-moov.mp4": "recording-unfinished",
    "picture-16000.webm": "picture-too-large",
    "day-of-silence.flac": "recording-too-long",
    "no-audio.mp4": "no-sound",
    "audio-of-zero-length.mp4": "sound-track-empty",
    "hls-playlist.mp4": "not-a-recording",
    "concat-script.m4a": "not-a-recording",
    "svg-picture.mp3": "not-a-recording",
    "html-page.mp4": "not-a-recording",
}
# What a curator is told of those that are accepted.
NOTES = {
    "cut-short.mp3": ["cut-short"],
    "flac-wrong-md5.flac": ["checksum-mismatch"],
    "direct-current.wav": ["nothing-to-hear"],
    "silence-5s.mp3": ["nothing-to-hear"],
    "three-audio-tracks.mkv": ["other-tracks-with-sound"],
}


def look(path: Path, *, told_in_sign_language: bool = False, **limits: Any) -> Inspection:
    return inspect(path, told_in_sign_language=told_in_sign_language, limits=MediaLimits(**limits))


def why_refused(path: Path, **limits: Any) -> str:
    with pytest.raises(UnusableRecording) as refused:
        look(path, **limits)
    return refused.value.code


@pytest.mark.parametrize("kind", CONTAINERS)
def test_accepted_container_is_known_by_its_content_and_measured_by_decoding(
    make_recording: MakeRecording, kind: str
) -> None:
    name, arguments, container, has_picture = CONTAINERS[kind]
    # The name is a lie each time: it must count for nothing.
    made = make_recording(name, *arguments)
    made = made.rename(made.with_name("recording.txt"))
    found = look(made)
    assert found.container == container
    assert found.duration_seconds == pytest.approx(TONE_SECONDS, abs=0.15)
    assert (found.is_silent, found.notes) == (False, [])
    assert (found.has_video, found.width, found.height) == (
        (True, 176, 144) if has_picture else (False, None, None)
    )
    assert found.audio_track is not None
    assert Inspection.from_dict(json.loads(json.dumps(found.to_dict()))) == found


def test_amr_of_an_old_phone_is_accepted(tmp_path: Path) -> None:
    # RFC 4867 §5: a magic line, then a frame each 20 ms; 0x3C heads one of 12.2 kbit/s, 31 bytes follow. No encoder
    # for it is free, so the frames hold noise.
    noise = np.random.default_rng(1)
    frames = b"".join(b"\x3c" + noise.bytes(31) for _ in range(75))
    made = tmp_path / "a.amr"
    made.write_bytes(b"#!AMR\n" + frames)
    found = look(made)
    assert (found.container, found.audio_codec) == ("amr", "amr_nb")
    assert found.duration_seconds == pytest.approx(1.5, abs=0.05)


@pytest.mark.parametrize("file", [*REFUSED, "every other one"])
def test_broken_file_is_what_the_manifest_says(
    shared_folder: Path, file: str, subtests: pytest.Subtests
) -> None:
    folder = shared_folder / "broken"
    manifest = {each["file"]: each for each in json.loads((folder / "manifest.json").read_text())}
    assert {name for name, each in manifest.items() if each["expect"] == "refused"} == set(REFUSED)
    if file in REFUSED:
        assert why_refused(folder / file) == REFUSED[file]
        return
    for name in manifest.keys() - REFUSED.keys():
        with subtests.test(file=name):
            found = look(folder / name)
            assert found.duration_seconds == pytest.approx(manifest[name]["duration_seconds"], abs=0.1)
            assert found.notes == NOTES.get(name, [])
            assert found.is_silent is ("nothing-to-hear" in found.notes)


def test_chosen_track_is_the_default_one(shared_folder: Path) -> None:
    found = look(shared_folder / "broken" / "three-audio-tracks.mkv")
    assert (found.audio_track, found.other_tracks) == (1, [2])


def test_default_track_is_taken_where_several_are_heard(make_recording: MakeRecording) -> None:
    arguments = ("-map", "0", "-map", "1", "-disposition:a:0", "0", "-disposition:a:1", "default")
    found = look(make_recording("two.mkv", *TONE, *TONE, *arguments))
    assert (found.audio_track, found.other_tracks) == (1, [0])
    assert found.notes == ["other-tracks-with-sound"]


def test_silent_default_track_gives_way_to_one_that_is_heard(make_recording: MakeRecording) -> None:
    quiet = ("-f", "lavfi", "-i", f"anullsrc=r=48000:cl=mono:d={TONE_SECONDS}")
    arguments = ("-map", "0", "-map", "1", "-disposition:a:0", "default", "-disposition:a:1", "0")
    found = look(make_recording("two.mkv", *quiet, *TONE, *arguments))
    assert (found.audio_track, found.is_silent, found.other_tracks) == (1, False, [])


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "recording-empty"),
        (b"R", "not-a-recording"),
        (b"I lost my job last winter.\n" * 50, "not-a-recording"),
        ("Żółw — ęąśćń, zażółć gęślą jaźń. ".encode() * 50, "not-a-recording"),
        (b"\xef\xbb\xbf<!doctype html><script>alert(1)</script>", "not-a-recording"),
        (b'<svg xmlns="http://www.w3.org/2000/svg"><script/></svg>', "not-a-recording"),
        (b'{"recording": "https://example.org/a.mp4"}', "not-a-recording"),
        (b"v=0\no=- 0 0 IN IP4 127.0.0.1\nm=audio 5004 RTP/AVP 0\n", "not-a-recording"),
        (b"\x89PNG\r\n\x1a\n" + bytes(2000), "not-a-recording"),
        (b"PK\x03\x04" + bytes(2000), "not-a-recording"),
        (b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n" + bytes(2000), "not-a-recording"),
        (bytes(64 * 1024), "not-a-recording"),
    ],
    ids=[
        *(
            "nothing",
            "a byte",
            "a text",
            "a Polish text",
            "a page",
            "a drawing",
            "json",
            "a session description",
        ),
        *("a picture", "an archive", "a document", "noughts"),
    ],
)
def test_what_is_no_recording_is_refused_whatever_it_is_called(
    tmp_path: Path, content: bytes, code: str
) -> None:
    for name in ("story.mp4", "story.mp3"):
        (tmp_path / name).write_bytes(content)
        assert why_refused(tmp_path / name) == code


def test_noise_that_is_no_recording_is_refused(tmp_path: Path) -> None:
    (tmp_path / "noise.mp4").write_bytes(np.random.default_rng(7).bytes(200_000))
    assert why_refused(tmp_path / "noise.mp4") in {
        "not-a-recording",
        "sound-track-empty",
        "sound-unknown",
        "no-sound",
    }


PLAYLISTS = {
    "HLS": "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:2,\n{neighbour}\n#EXT-X-ENDLIST\n",
    "concat": "ffconcat version 1.0\nfile {neighbour}\n",
}


@pytest.mark.parametrize("kind", PLAYLISTS)
def test_playlist_never_reads_its_neighbour(make_recording: MakeRecording, tmp_path: Path, kind: str) -> None:
    neighbour = make_recording("neighbour.ts", "-c:a", "mp2", "-f", "mpegts")
    script = tmp_path / "story.mp4"
    script.write_text(PLAYLISTS[kind].format(neighbour=neighbour.name))
    # That it is a real attack: without the list of containers, ffprobe reads the neighbour.
    fooled = ["ffprobe", "-v", "error", "-protocol_whitelist", "file,pipe", "-show_streams", str(script)]
    assert b"codec_name=mp2" in subprocess.run(fooled, capture_output=True).stdout
    assert why_refused(script) == "not-a-recording"
    # And where looking at the first bytes would let it through, ffmpeg itself does not open it.
    probed = runner.probe(script, limits=runner.Limits())
    assert probed.code != 0
    assert b"mp2" not in probed.output
    heard = bytearray()
    arguments = [*runner.input_options(), "-i", str(script), "-f", "s16le", "pipe:1"]
    sees = [script, neighbour]
    assert runner.decode(arguments, reads=sees, limits=runner.Limits(), take=heard.extend).code != 0
    assert heard == b""


def test_playlist_behind_bytes_that_are_no_text_is_refused(
    make_recording: MakeRecording, tmp_path: Path
) -> None:
    neighbour = make_recording("neighbour.ts", "-c:a", "mp2", "-f", "mpegts")
    for kind, text in PLAYLISTS.items():
        script = tmp_path / f"{kind}.mp4"
        script.write_bytes(text.format(neighbour=neighbour.name).encode() + b"\0\xff" * 3000)
        assert why_refused(script) == "not-a-recording"


def test_recording_that_was_never_finished_says_so(make_recording: MakeRecording) -> None:
    made = make_recording("a.mp4", "-c:a", "aac")
    content = made.read_bytes()
    made.write_bytes(content[: content.index(b"moov") - 100])
    assert why_refused(made) == "recording-unfinished"


def test_recording_that_was_cut_keeps_what_is_there_and_notes_it(make_recording: MakeRecording) -> None:
    long = ("-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000:duration=8")
    made = make_recording("a.mkv", *long, "-c:a", "flac")
    content = made.read_bytes()
    made.write_bytes(content[: len(content) // 2])
    found = look(made)
    assert 2 < found.duration_seconds < 6
    assert found.notes == ["cut-short"]


def test_film_whose_picture_outlasts_its_sound_is_whole(make_recording: MakeRecording) -> None:
    picture = ("-f", "lavfi", "-i", "testsrc2=s=64x64:r=5:d=5")
    found = look(make_recording("a.mp4", *TONE, *picture, "-c:v", "libx264", "-c:a", "aac"))
    assert (round(found.duration_seconds), round(found.picture_seconds)) == (2, 5)
    assert found.notes == []


def test_wav_of_a_recorder_that_streams_is_whole(make_recording: MakeRecording) -> None:
    content = subprocess.run(
        ["ffmpeg", "-v", "error", *TONE, "-f", "wav", "pipe:1"], check=True, capture_output=True
    ).stdout
    assert content[4:8] == b"\xff\xff\xff\xff"
    made = make_recording("a.wav")
    for size in (b"\xff\xff\xff\xff", bytes(4)):
        made.write_bytes(content[:4] + size + content[8:])
        assert look(made).duration_seconds == pytest.approx(TONE_SECONDS, abs=0.01)
        assert look(made).notes == []


def test_recording_without_a_length_in_its_header_is_measured(make_recording: MakeRecording) -> None:
    streamed = ["ffmpeg", "-v", "error", *TONE, "-c:a", "libopus", "-f", "webm", "pipe:1"]
    made = make_recording("a.webm", "-c:a", "libopus")
    made.write_bytes(subprocess.run(streamed, check=True, capture_output=True).stdout)
    assert look(made).duration_seconds == pytest.approx(TONE_SECONDS, abs=0.1)


def test_flac_that_lies_about_its_length_is_stopped_at_the_limit(make_recording: MakeRecording) -> None:
    long = ("-f", "lavfi", "-i", "anullsrc=r=8000:cl=mono:d=600")
    made = make_recording("a.flac", *long)
    content = bytearray(made.read_bytes())
    # STREAMINFO (RFC 9639 §8.2): the low 32 bits of the number of samples; three seconds are claimed.
    content[22:26] = (3 * 8000).to_bytes(4, "big")
    made.write_bytes(content)
    assert why_refused(made, max_seconds=60) == "recording-too-long"
    assert look(made, max_seconds=700).duration_seconds == pytest.approx(600, abs=0.1)


def test_recording_at_the_limit_is_accepted(make_recording: MakeRecording) -> None:
    made = make_recording("a.wav", "-f", "lavfi", "-i", "sine=d=3")
    assert look(made, max_seconds=3).duration_seconds == 3.0
    with pytest.raises(UnusableRecording) as refused:
        look(made, max_seconds=2)
    assert (refused.value.code, refused.value.parameters) == ("recording-too-long", {"limit_minutes": 0})


def test_picture_beyond_the_limit_is_refused(make_recording: MakeRecording) -> None:
    made = make_recording("a.mp4", *AND_PICTURE)
    assert look(made, max_pixels=176 * 144).has_video
    assert why_refused(made, max_pixels=176 * 144 - 1) == "picture-too-large"


def test_flood_of_pictures_is_refused_before_one_is_decoded(make_recording: MakeRecording) -> None:
    flood = ("-f", "lavfi", "-i", "color=s=16x16:r=3000:d=1.5")
    made = make_recording("a.mkv", *TONE, *flood, "-c:v", "ffv1")
    assert why_refused(made) == "picture-too-fast"
    assert look(made, max_pictures_a_second=3100).picture_seconds == pytest.approx(1.5, abs=0.1)
    # Slow motion of a phone, and many pictures in the first moment of a long film.
    assert look(make_recording("b.mkv", *TONE, "-f", "lavfi", "-i", "testsrc2=s=16x16:r=240:d=1.5")).has_video
    still = ("-vf", "select='lt(t,0.2)+gt(t,2.9)'", "-fps_mode", "vfr")
    made = make_recording("c.mkv", *TONE, "-f", "lavfi", "-i", "color=s=16x16:r=500:d=3", *still)
    assert look(made).picture_seconds == pytest.approx(3.0, abs=0.1)


def test_picture_that_goes_on_after_the_sound_is_measured_and_has_the_same_limit(
    make_recording: MakeRecording,
) -> None:
    picture = ("-f", "lavfi", "-i", "color=s=16x16:r=1:d=100")
    made = make_recording("a.mp4", *TONE, *picture, "-c:v", "libx264", "-c:a", "aac")
    found = look(made, max_seconds=101)
    assert found.duration_seconds == pytest.approx(TONE_SECONDS, abs=0.1)
    assert found.picture_seconds == pytest.approx(100, abs=1)
    assert why_refused(made, max_seconds=90) == "recording-too-long"


def test_recording_without_sound_is_refused_unless_it_is_told_in_sign_language(
    make_recording: MakeRecording,
) -> None:
    made = make_recording("a.mp4", *PICTURE)
    assert why_refused(made) == "no-sound"
    found = look(made, told_in_sign_language=True)
    assert (found.audio_track, found.channels, found.has_video) == (None, 0, True)
    assert found.duration_seconds == pytest.approx(TONE_SECONDS, abs=0.15)
    assert found.notes == ["nothing-to-hear"]


def test_sound_alone_told_in_sign_language_is_still_a_recording(make_recording: MakeRecording) -> None:
    assert look(make_recording("a.mp3"), told_in_sign_language=True).audio_track == 0


def test_sound_track_of_no_length_is_refused(make_recording: MakeRecording) -> None:
    assert why_refused(make_recording("a.wav", "-t", "0")) == "sound-track-empty"


def test_sound_of_a_kind_that_nobody_knows_is_said_to_be_that(make_recording: MakeRecording) -> None:
    made = make_recording("a.wav")
    content = bytearray(made.read_bytes())
    # The number of its coding, right behind the head of its first chunk.
    at = content.index(b"fmt ") + 8
    content[at : at + 2] = b"\x34\x12"
    made.write_bytes(content)
    assert why_refused(made) == "sound-unknown"


def test_still_picture_alone_is_refused(make_recording: MakeRecording) -> None:
    one = ("-f", "lavfi", "-i", "testsrc2=size=64x64:rate=1:duration=1", "-frames:v", "1")
    for name in ("a.png", "a.jpg", "a.gif", "a.bmp"):
        assert why_refused(make_recording(name, *one)) == "not-a-recording"


def test_cover_is_no_picture_of_the_recording(make_recording: MakeRecording) -> None:
    arguments = ("-map", "0", "-map", "1", "-frames:v", "1", "-c:v", "png", "-c:a", "libmp3lame")
    found = look(make_recording("a.mp3", *TONE, *PICTURE, *arguments, "-disposition:v", "attached_pic"))
    assert (found.has_video, found.width, found.video_track) == (False, None, None)


def test_turned_picture_is_measured_upright(make_recording: MakeRecording, tmp_path: Path) -> None:
    make_recording("flat.mp4", *AND_PICTURE)
    flat = str(tmp_path / "flat.mp4")
    found = look(make_recording("a.mp4", *turned(flat)))
    assert (found.width, found.height) == (144, 176)


def _wav(path: Path, samples: np.ndarray[Any, Any], channels: int = 1) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(16_000)
        file.writeframes(samples.astype("<i2").tobytes())
    return path


def test_constant_voltage_is_silence(tmp_path: Path) -> None:
    found = look(_wav(tmp_path / "a.wav", np.full(32_000, 16_384)))
    assert found.is_silent
    assert found.notes == ["nothing-to-hear"]
    assert found.peak_decibels is not None


def test_one_speaking_channel_of_eight_is_heard(tmp_path: Path) -> None:
    samples = np.zeros((32_000, 8))
    samples[:, 7] = 8000 * np.sin(np.arange(32_000) / 10)
    found = look(_wav(tmp_path / "a.wav", samples, channels=8))
    assert (found.is_silent, found.channels) == (False, 8)


def test_whisper_is_not_taken_for_silence(tmp_path: Path) -> None:
    # 54 dB below full scale, as a phone on a table records a low voice.
    samples = 32_768 * 10 ** (-54 / 20) * 2**0.5 * np.sin(np.arange(32_000) / 5)
    assert not look(_wav(tmp_path / "a.wav", samples)).is_silent


@pytest.fixture
def kill_what_is_started() -> Callable[[], bool]:
    """What the kernel does where memory is short; and that nobody called the work off.

    What ran before the test is spared: the guard of the store that all tests share may be among it.
    """
    before = set(psutil.Process().children())

    def kill() -> bool:
        for child in set(psutil.Process().children()) - before:
            child.kill()
        return False

    return kill


# What is run in place of ffprobe, and why nothing is known then.
OUR_OWN_FAULTS = {
    "it is killed": ("exec sleep 600", "decoder-stopped"),
    "a library of its is just being replaced": ("exit 127", "decoder-stopped"),
    "another version does not know an option": ("echo Option not found >&2; exit 1", "decoder-stopped"),
    "it takes too long": ("exec sleep 600", "took-too-long"),
}


@pytest.mark.parametrize("what", OUR_OWN_FAULTS)
def test_recording_is_not_refused_for_a_fault_of_ours(
    make_recording: MakeRecording,
    run_instead: Callable[[str], None],
    kill_what_is_started: Callable[[], bool],
    what: str,
) -> None:
    script, code = OUR_OWN_FAULTS[what]
    made = make_recording("a.mp3")
    run_instead(script)
    limits = MediaLimits(probe=Limits(wall_seconds=0.5 if code == "took-too-long" else 60))
    cancelled = kill_what_is_started if what == "it is killed" else runner.never
    with pytest.raises(StageFailed) as failed:
        inspect(made, told_in_sign_language=False, limits=limits, cancelled=cancelled)
    assert failed.value.code == code


def test_recording_is_not_refused_where_ffprobe_is_not_there(
    make_recording: MakeRecording, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = make_recording("a.mp3")
    monkeypatch.setattr(runner, "_program", lambda name: f"/usr/bin/no-{name}")
    with pytest.raises(StageFailed) as failed:
        look(made)
    assert failed.value.code == "decoder-stopped"


def test_recording_is_not_refused_where_no_cage_can_be_built(
    make_recording: MakeRecording, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = make_recording("a.mp3")
    monkeypatch.setattr(runner, "MOST_OPEN_FILES", 1 << 40)
    with pytest.raises(StageFailed) as failed:
        look(made)
    assert failed.value.code == "decoder-stopped"
    assert "the cage could not be built" in str(failed.value.parameters["reason"])


def test_decoding_that_was_killed_gives_no_shorter_recording(
    make_recording: MakeRecording, kill_what_is_started: Callable[[], bool]
) -> None:
    made = make_recording("a.flac", "-f", "lavfi", "-i", "sine=d=7200:r=8000")
    heard: list[float] = []

    def kill_at_first_sound(fraction: float) -> None:
        heard.append(fraction)
        # It may be told of before anything was heard.
        if fraction:
            kill_what_is_started()

    with pytest.raises(StageFailed) as failed:
        inspect(made, told_in_sign_language=False, limits=MediaLimits(), progress=kill_at_first_sound)
    assert failed.value.code == "decoder-stopped"
    assert 0 < heard[-1] < 1


def test_counting_of_pictures_that_was_killed_finds_no_shorter_film(
    make_recording: MakeRecording,
    run_instead: Callable[[str], None],
    kill_what_is_started: Callable[[], bool],
) -> None:
    made = make_recording("a.mp4", *AND_PICTURE)
    run_instead("echo frame=1; echo out_time_us=100; exec sleep 600")
    with pytest.raises(StageFailed) as failed:
        _count_pictures(made, {"index": 0}, MediaLimits(), kill_what_is_started)
    assert failed.value.code == "decoder-stopped"


def test_work_that_is_called_off_stops(make_recording: MakeRecording) -> None:
    with pytest.raises(WorkCancelled):
        inspect(
            make_recording("a.mp3"),
            told_in_sign_language=False,
            limits=MediaLimits(),
            cancelled=lambda: True,
        )


def test_progress_goes_up_to_the_whole(make_recording: MakeRecording) -> None:
    told: list[float] = []
    made = make_recording("a.wav", "-f", "lavfi", "-i", "sine=d=120")
    inspect(made, told_in_sign_language=False, limits=MediaLimits(), progress=told.append)
    assert told == sorted(told)
    assert told[-1] == pytest.approx(1.0, abs=0.01)
    assert all(0 <= each <= 1 for each in told)


@pytest.mark.parametrize("size", [1, 2, 999, 1600, 1_000_000])
def test_listener_counts_every_sample_however_they_come(size: int) -> None:
    samples = (5000 * np.sin(np.arange(12_345) / 7)).astype("<i2").tobytes()
    listener = Listener()
    for at in range(0, len(samples), size):
        listener.take(samples[at : at + size])
    listener.finish()
    assert listener.samples == 12_345
    assert listener.duration_seconds == 12_345 / RATE
    assert not listener.is_silent
    assert listener.peak_decibels == pytest.approx(-16.3, abs=0.2)


def test_listener_that_heard_nothing_is_silent() -> None:
    listener = Listener()
    listener.finish()
    assert (listener.samples, listener.is_silent) == (0, True)


def test_every_channel_is_mixed_in() -> None:
    as_written: Callable[[int], str] = mix_to_mono
    assert as_written(1) == "mono|c0=1.0*c0"
    assert as_written(3) == "mono|c0=0.5*c0+0.5*c1+0.5*c2"
    assert as_written(0) == as_written(1)
