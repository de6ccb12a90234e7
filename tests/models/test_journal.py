"""The chain of the journal, without a database."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import count

import pytest

from models.journal import GENESIS, JournalEntry, first_broken, hash_of

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def a_chain(length: int) -> list[JournalEntry]:
    chain: list[JournalEntry] = []
    for number in range(1, length + 1):
        entry = JournalEntry(
            sequence=number,
            at=NOON + timedelta(seconds=number),
            actor="curator",
            act="take-up",
            story_id=f"story{number}",
            subject=None,
            previous_hash=chain[-1].hash if chain else GENESIS,
        )
        entry.hash = hash_of(entry)
        chain.append(entry)
    return chain


def test_a_whole_chain_is_whole() -> None:
    assert first_broken(a_chain(5)) is None
    assert first_broken([]) is None


CHANGES: dict[str, Callable[[JournalEntry], None]] = {
    "at": lambda entry: setattr(entry, "at", entry.at + timedelta(microseconds=1)),
    "actor": lambda entry: setattr(entry, "actor", "another"),
    "act": lambda entry: setattr(entry, "act", "publish"),
    "story": lambda entry: setattr(entry, "story_id", "another"),
    "subject": lambda entry: setattr(entry, "subject", "something"),
    "hash": lambda entry: setattr(entry, "hash", "0" * 64),
}


@pytest.mark.parametrize("field", CHANGES)
def test_a_changed_entry_is_named(field: str) -> None:
    chain = a_chain(5)
    CHANGES[field](chain[2])
    assert first_broken(chain) == 3


def test_an_entry_rewritten_with_its_own_hash_breaks_the_next() -> None:
    chain = a_chain(5)
    chain[2].act = "publish"
    chain[2].hash = hash_of(chain[2])
    assert first_broken(chain) == 4


@pytest.mark.parametrize("gone", range(4))
def test_an_entry_taken_out_is_noticed(gone: int) -> None:
    chain = a_chain(5)
    del chain[gone]
    assert first_broken(chain) == gone + 1


def test_entries_in_another_order_are_noticed() -> None:
    chain = a_chain(5)
    chain[1], chain[2] = chain[2], chain[1]
    assert first_broken(chain) == 2


def test_values_cannot_slide_from_one_field_into_the_next() -> None:
    number = count(1)
    made = [
        JournalEntry(sequence=next(number), at=NOON, actor=a, act=b, story_id=None, previous_hash=GENESIS)
        for a, b in (("ab", "c"), ("a", "bc"))
    ]
    for entry in made:
        entry.sequence = 1
    assert hash_of(made[0]) != hash_of(made[1])
