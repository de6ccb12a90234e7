"""The parts as a running service builds them."""

from __future__ import annotations

import io
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from app import parts as parts_module
from app.parts import Parts, build
from app.settings import Settings
from models.errors import NoSpace
from storage import object_service
from storage.embedded import Embedded
from storage.objects import Objects


@pytest.fixture
def built(object_server: Embedded, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Parts]:
    """As `serve` builds them with the embedded store: the test run's own, instead of one more."""
    monkeypatch.setattr(parts_module, "start_or_join", lambda folder: object_server)
    parts = build(Settings(_env_file=None, data=tmp_path / "data", s3_bucket=f"b-{secrets.token_hex(6)}"))
    yield parts
    monkeypatch.undo()
    parts.objects.delete_prefix("")
    parts.objects._client.remove_bucket(parts.objects.bucket)
    parts.close()


def put(objects: Objects) -> None:
    objects.put_stream("a-o1", io.BytesIO(b"a sound"))


def put_a_part(objects: Objects) -> None:
    objects.parts.put("a-o1", objects.parts.begin("a-o1"), 1, b"a sound")


@pytest.mark.parametrize("send", [put, put_a_part])
def test_embedded_store_takes_nothing_new_on_a_disk_that_is_nearly_full(
    built: Parts, monkeypatch: pytest.MonkeyPatch, send: Callable[[Objects], None]
) -> None:
    send(built.objects)
    monkeypatch.setattr(object_service, "RESERVED_BYTES", 2**62)
    with pytest.raises(NoSpace) as caught:
        send(built.objects)
    assert caught.value.code == "object-store-full"
