"""However a file is cut into requests, broken off, repeated and asked about: it arrives once, byte for byte."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.uploads.service import Uploads
from storage.spool import Spool
from tests.app.uploads.sending import MIB, Room, reset, some_bytes
from tests.plugins.served import wait_until


@dataclass(frozen=True)
class Step:
    """What happens to a request of so many bytes."""

    size: int
    what: str


# The store takes no smaller part but the last.
PART_BYTES = 5 * MIB
HOW = ["arrives", "arrives twice", "breaks off", "is too early", "forgets the digest"]


def steps_of(most_bytes: int, most_steps: int) -> st.SearchStrategy[list[Step]]:
    return st.lists(st.builds(Step, st.integers(0, most_bytes), st.sampled_from(HOW)), max_size=most_steps)


def house_of(room: Room) -> Uploads:
    found: Uploads = room.served.server.config.app.state.uploads
    return found


def go(room: Room, where: str, data: bytes, step: Step) -> None:
    offset = room.offset(where)
    piece = data[offset : offset + step.size]
    match step.what:
        case "arrives":
            assert room.patch(where, offset, piece).status == 204
        case "arrives twice":
            assert room.patch(where, offset, piece).status == 204
            assert room.patch(where, offset, piece).status == (409 if piece else 204)
        case "is too early":
            assert room.patch(where, offset + 1, piece[1:]).status in (409, 413)
        case "forgets the digest":
            house_of(room).digests._known.clear()
        case "breaks off" if piece:
            connection = room.open(where, offset, len(data) - offset)
            with closing(connection):
                connection.sendall(piece)
                wait_until(lambda: room.offset(where) == offset + len(piece), "the piece", 10)
                reset(connection)


# The service and the store are the same for all examples; each has a story of its own.
SHARED = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]


@settings(max_examples=15, deadline=None, suppress_health_check=SHARED)
@given(st.integers(1, 9000), steps_of(3000, 12), st.booleans(), st.integers(0, 2**16))
def test_small_file_arrives_once_byte_for_byte(
    room: Room, size: int, steps: list[Step], knows_length: bool, seed: int
) -> None:
    arrives(room.another(), some_bytes(size, seed), steps, knows_length)


@settings(max_examples=5, deadline=None, suppress_health_check=SHARED)
@given(
    st.sampled_from([PART_BYTES, PART_BYTES + 1, 2 * PART_BYTES, 3 * PART_BYTES - 1, 3 * PART_BYTES + 17]),
    steps_of(PART_BYTES + 2, 5),
    st.booleans(),
    st.integers(0, 2**16),
)
def test_file_of_several_parts_arrives_once_byte_for_byte(
    room: Room, size: int, steps: list[Step], knows_length: bool, seed: int
) -> None:
    house_of(room).spool.part_bytes = PART_BYTES
    arrives(room.another(), some_bytes(size, seed), steps, knows_length)


def arrives(room: Room, data: bytes, steps: list[Step], knows_length: bool) -> None:
    size = len(data)
    where = room.begun(size if knows_length else None)
    for step in steps:
        go(room, where, data, step)
    offset = room.offset(where)
    declared = {} if knows_length else {"Upload-Length": str(size)}
    assert room.patch(where, offset, data[offset:], declared).status == 204
    for _ in range(2):
        assert room.patch(where, size, b"").status == 204
    assert room.offset(where) == size
    room.assert_kept(data)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(st.sampled_from(["append", "drop", "reopen", "cut"]), st.integers(0, 350)), max_size=30
    )
)
def test_tail_is_what_was_appended_and_not_moved(tmp_path: Path, steps: list[tuple[str, int]]) -> None:
    """The spool alone, with parts of 100 bytes, against a string of bytes."""
    spool = Spool(tmp_path / "spool", part_bytes=100)
    tail, model, sent = spool.open("a" * 32, 1, 0), b"", 0
    for what, number in steps:
        match what:
            case "append":
                data = some_bytes(number, seed=sent)
                tail.append(data)
                model, sent = model + data, sent + 1
            case "drop" if tail.wholes():
                assert tail.read(tail.first) == model[:100]
                tail.drop_first()
                model = model[100:]
            case "cut":
                model = model[: min(number, len(model))]
                tail.cut_to(len(model))
            case "reopen":
                tail.sync()
                tail.close()
                # Written after what was noted: gone when it is opened again.
                tail.append(b"not noted")
                tail.close()
                tail = spool.open("a" * 32, tail.first, len(model))
        assert tail.size_bytes == len(model)
        assert b"".join(tail.chunks()) == model
        assert spool.size_of("a" * 32, tail.first) == len(model)
    tail.close()
    spool.forget("a" * 32)
    assert spool.upload_ids() == []
