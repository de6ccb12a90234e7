"""Clients that others wrote, unchanged: over a good road, and over one that cuts, delays and doubles requests."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from models.stories import Recording, RecordingState
from tests.app.uploads.sending import MIB, PATH, Room, some_bytes
from tests.plugins.rough_road import RoughRoad, rough_road
from tests.plugins.served import wait_until

ROOT = Path(__file__).resolve().parent.parent.parent.parent
GREEK, POLISH = "Η ιστορία της γιαγιάς μου.mp4", "Zażółć gęślą jaźń – źródło.m4a"


def the_one_received(room: Room, content: bytes) -> Recording:
    """The one recording that arrived whole; what was begun and never heard of by its sender does not count."""

    def received() -> list[Recording]:
        return [each for each in room.recordings() if each.state != RecordingState.UPLOADING]

    wait_until(received, "the recording", 10)
    (recording,) = received()
    assert recording.size_bytes == len(content)
    assert recording.sha256 == hashlib.sha256(content).hexdigest()
    assert room.content(recording) == content
    return recording


# ---- tuspy ----


def send_by_tuspy(room: Room, port: int, file: Path, name: str, *, chunk_bytes: int) -> None:
    tusclient = pytest.importorskip("tusclient.client", reason="needs tuspy: install the extra 'test'")
    from tusclient.exceptions import TusCommunicationError

    client = tusclient.TusClient(
        f"http://127.0.0.1:{port}{PATH}", headers={"Authorization": f"Bearer {room.key}"}
    )
    said = {"story_id": room.story.id, "filename": name}
    address: str | None = None
    deadline = time.monotonic() + 60
    while True:
        try:
            options: dict[str, Any] = {"retries": 30, "retry_delay": 0.02, "metadata": said}
            sender = client.uploader(str(file), chunk_size=chunk_bytes, url=address, **options)
            address = address or sender.create_url()
            sender.set_url(address)
            sender.upload()
            return
        except TusCommunicationError:
            # Its own retries end when a beginning is cut: then its user begins again.
            assert time.monotonic() < deadline


@pytest.mark.parametrize("name", [GREEK, POLISH])
def test_tuspy_sends_a_file(room: Room, tmp_path: Path, name: str) -> None:
    content = some_bytes(10 * MIB + 3)
    (tmp_path / "file").write_bytes(content)
    send_by_tuspy(room, room.served.port, tmp_path / "file", name, chunk_bytes=3 * MIB)
    assert the_one_received(room, content).sent_name == name
    assert room.spooled() == []


@pytest.mark.parametrize("seed", range(3))
def test_tuspy_arrives_by_a_rough_road(room: Room, tmp_path: Path, seed: int) -> None:
    content = some_bytes(4 * MIB + seed, seed=seed)
    (tmp_path / "file").write_bytes(content)
    with rough_road(room.served.port, seed) as road:
        send_by_tuspy(room, road.port, tmp_path / "file", GREEK, chunk_bytes=200_000)
        assert_was_rough(road)
    assert the_one_received(room, content).sent_name == GREEK


# ---- tus-js-client ----


def send_by_node(room: Room, port: int, file: Path, name: str, **how: Any) -> dict[str, Any]:
    if shutil.which("node") is None or not (ROOT / "node_modules" / "tus-js-client").exists():
        pytest.skip("needs Node and tus-js-client: setup/browser.sh test")
    wanted = {
        "endpoint": f"http://127.0.0.1:{port}{PATH}",
        "key": room.key,
        "storyId": room.story.id,
        "file": str(file),
        "name": name,
        "chunkSize": 200_000,
        "streams": False,
        "atOnce": False,
    }
    done = subprocess.run(
        ["node", str(Path(__file__).parent / "peer.mjs"), json.dumps(wanted | how)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    said: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return said


@pytest.mark.parametrize("name", [GREEK, POLISH])
@pytest.mark.parametrize(
    "how",
    [
        {"chunkSize": 3 * MIB},
        {"chunkSize": 3 * MIB, "atOnce": True},
        {"chunkSize": 3 * MIB, "streams": True},
        {"chunkSize": 100 * MIB},
    ],
    ids=["in pieces", "from the beginning", "without a length", "in one"],
)
def test_tus_js_client_sends_a_file(room: Room, tmp_path: Path, name: str, how: dict[str, Any]) -> None:
    content = some_bytes(10 * MIB + 3)
    (tmp_path / "file").write_bytes(content)
    said = send_by_node(room, room.served.port, tmp_path / "file", name, **how)
    assert said["waits"] == []
    assert said["url"].startswith(f"{room.served.address}{PATH}/")
    assert the_one_received(room, content).sent_name == name


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("streams", [False, True], ids=["with a length", "without a length"])
def test_tus_js_client_arrives_by_a_rough_road(room: Room, tmp_path: Path, seed: int, streams: bool) -> None:
    content = some_bytes(4 * MIB + seed, seed=seed)
    (tmp_path / "file").write_bytes(content)
    with rough_road(room.served.port, seed) as road:
        send_by_node(room, road.port, tmp_path / "file", POLISH, streams=streams)
        assert_was_rough(road)
    assert the_one_received(room, content).sent_name == POLISH


def assert_was_rough(road: RoughRoad) -> None:
    """A road on which nothing happens shows nothing."""
    assert sum(road.happened.values()) - road.happened["passes"] > 5, road.happened
