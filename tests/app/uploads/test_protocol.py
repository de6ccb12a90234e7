"""What tus 1.0.0 asks of a server: good requests and bad ones, each with its answer, over a real connection."""

from __future__ import annotations

import base64
import hashlib
import socket
from collections.abc import Callable, Mapping
from contextlib import closing
from typing import Any

import pytest

from app.uploads.protocol import KIND
from models.roles import Role, Scope
from tests.app.uploads.sending import BYTES, MIB, PATH, Room, metadata, reset, some_bytes
from tests.plugins.served import wait_until

SOUND = some_bytes(1000)
TUS_HEADERS = {"tus-resumable": "1.0.0"}


def sha1(data: bytes) -> str:
    return "sha1 " + base64.b64encode(hashlib.sha1(data).digest()).decode()


# ---- begun ----

# What a POST says besides the usual (None: not at all), its body; and what it is answered: status, code.
Sent = tuple[Mapping[str, str | None], bytes | None, int, str]
BEGINNINGS: dict[str, Sent] = {
    "a length": ({}, None, 201, ""),
    "a length that comes later": ({"Upload-Length": None, "Upload-Defer-Length": "1"}, None, 201, ""),
    "the first bytes at once": (BYTES, SOUND[:400], 201, ""),
    "all bytes at once": (BYTES, SOUND, 201, ""),
    "no version": ({"Tus-Resumable": None}, None, 412, "tus-version-unknown"),
    "another version": ({"Tus-Resumable": "0.2.2"}, None, 412, "tus-version-unknown"),
    "another version and nobody": (
        {"Tus-Resumable": "2.0.0", "Authorization": None},
        None,
        412,
        "tus-version-unknown",
    ),
    "nobody": ({"Authorization": None}, None, 401, "not-signed-in"),
    "an unknown key": ({"Authorization": "Bearer cr_wrong"}, None, 401, "api-key-unknown"),
    "no length at all": ({"Upload-Length": None}, None, 400, "upload-length-missing"),
    "a length, and none yet": ({"Upload-Defer-Length": "1"}, None, 400, "upload-length-missing"),
    "a length deferred by 2": (
        {"Upload-Length": None, "Upload-Defer-Length": "2"},
        None,
        400,
        "upload-header-unfit",
    ),
    "a negative length": ({"Upload-Length": "-1"}, None, 400, "upload-header-unfit"),
    "a length with a sign": ({"Upload-Length": "+10"}, None, 400, "upload-header-unfit"),
    "no number": ({"Upload-Length": "ten"}, None, 400, "upload-header-unfit"),
    "a fraction": ({"Upload-Length": "1.5"}, None, 400, "upload-header-unfit"),
    "an underscore": ({"Upload-Length": "1_000"}, None, 400, "upload-header-unfit"),
    "nothing": ({"Upload-Length": ""}, None, 400, "upload-header-unfit"),
    "more digits than anybody has": ({"Upload-Length": "9" * 400}, None, 400, "upload-header-unfit"),
    "a length above the limit": ({"Upload-Length": str(5 * 1024**3)}, None, 413, "too-large"),
    "a length of 64 bits": ({"Upload-Length": "9" * 18}, None, 413, "too-large"),
    "an empty recording": ({"Upload-Length": "0"}, None, 422, "recording-empty"),
    "more bytes than that": (BYTES, SOUND + b"x", 413, "upload-length-exceeded"),
    "bytes of another kind": ({"Content-Type": "audio/wav"}, SOUND, 415, "upload-kind-unknown"),
    "bytes of no kind": ({}, SOUND, 415, "upload-kind-unknown"),
    "no metadata": ({"Upload-Metadata": None}, None, 400, "upload-header-unfit"),
    "metadata without a story": (
        {"Upload-Metadata": metadata(filename="a")},
        None,
        400,
        "upload-header-unfit",
    ),
    "a story that never was": ({"Upload-Metadata": metadata(story_id="0" * 32)}, None, 404, "not-found"),
    "a story that is none": ({"Upload-Metadata": metadata(story_id="../../etc")}, None, 404, "not-found"),
    "metadata that is not base64": ({"Upload-Metadata": "story_id *!*"}, None, 400, "upload-header-unfit"),
    "metadata with a key twice": ({"Upload-Metadata": "a YQ==,a YQ=="}, None, 400, "upload-header-unfit"),
    "metadata with no key": ({"Upload-Metadata": ", YQ=="}, None, 400, "upload-header-unfit"),
    "metadata without end": ({"Upload-Metadata": "a " + "YWFh" * 3000}, None, 400, "upload-header-unfit"),
    "a checksum of another kind": (
        BYTES | {"Upload-Checksum": "crc32 YQ=="},
        SOUND,
        400,
        "upload-header-unfit",
    ),
    "a checksum that is cut": (BYTES | {"Upload-Checksum": "sha1 YQ=="}, SOUND, 400, "upload-header-unfit"),
    "a wrong checksum": (BYTES | {"Upload-Checksum": sha1(b"else")}, SOUND, 460, "upload-damaged"),
    "a right checksum": (BYTES | {"Upload-Checksum": sha1(SOUND)}, SOUND, 201, ""),
}


def test_every_beginning_is_answered_as_the_table_says(room: Room) -> None:
    for said, sent in BEGINNINGS.items():
        begin_as(room.another(), said, *sent)


def begin_as(
    room: Room, said: str, more: Mapping[str, str | None], body: bytes | None, status: int, code: str
) -> None:
    spooled = room.spooled()
    answer = room.create(len(SOUND), more, body)
    assert answer.status == status, (said, answer)
    assert answer.headers["tus-resumable"] == "1.0.0"
    if status == 201:
        where = answer.headers["location"]
        assert where.startswith("/api/v1/uploads/"), "relative: who is behind a proxy is found all the same"
        assert answer.headers["upload-offset"] == str(len(body or b""))
        assert room.offset(where) == len(body or b"")
        assert ("upload-expires" in answer.headers) == (body != SOUND)
    else:
        assert answer.problem["code"] == code
        assert answer.problem["detail"].format() == answer.problem["detail"], "every parameter is filled in"
        assert room.uploads() == room.recordings() == []
        assert room.spooled() == spooled
    if status == 412:
        assert answer.headers["tus-version"] == "1.0.0"


# ---- gone on with, after the first 400 of 1000 bytes ----

REST = SOUND[400:]
PIECES: dict[str, Sent] = {
    "the rest": ({}, REST, 204, ""),
    "a little": ({}, REST[:1], 204, ""),
    "nothing": ({}, b"", 204, ""),
    "a kind with a parameter": ({"Content-Type": f"{KIND}; a=b"}, REST, 204, ""),
    "another kind": ({"Content-Type": "application/octet-stream"}, REST, 415, "upload-kind-unknown"),
    "no kind": ({"Content-Type": None}, REST, 415, "upload-kind-unknown"),
    "no version": ({"Tus-Resumable": None}, REST, 412, "tus-version-unknown"),
    "nobody": ({"Authorization": None}, REST, 401, "not-signed-in"),
    "no offset": ({"Upload-Offset": None}, REST, 400, "upload-header-unfit"),
    "a negative offset": ({"Upload-Offset": "-400"}, REST, 400, "upload-header-unfit"),
    "no number": ({"Upload-Offset": "0x190"}, REST, 400, "upload-header-unfit"),
    "an older offset": ({"Upload-Offset": "0"}, SOUND, 409, "upload-offset-wrong"),
    "a later offset": ({"Upload-Offset": "401"}, REST[1:], 409, "upload-offset-wrong"),
    "more than was declared": ({}, REST + b"x", 413, "upload-length-exceeded"),
    "the same length again": ({"Upload-Length": "1000"}, REST, 204, ""),
    "another length": ({"Upload-Length": "1001"}, REST, 400, "upload-length-changed"),
    "a right checksum": ({"Upload-Checksum": sha1(REST)}, REST, 204, ""),
    "a wrong checksum": ({"Upload-Checksum": sha1(SOUND)}, REST, 460, "upload-damaged"),
    "an unknown checksum": ({"Upload-Checksum": "sha3 YQ=="}, REST, 400, "upload-header-unfit"),
}


def test_every_piece_is_answered_as_the_table_says(room: Room) -> None:
    for said, sent in PIECES.items():
        go_on_as(room.another(), said, *sent)


def go_on_as(
    room: Room, said: str, more: Mapping[str, str | None], body: bytes | None, status: int, code: str
) -> None:
    where = room.create(len(SOUND), BYTES, SOUND[:400]).headers["location"]
    answer = room.patch(where, 400, body or b"", more)
    assert answer.status == status, (said, answer)
    assert answer.headers["tus-resumable"] == "1.0.0"
    offset = 400 + len(body or b"") if status == 204 else 400
    assert room.offset(where) == offset
    if status == 204:
        assert answer.headers["upload-offset"] == str(offset)
        assert answer.body == b""
    else:
        assert answer.problem["code"] == code
    # Whatever was wrong, it can be gone on with.
    if offset < len(SOUND):
        assert room.patch(where, offset, SOUND[offset:]).status == 204
    room.assert_kept(SOUND)


def test_a_header_that_comes_twice_is_refused(room: Room) -> None:
    where = room.begun(10)
    with closing(room.open(where, 0, 4, "Upload-Offset: 3")) as connection:
        connection.sendall(b"abcd")
        assert room.answer_on(connection).problem["code"] == "upload-header-unfit"
    assert room.offset(where) == 0


def test_length_can_be_declared_with_any_piece_and_once(room: Room) -> None:
    for with_piece in (0, 1, 2, 3):
        where = room.begun(None)
        answer = room.head(where)
        assert (answer.headers["upload-defer-length"], "upload-length" in answer.headers) == ("1", False)
        for number, piece in enumerate((SOUND[:300], SOUND[300:600], SOUND[600:], b"")):
            declared = {"Upload-Length": "1000"} if number == with_piece else {}
            answer = room.patch(where, min(300 * number, 600) if number < 3 else 1000, piece, declared)
            assert answer.status == 204, (with_piece, number, answer)
        answer = room.head(where)
        assert (answer.headers["upload-length"], answer.headers["upload-offset"]) == ("1000", "1000")
        assert "upload-defer-length" not in answer.headers
    assert [each.size_bytes for each in room.recordings()] == [1000] * 4


@pytest.mark.parametrize(
    ("declared", "status", "code"),
    [
        ("299", 400, "upload-length-changed"),
        ("-1", 400, "upload-header-unfit"),
        (str(5 * 1024**3), 413, "too-large"),
    ],
)
def test_length_that_does_not_fit_what_came_is_refused(
    room: Room, declared: str, status: int, code: str
) -> None:
    where = room.begun(None)
    assert room.patch(where, 0, SOUND[:300]).status == 204
    answer = room.patch(where, 300, b"", {"Upload-Length": declared})
    assert (answer.status, answer.problem["code"]) == (status, code)
    assert room.offset(where) == 300


def test_bytes_in_chunks_beyond_the_length_are_cut_there_and_said_to_be_too_many(room: Room) -> None:
    where = room.begun(len(SOUND))
    head = room.headers() | BYTES | {"Upload-Offset": "0", "Transfer-Encoding": "chunked"}
    lines = [f"PATCH {where} HTTP/1.1", "Host: x", *(f"{name}: {value}" for name, value in head.items())]
    with closing(room.served.connect()) as connection:
        connection.sendall("\r\n".join([*lines, "", ""]).encode())
        connection.sendall(f"{len(SOUND) + 9:x}\r\n".encode() + SOUND + b"123456789\r\n0\r\n\r\n")
        answer = room.answer_on(connection)
    assert (answer.status, answer.problem["code"]) == (413, "upload-length-exceeded")
    assert room.offset(where) == len(SOUND)


# ---- looked at, ended, asked by other names ----


def test_head_gives_back_what_was_said(room: Room) -> None:
    said = metadata(story_id=room.story.id, filename="ιστορία της γιαγιάς.mp4") + ",is_confidential"
    where = room.create(1000, {"Upload-Metadata": said}).headers["location"]
    answer = room.head(where)
    assert answer.status == 200
    assert answer.headers["upload-metadata"] == said
    assert answer.headers["upload-length"] == "1000"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["upload-expires"].endswith("GMT")
    (recording,) = room.recordings()
    assert f"/recordings/{recording.id}>" in answer.headers["link"]
    assert recording.sent_name == "ιστορία της γιαγιάς.mp4"


def test_options_says_what_is_spoken_to_anybody(room: Room) -> None:
    for path in (PATH, f"{PATH}/{'0' * 32}"):
        answer = room.ask("OPTIONS", path, {"Tus-Resumable": None, "Authorization": None})
        assert (answer.status, answer.body) == (204, b"")
        assert answer.headers["tus-version"] == "1.0.0"
        assert set(answer.headers["tus-extension"].split(",")) == {
            "creation",
            "creation-with-upload",
            "creation-defer-length",
            "termination",
            "expiration",
            "checksum",
        }
        assert answer.headers["tus-max-size"] == str(4 * 1024**3)
        assert "sha1" in answer.headers["tus-checksum-algorithm"].split(",")
        assert "access-control-allow-origin" not in answer.headers


def test_page_of_ours_sends_with_its_session_and_another_sites_page_does_not(room: Room) -> None:
    browser = room.served.browser(room.reporter)
    ours = {"Tus-Resumable": "1.0.0", "Sec-Fetch-Site": "same-origin"}
    named = {"Upload-Length": "10", "Upload-Metadata": metadata(story_id=room.story.id)}
    begun = browser.post(PATH, headers=ours | named)
    assert begun.status_code == 201, begun.text
    where, at_start = begun.headers["location"], BYTES | {"Upload-Offset": "0"}
    for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}):
        foreign = {"Tus-Resumable": "1.0.0"} | at_start | headers
        assert browser.patch(where, headers=foreign, content=bytes(10)).status_code == 403
    assert browser.head(where, headers=ours).headers["upload-offset"] == "0"
    assert browser.patch(where, headers=ours | at_start, content=bytes(10)).status_code == 204
    room.assert_kept(bytes(10))


def test_unknown_and_foreign_uploads_are_not_found(room: Room, field: Any) -> None:
    mine = room.begun(10)
    other = Room(room.served, field)
    for where in (
        f"{PATH}/{'0' * 32}",
        f"{PATH}/..%2f..%2fetc",
        f"{PATH}/{'%C5%BC' * 40}",
    ):
        assert room.head(where).status == 404
        assert room.patch(where, 0, b"a").status == 404
        assert room.ask("DELETE", where).status == 404
    assert other.head(mine).status == 404
    foreign = other.patch(mine, 0, b"a")
    assert (foreign.status, foreign.problem["code"]) == (404, "upload-not-found")
    assert room.story.id not in foreign.body.decode()
    assert other.ask("DELETE", mine).status == 404
    assert room.offset(mine) == 0


def test_ended_upload_leaves_nothing(room: Room) -> None:
    where = room.begun(20 * MIB)
    assert room.patch(where, 0, some_bytes(9 * MIB)).status == 204
    assert len(list(room.objects.list_unfinished(""))) == 1
    answer = room.ask("DELETE", where)
    assert (answer.status, answer.body, answer.headers["tus-resumable"]) == (204, b"", "1.0.0")
    assert room.head(where).status == 404
    assert room.uploads() == room.recordings() == room.spooled() == []
    assert [*room.objects.list_prefix(""), *room.objects.list_unfinished("")] == []


def test_complete_upload_is_not_ended(room: Room) -> None:
    where = room.create(len(SOUND), BYTES, SOUND).headers["location"]
    answer = room.ask("DELETE", where)
    assert (answer.status, answer.problem["code"]) == (409, "upload-complete")
    room.assert_kept(SOUND)


def test_methods_can_come_by_another_name(room: Room) -> None:
    where = room.begun(len(SOUND))
    answer = room.ask("POST", where, BYTES | {"Upload-Offset": "0", "X-HTTP-Method-Override": "PATCH"}, SOUND)
    assert (answer.status, answer.headers["upload-offset"]) == (204, "1000")
    answer = room.ask("POST", room.begun(5), {"X-HTTP-Method-Override": "delete"})
    assert answer.status == 204


def test_methods_that_are_none_of_tus_are_refused_in_its_words(room: Room) -> None:
    for method in ("GET", "PUT"):
        answer = room.ask(method, room.begun(5))
        assert answer.status == 405
        assert answer.headers["tus-resumable"] == "1.0.0"


def test_last_request_can_be_repeated(room: Room) -> None:
    where = room.create(len(SOUND), BYTES, SOUND).headers["location"]
    for _ in range(3):
        answer = room.patch(where, len(SOUND), b"")
        assert (answer.status, answer.headers["upload-offset"]) == (204, "1000")
        assert room.offset(where) == len(SOUND)
    assert room.patch(where, 0, SOUND).problem["code"] == "upload-offset-wrong"
    assert room.patch(where, len(SOUND), b"x").problem["code"] == "upload-length-exceeded"
    room.assert_kept(SOUND)


# ---- other sites' pages ----


def test_pages_of_configured_sites_may_send_and_others_may_not(room: Room) -> None:
    asked = {
        "Access-Control-Request-Method": "PATCH",
        "Access-Control-Request-Headers": "authorization,upload-offset,tus-resumable,content-type",
        "Authorization": None,
        "Tus-Resumable": None,
    }
    ours, foreign = {"Origin": "https://elsewhere.example"}, {"Origin": "https://evil.example"}
    answer = room.ask("OPTIONS", f"{PATH}/{'0' * 32}", asked | ours)
    assert answer.status == 204
    assert answer.headers["access-control-allow-origin"] == "https://elsewhere.example"
    allowed = answer.headers["access-control-allow-headers"].lower().split(", ")
    assert {"authorization", "upload-offset", "tus-resumable", "content-type"} <= set(allowed)
    assert "PATCH" in answer.headers["access-control-allow-methods"].split(", ")
    assert "access-control-allow-credentials" not in answer.headers
    answer = room.create(10, ours)
    shown = answer.headers["access-control-expose-headers"].lower().split(", ")
    assert {"location", "upload-offset", "upload-expires"} <= set(shown)
    assert "Origin" in answer.headers["vary"]
    # What is refused is to be read as well.
    assert room.create(-1, ours).headers["access-control-allow-origin"] == "https://elsewhere.example"
    for each in (room.ask("OPTIONS", PATH, asked | foreign), room.create(10, foreign)):
        assert "access-control-allow-origin" not in each.headers
    elsewhere = room.ask("GET", "/api/v1/stories", ours)
    assert "access-control-allow-origin" not in elsewhere.headers


# ---- who may, and how much: by the head alone ----


def only_head(room: Room, where: str, more: str = "") -> Any:
    """The answer to the head of a PATCH after which no byte of a body ever comes."""
    with closing(room.open(where, 0, 10**6, f"Expect: 100-continue\r\n{more}".strip())) as connection:
        assert connection.recv(12, socket.MSG_PEEK) != b"HTTP/1.1 100", "the body was asked for"
        return room.answer_on(connection)


def test_what_is_refused_is_refused_before_a_byte_is_read(room: Room, field: Any) -> None:
    where = room.begun(10**6)
    stranger = Room(room.served, field)
    keys = {
        404: stranger.key,
        401: "cr_wrong",
        403: room.served.key(room.reporter, (Scope.STORIES_READ,)),
    }
    mine = room.key
    for status, key in keys.items():
        room.key = key
        assert only_head(room, where).status == status
    room.key = mine
    team = field.account(Role.PILOT_TEAM, field.pilot())
    room.key = room.served.key(team)
    assert only_head(room, where).status == 403
    room.key = mine
    with closing(room.open(where, 5, 10**6 - 5, "Expect: 100-continue")) as connection:
        assert room.answer_on(connection).status == 409
    with closing(room.open(where, 0, 10**6 + 1, "Expect: 100-continue")) as connection:
        assert room.answer_on(connection).status == 413
    assert room.offset(where) == 0


def test_what_is_allowed_is_asked_for(room: Room) -> None:
    where = room.begun(4)
    with closing(room.open(where, 0, 4, "Expect: 100-continue")) as connection:
        assert connection.recv(12) == b"HTTP/1.1 100"
        connection.sendall(b"abcd")
        wait_until(lambda: room.offset(where) == 4, "the bytes")


# ---- names ----

NAMES: dict[str, tuple[str, Callable[[str], bool]]] = {
    "Greek": ("ιστορία.mp4", lambda kept: kept == "ιστορία.mp4"),
    "Polish": ("Zażółć gęślą jaźń.m4a", lambda kept: kept == "Zażółć gęślą jaźń.m4a"),
    "from the right": ("حكاية.mp3", lambda kept: kept == "حكاية.mp3"),
    "a picture": ("🎤 story 🎧.webm", lambda kept: kept == "🎤 story 🎧.webm"),
    "long": ("ł" * 2000 + ".mp3", lambda kept: 0 < len(kept) <= 255),
    "a way out": ("../../../etc/passwd", lambda kept: "/" not in kept),
    "a way out of Windows": ("..\\..\\boot.ini", lambda kept: "\\" not in kept),
    "a zero in it": ("a\x00b.mp3", lambda kept: "\x00" not in kept),
    "lines in it": ("a\r\nSet-Cookie: x=y", lambda kept: kept.isprintable()),
    "a script": ("<script>alert(1)</script>", lambda kept: "/" not in kept),
    "none": ("", lambda kept: kept == "recording"),
}


def test_names_of_any_kind_are_taken(room: Room) -> None:
    for name, (sent, is_right) in NAMES.items():
        one = room.another()
        where = one.begun(len(SOUND), filename=sent)
        assert one.patch(where, 0, SOUND).status == 204
        assert is_right(one.assert_kept(SOUND).sent_name), name
        said = metadata(story_id=one.story.id, filename=sent).strip()
        assert one.head(where).headers["upload-metadata"] == said


def test_name_that_is_no_text_is_taken(room: Room) -> None:
    raw = base64.b64encode(b"\xff\xfe\x80.mp3").decode()
    said = f"{metadata(story_id=room.story.id)},filename {raw}"
    assert room.create(10, {"Upload-Metadata": said}).status == 201
    assert room.recordings()[0].sent_name == "\ufffd\ufffd\ufffd.mp3"


def test_beginning_whose_bytes_break_off_leaves_nothing(room: Room) -> None:
    """Nobody was told its address."""
    lines = [f"POST {PATH} HTTP/1.1", "Host: x", "Content-Length: 1000", "Upload-Length: 1000"]
    said = room.headers() | BYTES | {"Upload-Metadata": metadata(story_id=room.story.id)}
    lines += [f"{name}: {value}" for name, value in said.items()]
    connection = room.served.connect()
    connection.sendall("\r\n".join([*lines, "", ""]).encode() + SOUND[:500])
    wait_until(lambda: len(room.uploads()) == 1, "the beginning")
    reset(connection)
    wait_until(lambda: not room.uploads() and not room.recordings() and not room.spooled(), "nothing")
