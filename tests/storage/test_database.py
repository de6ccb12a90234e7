"""Sessions: what a commit promises, what a look sees, and what happens when a database does not answer."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import ExitStack, closing, suppress
from pathlib import Path

import pytest
from sqlalchemy import delete, func, select, text
from sqlalchemy.exc import IntegrityError, InternalError

from models.accounts import Account
from models.errors import Unavailable
from models.journal import JournalEntry
from models.work import WishKind
from storage import accounts, wishes
from storage.database import BUSY_TIMEOUT_MS, SQLITE_PRAGMAS, Database
from tests.plugins.postgresql import programs, shared_server, url_of


def count(database: Database) -> int:
    with database.read() as session:
        return session.scalar(select(func.count()).select_from(Account)) or 0


def test_a_commit_on_sqlite_survives_power_loss(sqlite_database: Database) -> None:
    assert sqlite_database.durability() == {"journal_mode": "wal", "synchronous": "2"}


def test_every_connection_to_sqlite_keeps_every_setting(sqlite_database: Database) -> None:
    spoken = {"ON": "1", "FULL": "2", "WAL": "wal"}
    with (
        sqlite_database.engine.connect() as first,
        sqlite_database.engine.execution_options(is_reading=True).connect() as second,
    ):
        for connection in (second, first):
            for name, value in SQLITE_PRAGMAS.items():
                found = connection.exec_driver_sql(f"PRAGMA {name}").scalar()
                assert str(found) == spoken.get(value, value), name
            connection.commit()


@pytest.mark.skipif(programs() is None, reason="needs PostgreSQL's server programs")
def test_durability_on_postgresql_is_what_the_server_says(tmp_path: Path) -> None:
    for setting in ("on", "off"):
        (tmp_path / setting).mkdir()
        settings = (f"fsync={setting}", f"full_page_writes={setting}", f"synchronous_commit={setting}")
        with (
            shared_server(tmp_path / setting, settings=settings) as home,
            closing(Database(url_of(home, "postgres"))) as database,
        ):
            names = ("fsync", "full_page_writes", "synchronous_commit")
            assert database.durability() == dict.fromkeys(names, setting)


def test_a_block_that_raises_leaves_nothing_not_even_in_the_journal(database: Database) -> None:
    def half_done() -> None:
        with database.write() as session:
            accounts.create(session, "Rita", "rita", actor="test")
            raise LookupError

    with pytest.raises(LookupError):
        half_done()
    assert count(database) == 0
    with database.read() as session:
        assert session.scalars(select(JournalEntry)).all() == []


def test_a_read_session_refuses_to_write(database: Database) -> None:
    with database.read() as session:
        session.add(Account(name="Rita", sign_in_name="rita"))
        with pytest.raises(RuntimeError):
            session.flush()


def test_what_a_read_session_deletes_is_still_there(database: Database) -> None:
    with database.write() as session:
        accounts.create(session, "Rita", "rita", actor="test")
    # PostgreSQL says no at once; SQLite forgets it.
    with suppress(InternalError), database.read() as session:
        session.execute(delete(Account))
    assert count(database) == 1


def test_a_look_does_not_change_while_it_lasts(database: Database) -> None:
    """A list and its count belong together, whoever writes between the two."""
    with database.read() as session:
        assert session.scalars(select(Account)).all() == []
        with database.write() as writing:
            accounts.create(writing, "Rita", "rita", actor="test")
        assert session.scalar(select(func.count()).select_from(Account)) == 0
    assert count(database) == 1


def test_readers_do_not_wait_for_a_writer(database: Database) -> None:
    with database.write() as session:
        accounts.create(session, "Rita", "rita", actor="test")
        assert count(database) == 0


def test_wishes_are_told_after_the_commit_and_only_then(database: Database) -> None:
    told: list[tuple[list[str], int]] = []
    database.when_wished = lambda ids: told.append((ids, len(_open(database))))
    with database.write() as session:
        wish = wishes.make(session, WishKind.ERASE, "a" * 32)
        assert told == []
    assert told == [([wish.id], 1)]
    with suppress(LookupError), database.write() as session:
        wishes.make(session, WishKind.ERASE, "b" * 32)
        raise LookupError
    assert len(told) == 1


def test_two_who_read_before_they_write_lose_neither_write(sqlite_database: Database) -> None:
    """Eight writers each read how many there are, and write that number: on SQLite they take turns."""
    database = sqlite_database
    together = threading.Barrier(8)

    def add() -> None:
        together.wait()
        for _ in range(5):
            with database.write() as session:
                number = session.scalar(select(func.count()).select_from(Account))
                session.add(Account(name="x", sign_in_name=f"number-{number}"))

    _at_once([add] * 8)
    with database.read() as session:
        assert set(session.scalars(select(Account.sign_in_name))) == {f"number-{n}" for n in range(40)}


def test_a_database_locked_for_too_long_is_unavailable(tmp_path: Path, sqlite_database: Database) -> None:
    path = sqlite_database.url.database or ""
    with closing(Database(f"sqlite:///{path}")) as other, other.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA busy_timeout = 50")
        connection.rollback()
        with sqlite_database.write() as session:
            session.add(Account(name="Rita", sign_in_name="rita"))
            session.flush()
            connection.close()
            with pytest.raises(Unavailable) as refused, other.write() as second:
                second.add(Account(name="Sam", sign_in_name="sam"))
        assert refused.value.code == "database-unavailable"
    assert count(sqlite_database) == 1


def test_a_writer_waits_longer_than_any_transaction_of_ours_takes() -> None:
    assert BUSY_TIMEOUT_MS >= 10_000


def test_a_database_that_is_not_there_is_unavailable(tmp_path: Path) -> None:
    with closing(Database(url_of(tmp_path, "nowhere"))) as database:
        with pytest.raises(Unavailable), database.read() as session:
            session.execute(text("SELECT 1"))
        with pytest.raises(Unavailable), database.write() as session:
            session.execute(text("SELECT 1"))


def test_an_error_does_not_carry_what_people_wrote(sqlite_database: Database) -> None:
    words = "what Rosa told"
    with pytest.raises(IntegrityError) as refused, sqlite_database.write() as session:
        session.execute(text("INSERT INTO account (id, name) VALUES ('1', :words)"), {"words": words})
    assert words not in str(refused.value), "errors are logged"


def test_a_database_all_of_whose_connections_are_busy_is_unavailable(
    postgresql_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when it is slow: more ask than it answers."""
    monkeypatch.setattr(postgresql_database.engine.pool, "_timeout", 0.1)
    with ExitStack() as busy:
        for _ in range(30):
            busy.enter_context(postgresql_database.read()).execute(select(1))
        with pytest.raises(Unavailable) as refused, postgresql_database.read() as one_more:
            one_more.execute(select(1))
    assert refused.value.code == "database-unavailable"
    with postgresql_database.read() as session:
        assert session.scalar(select(1)) == 1


def _open(database: Database) -> list[str]:
    with database.read() as session:
        return [wish.id for wish in wishes.open_wishes(session)]


def _at_once(tasks: list[Callable[[], None]]) -> None:
    errors: list[BaseException] = []

    def run(task: Callable[[], None]) -> None:
        try:
            task()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=(task,)) for task in tasks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
