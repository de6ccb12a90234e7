"""Reading a multipart form (RFC 7578) as it streams: fields first, then files, never whole in memory.

FastAPI would parse the form, and spool its file to disk, before it asks who sends it; so the route takes the bare
request and this reads it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import Request

from models.errors import Invalid

MAX_FIELD_BYTES = 64 * 1024
MAX_HEADER_BYTES = 16 * 1024
MAX_PARTS = 100
MAX_NAME_CHARACTERS = 255


@dataclass(frozen=True)
class FileBegins:
    """A file's part begins; ``name`` is what the sender calls it, cut to a sane length, and trusted for nothing."""

    name: str


@dataclass(frozen=True)
class FileBytes:
    """Some bytes of the file."""

    data: bytes


class FileEnds:
    """The file's part is whole."""


Event = FileBegins | FileBytes | FileEnds


async def read_form(
    request: Request,
    fields: dict[str, str],
    *,
    most_parts: int = MAX_PARTS,
    most_field_bytes: int = MAX_FIELD_BYTES,
) -> AsyncIterator[Event]:
    """The files' events as the body streams in; text fields are put into ``fields``.

    :raises Invalid: it is no multipart form, is broken, or its text fields are too large
    """
    media_type, options = parse_options_header(request.headers.get("content-type", ""))
    boundary = options.get(b"boundary")
    if media_type != b"multipart/form-data" or not boundary:
        raise Invalid("form-unreadable")
    try:
        reader = _Reader(boundary, fields, most_parts, most_field_bytes)
    except FormParserError as error:
        # A boundary of hundreds of characters: RFC 2046 has at most 70.
        raise Invalid("form-unreadable") from error
    async for chunk in request.stream():
        for event in reader.feed(chunk):
            yield event
    for event in reader.finish():
        yield event


class _Reader:
    """The parser's callbacks, collected into events."""

    def __init__(
        self, boundary: bytes, fields: dict[str, str], most_parts: int, most_field_bytes: int
    ) -> None:
        self._fields, self._most_parts, self._most_field_bytes = fields, most_parts, most_field_bytes
        self._events: list[Event] = []
        self._header_name = b""
        self._header_value = b""
        self._header_bytes = 0
        self._disposition: dict[bytes, bytes] = {}
        self._text = bytearray()
        self._text_bytes = 0
        self._is_file = False
        self._parts = 0
        self._is_ended = False
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._part_begins,
                "on_header_field": self._header_field,
                "on_header_value": self._header_value_bytes,
                "on_header_end": self._header_ends,
                "on_headers_finished": self._headers_end,
                "on_part_data": self._part_data,
                "on_part_end": self._part_ends,
                "on_end": self._form_ends,
            },
            # Our own limit rules: a long name is cut, its recording is not lost.
            max_header_size=MAX_HEADER_BYTES,
        )

    def feed(self, chunk: bytes) -> list[Event]:
        try:
            self._parser.write(chunk)
        except FormParserError as error:
            raise Invalid("form-unreadable") from error
        events, self._events = self._events, []
        return events

    def finish(self) -> list[Event]:
        if not self._is_ended:
            raise Invalid("recording-cut-off")
        events, self._events = self._events, []
        return events

    def _part_begins(self) -> None:
        self._parts += 1
        if self._parts > self._most_parts:
            raise Invalid("form-unreadable")
        self._disposition, self._header_bytes = {}, 0
        self._text.clear()

    def _header_field(self, data: bytes, start: int, end: int) -> None:
        self._header_name += data[start:end]
        self._count_header(end - start)

    def _header_value_bytes(self, data: bytes, start: int, end: int) -> None:
        self._header_value += data[start:end]
        self._count_header(end - start)

    def _count_header(self, count: int) -> None:
        self._header_bytes += count
        if self._header_bytes > MAX_HEADER_BYTES:
            raise Invalid("form-unreadable")

    def _header_ends(self) -> None:
        if self._header_name.lower() == b"content-disposition":
            self._disposition = parse_options_header(self._header_value)[1]
        self._header_name = self._header_value = b""

    def _headers_end(self) -> None:
        self._is_file = b"filename" in self._disposition
        if self._is_file:
            self._events.append(FileBegins(readable_name(self._disposition[b"filename"])))

    def _part_data(self, data: bytes, start: int, end: int) -> None:
        if self._is_file:
            self._events.append(FileBytes(data[start:end]))
            return
        self._text_bytes += end - start
        if self._text_bytes > self._most_field_bytes:
            raise Invalid("form-unreadable")
        self._text += data[start:end]

    def _part_ends(self) -> None:
        if self._is_file:
            self._events.append(FileEnds())
        else:
            name = self._disposition.get(b"name", b"").decode("utf-8", "replace")
            self._fields[name] = self._text.decode("utf-8", "replace")

    def _form_ends(self) -> None:
        self._is_ended = True


def readable_name(raw: bytes) -> str:
    """What the sender calls the file, for people to recognise it: never a path, never trusted, never a key."""
    name = raw.decode("utf-8", "replace").replace("\\", "/").rsplit("/", 1)[-1]
    shown = "".join(letter if letter.isprintable() else "\ufffd" for letter in name).strip()
    return shown[:MAX_NAME_CHARACTERS] or "recording"
