"""Place, device, names, chapters, covers, captions: in no file that we make of a recording, whatever it came in."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pipeline.media.inspection import MediaLimits, inspect
from pipeline.media.renditions import render_all
from tests.pipeline.media.conftest import PICTURE, TONE, MakeRecording

CANARY = "canary-88d1"
PLACE = "+51.5007-000.1246/"
# A cover is a file of its own, with tags of its own.
COVER = b"\xff\xd8\xff\xe1\x00\x1fExif\0\0" + CANARY.encode() + b"-exif-" + b"\xff\xd9"
TAGS = (
    *("title", "artist", "comment", "album", "copyright", "encoded_by", "location", "make", "model"),
    *("lyrics", "description", "creation_time", "com.apple.quicktime.location.ISO6709"),
)
VALUES = {
    "location": PLACE,
    "com.apple.quicktime.location.ISO6709": PLACE,
    "creation_time": "2026-01-02T03:04:05Z",
}
TAGGED = tuple(part for tag in TAGS for part in ("-metadata", f"{tag}={VALUES.get(tag, CANARY)}"))
ON_STREAMS = ("-metadata:s:a:0", f"title={CANARY}", "-metadata:s:a:0", f"handler_name={CANARY}")


def chunk(name: bytes, content: bytes) -> bytes:
    """A chunk of RIFF, padded to even length."""
    return name + len(content).to_bytes(4, "little") + content + b"\0" * (len(content) % 2)


def mp4(make: MakeRecording, name: str) -> Path:
    keys = ("-movflags", "+use_metadata_tags", "-timecode", "01:02:03:04")
    return make(name, *TONE, *PICTURE, "-c:v", "libx264", "-c:a", "aac", *TAGGED, *ON_STREAMS, *keys)


def m4a(make: MakeRecording, name: str) -> Path:
    return make(name, "-c:a", "aac", *TAGGED, *ON_STREAMS)


def mkv(make: MakeRecording, name: str) -> Path:
    return make(name, *TONE, *PICTURE, "-c:v", "libx264", "-c:a", "flac", *TAGGED, *ON_STREAMS)


def mp3(make: MakeRecording, name: str) -> Path:
    """With tags before and behind the sound, and a cover with tags of its own, put in by hand (ID3v2.3, §3, §4.15)."""
    plain = make("plain.mp3", "-c:a", "libmp3lame", "-write_id3v1", "1", "-id3v2_version", "3", *TAGGED)
    content = plain.read_bytes()
    picture = b"\0image/jpeg\0\x03" + CANARY.encode() + b"\0" + COVER
    frame = b"APIC" + len(picture).to_bytes(4, "big") + b"\0\0" + picture
    # The size of all frames has seven bits a byte.
    size = sum(byte << (7 * at) for at, byte in enumerate(reversed(content[6:10]))) + len(frame)
    head = content[:6] + bytes((size >> (7 * at)) & 0x7F for at in reversed(range(4)))
    tagged = plain.with_name(name)
    tagged.write_bytes(head + frame + content[10:])
    return tagged


def wav(make: MakeRecording, name: str) -> Path:
    """As a field recorder writes it: who, when and where in chunks before and behind the sound."""
    content = make("plain.wav").read_bytes()
    bext = (
        CANARY.encode().ljust(256, b"\0")
        + b"recorder-"
        + CANARY.encode().ljust(83, b"\0")
        + b"2026-01-0203:04:05"
    )
    xml = f"<BWFXML><NOTE>{CANARY}</NOTE><LOCATION_GPS>{PLACE}</LOCATION_GPS></BWFXML>".encode()
    info = b"INFO" + chunk(b"INAM", CANARY.encode()) + chunk(b"IART", CANARY.encode())
    before = chunk(b"bext", bext.ljust(602, b"\0")) + chunk(b"iXML", xml)
    behind = (
        chunk(b"LIST", info) + chunk(b"_PMX", xml) + chunk(b"id3 ", b"ID3\x03\0\0\0\0\0\0" + CANARY.encode())
    )
    riff = b"WAVE" + before + content[12:] + behind
    tagged = make("empty.wav").with_name(name)
    tagged.write_bytes(chunk(b"RIFF", riff))
    return tagged


def ogg(make: MakeRecording, name: str) -> Path:
    return make(name, "-c:a", "libvorbis", *TAGGED, "-metadata", f"METADATA_BLOCK_PICTURE={CANARY}")


def opus(make: MakeRecording, name: str) -> Path:
    return make(name, "-c:a", "libopus", *TAGGED)


def flac(make: MakeRecording, name: str) -> Path:
    """With a block for an application and a picture, put in by hand (RFC 9639, §8)."""
    content = make("plain.flac", *TAGGED).read_bytes()
    application = b"\x02" + (4 + len(CANARY)).to_bytes(3, "big") + b"test" + CANARY.encode()
    kind, text = b"image/jpeg", CANARY.encode()
    picture = (
        (3).to_bytes(4, "big") + len(kind).to_bytes(4, "big") + kind + len(text).to_bytes(4, "big") + text
    )
    picture += bytes(16) + len(COVER).to_bytes(4, "big") + COVER
    block = b"\x06" + len(picture).to_bytes(3, "big") + picture
    tagged = make("empty.flac").with_name(name)
    tagged.write_bytes(content[:42] + application + block + content[42:])
    return tagged


def aiff(make: MakeRecording, name: str) -> Path:
    return make(name, "-write_id3v2", "1", *TAGGED)


def wma(make: MakeRecording, name: str) -> Path:
    return make(name, "-c:a", "wmav2", *TAGGED)


def avi(make: MakeRecording, name: str) -> Path:
    return make(name, *TONE, *PICTURE, "-c:v", "mpeg4", "-c:a", "libmp3lame", *TAGGED, *ON_STREAMS)


FILES: dict[str, Callable[[MakeRecording, str], Path]] = {
    "a.mp4": mp4,
    "a.m4a": m4a,
    "a.mkv": mkv,
    "a.mp3": mp3,
    "a.wav": wav,
    "a.oga": ogg,
    "a.opus": opus,
    "a.flac": flac,
    "a.aiff": aiff,
    "a.wma": wma,
    "a.avi": avi,
}


@pytest.mark.parametrize("name", FILES)
def test_no_word_of_a_recordings_metadata_leaves_with_it(
    make_recording: MakeRecording, look_at: Callable[[Path], dict[str, Any]], tmp_path: Path, name: str
) -> None:
    original = FILES[name](make_recording, name)
    content = original.read_bytes()
    assert content.count(CANARY.encode()) + content.count(CANARY.encode("utf-16-le")) >= 3
    made = tmp_path / "made"
    made.mkdir()
    found = inspect(original, told_in_sign_language=False, limits=MediaLimits())
    kinds = []
    for kind, path in render_all(original, found, made):
        kinds.append(kind)
        _assert_says_nothing(path.read_bytes())
        if kind in ("audio", "video"):
            assert {stream["codec_type"] for stream in look_at(path)["streams"]} <= {"audio", "video"}
        if kind == "poster":
            assert _segments(path.read_bytes()) <= PICTURE_ALONE
    assert kinds[:3] == ["speech", "audio", "peaks"]
    assert ("poster" in kinds) is (name in ("a.mp4", "a.mkv", "a.avi"))


def _assert_says_nothing(content: bytes) -> None:
    words = (CANARY, PLACE[:8], "2026-01-02", "01:02:03:04")
    told = [
        word for word in words for code in ("utf-8", "utf-16-le", "utf-16-be") if word.encode(code) in content
    ]
    assert told == []


# What a JPEG needs to be seen (ITU-T T.81, B.1.1.3): tables, frame, scan. APP0 is the resolution; APP1 to APP15 and COM
# are where cameras write who, where and with what.
PICTURE_ALONE = {0xC0, 0xC2, 0xC4, 0xDA, 0xDB, 0xDD, 0xE0}


def _segments(jpeg: bytes) -> set[int]:
    found, at = set(), 2
    while jpeg[at] == 0xFF and 0xDA not in found:
        found.add(jpeg[at + 1])
        at += 2 + int.from_bytes(jpeg[at + 2 : at + 4], "big")
    return found


def test_segments_of_a_cameras_picture_are_seen(tmp_path: Path) -> None:
    """That the list above shows something."""
    picture = tmp_path / "a.jpg"
    command = [
        "ffmpeg",
        "-v",
        "error",
        *PICTURE,
        "-frames:v",
        "1",
        "-metadata",
        f"comment={CANARY}",
        str(picture),
    ]
    subprocess.run(command, check=True)
    plain = picture.read_bytes()
    exif = b"\xff\xe1" + (2 + 6 + len(CANARY)).to_bytes(2, "big") + b"Exif\0\0" + CANARY.encode()
    assert not _segments(plain[:2] + exif + plain[2:]) <= PICTURE_ALONE
