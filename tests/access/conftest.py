"""What the walk over the access table needs, and its last line: how many cells were opened, and how many failed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import anyio.to_thread
import pytest
import structlog

from app.operations.logs import configure_logging
from storage.embedded import Embedded
from tests.access.place import Place
from tests.access.stages import FIRST, MOST_OPEN
from tests.access.undone import undone
from tests.plugins.databases import KINDS, TEMPLATE, on_postgresql, on_sqlite
from tests.plugins.objects import bucket_on

TALLY = "access"
HERE = Path(__file__).parent
# The gate is the same SQL on both, and tests/storage walks it on both. `make test` opens every route on SQLite in the
# stages that differ most; `make test-access` and `make test-long` open all, on PostgreSQL too.
OFTEN = {FIRST, "in review", MOST_OPEN}


class Tally:
    """Counts what was compared, and keeps what was not as the table says."""

    def __init__(self, kind: str, note: Callable[[str, object], None]) -> None:
        self._kind, self._note = kind, note
        self._cells = 0
        self._wrong: list[str] = []

    def check(self, cell: str, is_right: bool, wrong: str) -> None:
        """Count one cell; what is ``wrong`` with it is kept unless it is right."""
        self._cells += 1
        if not is_right:
            self._wrong.append(f"{cell}: {wrong}")

    def close(self) -> None:
        """Fail if a cell was wrong: it says more when all have been seen."""
        self._note(TALLY, (self._kind, self._cells, len(self._wrong)))
        if self._wrong:
            pytest.fail("\n".join(self._wrong), pytrace=False)


@pytest.fixture
def tally(place: Place, record_property: Callable[[str, object], None]) -> Tally:
    return Tally("sqlite" if place.database.is_sqlite else "postgresql", record_property)


@pytest.fixture(scope="package", params=KINDS)
def furnished(
    request: pytest.FixtureRequest, object_server: Embedded, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Place]:
    """A running service with somebody of every role, on each kind of database."""
    folder = tmp_path_factory.mktemp("access")
    if request.param == "sqlite":
        opened = on_sqlite(folder, request.getfixturevalue("sqlite_template"))
    else:
        opened = on_postgresql(request.getfixturevalue("postgresql_home"), TEMPLATE)
    with (
        opened as database,
        bucket_on(object_server) as objects,
        Place(database, objects, folder).opened() as place,
    ):
        yield place


@pytest.fixture
def place(furnished: Place, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    """The service for one test: what happens in it is undone at its end."""
    # One request at a time: going to another thread and back, several times each, takes longer than all the rest.
    monkeypatch.setattr(anyio.to_thread, "run_sync", _run_here)
    logging_before = structlog.get_config()
    # As the service logs: the default draws tracebacks with every local variable, which takes seconds.
    configure_logging(is_quiet=True)
    try:
        with undone(furnished.database):
            yield furnished
    finally:
        structlog.configure(**logging_before)


async def _run_here(function: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
    return function(*arguments)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What is walked in the long run alone."""
    for item in items:
        if item.path.parent == HERE and isinstance(item, pytest.Function) and hasattr(item, "callspec"):
            kind, stage = item.callspec.params["furnished"], item.callspec.params.get("stage")
            if kind != "sqlite" or stage not in {None, *OFTEN}:
                item.add_marker(pytest.mark.long)


def pytest_unconfigure(config: pytest.Config) -> None:
    """After all else, and once for all processes."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None or hasattr(config, "workerinput"):
        return
    cells: Counter[str] = Counter()
    failures = 0
    for outcome, reports in reporter.stats.items():
        for report in reports:
            if getattr(report, "when", "") == "call":
                tallies = [each for name, each in report.user_properties if name == TALLY]
                for kind, opened, wrong in tallies:
                    cells[kind] += opened
                    failures += wrong
                # A walk that broke off counted nothing.
                failures += outcome == "failed" and not tallies
            else:
                failures += outcome == "error"
    if cells or failures:
        kinds = ", ".join(f"{kind} {count}" for kind, count in sorted(cells.items(), reverse=True))
        reporter.write_line(f"access: {cells.total()} cells, {failures} failures ({kinds})")
