"""Sealed files: they open with their key as what they are, and no change to them goes unnoticed."""

from __future__ import annotations

import hashlib
import io
import os
from pathlib import Path

import pytest

from models.errors import Conflict, NotFound
from storage.sealing import (
    CHUNK_BYTES,
    MAGIC,
    SALT_BYTES,
    TAG_BYTES,
    ReadableChunks,
    SealedWriter,
    SealingKey,
    make_key,
    read_key,
    unseal,
)

KEY = SealingKey(b"k" * 32)
HEAD = len(MAGIC) + SALT_BYTES
SIZES = (0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 3 * CHUNK_BYTES, 3 * CHUNK_BYTES + 7)


def sealed(content: bytes, *, purpose: str = "it", piece: int = 10_007) -> bytes:
    target = io.BytesIO()
    writer = SealedWriter(target, KEY, purpose)
    for start in range(0, len(content), piece):
        writer.write(content[start : start + piece])
    writer.finish()
    assert writer.sha256 == hashlib.sha256(target.getvalue()).hexdigest()
    assert writer.size_bytes == len(target.getvalue())
    return target.getvalue()


def opened(data: bytes, *, key: SealingKey = KEY, purpose: str = "it") -> bytes:
    return b"".join(unseal(io.BytesIO(data), key, purpose))


@pytest.mark.parametrize("size", SIZES)
def test_what_was_sealed_is_opened(size: int) -> None:
    content = os.urandom(size)
    assert opened(sealed(content)) == content
    assert opened(sealed(content, piece=CHUNK_BYTES)) == content


def test_the_same_content_is_never_sealed_the_same_way() -> None:
    assert sealed(b"words")[HEAD:] != sealed(b"words")[HEAD:]


@pytest.mark.parametrize("place", [0, len(MAGIC), HEAD, HEAD + 5, HEAD + CHUNK_BYTES + TAG_BYTES, -1])
def test_a_flipped_bit_anywhere_is_found(place: int) -> None:
    data = bytearray(sealed(os.urandom(2 * CHUNK_BYTES)))
    data[place] ^= 1
    with pytest.raises(Conflict, match="backup-damaged"):
        opened(bytes(data))


@pytest.mark.parametrize("size", [CHUNK_BYTES, 3 * CHUNK_BYTES])
def test_a_file_that_was_cut_off_is_found_wherever_it_was_cut(size: int) -> None:
    data = sealed(os.urandom(size))
    whole = CHUNK_BYTES + TAG_BYTES
    for end in {0, 5, HEAD, HEAD + 1, HEAD + whole - 1, HEAD + whole, len(data) - 1} - {len(data)}:
        with pytest.raises(Conflict, match="backup-damaged"):
            opened(data[:end])
    with pytest.raises(Conflict, match="backup-damaged"):
        opened(data + b"\0")


def test_chunks_that_were_exchanged_are_found() -> None:
    data = sealed(os.urandom(3 * CHUNK_BYTES))
    one, size = HEAD, CHUNK_BYTES + TAG_BYTES
    first, second = data[one : one + size], data[one + size : one + 2 * size]
    with pytest.raises(Conflict, match="backup-damaged"):
        opened(data[:HEAD] + second + first + data[one + 2 * size :])


def test_another_key_or_another_purpose_opens_nothing() -> None:
    data = sealed(b"words")
    for key, purpose in ((SealingKey(b"x" * 32), "it"), (KEY, "another")):
        with pytest.raises(Conflict, match="backup-damaged"):
            opened(data, key=key, purpose=purpose)


def test_a_damaged_chunk_is_not_handed_on() -> None:
    data = bytearray(sealed(b"a" * 3 * CHUNK_BYTES))
    data[-1] ^= 1
    chunks = unseal(io.BytesIO(bytes(data)), KEY, "it")
    assert next(chunks) + next(chunks) == b"a" * 2 * CHUNK_BYTES
    with pytest.raises(Conflict):
        next(chunks)


def test_chunks_read_as_a_stream() -> None:
    stream = ReadableChunks(iter([b"abc", b"", b"defg"]))
    assert [stream.read(2), stream.read(2), stream.read(10), stream.read(1)] == [b"ab", b"c", b"defg", b""]
    assert ReadableChunks(iter([b"abc"])).read() == b"abc"


def test_names_and_ids_say_nothing_without_the_key() -> None:
    name = KEY.name_of("3f9c-o1", "a" * 64)
    assert name == KEY.name_of("3f9c-o1", "a" * 64)
    others = (KEY.name_of("3f9c-o2", "a" * 64), KEY.name_of("3f9c-o1", "b" * 64))
    assert name not in others
    assert name != SealingKey(b"x" * 32).name_of("3f9c-o1", "a" * 64)
    assert KEY.key_id != SealingKey(b"x" * 32).key_id
    assert "kkkk" not in repr(KEY)


def test_a_key_is_read_back_from_its_file(tmp_path: Path) -> None:
    made = make_key(tmp_path / "deep" / "key")
    assert read_key(tmp_path / "deep" / "key") == made
    assert len(made.secret) == 32
    with pytest.raises(NotFound, match="backup-key-missing"):
        read_key(tmp_path / "none")
    for unfit in ("", "word", "community-reporting-backup-key-1:", "community-reporting-backup-key-1:AAAA"):
        (tmp_path / "unfit").write_text(unfit)
        with pytest.raises(Conflict, match="backup-key-unfit"):
            read_key(tmp_path / "unfit")
