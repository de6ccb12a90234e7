"""Object stores for tests: one real server a run, a fresh bucket for each test."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from storage.embedded import Embedded
from storage.objects import Objects
from tests.plugins.object_server import shared_object_server


@pytest.fixture(scope="session")
def object_server(run_folder: Path) -> Iterator[Embedded]:
    """This run's object store: ``endpoint``, ``access_key``, ``secret_key``, not secure."""
    with shared_object_server(run_folder) as server:
        yield server


@pytest.fixture
def object_store(object_server: Embedded) -> Iterator[Objects]:
    """An empty bucket, gone after the test."""
    with bucket_on(object_server) as objects:
        yield objects


@contextmanager
def bucket_on(object_server: Embedded) -> Iterator[Objects]:
    """An empty bucket, gone at the end."""
    objects = Objects.connect(
        object_server.endpoint,
        object_server.access_key,
        object_server.secret_key,
        f"test-{secrets.token_hex(6)}",
        secure=False,
    )
    objects.ensure_bucket()
    yield objects
    objects.delete_prefix("")
    objects._client.remove_bucket(objects.bucket)
