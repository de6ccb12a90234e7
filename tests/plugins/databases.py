"""Databases for tests: every test that touches SQL runs on SQLite and on PostgreSQL.

The newest schema is migrated once a run and kind; a test has a copy of it for itself.
"""

from __future__ import annotations

import fcntl
import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import pytest

from storage import schema
from storage.database import Database
from tests.plugins.postgresql import connect, programs, shared_server, url_of
from tests.plugins.spare_databases import spare_databases

KINDS = ("sqlite", "postgresql")
TEMPLATE = "migrated"


@pytest.fixture(scope="session")
def run_folder(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Path:
    """A folder that all the processes of this test run share."""
    own = tmp_path_factory.getbasetemp()
    return own.parent if hasattr(request.config, "workerinput") else own


@pytest.fixture(scope="session")
def sqlite_template(run_folder: Path) -> Path:
    """An empty SQLite database at the newest schema."""
    path = run_folder / "migrated.sqlite"
    with (run_folder / "migrating").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not path.exists():
            fresh = run_folder / "migrating.sqlite"
            with closing(Database(f"sqlite:///{fresh}")) as database:
                schema.upgrade(database)
            fresh.rename(path)
    return path


@pytest.fixture(scope="session")
def postgresql_home(run_folder: Path) -> Iterator[Path]:
    """The home of this run's PostgreSQL server, with a database at the newest schema to copy from."""
    if programs() is None:
        pytest.skip("needs PostgreSQL's server programs (Debian: apt-get install postgresql)")
    with shared_server(run_folder) as home:
        with (run_folder / "migrating").open("a") as lock, connect(home) as connection:
            fcntl.flock(lock, fcntl.LOCK_EX)
            there = connection.execute("SELECT FROM pg_database WHERE datname = %s", (TEMPLATE,)).fetchone()
            if there is None:
                connection.execute("CREATE DATABASE migrating")
                with closing(Database(url_of(home, "migrating"))) as database:
                    schema.upgrade(database)
                connection.execute(f"ALTER DATABASE migrating RENAME TO {TEMPLATE}")
        yield home


@pytest.fixture
def make_database(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Callable[..., Database]]:
    """Makes databases of a kind, at the newest schema unless ``is_empty``; all are gone after the test."""
    with ExitStack() as made:

        def make(kind: str, *, is_empty: bool = False) -> Database:
            if kind == "sqlite":
                template = None if is_empty else request.getfixturevalue("sqlite_template")
                return made.enter_context(on_sqlite(tmp_path, template))
            home = request.getfixturevalue("postgresql_home")
            return made.enter_context(on_postgresql(home, "template0" if is_empty else TEMPLATE))

        yield make


@pytest.fixture(params=KINDS)
def database(request: pytest.FixtureRequest, make_database: Callable[..., Database]) -> Database:
    """A database at the newest schema: once SQLite, once PostgreSQL."""
    return make_database(request.param)


@pytest.fixture(params=KINDS)
def empty_database(request: pytest.FixtureRequest, make_database: Callable[..., Database]) -> Database:
    """A database without any table: once SQLite, once PostgreSQL."""
    return make_database(request.param, is_empty=True)


@pytest.fixture
def sqlite_database(make_database: Callable[..., Database]) -> Database:
    """A SQLite database at the newest schema, for tests to which the kind makes no difference."""
    return make_database("sqlite")


@pytest.fixture
def postgresql_database(make_database: Callable[..., Database]) -> Database:
    """A PostgreSQL database at the newest schema, for what SQLite has no like of."""
    return make_database("postgresql")


@contextmanager
def on_sqlite(folder: Path, template: Path | None) -> Iterator[Database]:
    """A database in ``folder``, a copy of the template, or empty."""
    path = folder / f"stories-{secrets.token_hex(4)}.sqlite"
    if template is not None:
        shutil.copyfile(template, path)
    with closing(Database(f"sqlite:///{path}")) as database:
        yield database


@contextmanager
def on_postgresql(home: Path, template: str) -> Iterator[Database]:
    """A database on the server at ``home``, a copy of the template there; gone at the end."""
    if template == TEMPLATE:
        spare = spare_databases(home, template)
        name = spare.take()
        with closing(Database(url_of(home, name))) as database:
            yield database
        spare.give_back(name)
        return
    name = f"t_{secrets.token_hex(6)}"
    with connect(home) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
    with closing(Database(url_of(home, name))) as database:
        yield database
    with connect(home) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
