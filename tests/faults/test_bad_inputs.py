"""Bad inputs, each with what becomes of it: whatever comes, nobody is answered by a failure of ours.

One table: what it is, how it is made or sent (``inputs/media.py``, ``inputs/requests.py``), and what is expected of it.
The files kept beside the checkout are another table's matter (tests/pipeline/test_broken.py).
"""

from __future__ import annotations

import hashlib
import html
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from app.parts import Parts
from app.settings import Settings
from app.words import WORDS, say
from pipeline.media.renditions import MOST_FILLED_SECONDS
from pipeline.media.runner import MIB, Limits
from pipeline.themes.codebook import load_codebook
from storage.embedded import Embedded
from tests.faults.inputs.looking import Looking, Seen, looking
from tests.faults.inputs.media import (
    CANARY,
    ONE_PICTURE,
    PAGE,
    PICTURE,
    SCRIPT,
    SECONDS,
    TONE,
    Bench,
    Make,
    behind_ftyp,
    box,
    chained,
    cut,
    ebml_float,
    encrypted,
    fmt,
    good,
    id3,
    id3_frame,
    in_film,
    in_m4a,
    lying_wav,
    made,
    many_tracks,
    mov_of_another_file,
    nested,
    noise_inside,
    playlist,
    png,
    riff,
    tagged,
    text,
    wav_of,
    wav_size,
    wav_with,
    with_attachment,
    with_cover,
    with_every_tenth,
    with_gap,
    with_subtitles,
    zipped,
)
from tests.faults.inputs.requests import (
    API,
    BOUNDARY,
    END,
    FORM,
    SOUND,
    Asked,
    House,
    Raw,
    ask,
    consent,
    cursor,
    form,
    get,
    part,
    recording,
    search,
    segments,
    send,
    story,
    tus,
)
from tests.pipeline.test_broken import Line
from tests.plugins.databases import on_sqlite
from tests.plugins.objects import bucket_on
from tests.plugins.served import Answer, serving_over
from tests.plugins.stories import Field
from tests.plugins.workshop import Workshop


@dataclass(frozen=True)
class Taken:
    """It is a recording: so many seconds of it are played and heard, and a curator is told this of it."""

    seconds: float = SECONDS
    notes: tuple[str, ...] = ()
    is_silent: bool = False


@dataclass(frozen=True)
class Refused:
    """It is none, or cannot be rendered, for this reason: no retry would help."""

    code: str


@dataclass(frozen=True)
class Answered:
    """The answer's status, and the code of its problem."""

    status: int
    code: str = ""


OK, MADE = Answered(200), Answered(201)
NOT_A_RECORDING, CUT, CHANGED = Refused("not-a-recording"), ("cut-short",), ("checksum-mismatch",)
NOTHING_IN_IT = Refused("sound-track-empty")
OF_NO_KIND = Refused("sound-unknown")
UNFIT = Answered(422, "invalid")
UNREADABLE = Answered(422, "form-unreadable")
# Below the application, by the web server: plain words, no problem details.
NO_HTTP = Answered(400)
NOBODY_WAITS = Answered(0)

TABLE: dict[str, tuple[Make | Asked | Raw, Taken | Refused | Answered]] = {
    # ---- no recordings, whatever they are called ---------------------------------------
    "nothing": (text(""), Refused("recording-empty")),
    "eleven bytes": (cut("wav", 11), NOT_A_RECORDING),
    "a text": (text("I lost my job last winter.\n" * 900), NOT_A_RECORDING),
    "a page": (text(PAGE), NOT_A_RECORDING),
    "a page behind four kilobytes of blanks": (text(" " * 5000 + PAGE), NOT_A_RECORDING),
    "a page in UTF-16": (lambda bench: PAGE.encode("utf-16"), NOT_A_RECORDING),
    "a drawing with a script": (text(f'<svg xmlns="http://www.w3.org/2000/svg">{SCRIPT}</svg>'), NOT_A_RECORDING),
    "a picture": (lambda bench: png(64, 64), NOT_A_RECORDING),
    "a picture of 900 million points": (lambda bench: png(30_000, 30_000), NOT_A_RECORDING),
    "a film as GIF": (made("gif", *PICTURE), NOT_A_RECORDING),
    "an archive with a recording in it": (lambda bench: zipped("a.wav", bench.wav), NOT_A_RECORDING),
    "a PDF with a recording in it": (
        lambda bench: b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\nstream\n" + bench.mp3 + b"\nendstream\n%%EOF",
        Taken(),
    ),
    "a program": (lambda bench: Path("/bin/true").read_bytes(), NOT_A_RECORDING),
    "a picture with a film behind it": (lambda bench: png(64, 64) + bench.film, NOT_A_RECORDING),
    "samples without a head": (lambda bench: bench.samples.tobytes(), NOT_A_RECORDING),
    "notes for a synthesizer": (
        lambda bench: b"MThd\0\0\0\x06\0\0\0\x01\0\x60MTrk\0\0\0\x04\0\xff\x2f\0" + bytes(500),
        NOT_A_RECORDING,
    ),
    # ---- scripts and lists that name other files ---------------------------------------
    "an HLS list of the neighbour": (
        playlist("#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:1,\n{neighbour}\n#EXT-X-ENDLIST\n"), NOT_A_RECORDING
    ),
    "an HLS list behind noise": (
        lambda bench: playlist("#EXTM3U\n#EXTINF:1,\n{neighbour}\n")(bench) + b"\0\xff" * 4000, NOT_A_RECORDING
    ),
    "an HLS list of an address": (
        text("#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1:9/a.ts\n#EXT-X-ENDLIST\n"), NOT_A_RECORDING
    ),
    "an HLS list with a key": (
        playlist('#EXTM3U\n#EXT-X-KEY:METHOD=AES-128,URI="file:///etc/passwd"\n#EXTINF:1,\n{neighbour}\n'),
        NOT_A_RECORDING,
    ),
    "a DASH description": (
        playlist('<?xml version="1.0"?><MPD><Period><BaseURL>file://{neighbour}</BaseURL></Period></MPD>'),
        NOT_A_RECORDING,
    ),
    "a concat script": (playlist("ffconcat version 1.0\nfile '{neighbour}'\n"), NOT_A_RECORDING),
    "a file of ffmpeg's metadata": (text(f";FFMETADATA1\ntitle={CANARY}\n" * 50), NOT_A_RECORDING),
    "a list of Winamp's": (playlist("[playlist]\nFile1={neighbour}\nNumberOfEntries=1\n"), NOT_A_RECORDING),
    "subtitles": (text(f"1\n00:00:00,000 --> 00:00:09,000\n{SCRIPT}\n\n" * 40), NOT_A_RECORDING),
    "a MOV whose samples lie in another file": (mov_of_another_file, Taken()),
    # ---- cut ---------------------------------------
    "an M4A cut in its samples": (cut("m4a", 0.5), Refused("recording-unfinished")),
    "an M4A cut behind its first box": (cut("m4a", 28), Refused("recording-unfinished")),
    "an M4A with its index first, cut in the middle": (cut("m4a_index_first", 0.6), Taken(0.5)),
    "a WAV cut in its head": (cut("wav", 30), NOT_A_RECORDING),
    "a WAV cut behind its head": (cut("wav", 44), NOTHING_IN_IT),
    "a WAV cut in the middle": (cut("wav", 0.5), Taken(0.5)),
    "a WAV that lost its last byte": (cut("wav", -1), Taken()),
    "an MP3 cut in its first frame": (cut("mp3", 100), NOT_A_RECORDING),
    "an MP3 that lost its last bytes": (cut("mp3", -7), Taken()),
    "an Ogg of heads alone": (cut("vorbis", 60), NOT_A_RECORDING),
    "an Ogg that lost its end": (cut("opus", 0.7), Taken(0.7)),
    "a FLAC cut in its head": (cut("flac", 20), NOT_A_RECORDING),
    "a FLAC cut in the middle": (cut("flac", 0.6), Taken(1.8, (*CUT, *CHANGED))),
    "a WebM cut in its head": (cut("webm", 100), NOT_A_RECORDING),
    "a WebM cut in the middle": (cut("webm", 0.6), Taken(0.5)),
    "an AAC cut in the middle": (cut("aac", 0.5), Taken(0.5)),
    "a film cut in its index": (cut("film", -40), Taken()),
    # ---- heads that lie ---------------------------------------
    "a WAV of no channels": (lying_wav(channels=0), NOT_A_RECORDING),
    "a WAV of 255 channels": (lying_wav(channels=255), NOTHING_IN_IT),
    "a WAV of 65,535 channels": (lying_wav(channels=65_535), NOT_A_RECORDING),
    "a WAV at 0 Hz": (lying_wav(rate=0), NOT_A_RECORDING),
    "a WAV at 1 Hz": (lying_wav(rate=1), Refused("recording-too-long")),
    "a WAV at 4 GHz": (lying_wav(rate=2**32 - 1), NOT_A_RECORDING),
    "a WAV of 0 bits": (lying_wav(bits=0), OF_NO_KIND),
    "a WAV of 65,535 bits": (lying_wav(bits=65_535), OF_NO_KIND),
    "a WAV in blocks of nothing": (lying_wav(align=0), Taken()),
    "a WAV in a code that nobody knows": (lying_wav(tag=0x1234), OF_NO_KIND),
    "a WAV without a format": (lambda bench: riff((b"data", bench.samples.tobytes())), NOT_A_RECORDING),
    "a WAV whose list is longer than the file": (
        lambda bench: riff(fmt(), (b"LIST", b"INFO")) + bench.wav, NOT_A_RECORDING
    ),
    "a WAV with ten thousand empty chunks": (wav_with(*[(b"junk", b"")] * 10_000), Taken()),
    "a WAV that claims half its samples": (wav_size(100, data_size=16_000), Taken(0.5)),
    "a WAV that claims an odd number of bytes": (wav_size(100, data_size=32_001), Taken()),
    "an M4A that claims to last for ever": (in_m4a(b"mvhd", 16, b"\xff" * 4), Taken(1.0, CUT)),
    "an M4A whose clock stands still": (in_m4a(b"mdhd", 12, bytes(4)), Taken(0.06, ("nothing-to-hear",))),
    "an M4A of four billion samples": (in_m4a(b"stsz", 8, b"\xff" * 4), NOT_A_RECORDING),
    "an M4A whose samples last for ever": (in_m4a(b"stts", 8, b"\x7f" * 8), NOTHING_IN_IT),
    "an M4A whose samples lie behind its end": (in_m4a(b"stco", 8, b"\x7f" * 4), NOTHING_IN_IT),
    "an M4A with four billion edits": (in_m4a(b"elst", 4, b"\xff" * 4), Taken()),
    "a Matroska that lasts 1e300": (ebml_float("mkv", b"\x44\x89", 1e300), Taken()),
    "a Matroska that lasts no number": (ebml_float("mkv", b"\x44\x89", float("nan")), Taken()),
    "a Matroska that lasts less than nothing": (ebml_float("mkv", b"\x44\x89", -5000.0), Taken()),
    "a film of 65,535 by 65,535 points": (in_film(b"avc1", 24, b"\xff" * 4), Taken()),
    "a film of no points": (in_film(b"avc1", 24, bytes(4)), Taken()),
    # ---- odd, and good ones ---------------------------------------
    "a film of a thousand pictures a second": (
        made("mp4", *TONE, "-f", "lavfi", "-i", "testsrc2=size=96x64:rate=1000:duration=1", "-shortest"),
        Refused("picture-too-fast"),
    ),
    "a film of 240 pictures a second": (
        made("mp4", *TONE, "-f", "lavfi", "-i", "testsrc2=size=96x64:rate=240:duration=1", "-shortest"), Taken()
    ),
    "a film of one picture": (made("mkv", *TONE, *ONE_PICTURE, "-c:v", "libx264", "-c:a", "flac"), Taken()),
    "a film that is 2 wide and 4,000 high": (
        made("mp4", *TONE, "-f", "lavfi", "-i", "color=size=2x4000:rate=2:duration=1"), Taken()
    ),
    # Its picture goes on to the end that the file names: nothing is missing there.
    "a film whose clock jumps by an hour": (with_gap(1), Taken(1.0)),
    "a recording with 40 tracks": (many_tracks(40), Taken(1.0, ("other-tracks-with-sound",))),
    "samples that are no number": (with_every_tenth(float("nan")), Taken()),
    "samples that are infinite": (with_every_tenth(float("inf")), Taken()),
    "samples of 1e30": (with_every_tenth(1e30), Taken()),
    "one sample": (lambda bench: riff(fmt(), (b"data", b"\0\x40")), NOTHING_IN_IT),
    "a tone behind noise": (
        lambda bench: noise_inside("mp3", 0, 1)(bench)[:3000] + bench.mp3, Taken()
    ),
    "a recording with noise in its middle": (noise_inside("mp3", 0.4, 0.5), Taken(0.9)),
    "a FLAC with noise in its middle": (noise_inside("flac", 0.4, 0.5), Taken(3.3, CHANGED)),
    "speech at 1 bit of loudness": (
        lambda bench: wav_of((bench.samples / 32_768 / 4000).astype("f4")),
        Taken(1.0, ("nothing-to-hear",), True),
    ),
    "a program that speaks while it streams": (good("speech"), Taken(2.0)),
    "two codecs in one Ogg": (chained("vorbis", "opus"), Taken(1.0)),
    "two WAVs, one behind the other": (chained("wav", "wav"), Taken()),
    "two films, one behind the other": (chained("film", "film"), Taken()),
    "an MP3 in an MP3": (chained("mp3", "mp3"), Taken(2.1)),
    "a film that is encrypted": (encrypted, NOTHING_IN_IT),
    "a recording with another's type": (good("opus"), Taken()),
    # ---- what hides in recordings ---------------------------------------
    "a WAV with a page behind it": (lambda bench: bench.wav + PAGE.encode(), Taken()),
    "a WAV with an archive behind it": (lambda bench: bench.wav + zipped("evil.html", PAGE.encode()), Taken()),
    "a WAV with a page in a list": (wav_with((b"LIST", b"INFOINAM" + b"\x40\0\0\0" + PAGE.encode()[:64])), Taken()),
    "a film with a page before its samples": (
        lambda bench: behind_ftyp(bench.film, box(b"free", PAGE.encode())), Taken()
    ),
    "a film in ten thousand boxes": (lambda bench: bench.film + nested(b"udta", 10_000), NOT_A_RECORDING),
    "an MP3 that begins as a page": (
        lambda bench: id3(id3_frame(b"TIT2", b"\0" + PAGE.encode())) + bench.mp3, Taken()
    ),
    "an MP3 with two thousand texts": (tagged("mp3", 2000, 100), Taken()),
    "an MP3 with 16 MB of text": (tagged("mp3", 16, 1024 * 1024), Taken()),
    "an MP3 whose cover has 900 million points": (with_cover(30_000, 30_000), Taken()),
    "a Matroska with a page attached": (with_attachment, Taken()),
    "a Matroska with a script in its subtitles": (with_subtitles("mkv", "srt"), Taken()),
    "a film with a script in its subtitles": (with_subtitles("mp4", "mov_text"), Taken()),
    # ---- JSON ---------------------------------------
    "JSON that is cut": (send(f"{API}/stories", b'{"title": '), UNFIT),
    "JSON in a hundred thousand brackets": (send(f"{API}/stories", b"[" * 100_000 + b"]" * 100_000), Answered(400)),
    "JSON of another kind": (send(f"{API}/stories", [["title", "A"]]), UNFIT),
    "JSON with a number of 5,000 digits": (
        send(f"{API}/stories", b'{"title": ' + b"9" * 5000 + b"}"), Answered(400)
    ),
    "JSON in UTF-16": (
        send(f"{API}/stories", '{"title": "A", "language": "en", "pilots": ["spring"]}'.encode("utf-16")), MADE
    ),
    "JSON that is not UTF-8": (send(f"{API}/stories", b'{"title": "\xff\xfe"}'), Answered(400)),
    "half a character": (send(f"{API}/stories", b'{"title": "\\ud800"}'), UNFIT),
    "half a character for a name": (send(f"{API}/stories", b'{"\\ud800": 1}'), UNFIT),
    "half a character for a day": (consent(until="\ud800"), UNFIT),
    "half a character for a use": (consent(uses=["\ud800"]), UNFIT),
    "a hundred thousand names that nobody knows": (story(**{f"x{n}": 1 for n in range(100_000)}), UNFIT),
    "a name of a megabyte": (story(**{"x" * 1_000_000: 1}), UNFIT),
    "a title twice": (
        send(f"{API}/stories", b'{"title": "A", "title": "B", "language": "en", "pilots": ["spring"]}'), MADE
    ),
    "a title of blanks": (story(title="\u00a0 \t\n"), UNFIT),
    "a title of 10 kB": (story(title="x" * 10_240), UNFIT),
    "a title that runs backwards": (story(title="\u202egpj.exe\u2066\u200b\x1b[31m"), MADE),
    "a language that nobody speaks": (story(language="xx"), Answered(422, "language-unknown")),
    "a pilot that never was": (story(pilots=["nowhere"]), Answered(404)),
    "eleven pilots": (story(pilots=["spring"] * 11), UNFIT),
    "two tellers": (
        story(people=[{"label": "a", "part": "teller"}, {"label": "b", "part": "teller"}]),
        Answered(422, "one-teller"),
    ),
    "a body said to be a text": (send(f"{API}/stories", {}, kind="text/plain"), UNFIT),
    "a body of no kind": (send(f"{API}/stories", {}, kind="-"), UNFIT),
    "a body that is packed": (
        Asked(
            "POST", f"{API}/stories", b"\x1f\x8b\x08\0",
            (("Content-Type", "application/json"), ("Content-Encoding", "gzip")),
        ),
        Answered(400),
    ),
    "a body of 9 MiB": (send(f"{API}/stories", b" " * (9 * MIB)), Answered(413, "body-too-large")),
    # ---- numbers, days, ids ---------------------------------------
    "a moment that is no number": (segments({"start_seconds": float("nan")}), UNFIT),
    "a moment without end": (segments({"end_seconds": float("inf")}), UNFIT),
    "a moment in 1e300 seconds": (segments({"end_seconds": 1e300}), UNFIT),
    "a moment before the beginning": (segments({"start_seconds": -1e-9}), UNFIT),
    "a moment that ends before it begins": (
        segments({"start_seconds": 5, "end_seconds": 1}), Answered(422, "segment-unfit")
    ),
    "a text that is too long": (segments({"text": "x" * 10_001}), UNFIT),
    "a version that never was": (segments({}, version=10**6), Answered(409, "changed-meanwhile")),
    "a version of thirty digits": (segments({}, version=10**30), UNFIT),
    "a version that is a fraction": (
        ask("POST", f"{API}/stories/{{story}}/recordings/{{recording}}/transcript/1.5.2/approve", "curator"), UNFIT
    ),
    "consent until yesterday": (consent(until="2020-01-01T00:00:00Z"), Answered(422, "until-past")),
    "consent until a day without a zone": (consent(until="2090-01-01T00:00:00"), Answered(422, "until-past")),
    "consent beyond the calendar": (consent(until="9999-12-31T23:59:59-12:00"), UNFIT),
    "consent in its last year": (consent(until="9999-12-31T23:59:59Z"), UNFIT),
    "consent before the calendar": (consent(until="0001-01-01T00:00:00+14:00"), UNFIT),
    "consent on the 30th of February": (consent(until="2090-02-30T00:00:00Z"), UNFIT),
    "consent with five thousand pilots": (consent(share_with=["spring"] * 5000), UNFIT),
    "consent that is heard nowhere": (
        consent(manner="spoken", moment={"recording_id": "x", "start_seconds": 1, "end_seconds": 2}),
        Answered(422),
    ),
    "consent of nobody": (
        send(f"{API}/stories/{{story}}/people/{{unknown}}/consents", {"uses": []}), Answered(404)
    ),
    "a step that nobody takes": (
        send(f"{API}/stories/{{story}}/steps", {"verb": "\u0000{missing}%s"}, "curator"), Answered(409)
    ),
    "a theme that nobody knows": (
        ask("PUT", f"{API}/stories/{{story}}/themes/%3Cscript%3E/accepted", "curator"),
        Answered(404, "theme-unknown"),
    ),
    "an id that never was": (get(f"{API}/stories/{{unknown}}"), Answered(404, "not-found")),
    "an id that climbs": (get(f"{API}/stories/..%2f..%2fetc%2fpasswd"), Answered(404, "not-found")),
    "an id with an end in it": (get(f"{API}/stories/{{story}}%00"), Answered(404, "not-found")),
    "an id that breaks a line": (
        get(f"{API}/stories/x%0d%0aX-Injected:%20yes"), Answered(404, "not-found")
    ),
    "an id of 10 kB": (get(f"{API}/stories/{'x' * 10_240}"), Answered(404, "not-found")),
    "an id of something else": (get(f"{API}/stories/{{recording}}"), Answered(404, "not-found")),
    "an address that is a webhook's no longer": (
        send(f"{API}/webhooks", {"pilot": "spring", "url": "https://[::1"}, "curator"),
        Answered(422, "webhook-address-unfit"),
    ),
    "a webhook at a file": (
        send(f"{API}/webhooks", {"pilot": "spring", "url": "file:///etc/passwd"}, "curator"),
        Answered(422, "webhook-address-unfit"),
    ),
    "a webhook with a line in it": (
        send(f"{API}/webhooks", {"pilot": "spring", "url": "https://a.org/\r\nX-Injected: yes"}, "curator"),
        Answered(422, "webhook-address-unfit"),
    ),
    # ---- searches and places in lists ---------------------------------------
    "an operator of the index": (search('NEAR(bench well) OR {surface}: * - ^ "'), OK),
    "a quotation mark": (search('"'), OK),
    "an end in a search": (search("bench\0well"), OK),
    "a search in SQL": (search("'; DROP TABLE story; --"), OK),
    "a search of five hundred marks": (search("\u0301" * 500), OK),
    "a search of 501 letters": (search("x" * 501), UNFIT),
    "a search that is not UTF-8": (get(f"{API}/search?q=%ff%fe"), OK),
    "a search from the 30th of February": (search("a", from_date="2026-02-30"), UNFIT),
    "a search from the first day to the last": (search("a", from_date="0001-01-01", to_date="9999-12-31"), OK),
    "a search in a language that nobody speaks": (search("a", language="xx"), OK),
    "fewer than no hits": (search("a", limit="-1"), UNFIT),
    "more hits than there are numbers": (search("a", limit="9" * 5000), UNFIT),
    "a place that is none": (get(f"{API}/stories?cursor=%C5%BC"), Answered(422, "cursor-unfit")),
    "a place without a zone": (
        get(f"{API}/stories?cursor={cursor(['2026-01-01T00:00:00', 'x'])}"), Answered(422, "cursor-unfit")
    ),
    "a place beyond the calendar": (
        get(f"{API}/disclosures?cursor={cursor(['0001-01-01T00:00:00+14:00', 'x'])}"),
        Answered(422, "cursor-unfit"),
    ),
    "a place of half a character": (
        get(f"{API}/stories?cursor={cursor(['2026-01-01T00:00:00+00:00', chr(0xD800)])}"),
        Answered(422, "cursor-unfit"),
    ),
    "a place in thousands of brackets": (get(f"{API}/stories?cursor={'W1tb' * 4000}"), UNFIT),
    "a place in a hundred brackets": (
        get(f"{API}/stories?cursor={'W1tb' * 49}"), Answered(422, "cursor-unfit")
    ),
    "a place of a search in half a character": (
        search("a", cursor=cursor([1, "2026-01-01T00:00:00+00:00", "\ud800"])), UNFIT
    ),
    # ---- heads ---------------------------------------
    "a method that is not for this": (ask("DELETE", f"{API}/me"), Answered(405)),
    "a method that nobody knows": (ask("BREW", f"{API}/me"), NO_HTTP),
    "an unknown key": (get(f"{API}/me", "nobody", Authorization=f"Bearer {'x' * 5000}"), Answered(401)),
    "a key that is not ASCII": (get(f"{API}/me", "nobody", Authorization="Bearer żółw"), Answered(401)),
    "a name and a password": (get(f"{API}/me", "nobody", Authorization="Basic YTpi"), Answered(401)),
    "a page of an origin that is none": (
        ask("POST", "/sign-out", "browser", Origin="http://["), Answered(403, "foreign-origin")
    ),
    "a page of no origin": (
        ask("POST", "/sign-out", "browser", Origin="null"), Answered(403, "foreign-origin")
    ),
    "a page of another site": (
        ask("POST", "/sign-out", "browser", Sec_Fetch_Site="cross-site"), Answered(403, "foreign-origin")
    ),
    "languages without end": (
        get("/teller", "nobody", Accept="text/html", Accept_Language=",".join(["xx;q=nan"] * 3000)),
        Answered(401),
    ),
    "a change only if nothing has changed": (get(f"{API}/changes", "team", If_None_Match="*"), Answered(304)),
    "states that are none": (get(f"{API}/changes", "team", If_None_Match='"' * 500 + ",W/"), OK),
    # ---- ranges ---------------------------------------
    "the last no bytes": (get("{sound}", Range="bytes=-0"), Answered(416)),
    "bytes behind the end": (get("{sound}", Range=f"bytes={'9' * 17}-"), Answered(416)),
    "bytes from the end to the beginning": (get("{sound}", Range="bytes=9-1"), OK),
    "a thousand ranges": (get("{sound}", Range="bytes=" + ",".join(["0-0"] * 1000)), OK),
    "a range of no bytes": (get("{sound}", Range="pages=0-1"), OK),
    "a range of another state": (get("{sound}", Range="bytes=0-9", If_Range='"old"'), OK),
    "a range in other digits": (get("{sound}", Range="bytes=٠-٩"), OK),
    # ---- forms ---------------------------------------
    "a boundary of 300 letters": (recording(b"", f"multipart/form-data; boundary={'x' * 300}"), UNREADABLE),
    "two boundaries": (
        recording(part(SOUND) + END, f"multipart/form-data; boundary=other; boundary={BOUNDARY}"), MADE
    ),
    "a name in the extended way alone": (
        recording(part(SOUND, "Content-Disposition: form-data; name=file; filename*=UTF-8''a.wav") + END),
        Answered(422, "recording-missing"),
    ),
    "a part that says twice what it is": (
        recording(
            part(
                SOUND,
                'Content-Disposition: form-data; name="a"',
                'Content-Disposition: form-data; name="file"; filename="a.wav"',
            )
            + END
        ),
        MADE,
    ),
    "a part whose head goes on": (
        recording(part(SOUND, "Content-Disposition: form-data;\r\n name=file; filename=a.wav") + END), UNREADABLE
    ),
    "a part of a hundred lines": (
        recording(part(SOUND, *["X-A: b"] * 100, 'Content-Disposition: form-data; filename="a"') + END), UNREADABLE
    ),
    "a form in a form": (
        recording(part(part(SOUND) + END, f"Content-Type: {FORM}") + END), Answered(422)
    ),
    "lines that end with half": (recording((part(SOUND) + END).replace(b"\r\n", b"\n")), UNREADABLE),
    "a form that says it is longer": (
        Asked(
            "POST", f"{API}/stories/{{waiting}}/recordings", part(SOUND),
            (("Content-Type", FORM), ("Content-Length", "9000")), hangs_up=True,
        ),
        NOBODY_WAITS,
    ),
    "a page's form in letters that decode nothing": (
        form(
            "/review/{story}/recordings/{recording}/transcript",
            part(b"x", 'Content-Disposition: form-data; name="\xb5"') + END,
            f"{FORM}; charset=undefined",
        ),
        UNREADABLE,
    ),
    "a page's form with a boundary of 300 letters": (
        form("/review/{story}/recordings/{recording}/transcript", END, f"multipart/form-data; boundary={'x' * 300}"),
        Answered(400),
    ),
    "a segment of 5,000 digits": (
        form("/review/{story}/recordings/{recording}/transcript", b"segment-" + b"9" * 5000 + b"-text=a"),
        Answered(409),
    ),
    "a segment that the transcript has not": (
        form(
            "/review/{story}/recordings/{recording}/transcript",
            b"based_on_version=1&segment-999999-text=a",
        ),
        UNREADABLE,
    ),
    "a form of a thousand fields too many": (
        form("/sign-in", b"&".join(b"a%d=1" % n for n in range(2000)), role="nobody"), Answered(400)
    ),
    "a form with half an escape": (form("/sign-in", b"sign_in_name=%&password=%zz", role="nobody"), Answered(401)),
    # ---- resumable uploads: beside those of tests/app/uploads/test_protocol.py ---------
    "a length in other digits": (
        tus("POST", f"{API}/uploads", Upload_Length="１０", Upload_Metadata="{metadata}"),
        Answered(400, "upload-header-unfit"),
    ),
    "metadata behind a blank of another kind": (
        tus("POST", f"{API}/uploads", Upload_Length="10", Upload_Metadata="{metadata}\u00a0"),
        Answered(400, "upload-header-unfit"),
    ),
    "an upload of parts, which nobody offered": (
        tus("POST", f"{API}/uploads", Upload_Concat="final;/a /b"), Answered(400, "upload-length-missing")
    ),
    "a method by another name": (
        tus("POST", f"{API}/uploads/{{unknown}}", X_HTTP_Method_Override="TRACE"), Answered(405)
    ),
    "an upload that climbs": (tus("HEAD", f"{API}/uploads/..%2f..%2fetc%2fpasswd"), Answered(404)),
    "an upload by its story's id": (
        tus("PATCH", f"{API}/uploads/{{story}}", b"x", Content_Type="application/offset+octet-stream",
            Upload_Offset="0"),
        Answered(404, "upload-not-found"),
    ),
    # ---- what is no HTTP ---------------------------------------
    "a negative length": (Asked("POST", f"{API}/stories", b"", (("Content-Length", "-1"),)), NO_HTTP),
    "a length that is none": (Asked("POST", f"{API}/stories", b"", (("Content-Length", "1e3"),)), NO_HTTP),
    "a length of 30 digits": (Asked("POST", f"{API}/stories", b"", (("Content-Length", "9" * 30),)), NO_HTTP),
    "two lengths": (
        Asked("POST", f"{API}/stories", b"{}", (("Content-Length", "2"), ("Content-Length", "3"))), NO_HTTP
    ),
    "a length and chunks": (
        Asked(
            "POST", f"{API}/stories", b"0\r\n\r\n", (("Content-Length", "5"), ("Transfer-Encoding", "chunked"))
        ),
        NO_HTTP,
    ),
    "a chunk of less than nothing": (
        Asked("POST", f"{API}/stories", b"-1\r\n\r\n", (("Transfer-Encoding", "chunked"),)), NO_HTTP
    ),
    "a chunk of 2^80 bytes": (
        Asked("POST", f"{API}/stories", b"f" * 20 + b"\r\n\r\n", (("Transfer-Encoding", "chunked"),)), NO_HTTP
    ),
    "chunks in a coding that nobody knows": (
        Asked("POST", f"{API}/stories", b"0\r\n\r\n", (("Transfer-Encoding", "xchunked"),)), NO_HTTP
    ),
    "a head without a colon": (Raw(b"GET /healthz HTTP/1.1\r\nHost x\r\n\r\n"), NO_HTTP),
    "a head with a blank before its colon": (Raw(b"GET /healthz HTTP/1.1\r\nHost : x\r\n\r\n"), NO_HTTP),
    "a head with an end in it": (Raw(b"GET /healthz HTTP/1.1\r\nHost: a\0b\r\n\r\n"), NO_HTTP),
    "a path with an end in it": (Raw(b"GET /healthz\0 HTTP/1.1\r\nHost: x\r\n\r\n"), NO_HTTP),
    "HTTP 9": (Raw(b"GET /healthz HTTP/9.9\r\nHost: x\r\n\r\n"), NO_HTTP),
    "HTTP 2 from the start": (Raw(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), NO_HTTP),
    "TLS where none is spoken": (Raw(b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03" + bytes(500)), NO_HTTP),
}  # fmt: skip
# Decoded for long, or made in many seconds: `make test-long` has them.
LONG = {
    "a film whose clock jumps by an hour",
    "a WAV at 1 Hz",
    "a picture of 900 million points",
    "an MP3 whose cover has 900 million points",
    "an MP3 with 16 MB of text",
    "a recording with 40 tracks",
    "an MP3 with two thousand texts",
}
# Made into what people play in the short run too: what hides in recordings, and what stopped an encoder once.
RENDERED = {
    "samples that are no number",
    "a WAV with a page behind it",
    "a WAV with a page in a list",
    "a film with a page before its samples",
    "an MP3 that begins as a page",
    "a Matroska with a page attached",
    "a film with a script in its subtitles",
    "two films, one behind the other",
}
MEDIA = {name: row for name, row in TABLE.items() if isinstance(row[1], Taken | Refused)}
REQUESTS = {name: row for name, row in TABLE.items() if isinstance(row[1], Answered)}

# What a child of a stage may use, and what a story's parts may not carry.
MOST_MEMORY_BYTES = Limits().memory_bytes + 64 * MIB
MOST_SECONDS = 30.0
# No request waits for long; how long it takes on a busy machine says nothing.
HANGS_SECONDS = 60.0
PLANTED = (CANARY.encode(), b"<script", b"evil.html", b"<html", b"PK\x03\x04")
# As loud as the tone that was made is.
AUDIBLE = 3000


def test_table_is_long_enough_and_every_row_of_the_long_run_is_in_it() -> None:
    assert len(TABLE) >= 80
    assert MEDIA.keys() >= LONG


# ---- recordings -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    return Bench(tmp_path_factory.mktemp("bench"))


@pytest.fixture(scope="module")
def looker() -> Iterator[Looking]:
    with looking() as process:
        yield process


def in_words(seen: Seen) -> str:
    """Why a recording was not taken, as its sender reads it."""
    assert seen.code in WORDS, f"{seen.code} {seen.kind}"
    return say(seen.code, seen.parameters)


def check_recording(seen: Seen, expected: Taken | Refused, *, is_rendered: bool) -> None:
    assert seen.most_memory_bytes <= MOST_MEMORY_BYTES
    assert seen.took_seconds <= MOST_SECONDS
    if isinstance(expected, Refused):
        assert seen.code == expected.code, seen
        assert len(in_words(seen).split()) > 4
        assert "{" not in in_words(seen)
        return
    assert seen.code is None, seen
    assert seen.seconds == pytest.approx(expected.seconds, abs=0.15)
    assert tuple(seen.notes) == expected.notes
    assert not is_rendered or {"speech", "audio", "peaks"} <= seen.made.keys()
    # What it is about: the sound is there to be heard.
    assert (seen.loudest > AUDIBLE) != expected.is_silent
    if is_rendered:
        # However its clock runs, it is not blown up: 32,000 bytes are a second.
        assert Path(seen.made["speech"]).stat().st_size < 32_000 * (seen.seconds + MOST_FILLED_SECONDS + 10)
    for kind, path in seen.made.items():
        content = Path(path).read_bytes()
        assert [each for each in PLANTED if each in content] == [], kind


def see(bench: Bench, looker: Looking, folder: Path, what: str, *, renders: bool) -> None:
    """Make a recording, let it be looked at, and compare with what the table says."""
    make, expected = MEDIA[what]
    assert not isinstance(make, Asked | Raw)
    assert isinstance(expected, Taken | Refused)
    original = folder / "original"
    content = make(bench)
    original.write_bytes(content)
    check_recording(looker.look_at(original, folder, renders=renders), expected, is_rendered=renders)
    assert original.read_bytes() == content


@pytest.mark.parametrize("what", [name for name in MEDIA if name not in LONG])
def test_bad_recording_becomes_what_the_table_says(
    bench: Bench, looker: Looking, tmp_path: Path, what: str
) -> None:
    see(bench, looker, tmp_path, what, renders=what in RENDERED)


@pytest.mark.long
@pytest.mark.parametrize("what", MEDIA)
def test_bad_recording_is_heard_and_leaves_no_trace(
    bench: Bench, looker: Looking, tmp_path: Path, what: str
) -> None:
    """All of them, with what people would play."""
    see(bench, looker, tmp_path, what, renders=True)


# Up to what people play and read, with the recogniser.
WHOLE_WAY = (
    "an HLS list behind noise",
    "a WAV of no channels",
    "an M4A with its index first, cut in the middle",
    "an M4A cut in its samples",
    "samples that are no number",
    "a WAV with a page behind it",
    "a Matroska with a page attached",
    "a film with a script in its subtitles",
    "a program that speaks while it streams",
)


@pytest.mark.long
def test_selection_goes_the_whole_way(
    bench: Bench, workshop: Workshop, spoken: Path, tmp_path: Path, subtests: pytest.Subtests
) -> None:
    settings = Settings(_env_file=None, data=tmp_path, workers=0, min_free_bytes=0)
    parts = Parts(settings, workshop.database, workshop.objects, load_codebook())
    folder = tmp_path / "sent"
    folder.mkdir()
    with serving_over(parts) as served:
        line = Line(workshop, served, folder)
        workshop.start_worker()
        sent = [line.send(described(folder, number, what, bench)) for number, what in enumerate(WHOLE_WAY)]
        line.wait_for(sent, 300)
        for what, each in zip(WHOLE_WAY, sent, strict=True):
            with subtests.test(what=what):
                line.check(each)
        line.folder = spoken.parent
        line.check_that_it_lives(spoken)


def described(folder: Path, number: int, what: str, bench: Bench) -> dict[str, Any]:
    """A file of the table, and what is expected of it, as a manifest says it."""
    make, expected = MEDIA[what]
    assert not isinstance(make, Asked | Raw)
    content = make(bench)
    (folder / f"{number}.mp4").write_bytes(content)
    is_taken = isinstance(expected, Taken)
    return {
        "file": f"{number}.mp4",
        "sha256": hashlib.sha256(content).hexdigest(),
        "expect": "accepted" if is_taken else "refused",
        "duration_seconds": expected.seconds if isinstance(expected, Taken) else None,
    }


# ---- requests -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def house(
    object_server: Embedded, sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("house")
    with on_sqlite(folder, sqlite_template) as database, bucket_on(object_server) as objects:
        settings = Settings(
            _env_file=None, data=folder, workers=0, min_free_bytes=0, max_parallel_uploads=1000
        )
        with serving_over(Parts(settings, database, objects, load_codebook())) as served:
            yield House(served, Field(database))


def check_answer(answer: Answer | None, expected: Answered) -> None:
    if answer is None:
        # The connection was closed without a word: what came was no HTTP, or nobody waits any more.
        assert expected in (NO_HTTP, NOBODY_WAITS)
        return
    assert answer.status == expected.status, answer
    assert "x-injected" not in answer.headers
    # What is wrong is said, and what was sent is not sent back.
    assert len(answer.body) < 20_000
    is_problem = answer.body and answer.headers.get("content-type") == "application/problem+json"
    if is_problem:
        assert len(answer.problem["detail"].split()) > 4, answer
    if expected.code:
        says = answer.problem["code"] if is_problem else html.unescape(answer.body.decode())
        assert says == expected.code or WORDS[expected.code] in says, answer


@pytest.mark.parametrize("what", REQUESTS)
def test_bad_request_is_answered_as_the_table_says(house: House, what: str) -> None:
    asked, expected = REQUESTS[what]
    assert isinstance(asked, Asked | Raw)
    assert isinstance(expected, Answered)
    began = time.monotonic()
    check_answer(house.send(asked), expected)
    assert time.monotonic() - began < HANGS_SECONDS
    # And the next one is answered.
    after = house.send(get(f"{API}/me"))
    assert after is not None
    assert after.status == 200
