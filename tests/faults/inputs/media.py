"""Makes recordings as nobody would: cut, lying, hostile. Everything by ffmpeg, espeak-ng and surgery on bytes."""

from __future__ import annotations

import io
import re
import struct
import subprocess
import zipfile
import zlib
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path

import numpy as np

CANARY = "canary-9d2c"
SCRIPT = f"<script>{CANARY}</script>"
PAGE = f"<!doctype html><html><body>{SCRIPT}</body></html>"
SECONDS = 1.0
TONE = ("-f", "lavfi", "-i", f"sine=frequency=440:sample_rate=16000:duration={SECONDS}")
PICTURE = ("-f", "lavfi", "-i", f"testsrc2=size=96x64:rate=10:duration={SECONDS}")
ONE_PICTURE = ("-f", "lavfi", "-i", "color=size=64x64:duration=0.1:rate=10")
SOUND_AND_PICTURE = (*TONE, *PICTURE, "-c:v", "libx264", "-preset", "ultrafast", "-c:a", "aac")


class Bench:
    """Where bad recordings are made. What several are made of is made once."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._made = 0

    # ---- good ones, to begin with ----

    def ffmpeg(self, ending: str, *arguments: str) -> bytes:
        """What ffmpeg makes of these arguments (a tone of a second where they name no input)."""
        self._made += 1
        made = self.folder / f"{self._made}.{ending}"
        inputs = () if "-i" in arguments else TONE
        command = ["ffmpeg", "-nostdin", "-v", "error", "-y", *inputs, *arguments, str(made)]
        subprocess.run(command, check=True)
        content = made.read_bytes()
        made.unlink()
        return content

    def file(self, name: str, content: bytes) -> Path:
        """A file that lies there for ffmpeg to read."""
        path = self.folder / name
        path.write_bytes(content)
        return path

    @cached_property
    def wav(self) -> bytes:
        return riff(fmt(), (b"data", self.samples.tobytes()))

    @cached_property
    def samples(self) -> np.ndarray[tuple[int], np.dtype[np.int16]]:
        """A second of a tone, 16 bits, 16 kHz, one channel."""
        return (12_000 * np.sin(np.arange(16_000) * 2 * np.pi * 440 / 16_000)).astype("<i2")

    @cached_property
    def mp3(self) -> bytes:
        return self.ffmpeg("mp3", "-c:a", "libmp3lame", "-id3v2_version", "0", "-write_xing", "0")

    @cached_property
    def m4a(self) -> bytes:
        return self.ffmpeg("m4a", "-c:a", "aac")

    @cached_property
    def m4a_index_first(self) -> bytes:
        return self.ffmpeg("m4a", "-c:a", "aac", "-movflags", "+faststart")

    @cached_property
    def film(self) -> bytes:
        return self.ffmpeg("mp4", *SOUND_AND_PICTURE)

    @cached_property
    def opus(self) -> bytes:
        return self.ffmpeg("ogg", "-c:a", "libopus", "-page_duration", "20000")

    @cached_property
    def vorbis(self) -> bytes:
        return self.ffmpeg("ogg", "-c:a", "libvorbis")

    @cached_property
    def flac(self) -> bytes:
        """Four seconds: of fewer frames than ten, one that is cut loses all."""
        return self.ffmpeg("flac", "-f", "lavfi", "-i", "sine=frequency=440:sample_rate=16000:duration=4")

    @cached_property
    def mkv(self) -> bytes:
        return self.ffmpeg("mkv", "-c:a", "flac")

    @cached_property
    def webm(self) -> bytes:
        return self.ffmpeg("webm", "-c:a", "libopus")

    @cached_property
    def aac(self) -> bytes:
        return self.ffmpeg("aac", "-c:a", "aac")

    @cached_property
    def speech(self) -> bytes:
        """A sentence, spoken by espeak-ng."""
        said = "I sat down on the bench by the well."
        return subprocess.run(
            ["espeak-ng", "-v", "en", "--stdout", said], check=True, capture_output=True
        ).stdout

    @cached_property
    def neighbour(self) -> Path:
        """Another person's recording, in the same folder."""
        longer = ("-f", "lavfi", "-i", "sine=frequency=880:sample_rate=16000:duration=5")
        return self.file("neighbour.ts", self.ffmpeg("ts", *longer, "-c:a", "mp2", "-f", "mpegts"))


Make = Callable[[Bench], bytes]


# ---- RIFF ----


def riff(*chunks: tuple[bytes, bytes], size: int | None = None) -> bytes:
    """A WAV of these chunks; ``size`` says another than its own."""
    body = b"WAVE" + b"".join(
        name + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2) for name, data in chunks
    )
    return b"RIFF" + struct.pack("<I", len(body) if size is None else size) + body


def fmt(
    *, tag: int = 1, channels: int = 1, rate: int = 16_000, bits: int = 16, align: int | None = None
) -> tuple[bytes, bytes]:
    """A chunk ``fmt``, true or not."""
    align = align if align is not None else channels * bits // 8 % 65_536
    return b"fmt ", struct.pack("<HHIIHH", tag, channels, rate, rate * align % 2**32, align, bits)


def lying_wav(**said: int) -> Make:
    """A WAV whose samples are good, and whose head says this of them."""
    return lambda bench: riff(fmt(**said), (b"data", bench.samples.tobytes()))


def wav_of(samples: np.ndarray[tuple[int], np.dtype[np.float32]]) -> bytes:
    """A WAV of 32-bit floats."""
    return riff(fmt(tag=3, bits=32), (b"data", samples.astype("<f4").tobytes()))


def float_wav(change: Callable[[np.ndarray], np.ndarray]) -> Make:  # type: ignore[type-arg]
    return lambda bench: wav_of(change(bench.samples.astype("<f4") / 32_768))


def with_every_tenth(value: float) -> Make:
    """A tone in which each tenth sample is this."""

    def change(samples: np.ndarray) -> np.ndarray:  # type: ignore[type-arg]
        samples[::10] = value
        return samples

    return float_wav(change)


def wav_size(size: int, *, data_size: int | None = None) -> Make:
    def make(bench: Bench) -> bytes:
        content = bytearray(bench.wav)
        content[4:8] = struct.pack("<I", size)
        if data_size is not None:
            at = content.index(b"data") + 4
            content[at : at + 4] = struct.pack("<I", data_size)
        return bytes(content)

    return make


def wav_with(*chunks: tuple[bytes, bytes]) -> Make:
    """A WAV with these chunks before its samples."""
    return lambda bench: riff(fmt(), *chunks, (b"data", bench.samples.tobytes()))


# ---- MP4 (ISO 14496-12) ----


def box(name: bytes, *content: bytes) -> bytes:
    body = b"".join(content)
    return struct.pack(">I", 8 + len(body)) + name + body


def nested(name: bytes, depth: int, innermost: bytes = b"") -> bytes:
    """A box in a box in a box."""
    made = innermost
    for _ in range(depth):
        made = box(name, made)
    return made


def set_in_box(content: bytes, name: bytes, offset: int, value: bytes) -> bytes:
    """With other bytes at an offset behind the first box of a name."""
    at = content.index(name) + 4 + offset
    return content[:at] + value + content[at + len(value) :]


def in_m4a(name: bytes, offset: int, value: bytes) -> Make:
    return lambda bench: set_in_box(bench.m4a, name, offset, value)


def in_film(name: bytes, offset: int, value: bytes) -> Make:
    return lambda bench: set_in_box(bench.film, name, offset, value)


def behind_ftyp(content: bytes, more: bytes) -> bytes:
    """With a box between the first and those after it; no index may point behind it (``moov`` lies last)."""
    size = struct.unpack(">I", content[:4])[0]
    moved = bytearray(content[:size] + more + content[size:])
    for found in re.finditer(b"stco", bytes(moved)):
        at = found.end() + 4
        count = struct.unpack(">I", moved[at : at + 4])[0]
        for place in range(at + 4, at + 4 + 4 * count, 4):
            old = struct.unpack(">I", moved[place : place + 4])[0]
            moved[place : place + 4] = struct.pack(">I", old + len(more))
    return bytes(moved)


# ---- others ----


def png(width: int, height: int) -> bytes:
    """A picture of one colour, as small as it can be packed."""

    def part(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    packer = zlib.compressobj(9)
    line = b"\0" * (width // 8 + 2)
    rows = b"".join(packer.compress(line) for _ in range(height)) + packer.flush()
    head = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + part(b"IHDR", head) + part(b"IDAT", rows) + part(b"IEND", b"")


def id3(*frames: bytes) -> bytes:
    """A tag before an MP3 (ID3v2.3)."""
    body = b"".join(frames)
    size = bytes(len(body) >> shift & 127 for shift in (21, 14, 7, 0))
    return b"ID3\x03\0\0" + size + body


def id3_frame(name: bytes, content: bytes) -> bytes:
    return name + struct.pack(">I", len(content)) + b"\0\0" + content


def zipped(name: str, content: bytes) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr(name, content)
    return packed.getvalue()


def text(written: str) -> Make:
    return lambda bench: written.encode()


def playlist(written: str) -> Make:
    """A text that names the neighbour's file in place of ``{neighbour}``."""
    return lambda bench: written.replace("{neighbour}", str(bench.neighbour)).encode()


def cut(of: str, keep: float | int) -> Make:
    """The beginning of a good one: so many bytes, or such a part of it."""

    def make(bench: Bench) -> bytes:
        content: bytes = getattr(bench, of)
        return content[: keep if isinstance(keep, int) else int(len(content) * keep)]

    return make


def good(of: str) -> Make:
    return lambda bench: getattr(bench, of)  # type: ignore[no-any-return]


def made(ending: str, *arguments: str) -> Make:
    return lambda bench: bench.ffmpeg(ending, *arguments)


def replaced(of: str, old: bytes, new: bytes) -> Make:
    def make(bench: Bench) -> bytes:
        content: bytes = getattr(bench, of)
        assert old in content, "nothing to replace"
        return content.replace(old, new)

    return make


def ebml_float(of: str, element: bytes, value: float) -> Make:
    """A Matroska in which an element of 8 bytes of floating point says this."""

    def make(bench: Bench) -> bytes:
        content: bytes = getattr(bench, of)
        at = content.index(element + b"\x88") + len(element) + 1
        return content[:at] + struct.pack(">d", value) + content[at + 8 :]

    return make


def noise_inside(of: str, first: float, last: float, seed: int = 3) -> Make:
    """With noise in place of what lies between two places."""

    def make(bench: Bench) -> bytes:
        content = bytearray(getattr(bench, of))
        start, end = int(len(content) * first), int(len(content) * last)
        content[start:end] = np.random.default_rng(seed).bytes(end - start)
        return bytes(content)

    return make


def many_tracks(count: int) -> Make:
    maps: Sequence[str] = [argument for _ in range(count) for argument in ("-map", "0:a")]
    return made("mkv", *TONE, *maps, "-c:a", "flac")


def with_attachment(bench: Bench) -> bytes:
    page = bench.file("evil.html", PAGE.encode())
    return bench.ffmpeg(
        "mkv", *TONE, "-c:a", "flac", "-attach", str(page),
        "-metadata:s:t", "mimetype=text/html", "-metadata:s:t", f"filename=../../../{CANARY}.html",
    )  # fmt: skip


def with_subtitles(ending: str, codec: str) -> Make:
    def make(bench: Bench) -> bytes:
        lines = bench.file("lines.srt", f"1\n00:00:00,000 --> 00:00:00,900\n{SCRIPT}\n".encode())
        return bench.ffmpeg(ending, *TONE, "-i", str(lines), "-map", "0", "-map", "1", "-c:s", codec)

    return make


def with_cover(width: int, height: int) -> Make:
    def make(bench: Bench) -> bytes:
        picture = b"\0image/png\0\x03\0" + png(width, height)
        return id3(id3_frame(b"APIC", picture)) + bench.mp3

    return make


def tagged(of: str, count: int, size: int) -> Make:
    """An MP3 behind so many texts of such a size."""
    frames = [id3_frame(b"TXXX", b"\0" + f"{CANARY}{n}".encode() + b"\0" + b"x" * size) for n in range(count)]
    return lambda bench: id3(*frames) + getattr(bench, of)


def chained(*of: str) -> Make:
    return lambda bench: b"".join(getattr(bench, each) for each in of)


def encrypted(bench: Bench) -> bytes:
    key = (
        "-encryption_scheme",
        "cenc-aes-ctr",
        "-encryption_key",
        "0" * 31 + "1",
        "-encryption_kid",
        "0" * 32,
    )
    return bench.ffmpeg("mp4", "-c:a", "aac", *key)


def mov_of_another_file(bench: Bench) -> bytes:
    """A MOV that says its samples lie in another file (a data reference that is not to itself)."""
    neighbour = b"file://" + str(bench.neighbour).encode() + b"\0"
    content = bench.m4a
    at = content.index(b"url ")
    old = content[at - 4 : at + 8]
    # As long as it was: the reference's name takes the place of what lies behind the index.
    assert old == box(b"url ", b"\0\0\0\x01")
    return content[: at + 4] + b"\0\0\0\0" + content[at + 8 :] + neighbour


def with_gap(hours: float) -> Make:
    """Sound and picture whose clock jumps by hours in the middle."""
    jump = int(hours * 3600)
    return made(
        "mkv", *TONE, *PICTURE,
        "-af", f"asetpts=PTS+gte(T\\,0.5)*{jump}/TB", "-vf", f"setpts=PTS+gte(T\\,0.5)*{jump}/TB",
        "-c:a", "flac", "-c:v", "libx264", "-preset", "ultrafast", "-vsync", "passthrough",
    )  # fmt: skip
