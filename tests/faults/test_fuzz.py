"""What reads people's input is given everything but that: it answers with an error that is documented, or reads it.

Uploads: the headers of tus, and forms with a recording, cut and mangled in every way. Captions: nothing here reads
them, they are only written; so what curators type is taken in as their page and as programs send it, written as
WebVTT and SubRip, and read by somebody else's parser, who has to find what was typed. And what people are given to
give back: places in lists, days, clocks.
"""

from __future__ import annotations

import asyncio
import html
import json
import os
import re
import time
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from io import StringIO
from typing import Any

import pytest
import webvtt
from hypothesis import HealthCheck, Phase, given, note, seed, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from starlette.datastructures import Headers
from starlette.requests import Request

from app.exchange import captions
from app.review.realignment import realign
from app.review.schemas import CorrectionIn, SegmentIn
from app.review.transcript_pages import said_in
from app.uploads.protocol import KIND, body_length, checksum_of, creation_of, metadata_of, piece_of
from app.web import cursors
from app.web.fields import end_of_day, seconds_of
from app.web.multipart import MAX_NAME_CHARACTERS, FileBegins, FileBytes, FileEnds, read_form
from models.errors import Invalid, Malformed, WrongKind
from models.transcripts import Segment, Transcript
from storage.search.finding import _read_cursor as read_place_of_search

Property = Callable[[Any], None]
# How long `make test-long` looks, in seconds for all together.
LONG_SECONDS = float(os.environ.get("FUZZ_SECONDS", "300"))

# ---- tus: headers ------------------------------

BASE64 = st.binary(max_size=40).map(lambda data: b64encode(data).decode())
LATIN = st.text(st.characters(max_codepoint=255, exclude_characters="\r\n\0"), max_size=40)
NUMBERS = st.one_of(
    st.integers(-10, 10**20).map(str),
    st.sampled_from(["", "+1", "1e3", "0x1", "1_0", " 1", "²", "1 1"]),
    LATIN,
)
PAIRS = st.one_of(
    st.tuples(st.sampled_from(["story_id", "filename", "name", "is_confidential", ""]), BASE64).map(" ".join),
    LATIN,
)
METADATA = st.lists(PAIRS, max_size=6).map(",".join)
CHECKSUMS = st.one_of(
    st.tuples(st.sampled_from(["sha1", "sha256", "md5", "crc32"]), BASE64).map(" ".join), LATIN
)
KINDS = st.one_of(st.just(KIND), st.just(f" {KIND} ; a=b"), LATIN)
SAID = st.one_of(
    st.tuples(st.just("Upload-Length"), NUMBERS),
    st.tuples(st.just("Upload-Offset"), NUMBERS),
    st.tuples(st.just("Upload-Defer-Length"), st.one_of(st.just("1"), NUMBERS)),
    st.tuples(st.just("Content-Length"), NUMBERS),
    st.tuples(st.just("Upload-Metadata"), METADATA),
    st.tuples(st.just("Upload-Checksum"), CHECKSUMS),
    st.tuples(st.just("Content-Type"), KINDS),
    st.tuples(st.just("Transfer-Encoding"), LATIN),
)


def tus_is_read_or_refused(said: Sequence[tuple[str, str]]) -> None:
    raw = [(name.lower().encode(), value.encode("latin-1")) for name, value in said]
    headers = Headers(raw=raw)
    for read in (creation_of, piece_of, checksum_of, body_length):
        with suppress(Malformed, WrongKind):
            read(headers)
    with suppress(Malformed, WrongKind):
        wanted = creation_of(headers)
        assert wanted.length_bytes is None or 0 <= wanted.length_bytes < 10**18
        assert wanted.story_id
        # What is kept is given back, and means the same.
        assert metadata_of(wanted.sent_metadata)["story_id"].decode("utf-8", "replace") == wanted.story_id
        wanted.sent_name.encode()


# ---- forms with a recording ------------------------------

BOUNDARY = b"a-boundary"
HEADS = st.one_of(
    st.sampled_from(
        [
            b'Content-Disposition: form-data; name="file"; filename="a.wav"',
            b'Content-Disposition: form-data; name="title"',
            b"Content-Disposition: form-data; filename=a\\\"b; name=''",
            b"Content-Disposition: form-data; name*=UTF-8''a; filename*0=x",
            b'content-disposition: form-data; filename="C:\\\\x\\y.wav"',
            b"Content-Type: multipart/mixed; boundary=b",
            b"Content-Transfer-Encoding: base64",
        ]
    ),
    st.binary(max_size=60),
)
CONTENTS = st.one_of(
    st.binary(max_size=80), st.sampled_from([b"", b"\r\n--a-bound", b"--a-boundary", b"\r\n\r\n--"])
)
PARTS = st.tuples(st.lists(HEADS, max_size=3), CONTENTS).map(
    lambda each: b"--" + BOUNDARY + b"\r\n" + b"\r\n".join(each[0]) + b"\r\n\r\n" + each[1] + b"\r\n"
)
FORMS = st.tuples(
    st.lists(PARTS, max_size=4).map(b"".join), st.sampled_from([b"--a-boundary--\r\n", b"", b"--"])
)
EDITS = st.lists(st.tuples(st.integers(0, 400), st.integers(0, 20), st.binary(max_size=12)), max_size=3)
KINDS_OF_FORM = st.one_of(
    st.just("multipart/form-data; boundary=a-boundary"),
    st.sampled_from(
        [
            'multipart/form-data; boundary="a-boundary"',
            f"multipart/form-data; boundary={'x' * 300}",
            "multipart/form-data; boundary=",
            "multipart/form-data; boundary*=a; boundary*0=b",
        ]
    ),
    LATIN.map(lambda text: f"multipart/form-data; boundary={text}"),
    LATIN,
)
SENT_FORMS = st.tuples(KINDS_OF_FORM, FORMS.map(b"".join), EDITS, st.lists(st.integers(1, 60), max_size=20))


def form_is_read_or_refused(sent: tuple[str, bytes, list[tuple[int, int, bytes]], list[int]]) -> None:
    kind, body, edits, cuts = sent
    for at, length, other in edits:
        at = min(at, len(body))
        body = body[:at] + other + body[at + length :]
    note(f"{body!r}")
    at_once = read_in_pieces(kind, [body])
    in_pieces = read_in_pieces(kind, list(cut_into(body, cuts)))
    # However it is cut on its way, it is the same form. Where it is refused, how far it came may differ.
    if at_once is not None or in_pieces is not None:
        assert at_once == in_pieces
    if at_once is not None:
        fields, files = at_once
        for name, content in files:
            assert 0 < len(name) <= MAX_NAME_CHARACTERS
            assert "/" not in name
            assert name.isprintable()
            assert len(content) <= len(body)
        json.dumps(fields, ensure_ascii=False).encode()


def cut_into(body: bytes, cuts: Sequence[int]) -> Iterator[bytes]:
    for size in cuts:
        yield body[:size]
        body = body[size:]
    yield body


Form = tuple[dict[str, str], list[tuple[str, bytes]]]


def read_in_pieces(kind: str, pieces: list[bytes]) -> Form | None:
    """The fields and files of a form that comes in these pieces; None: it is refused."""
    coming = [{"type": "http.request", "body": each, "more_body": True} for each in pieces]
    coming.append({"type": "http.request", "body": b"", "more_body": False})

    async def receive() -> dict[str, Any]:
        return coming.pop(0)

    scope = {"type": "http", "method": "POST", "headers": [(b"content-type", kind.encode("latin-1"))]}

    async def read() -> Form:
        fields: dict[str, str] = {}
        files: list[tuple[str, bytes]] = []
        async for event in read_form(Request(scope, receive), fields):
            match event:
                case FileBegins(name):
                    files.append((name, b""))
                case FileBytes(data):
                    files[-1] = files[-1][0], files[-1][1] + data
                case FileEnds():
                    pass
        return fields, files

    try:
        return _loop.run(read())
    except Invalid:
        return None


_loop = asyncio.Runner()

# ---- captions ------------------------------

TYPED = st.lists(
    st.one_of(
        st.text(max_size=30),
        st.sampled_from(
            [
                *(
                    "-->",
                    "00:00:01.000 --> 00:00:02.000",
                    "<v Anna>",
                    "</v>",
                    "<c.x>",
                    "{\\an8}",
                    "&lt;",
                    "&",
                ),
                *("NOTE", "STYLE", "WEBVTT", "1", "\n\n", "\r", "\x85", "\u2028", "\x1c", "\ufeff", "\u202e"),
                *("żółć", "x" * 100),
            ]
        ),
    ),
    max_size=8,
).map(" ".join)
SECONDS = st.one_of(
    st.floats(0, 20_000).map(lambda each: round(each, 3)),
    st.sampled_from([0, 1e-9, 359_999, 1e300, -1, float("nan"), float("inf")]),
)
SEGMENTS = st.fixed_dictionaries(
    {"start_seconds": SECONDS, "end_seconds": SECONDS, "text": TYPED, "speaker": st.one_of(st.none(), TYPED)}
)
CORRECTIONS = st.lists(SEGMENTS, max_size=5)


def captions_say_what_was_typed(sent: list[dict[str, Any]]) -> None:
    for taken in (by_program(sent), by_page(sent)):
        if taken is None:
            continue
        fitting = [each for each in taken if each.start_seconds <= each.end_seconds]
        transcript = transcript_of(fitting)
        written = list(captions.captions_of(transcript))
        typed = [word for segment in fitting for word in segment.text.split()]
        vtt = list(webvtt.from_buffer(StringIO(captions.webvtt(transcript)), strict=True))
        # What has no caption is an empty file, which that parser takes for no SubRip.
        srt = list(webvtt.from_buffer(StringIO(captions.subrip(transcript)), format="srt")) if written else []
        assert len(vtt) == len(written)
        assert len(srt) == len(written)
        assert words_of(html.unescape(re.sub(r"<v [^>]*>", "", each.raw_text)) for each in vtt) == clean(
            typed
        )
        assert words_of(each.raw_text for each in srt) == clean(word.replace("-->", "→") for word in typed)
        assert all(each.start_in_seconds <= each.end_in_seconds for each in [*vtt, *srt])


def by_program(sent: list[dict[str, Any]]) -> list[SegmentIn] | None:
    """As a program sends them."""
    try:
        return CorrectionIn.model_validate({"based_on_version": 1, "segments": sent}).segments
    except ValidationError:
        return None


def by_page(sent: list[dict[str, Any]]) -> list[SegmentIn] | None:
    """As the form of a page sends them: what is said, over segments that have their times already."""
    fields = {"based_on_version": "1"}
    for number, segment in enumerate(sent):
        fields[f"segment-{number}-text"] = segment["text"]
        fields[f"segment-{number}-speaker"] = segment["speaker"] or ""
    said = said_in(fields)
    return by_program(
        [each | {"text": said[n].text, "speaker": said[n].speaker} for n, each in enumerate(sent)]
    )


def transcript_of(segments: Sequence[SegmentIn]) -> Transcript:
    transcript = Transcript(language="en", version=2, is_machine_made=False)
    transcript.segments = [
        Segment(
            position=position,
            start_seconds=each.start_seconds,
            end_seconds=each.end_seconds,
            speaker=each.speaker,
            text=each.text.strip(),
            words=realign([], each.text, each.start_seconds, each.end_seconds),
        )
        for position, each in enumerate(segments)
    ]
    return transcript


def words_of(texts: Any) -> list[str]:
    return clean(" ".join(texts).split())


def clean(words: Any) -> list[str]:
    return [word for word in words if word]


# ---- what people give back ------------------------------

JSON = st.recursive(
    st.one_of(st.none(), st.integers(), st.floats(), st.text(max_size=10), st.datetimes().map(str)),
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=6,
)
PLACES = st.one_of(
    st.text(max_size=60),
    JSON.map(lambda parts: urlsafe_b64encode(json.dumps(parts).encode()).decode()),
    st.tuples(st.datetimes().map(lambda at: f"{at.isoformat()}+14:00"), st.text(max_size=5)).map(
        lambda parts: cursors.written(list(parts))
    ),
    st.integers(1, 3000).map(
        lambda depth: cursors.written(json.loads("[" * min(depth, 900) + "]" * min(depth, 900)))
    ),
)
DAYS = st.one_of(st.text(max_size=12), st.dates().map(str), st.datetimes().map(str))
CLOCKS = st.one_of(st.text(max_size=12), st.lists(st.floats().map(str), max_size=4).map(":".join))


def what_is_given_back_is_read_or_refused(given_back: tuple[str, str, str]) -> None:
    place, day, clock = given_back
    with suppress(Invalid):
        moment, row_id = cursors.read_row(place)
        assert moment.utcoffset() is not None
        assert cursors.read_row(cursors.of_row(moment, row_id)) == (moment, row_id)
    with suppress(Invalid):
        read_place_of_search(place)
    with suppress(Invalid):
        end_of_day(day)
    with suppress(Invalid):
        assert seconds_of(clock) >= 0


PROPERTIES: dict[str, tuple[st.SearchStrategy[Any], Property]] = {
    "headers of tus": (st.lists(SAID, max_size=9), tus_is_read_or_refused),
    "forms with a recording": (SENT_FORMS, form_is_read_or_refused),
    "captions": (CORRECTIONS, captions_say_what_was_typed),
    "places, days and clocks": (st.tuples(PLACES, DAYS, CLOCKS), what_is_given_back_is_read_or_refused),
}


def look(what: str, examples: int, of_seed: int) -> None:
    strategy, holds = PROPERTIES[what]

    @seed(of_seed)
    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )
    @given(strategy)
    def each(sent: Any) -> None:
        holds(sent)

    each()


@pytest.mark.parametrize("what", PROPERTIES)
def test_everything_is_read_or_refused(what: str) -> None:
    look(what, examples=40, of_seed=1)


@pytest.mark.long
@pytest.mark.parametrize("what", PROPERTIES)
def test_everything_is_read_or_refused_for_minutes(what: str) -> None:
    ends_at = time.monotonic() + LONG_SECONDS / len(PROPERTIES)
    rounds = 0
    while time.monotonic() < ends_at:
        of_seed = int.from_bytes(os.urandom(4))
        print(f"{what}: seed {of_seed}")
        look(what, examples=100, of_seed=of_seed)
        rounds += 1
    print(f"{what}: {100 * rounds} examples, 0 crashes")
