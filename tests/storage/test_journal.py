"""The journal in SQL: one unbroken chain whoever writes, and no way to change it unnoticed."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest
from sqlalchemy import delete, func, select, text, update

from models.journal import JournalEntry, JournalHead
from storage import journal
from storage.database import Database

ROOT = Path(__file__).resolve().parents[2]
WRITE = """
import sys
from storage import journal
from storage.database import Database
database = Database(sys.argv[1])
for number in range(int(sys.argv[2])):
    with database.write() as session:
        journal.note(session, "test", "write", story_id="s", subject=str(number))
database.close()
"""

FIFTY = """
import os, sys, threading
from models.errors import Unavailable
from storage import journal
from storage.database import Database
database = Database(sys.argv[1])
def write(thread):
    for number in range(int(sys.argv[3])):
        while True:
            try:
                with database.write() as session:
                    journal.note(session, "test", "write", story_id="s", subject=f"{os.getpid()}-{thread}-{number}")
                break
            except Unavailable:
                pass
threads = [threading.Thread(target=write, args=[number]) for number in range(int(sys.argv[2]))]
print("ready", flush=True)
sys.stdin.readline()
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
database.close()
"""


def write(database: Database, entries: int) -> None:
    for number in range(entries):
        with database.write() as session:
            journal.note(session, "test", "write", story_id="s", subject=str(number))


def broken_at(database: Database) -> int | None:
    with database.read() as session:
        return journal.verify(session)


def length(database: Database) -> int:
    with database.read() as session:
        return session.scalar(select(func.count()).select_from(JournalEntry)) or 0


def test_eight_threads_keep_one_unbroken_chain(database: Database) -> None:
    """From the very first entry on, which all eight want to write."""
    together = threading.Barrier(8)
    errors: list[BaseException] = []

    def run() -> None:
        together.wait()
        try:
            write(database, 10)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=run) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert length(database) == 80
    assert broken_at(database) is None


@pytest.mark.long
def test_fifty_writers_at_once_keep_one_unbroken_chain_and_a_flipped_byte_is_found(
    database: Database,
) -> None:
    """Five processes of ten threads, all at once: no entry is lost, none is doubled.

    SQLite lets writers wait for 15 seconds, and not in turn: on a busy machine some are told to try again, and do.
    """
    url = database.url.render_as_string(hide_password=False)
    command = [sys.executable, "-c", FIFTY, url, "10", "8"]
    writers = [
        subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        for _ in range(5)
    ]
    for writer in writers:
        assert writer.stdout is not None
        assert writer.stdout.readline() == b"ready\n"
    for writer in writers:
        assert writer.stdin is not None
        writer.stdin.write(b"go\n")
        writer.stdin.flush()
    said = [writer.communicate(timeout=500) for writer in writers]
    assert [error for _, error in said] == [b""] * 5
    assert length(database) == 400
    assert broken_at(database) is None
    with database.read() as session:
        subjects = set(session.scalars(select(JournalEntry.subject)))
        middle = session.get_one(JournalEntry, 200)
        flipped = middle.hash[:10] + chr(ord(middle.hash[10]) ^ 1) + middle.hash[11:]
    assert len(subjects) == 400
    with database.write() as session:
        session.execute(update(JournalEntry).where(JournalEntry.sequence == 200).values(hash=flipped))
    assert broken_at(database) == 200


def test_processes_keep_one_unbroken_chain(database: Database) -> None:
    url = database.url.render_as_string(hide_password=False)
    command = [sys.executable, "-c", WRITE, url, "20"]
    writers = [subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE) for _ in range(3)]
    said = [writer.communicate(timeout=60)[1] for writer in writers]
    assert said == [b""] * 3
    assert length(database) == 60
    assert broken_at(database) is None


def test_several_entries_of_one_transaction_are_chained_in_order(database: Database) -> None:
    with database.write() as session:
        for act in ("one", "two", "three"):
            journal.note(session, "test", act, story_id="s")
    with database.read() as session:
        assert [entry.act for entry in journal.of_story(session, "s")] == ["one", "two", "three"]
        assert journal.verify(session) is None


def test_a_transaction_that_notes_nothing_takes_no_lock_on_the_head(database: Database) -> None:
    with database.write():
        pass
    with database.read() as session:
        assert session.scalars(select(JournalHead)).all() == []


@pytest.mark.parametrize(
    "change",
    [
        {"actor": "another"},
        {"act": "publish"},
        {"story_id": "t"},
        {"subject": "9"},
        {"previous_hash": "f" * 64},
        {"hash": "f" * 64},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_tampered_entry_is_named(database: Database, change: dict[str, str]) -> None:
    write(database, 5)
    with database.write() as session:
        session.execute(update(JournalEntry).where(JournalEntry.sequence == 3).values(**change))
    assert broken_at(database) == 3


def test_a_chain_cut_off_at_its_end_is_noticed(database: Database) -> None:
    write(database, 5)
    with database.write() as session:
        session.execute(delete(JournalEntry).where(JournalEntry.sequence > 3))
    assert broken_at(database) == 4


def test_an_entry_taken_out_is_noticed(database: Database) -> None:
    write(database, 5)
    with database.write() as session:
        session.execute(delete(JournalEntry).where(JournalEntry.sequence == 2))
    assert broken_at(database) == 2


def test_a_journal_emptied_of_all_its_entries_is_noticed(database: Database) -> None:
    write(database, 5)
    with database.write() as session:
        session.execute(delete(JournalEntry))
    assert broken_at(database) == 1


def test_an_empty_journal_is_whole(database: Database) -> None:
    assert broken_at(database) is None


def test_the_chain_is_whole_whatever_zone_the_server_thinks_in(database: Database) -> None:
    write(database, 3)
    if not database.is_sqlite:
        with database.engine.begin() as connection:
            name = database.url.database
            connection.execute(text(f"ALTER DATABASE {name} SET timezone TO 'Asia/Kathmandu'"))
        database.close()
    assert broken_at(database) is None
    write(database, 1)
    assert broken_at(database) is None


def test_a_writer_who_has_looked_at_the_head_before_still_sees_its_newest(
    postgresql_database: Database,
) -> None:
    """On SQLite writers take turns from their first statement on."""
    database = postgresql_database
    write(database, 1)
    with database.write() as session:
        assert session.scalars(select(JournalHead)).one().sequence == 1
        write(database, 1)
        journal.note(session, "test", "late", story_id="s")
    assert broken_at(database) is None
    assert length(database) == 3


def test_an_entry_holds_ids_and_a_verb_and_nothing_else() -> None:
    columns = set(JournalEntry.__table__.columns.keys())
    assert columns == {"sequence", "at", "actor", "act", "story_id", "subject", "previous_hash", "hash"}
