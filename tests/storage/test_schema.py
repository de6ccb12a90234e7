"""Migrations: up and down with rows in every table, the same as the models, and never past a newer schema."""

from __future__ import annotations

import threading
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect, select, text

from models.accounts import Account, LinkPurpose
from models.base import utc_now
from models.collections import (
    Collection,
    CollectionEntry,
    Disclosure,
    Recall,
    Release,
    ReleaseEntry,
    Response,
)
from models.consent import Naming
from models.curation import State
from models.errors import Unavailable
from models.listening import EVERYBODY
from models.notices import NoticeKind
from models.roles import Principal, Role, Scope
from models.schema import Base
from models.search import SearchEntry
from models.stories import Part, Story, TellerContact
from models.uploads import UploadPart
from models.work import WishKind
from storage import (
    accounts,
    api_keys,
    assignments,
    comments,
    consents,
    guessing,
    holds,
    leases,
    listenings,
    notices,
    review_copies,
    schema,
    second_factors,
    sign_ins,
    tellers,
    uploads,
    webhooks,
    wishes,
    wordings,
)
from storage.consents import Terms
from storage.database import Database, WriteSession
from tests.plugins.stories import EVERY_USE, Field

# Newest first, each with the one before it.
STEPS = [
    (script.revision, script.down_revision)
    for script in ScriptDirectory.from_config(schema.config()).walk_revisions()
]
LATER = [(revision, before) for revision, before in STEPS if before is not None]
# What changes is the newest. The others have been walked, and are again in the long run.
IN_TURN = [
    pytest.param(*step, marks=() if step in LATER[:3] else pytest.mark.long, id="-".join(step))
    for step in LATER
]

RECREATING = """
from alembic import op
import sqlalchemy as sa

revision = "9999"
down_revision = "{head}"

def anew():
    return "always" if op.get_bind().dialect.name == "sqlite" else "never"

def upgrade():
    with op.batch_alter_table("story", recreate=anew()) as table:
        table.add_column(sa.Column("weather", sa.String(20)))
    {and_then}

def downgrade():
    with op.batch_alter_table("story", recreate=anew()) as table:
        table.drop_column("weather")
"""


@pytest.fixture
def full_database(database: Database, field: Field) -> Database:
    """A database with at least one row in every table."""
    team = field.account(Role.PILOT_TEAM, field.pilot())
    shared = field.story(state=State.PUBLISHED, consented_to=EVERY_USE, others=[Part.HEARD])
    field.story(state=State.WITHDRAWN)
    arriving = field.story()
    with database.write() as session:
        _on_its_way(session, session.get_one(Story, arriving.id))
        _ways_in(session, team, field.pilot())
        _work(session, shared)
        _a_collection(session, shared, team, field.pilot())
        wordings.add(session, "en", "I agree.", pilot_id=None, actor="test")
        session.add(TellerContact(person_id=shared.people[0].id, contact="by the well"))
        words = {"shown": "Bench", "surface": "bench", "lemmas": "en·bench"}
        session.add(SearchEntry(story_id=shared.id, source="title", **words))
        _governed(session, session.get_one(Story, shared.id), team, field.pilot())
    return database


def _ways_in(session: WriteSession, person: Principal, pilot: str) -> None:
    account = session.get_one(Account, person.account_id)
    accounts.begin_session(session, account)
    api_keys.make(session, account, "key", [Scope.STORIES_READ], days=1, actor="test")
    accounts.make_link(session, LinkPurpose.INVITATION, pilot_id=pilot, role=Role.REPORTER)
    sign_ins.begin(session, account)
    guessing.count_try(session, account.sign_in_name, "")
    guessing.remember_device(session, account.id, "")
    second_factors.begin(session, account.id)
    second_factors.renew_recovery_codes(session, account.id)


def _on_its_way(session: WriteSession, story: Story) -> None:
    sent = {"sent_name": "bench.wav", "sent_metadata": "a Yg==", "length_bytes": 10}
    by = story.submitted_by
    upload = uploads.begin(session, story, account_id=by, lasts=timedelta(days=1), **sent)
    session.add(UploadPart(upload_id=upload.id, number=1, tag="0" * 32, size_bytes=5))


def _work(session: WriteSession, story: Story) -> None:
    taken = leases.take(session, "slot-1")
    assert taken is not None
    wish = wishes.make(session, WishKind.INSPECT, story.id)
    wishes.claim(session, wish.id, taken[0], step="inspect")


def _governed(session: WriteSession, story: Story, team: Principal, pilot: str) -> None:
    by, person = team.account_id or "", story.people[0]
    tellers.begin_session(session, tellers.make_link(session, story, person.id, actor=by))
    review_copies.send(session, story, actor=by)
    listenings.note(session, story.id, {EVERYBODY})
    assignments.take(session, story, actor=by)
    comments.write(session, story, "Listen to 0:40 again.", actor=by)
    holds.raise_embargo(session, story, until=None, warned_id=by, actor=by)
    webhooks.register(session, pilot, by, "https://example.org/told")
    webhooks.enqueue(session, pilot, "release", {"release_id": "1"})
    notices.tell_account(session, by, NoticeKind.RESPONSE, story_id=story.id, once="a")
    collection = session.scalars(select(Collection)).one()
    answered = {"answered_on": utc_now().date(), "words": "We heard.", "made_by": by}
    session.add(Response(collection_id=collection.id, **answered))


def _a_collection(session: WriteSession, story: Story, team: Principal, pilot: str) -> None:
    by = team.account_id or ""
    collection = Collection(pilot_id=pilot, title="Benches", made_by=by)
    collection.entries = [CollectionEntry(story_id=story.id, position=0)]
    release = Release(number=1, root_digest="0" * 64, left_out={"expired": 1}, released_by=by)
    release.entries = [
        ReleaseEntry(position=0, story_id=story.id, digest="1" * 64, salt="2" * 64, manifest={"a": [1]})
    ]
    collection.releases = [release]
    session.add(collection)
    session.flush()
    session.add(Disclosure(release_id=release.id, account_id=by, format="zip"))
    session.add(Recall(release_id=release.id, story_id=story.id, account_id=by, acknowledged_at=utc_now()))


def rows(database: Database, *, known: dict[str, set[str]] | None = None) -> dict[str, list[str]]:
    """Every row of every table of ours that is there, as text; of the tables and columns of ``known`` if given."""
    with database.engine.connect() as connection:
        there = set(inspect(connection).get_table_names()) & (known or Base.metadata.tables).keys()
        return {
            table.name: sorted(
                repr(row)
                for row in connection.execute(
                    select(*(c for c in table.columns if known is None or c.name in known[table.name]))
                )
            )
            for table in Base.metadata.sorted_tables
            if table.name in there
        }


def known_to(database: Database) -> dict[str, set[str]]:
    """The tables that are there, and their columns."""
    with database.engine.connect() as connection:
        return {name: _columns(connection, name) for name in inspect(connection).get_table_names()}


def test_the_fixture_leaves_no_table_without_rows(full_database: Database) -> None:
    assert [name for name, found in rows(full_database).items() if not found] == []
    assert set(rows(full_database)) == set(Base.metadata.tables)


@pytest.mark.parametrize(("revision", "before"), IN_TURN)
def test_each_migration_down_and_up_keeps_every_row(
    full_database: Database, revision: str, before: str
) -> None:
    assert_down_and_up_keeps(full_database, before)


@pytest.mark.long
def test_each_migration_down_and_up_keeps_hundreds_of_rows(full_database: Database, field: Field) -> None:
    for _ in range(200):
        team = field.account(Role.PILOT_TEAM, field.pilot())
        story = field.story(state=State.PUBLISHED, consented_to=EVERY_USE, others=[Part.HEARD])
        with full_database.write() as session:
            _ways_in(session, team, field.pilot())
            _a_collection(session, story, team, field.pilot())
    counts = {name: len(found) for name, found in rows(full_database).items()}
    assert sum(count >= 200 for count in counts.values()) >= 20, counts
    for _, before in LATER:
        assert_down_and_up_keeps(full_database, before)


def assert_down_and_up_keeps(database: Database, before: str) -> None:
    """Down to ``before`` and up to the newest: what came since goes and comes, everything else is as it was."""
    kept = rows(database)
    schema.downgrade(database, before)
    assert schema.current(database) == before
    older = known_to(database)
    still = rows(database, known=older)
    schema.upgrade(database)
    assert rows(database, known=older) == still
    assert {name: len(found) for name, found in still.items()} == {name: len(kept[name]) for name in still}
    if kept.keys() == still.keys():
        assert rows(database) == kept


def test_a_name_that_was_given_before_is_shown_for_what_was_said_first(
    database: Database, field: Field
) -> None:
    told = [field.story(naming=naming) for naming in (Naming.NAMED, Naming.PSEUDONYM, Naming.ANONYMOUS)]
    with database.write() as session:
        for story in told:
            mine = session.get_one(Story, story.id)
            consents.record(session, mine, mine.people[0].id, Terms(naming=Naming.PSEUDONYM), actor="test")
    schema.downgrade(database, "0012")
    schema.upgrade(database)
    with database.read() as session:
        named = [session.get_one(Story, story.id).people[0].named_as for story in told]
    assert named == [Naming.NAMED, Naming.PSEUDONYM, Naming.NAMED]


def test_all_the_way_down_leaves_nothing_and_up_again_works(full_database: Database) -> None:
    schema.downgrade(full_database, "base")
    with full_database.engine.connect() as connection:
        assert set(inspect(connection).get_table_names()) == {"alembic_version"}
    assert schema.current(full_database) is None
    schema.upgrade(full_database)
    assert schema.is_current(full_database)
    assert not any(rows(full_database).values())
    assert Field(full_database).story(state=State.CURATED).state is State.CURATED


def test_an_upgrade_of_what_is_current_changes_nothing(full_database: Database) -> None:
    kept = rows(full_database)
    schema.upgrade(full_database)
    assert rows(full_database) == kept


def test_the_newest_schema_is_what_the_models_say(database: Database) -> None:
    def include(name: str | None, kind: str, parents: object) -> bool:
        # Full-text indexes are written by hand, one way for each database.
        return not (name or "").startswith("search_text")

    with database.engine.connect() as connection:
        options = {"include_name": include, "compare_type": True}
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, Base.metadata) == []


def test_a_newer_schema_is_refused_and_left_alone(full_database: Database) -> None:
    with full_database.engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    kept = rows(full_database)
    assert not schema.is_current(full_database)
    with pytest.raises(Unavailable) as refused:
        schema.upgrade(full_database)
    assert refused.value.code == "schema-newer"
    assert refused.value.parameters == {"revision": "9999"}
    assert schema.current(full_database) == "9999"
    assert rows(full_database) == kept


def test_an_empty_database_is_not_current_until_it_is_upgraded(empty_database: Database) -> None:
    assert schema.current(empty_database) is None
    assert not schema.is_current(empty_database)
    schema.upgrade(empty_database)
    assert schema.is_current(empty_database)


def test_several_that_upgrade_at_once_take_turns(empty_database: Database) -> None:
    together = threading.Barrier(4)
    errors: list[BaseException] = []

    def upgrade() -> None:
        together.wait()
        try:
            schema.upgrade(empty_database)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=upgrade) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert schema.is_current(empty_database)


@pytest.fixture
def a_later_migration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Adds a migration that makes the table of stories anew (as SQLite must), and then does ``and_then``."""

    def add(and_then: str = "pass") -> None:
        for source in schema.MIGRATIONS.rglob("*.py"):
            copy = tmp_path / "migrations" / source.relative_to(schema.MIGRATIONS)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_text(source.read_text())
        later = RECREATING.format(head=STEPS[0][0], and_then=and_then)
        (tmp_path / "migrations" / "versions" / "9999_later.py").write_text(later)
        monkeypatch.setattr(schema, "MIGRATIONS", tmp_path / "migrations")

    return add


def test_making_a_table_anew_keeps_what_refers_to_it(full_database: Database, a_later_migration: Any) -> None:
    """On SQLite dropping the old table would delete, by its foreign keys, all that belongs to stories."""
    kept = rows(full_database)
    a_later_migration()
    schema.upgrade(full_database)
    assert schema.current(full_database) == "9999"
    assert rows(full_database) == kept
    schema.downgrade(full_database, STEPS[0][0])
    assert rows(full_database) == kept


def test_foreign_keys_hold_again_after_a_migration(sqlite_database: Database) -> None:
    schema.downgrade(sqlite_database, "base")
    schema.upgrade(sqlite_database)
    with sqlite_database.engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1


@pytest.mark.parametrize(
    ("and_then", "reason"),
    [
        ("op.execute('DELETE FROM segment')", "rows-lost-in-upgrade"),
        ("op.execute('DELETE FROM no_such_table')", None),
    ],
)
def test_an_upgrade_that_loses_rows_or_fails_is_as_if_it_had_not_been(
    full_database: Database, a_later_migration: Any, and_then: str, reason: str | None
) -> None:
    kept, before = rows(full_database), schema.current(full_database)
    a_later_migration(and_then)
    with pytest.raises(Exception) as failed:
        schema.upgrade(full_database)
    if reason is not None:
        assert isinstance(failed.value, Unavailable)
        assert failed.value.code == reason
        assert failed.value.parameters == {"tables": ["segment"]}
    assert schema.current(full_database) == before
    assert rows(full_database) == kept
    assert "weather" not in _columns_of_story(full_database)


def _columns_of_story(database: Database) -> set[str]:
    with database.engine.connect() as connection:
        return _columns(connection, "story")


def _columns(connection: Connection, table: str) -> set[str]:
    return {column["name"] for column in inspect(connection).get_columns(table)}
