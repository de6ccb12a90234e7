"""A whole installation in a folder of its own: served by a process of its own, with everything that it keeps."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx2
from minio.error import S3Error
from sqlalchemy import text

from models.accounts import Account
from models.roles import Principal, Scope
from storage import api_keys
from storage.database import Database
from storage.embedded import Embedded, keys
from storage.embedded.command import read_ports
from storage.objects import Objects
from tests.erasure.rows import rows_of
from tests.erasure.traces import Blobs, Place, files_of, unsqueezed
from tests.plugins.stories import Field

ROOT = Path(__file__).resolve().parent.parent.parent
BUCKET = "community-reporting"
UP_SECONDS = 120


class House:
    """``folder`` holds ``data``, ``tmp`` and ``log``; ``postgresql`` is the home of a server, if it has one."""

    def __init__(self, folder: Path, url: str | None, postgresql: Path | None) -> None:
        self.folder, self.postgresql = folder, postgresql
        self.data, self.tmp, self.log = folder / "data", folder / "tmp", folder / "log"
        self.tmp.mkdir()
        self.url = url or f"sqlite:///{self.data / 'community-reporting.sqlite'}"
        with socket.socket() as trial:
            trial.bind(("127.0.0.1", 0))
            self.port = trial.getsockname()[1]
        self.address = f"http://127.0.0.1:{self.port}"
        self._process: subprocess.Popen[bytes] | None = None
        self._clients: list[httpx2.Client] = []

    def open(self) -> None:
        """Serve, until everything answers."""
        with self.log.open("ab") as log:
            self._process = self._run("serve", stdout=log, stderr=log)
        self.wait_until_ready()
        self.database = Database(self.url)
        self.field = Field(self.database)
        self.store = self.data / "objects"
        access_key, secret_key = keys.credentials(self.store / "run")
        self.embedded = Embedded(
            self.store, f"127.0.0.1:{read_ports(self.store / 'run')['s3']}", access_key, secret_key
        )
        self.objects = Objects.connect(self.embedded.endpoint, access_key, secret_key, BUCKET, secure=False)

    def close(self) -> None:
        for client in self._clients:
            client.close()
        if hasattr(self, "database"):
            self.database.close()
        if self._process is not None:
            self._process.terminate()
            self._process.wait(60)

    def command(self, *words: str) -> str:
        """Run a command of ours beside the service; what it says."""
        running = self._run(*words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        said = running.communicate(timeout=600)[0].decode()
        with self.log.open("a") as log:
            log.write(said)
        assert running.returncode == 0, said
        return said

    def _run(self, *words: str, **streams: Any) -> subprocess.Popen[bytes]:
        settings = {
            "DATA": str(self.data),
            "CACHE": str(ROOT / "data" / "cache"),
            "DATABASE_URL": self.url if self.postgresql else "",
            "PORT": str(self.port),
            "MIN_FREE_BYTES": "0",
        }
        given = {f"COMMUNITY_REPORTING_{name}": value for name, value in settings.items() if value}
        kept = {name: value for name, value in os.environ.items() if not name.startswith("COMMUNITY_REP")}
        return subprocess.Popen(
            [sys.executable, "-m", "tests.erasure.service", *words],
            cwd=ROOT,
            env=kept | given | {"TMPDIR": str(self.tmp)},
            **streams,
        )

    def wait_until_ready(self) -> None:
        def answers() -> bool:
            try:
                with urllib.request.urlopen(f"{self.address}/readyz", timeout=5):
                    return True
            except (urllib.error.URLError, OSError):
                return False

        self.wait_until(answers, "the service", UP_SECONDS)

    def wait_until(self, holds: Any, what: str, seconds: float = 300) -> None:
        deadline = time.monotonic() + seconds
        while not holds():
            assert self._process is not None
            assert self._process.poll() is None, self.log.read_text()[-3000:]
            assert time.monotonic() < deadline, (
                f"waited {seconds} s for {what}\n{self.log.read_text()[-3000:]}"
            )
            time.sleep(0.1)

    def client(self, principal: Principal) -> httpx2.Client:
        """A program with a key of this account."""
        with self.database.write() as session:
            account = session.get_one(Account, principal.account_id)
            key = api_keys.make(session, account, "test", tuple(Scope), days=1, actor=account.id).token
        headers = {"authorization": f"Bearer {key}"}
        self._clients.append(httpx2.Client(base_url=f"{self.address}/api/v1", headers=headers, timeout=120))
        return self._clients[-1]

    def keep_nothing_squeezed(self) -> None:
        """PostgreSQL squeezes long values, in which a word cannot be found by looking at bytes."""
        if self.postgresql is None:
            return
        columns = text(
            "SELECT c.oid::regclass, a.attname FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid"
            " JOIN pg_namespace n ON n.oid = c.relnamespace"
            " WHERE c.relkind = 'r' AND n.nspname = 'public' AND a.attnum > 0 AND NOT a.attisdropped"
            " AND a.attstorage = 'x'"
        )
        # Each by itself: the service reads these tables, and one that waits for the next holds up none that it has.
        with self.database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            for table, column in list(connection.execute(columns)):
                connection.execute(text(f'ALTER TABLE {table} ALTER COLUMN "{column}" SET STORAGE EXTERNAL'))

    def write_to_files(self) -> None:
        """What PostgreSQL would write sooner or later: samples of columns, and what is in memory alone."""
        if self.postgresql is not None:
            with self.database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                for each in ("ANALYZE", "CHECKPOINT"):
                    connection.execute(text(each))

    # where a story lies

    def places(self) -> Mapping[str, Place]:
        """Everything that is kept, each place once."""
        in_database = [self.postgresql / "data"] if self.postgresql else sorted(self.data.glob("*.sqlite*"))
        named = {self.data / "work", self.store, *self.data.glob("*.sqlite*")}
        return {
            "database": files_of(*in_database),
            "durable work": self._durable_work,
            "words of search": self._words_of_search,
            "store": unsqueezed(files_of(self.store)),
            "bucket": self._bucket,
            "log": files_of(self.log),
            "temporary folder": files_of(self.tmp),
            "work folder": files_of(self.data / "work"),
            # Not the cache of weights, which is elsewhere.
            "rest of the data folder": lambda: (
                blob for each in sorted(self.data.iterdir()) if each not in named for blob in files_of(each)()
            ),
        }

    def _durable_work(self) -> Blobs:
        url = self.url if self.postgresql else f"sqlite:///{self.data / 'workflows.sqlite'}"
        yield from rows_of(url, "dbos" if self.postgresql else None)

    def _words_of_search(self) -> Blobs:
        with self.database.engine.connect() as connection:
            if self.postgresql:
                words = connection.scalars(
                    text(
                        "SELECT word FROM ts_stat('SELECT array_to_tsvector(string_to_array("
                        "surface || '' '' || lemmas, '' '')) FROM search_entry')"
                    )
                )
            else:
                connection.execute(
                    text("CREATE VIRTUAL TABLE temp.vocabulary USING fts5vocab(main, search_text, row)")
                )
                words = connection.scalars(text("SELECT term FROM temp.vocabulary"))
            yield "\n".join(words).encode()
            connection.rollback()

    def _bucket(self) -> Iterator[bytes]:
        """Keys and contents of all versions, and the keys of what was never finished."""
        client = self.objects._client
        for each in client.list_objects(BUCKET, recursive=True, include_version=True):
            yield str(each.object_name).encode()
            if not each.is_delete_marker:
                try:
                    answer = client.get_object(BUCKET, str(each.object_name))
                except S3Error:
                    continue
                yield answer.read()
                answer.close()
                answer.release_conn()
        for key in self.objects.list_unfinished(""):
            yield key.encode()
