"""What PostgreSQL keeps of deleted rows leaves its files; what stands in the way is said."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import delete, text

from models.errors import Unavailable
from models.stories import Story
from storage import old_transactions, physical_erasure, schema
from storage.database import Database
from tests.plugins.postgresql import connect, programs, shared_server, url_of
from tests.plugins.stories import Field

SETTINGS = ("fsync=off", "synchronous_commit=off")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A server of this module's own: every file of it is looked into."""
    if programs() is None:
        pytest.skip("needs PostgreSQL's server programs (Debian: apt-get install postgresql)")
    with shared_server(tmp_path_factory.mktemp("pg"), settings=SETTINGS) as home:
        yield home


@pytest.fixture
def database(home: Path) -> Iterator[Database]:
    """A database that is its owner's, who has no other rights."""
    name = f"t{secrets.token_hex(4)}"
    with connect(home) as connection:
        connection.execute(f"CREATE ROLE {name} LOGIN")
        connection.execute(f"CREATE DATABASE {name} TEMPLATE template0 OWNER {name}")
    with closing(Database(url_of(home, name))) as database:
        schema.upgrade(database)
        yield database


def files_with(home: Path, *words: str) -> list[str]:
    wanted = [each.encode() for each in words]
    return [
        str(each.relative_to(home))
        for each in (home / "data").rglob("*")
        if each.is_file() and any(word in each.read_bytes() for word in wanted)
    ]


def erase_some(database: Database, *, leaves: int) -> list[str]:
    """Stories whose titles are sampled into statistics, then deleted; ``leaves`` others stay."""
    field = Field(database)
    titles = [f"quarz{secrets.token_hex(6)}" for _ in range(12)]
    for title in titles:
        field.story(title=title)
    for _ in range(leaves):
        field.story(title="kept")
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("ANALYZE"))
    with database.write() as session:
        session.execute(delete(Story).where(Story.title.in_(titles)))
    with connect(Path(str(database.url.query["host"]))) as connection:
        # So that they are in files at all, not in memory alone.
        connection.execute("CHECKPOINT")
    return titles


@pytest.mark.parametrize("leaves", [0, 3])
def test_deleted_words_leave_tables_statistics_and_log(home: Path, database: Database, leaves: int) -> None:
    titles = erase_some(database, leaves=leaves)
    places = files_with(home, *titles)
    assert any("/pg_wal/" in place for place in places)
    assert sum("/base/" in place for place in places) >= 2, "in the table, and in statistics"
    physical_erasure.rewrite_files(database, database.url.render_as_string(hide_password=False))
    assert files_with(home, *titles) == []
    assert physical_erasure.rights_wanting(database) == []
    with database.read() as session:
        assert len(session.scalars(text("SELECT title FROM story")).all()) == leaves


def test_durable_work_of_which_nothing_is_left_leaves_no_samples_either(
    home: Path, database: Database
) -> None:
    wishes = [f"wish{secrets.token_hex(6)}" for _ in range(12)]
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("CREATE SCHEMA dbos"))
        connection.execute(text("CREATE TABLE dbos.workflow_status (workflow_uuid text PRIMARY KEY)"))
        for wish in wishes:
            connection.execute(text("INSERT INTO dbos.workflow_status VALUES (:wish)"), {"wish": wish})
        for each in ("ANALYZE", "DELETE FROM dbos.workflow_status", "CHECKPOINT"):
            connection.execute(text(each))
    assert files_with(home, *wishes)
    physical_erasure.rewrite_files(database, database.url.render_as_string(hide_password=False))
    assert files_with(home, *wishes) == []


def test_transaction_that_could_still_see_them_is_said(
    home: Path, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    titles = erase_some(database, leaves=1)
    monkeypatch.setattr(old_transactions, "WAIT_SECONDS", 0.5)
    url = database.url.render_as_string(hide_password=False)
    with database.engine.connect().execution_options(isolation_level="REPEATABLE READ") as looking:
        looking.execute(text("SELECT 1"))
        with database.write() as session:
            session.execute(text("UPDATE story SET title = 'changed'"))
        with pytest.raises(Unavailable) as caught:
            physical_erasure.rewrite_files(database, url)
        assert caught.value.parameters["reason"] == "old-transaction"
        # A role that may not see others' sessions learns it from VACUUM itself.
        monkeypatch.setattr(physical_erasure, "wait_for_older", lambda connection, code: None)
        with pytest.raises(Unavailable):
            physical_erasure.rewrite_files(database, url)
        looking.rollback()
    physical_erasure.rewrite_files(database, url)
    assert files_with(home, *titles) == []


def test_table_in_use_is_said_and_tried_again(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(physical_erasure, "WAIT_SECONDS", 1.0)
    monkeypatch.setattr(physical_erasure, "wait_for_older", lambda connection, code: None)
    url = database.url.render_as_string(hide_password=False)
    with database.engine.begin() as using:
        using.execute(text("LOCK TABLE story IN ACCESS SHARE MODE"))
        with pytest.raises(Unavailable):
            physical_erasure.rewrite_files(database, url)
    physical_erasure.rewrite_files(database, url)


def test_two_processes_do_not_rewrite_at_once(database: Database) -> None:
    url = database.url.render_as_string(hide_password=False)
    with database.engine.connect() as other:
        other.execute(text("SELECT pg_advisory_lock(:lock)"), {"lock": physical_erasure.LOCK})
        with pytest.raises(Unavailable) as caught:
            physical_erasure.rewrite_files(database, url)
        assert caught.value.parameters["reason"] == "another-process"
        other.execute(text("SELECT pg_advisory_unlock(:lock)"), {"lock": physical_erasure.LOCK})


@pytest.mark.long
def test_owner_without_other_rights_rewrites_tables_and_statistics_and_says_what_it_may_not(
    home: Path, database: Database
) -> None:
    """As the papers set a database up: its role owns it, and has no other rights."""
    name = str(database.url.database)
    with closing(Database(str(database.url.render_as_string(False)).replace("app@", f"{name}@"))) as own:
        with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            for table in connection.scalars(
                text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
            ):
                connection.execute(text(f'ALTER TABLE "{table}" OWNER TO {name}'))
        titles = erase_some(own, leaves=0)
        assert physical_erasure.rights_wanting(own) == ["pg_switch_wal()", "CHECKPOINT"]
        physical_erasure.rewrite_files(own, own.url.render_as_string(hide_password=False))
        with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("CHECKPOINT"))
        assert all("/pg_wal/" in f"/{each}" for each in files_with(home, *titles))

        # What docs/deploy/postgresql.md says to grant.
        with database.engine.begin() as connection:
            connection.execute(text(f"GRANT EXECUTE ON FUNCTION pg_switch_wal(), pg_ls_waldir() TO {name}"))
            connection.execute(text(f"GRANT pg_checkpoint TO {name}"))
        assert physical_erasure.rights_wanting(own) == []
        physical_erasure.rewrite_files(own, own.url.render_as_string(hide_password=False))
        assert files_with(home, *titles) == []
