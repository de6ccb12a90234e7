"""The log: one line of JSON for each event, and of an error its kind and place, never its words."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from dbos._logger import init_logger
from sqlalchemy.exc import IntegrityError

from app.operations import serving
from app.operations.logs import configure_logging
from app.parts import Parts
from app.settings import Settings
from models.accounts import Account
from pipeline.themes.codebook import load_codebook
from storage.database import Database
from storage.objects import Objects

SAID = "what-rita-said@example.org"


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """What is logged meanwhile, as a running service logs."""
    before, written = structlog.get_config(), io.StringIO()
    others = {name: list(logging.getLogger(name).handlers) for name in ("", "dbos")}
    configure_logging()
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(written))
    yield written
    structlog.configure(**before)
    for name, handlers in others.items():
        logging.getLogger(name).handlers = handlers


def lines(log: io.StringIO) -> list[dict[str, Any]]:
    written = log.getvalue()
    assert SAID not in written
    return [json.loads(line) for line in written.splitlines()]


def _take_a_name_twice(database: Database) -> None:
    with database.write() as session:
        session.add_all(Account(name="Rita", sign_in_name=SAID) for _ in range(2))
        session.flush()


def test_error_of_the_database_is_logged_without_the_value_that_it_quotes(
    postgresql_database: Database, log: io.StringIO
) -> None:
    with pytest.raises(IntegrityError) as raised:
        _take_a_name_twice(postgresql_database)
    assert SAID in str(raised.value), "PostgreSQL names it"
    structlog.get_logger().error("request failed", exc_info=raised.value)
    (line,) = lines(log)
    assert "IntegrityError" in line["raised"]
    assert "UniqueViolation" in line["raised"], "what it came from, too"
    assert any(__file__.endswith(each.split(":")[0][-20:]) for each in line["raised"])


def test_error_that_another_error_came_from_is_told_by_kind_and_place_too(
    log: io.StringIO,
) -> None:
    try:
        try:
            raise KeyError(SAID)
        except KeyError as error:
            raise ValueError(SAID) from error
    except ValueError:
        structlog.get_logger().exception("failed")
    (line,) = lines(log)
    kinds = [each for each in line["raised"] if ":" not in each]
    assert kinds == ["ValueError", "KeyError"]


def test_errors_of_the_web_server_and_of_libraries_are_lines_of_ours(
    log: io.StringIO, sqlite_database: Database, tmp_path: Path
) -> None:
    store = Objects.connect("127.0.0.1:1", access_key="-", secret_key="-", bucket="none", secure=False)
    settings = Settings(_env_file=None, data=tmp_path, workers=0)
    config = serving.server(Parts(settings, sqlite_database, store, load_codebook())).config
    assert config.log_config is None
    init_logger()
    for name in ("uvicorn.error", "asyncio", "dbos"):
        try:
            raise RuntimeError(SAID)
        except RuntimeError:
            logging.getLogger(name).exception("Exception in %s", SAID)
    logging.getLogger("some.library").warning("could not read %s", SAID)
    logging.getLogger("uvicorn.error").error("address already in use")
    served, task, work, library, port = lines(log)
    for line in (served, task, work):
        assert (line["event"], line["raised"][0]) == ("library", "RuntimeError")
    assert (library["logger"], "says" in library) == ("some.library", False)
    assert port["says"] == "address already in use"


def test_line_ends_in_what_is_logged_make_no_line(log: io.StringIO) -> None:
    structlog.get_logger().warning("refused", code='a\nb\r{"event": "forged"}\u2028c', route="\x1b[31m")
    (line,) = lines(log)
    assert line["code"].startswith("a\nb")
