"""What a recording is, found by decoding it within limits: nothing that its headers claim is believed."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from models.errors import StageFailed, UnusableRecording
from pipeline.media import runner
from pipeline.media.listening import RATE, Listener
from pipeline.media.runner import MAX_PIXELS, Limits, never

MAX_TRACKS = 8
HEAD_BYTES = 4096
# Samples in floating point can be infinite or no number, and one of them silences all that a filter mixes it with, or
# stops an encoder. As 32-bit integers they are a click.
ALL_NUMBERS = "aformat=sample_fmts=s32"
# H.264 and HEVC allow no more.
MOST_REORDERED = 16
# Noticed only when it is decoded (pipeline.render).
PICTURE_UNREADABLE = "picture-unreadable"
TOO_LARGE = "exceeds specified max pixel count"


@dataclass(frozen=True)
class MediaLimits:
    """What one recording may be, and what decoding it may cost."""

    max_seconds: int = 4 * 3600
    max_pixels: int = MAX_PIXELS
    # Phones record movement that is to be seen slowly at 240.
    max_pictures_a_second: int = 300
    probe: Limits = field(default_factory=lambda: Limits(wall_seconds=20, cpu_seconds=20))
    decode: Limits = field(default_factory=lambda: Limits(wall_seconds=1200, cpu_seconds=1200))
    threads: int = 2


@dataclass(frozen=True)
class Inspection:
    """What was found. ``audio_track`` and ``video_track`` are stream numbers in the file; None: there is none.

    ``duration_seconds`` is the sound's; ``picture_seconds`` is the picture's, 0 without one.
    ``notes`` are codes of things that a person should know: ``cut-short``, ``checksum-mismatch``,
    ``nothing-to-hear``, ``other-tracks-with-sound``; and ``picture-unreadable``, when it was rendered.
    """

    container: str
    duration_seconds: float
    audio_track: int | None
    audio_codec: str | None
    channels: int
    peak_decibels: float | None
    is_silent: bool
    has_video: bool
    video_track: int | None
    video_codec: str | None
    width: int | None
    height: int | None
    other_tracks: list[int]
    notes: list[str]
    picture_seconds: float = 0.0

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, kept: dict[str, Any]) -> Inspection:
        return cls(**kept)


def inspect(
    path: Path,
    *,
    told_in_sign_language: bool,
    limits: MediaLimits,
    cancelled: Callable[[], bool] = never,
    progress: Callable[[float], None] = lambda fraction: None,
) -> Inspection:
    """Probe a file, then decode its sound to the end.

    :raises UnusableRecording: it is no recording, has no sound (and is not told in sign language), or is beyond
        the limits
    :raises StageFailed: a child was stopped, so that nobody knows
    :raises WorkCancelled: it was called off
    """
    _refuse_by_content(path)
    found = _probe(path, limits, cancelled)
    video = _video_stream(found, limits)
    tracks = _audio_streams(found)
    if not tracks and not (told_in_sign_language and video):
        raise UnusableRecording("no-sound")
    claimed = _number(found["format"].get("duration"))
    heard_seconds = _as_fraction_of(claimed, progress)
    listened = [(stream, _listen(path, stream, limits, cancelled, heard_seconds)) for stream in tracks]
    if tracks and not any(listener.samples for _, listener in listened):
        if not (told_in_sign_language and video):
            is_known = any(stream.get("codec_name", "unknown") != "unknown" for stream in tracks)
            raise UnusableRecording("sound-track-empty" if is_known else "sound-unknown")
        listened = []
    picture_seconds = _count_pictures(path, video, limits, cancelled) if video else 0.0
    return _findings(path, found, video, listened, claimed, picture_seconds, limits, cancelled)


def _refuse_by_content(path: Path) -> None:
    """Refuse what can be told from its first bytes: nothing, text, pages, playlists, scripts."""
    size = path.stat().st_size
    if size == 0:
        raise UnusableRecording("recording-empty")
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    texts = (b"<", b"#extm3u", b"ffconcat", b"[playlist]", b"{")
    is_text = all(byte >= 32 or byte in b"\t\r\n\f" for byte in head) and _is_utf8(head)
    if size < 12 or start.startswith(texts) or is_text:
        raise UnusableRecording("not-a-recording")


def _is_utf8(head: bytes) -> bool:
    try:
        head[:-4].decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _probe(path: Path, limits: MediaLimits, cancelled: Callable[[], bool]) -> dict[str, Any]:
    """What ffprobe says of a file. Only what it says itself is a reason to refuse one.

    :raises StageFailed: it did not come to say anything
    """
    probed = runner.probe(path, limits=limits.probe, cancelled=cancelled)
    # Also of a file that it cannot open it says so much; not where it did not understand what it was asked.
    if not probed.output.startswith(b"{"):
        raise StageFailed("decoder-stopped", reason=f"ffprobe: {probed.code}")
    if probed.code != 0:
        if "moov atom not found" in probed.errors and _begins_as_mp4(path):
            raise UnusableRecording("recording-unfinished")
        raise UnusableRecording("not-a-recording")
    found: dict[str, Any] = json.loads(probed.output)
    found["said"] = probed.errors
    if not found.get("streams"):
        raise UnusableRecording("not-a-recording")
    return found


def _begins_as_mp4(path: Path) -> bool:
    """Whether the first box is one of MP4's (ISO 14496-12): ffmpeg also looks for one where only the name says so."""
    with path.open("rb") as file:
        return file.read(8)[4:] in (b"ftyp", b"mdat", b"free", b"wide", b"skip")


def _video_stream(found: dict[str, Any], limits: MediaLimits) -> dict[str, Any] | None:
    """The picture, if there is one: covers are not part of a recording and are never decoded."""
    for stream in found["streams"]:
        if stream.get("codec_type") != "video" or stream.get("disposition", {}).get("attached_pic"):
            continue
        width, height = int(stream.get("width") or 0), int(stream.get("height") or 0)
        is_hidden = width * height == 0 and TOO_LARGE in found["said"]
        if is_hidden or width * height > limits.max_pixels:
            raise UnusableRecording("picture-too-large")
        if width * height:
            chosen: dict[str, Any] = stream
            return chosen
    return None


def _audio_streams(found: dict[str, Any]) -> list[dict[str, Any]]:
    """The sound tracks, the one marked as default first."""
    streams = [stream for stream in found["streams"] if stream.get("codec_type") == "audio"]
    return sorted(streams, key=lambda each: not each.get("disposition", {}).get("default"))[:MAX_TRACKS]


def _as_fraction_of(claimed: float | None, progress: Callable[[float], None]) -> Callable[[float], None]:
    if not claimed:
        return lambda seconds: None
    return lambda seconds: progress(min(1.0, seconds / claimed))


def _listen(
    path: Path,
    stream: dict[str, Any],
    limits: MediaLimits,
    cancelled: Callable[[], bool],
    heard_seconds: Callable[[float], None],
) -> Listener:
    """Decode one sound track to its end, or to the limit: its length is the samples that came out.

    :raises UnusableRecording: it is longer than the limit
    """
    listener = Listener()

    def take(chunk: bytes) -> None:
        listener.take(chunk)
        heard_seconds(listener.duration_seconds)
        if listener.duration_seconds > limits.max_seconds:
            raise UnusableRecording("recording-too-long", limit_minutes=limits.max_seconds // 60)

    mono = mix_to_mono(int(stream.get("channels") or 1))
    arguments = [
        *runner.input_options(),
        *("-threads", str(limits.threads), "-t", str(limits.max_seconds + 2), "-i", str(path.resolve())),
        *("-map", f"0:{stream['index']}", "-vn", "-sn", "-dn", "-af", f"{ALL_NUMBERS},pan={mono}"),
        *("-ar", str(RATE), "-f", "s16le", "pipe:1"),
    ]
    runner.decode(arguments, reads=[path], limits=limits.decode, take=take, cancelled=cancelled)
    listener.finish()
    return listener


def _count_pictures(
    path: Path, video: dict[str, Any], limits: MediaLimits, cancelled: Callable[[], bool]
) -> float:
    """Read a picture track to its end without decoding it; when its last picture is over, in seconds.

    :raises UnusableRecording: it is longer than the limit, or has more pictures a second
    """
    said = bytearray()
    arguments = [
        *runner.input_options(),
        *("-t", str(limits.max_seconds + 2), "-i", str(path.resolve()), "-map", f"0:{video['index']}"),
        *("-c", "copy", "-stats_period", "3600", "-progress", "pipe:1", "-f", "null", "-"),
    ]
    runner.decode(arguments, reads=[path], limits=limits.decode, take=said.extend, cancelled=cancelled)
    pictures = max((int(each) for each in re.findall(rb"^frame=\s*(\d+)", said, re.MULTILINE)), default=0)
    last = max(
        (int(each) / 1e6 for each in re.findall(rb"^out_time_us=(\d+)", said, re.MULTILINE)), default=0.0
    )
    # It is told by the clock of decoding, which is behind by as many pictures as wait to be put in their order.
    waiting = 1 + min(int(video.get("has_b_frames") or 0), MOST_REORDERED)
    seconds = last + waiting * last / max(1, pictures - waiting)
    if seconds > limits.max_seconds:
        raise UnusableRecording("recording-too-long", limit_minutes=limits.max_seconds // 60)
    if pictures > limits.max_pictures_a_second * max(seconds, 1.0):
        raise UnusableRecording("picture-too-fast", limit=limits.max_pictures_a_second)
    return seconds


def mix_to_mono(channels: int) -> str:
    """The argument of ffmpeg's ``pan`` that hears every channel alike.

    A desk recorder may have one of eight microphones in use; ffmpeg's own mixing follows the channels' places in
    a cinema, and drops some.
    """
    share = 1.0 if channels <= 1 else 0.5
    return "mono|c0=" + "+".join(f"{share}*c{number}" for number in range(max(1, min(channels, 64))))


def _findings(
    path: Path,
    found: dict[str, Any],
    video: dict[str, Any] | None,
    listened: list[tuple[dict[str, Any], Listener]],
    claimed: float | None,
    picture_seconds: float,
    limits: MediaLimits,
    cancelled: Callable[[], bool],
) -> Inspection:
    sounding = [pair for pair in listened if not pair[1].is_silent]
    chosen, listener = next(iter(sounding or listened), (None, None))
    duration = listener.duration_seconds if listener else picture_seconds
    others = [int(stream["index"]) for stream, _ in sounding if stream is not chosen]
    container = str(found["format"].get("format_name", "")).split(",")[0]
    notes = {
        # A picture may outlast the sound, and the sound the picture.
        "cut-short": _is_cut_short(container, claimed, max(duration, picture_seconds)),
        "checksum-mismatch": container == "flac" and _has_wrong_checksum(path, limits, cancelled),
        "nothing-to-hear": listener is None or listener.is_silent,
        "other-tracks-with-sound": bool(others),
    }
    width, height = _upright_size(video)
    return Inspection(
        container=container,
        duration_seconds=round(duration, 3),
        audio_track=int(chosen["index"]) if chosen else None,
        audio_codec=str(chosen.get("codec_name")) if chosen else None,
        channels=int(chosen.get("channels") or 1) if chosen else 0,
        peak_decibels=listener.peak_decibels if listener else None,
        is_silent=listener is None or listener.is_silent,
        has_video=video is not None,
        video_track=int(video["index"]) if video else None,
        video_codec=str(video.get("codec_name")) if video else None,
        width=width,
        height=height,
        other_tracks=others,
        notes=[note for note, holds in notes.items() if holds],
        picture_seconds=round(picture_seconds, 3),
    )


def _number(text: Any) -> float | None:
    try:
        value = float(text)
    except (TypeError, ValueError):
        return None
    return value if 0 < value < 1e7 else None


def _is_cut_short(container: str, claimed: float | None, decoded: float) -> bool:
    """Whether the header promised clearly more. A streamed WAV claims sizes that mean nothing."""
    if claimed is None or container in ("wav", "aac", "amr"):
        return False
    return claimed - decoded > max(1.0, 0.1 * claimed)


def _upright_size(video: dict[str, Any] | None) -> tuple[int | None, int | None]:
    """Width and height as a person sees them: phones store a turned picture and say by how much."""
    if video is None:
        return None, None
    width, height = int(video["width"]), int(video["height"])
    turns = [side.get("rotation", 0) for side in video.get("side_data_list", [])]
    return (height, width) if any(int(turn) % 180 for turn in turns) else (width, height)


def _has_wrong_checksum(path: Path, limits: MediaLimits, cancelled: Callable[[], bool]) -> bool:
    """Whether a FLAC's samples differ from the MD5 in its header (RFC 9639 §8.2); ffmpeg does not look."""
    with path.open("rb") as file:
        head = file.read(42)
    if head[:4] != b"fLaC" or len(head) < 42 or head[26:42] == bytes(16):
        return False
    bits = (((head[20] & 1) << 4) | (head[21] >> 4)) + 1
    codec = {16: "pcm_s16le", 24: "pcm_s24le"}.get(bits)
    if codec is None:
        return False
    digest = bytearray()
    arguments = [
        *runner.input_options(),
        *("-i", str(path.resolve()), "-map", "0:a:0", "-c:a", codec, "-f", "md5", "pipe:1"),
    ]
    done = runner.decode(
        arguments, reads=[path], limits=limits.decode, take=digest.extend, cancelled=cancelled
    )
    match = re.search(rb"MD5=([0-9a-f]{32})", bytes(digest))
    return done.code == 0 and match is not None and match[1].decode() != head[26:42].hex()
