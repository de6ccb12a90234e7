"""The tutorial's own commands, run one after the other against a real service."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
TUTORIAL = ROOT / "docs" / "tutorial.md"
PROGRAMS = ("bash", "curl", "jq", "unzip", "espeak-ng", "sha256sum")
TRIED = re.compile(r"<!-- tried -->\n```sh\n(.*?)```", re.DOTALL)
START_SECONDS = 90.0


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Where the tutorial's reader stands: a checkout, as far as its commands look."""
    (tmp_path / "data" / "tutorial").mkdir(parents=True)
    (tmp_path / ".venv").symlink_to(ROOT / ".venv")
    (tmp_path / "data" / "cache").symlink_to(ROOT / "data" / "cache")
    return tmp_path


@pytest.fixture
def environment() -> dict[str, str]:
    """The tutorial's first lines, on a port that is free."""
    with socket.socket() as trial:
        trial.bind(("127.0.0.1", 0))
        port = trial.getsockname()[1]
    kept = {name: value for name, value in os.environ.items() if not name.startswith("COMMUNITY_REPORTING_")}
    return kept | {
        "COMMUNITY_REPORTING_DATA": "data/tutorial",
        "COMMUNITY_REPORTING_CACHE": "data/cache",
        "COMMUNITY_REPORTING_PORT": str(port),
        "COMMUNITY_REPORTING_MIN_FREE_BYTES": "0",
    }


@pytest.fixture
def link(place: Path, environment: dict[str, str]) -> Iterator[str]:
    """The link that a service of its own prints when it starts."""
    printed = place / "printed"
    with printed.open("w") as out:
        service = subprocess.Popen(
            [place / ".venv" / "bin" / "community-reporting", "serve"],
            cwd=place,
            env=environment,
            stdout=out,
            stderr=subprocess.DEVNULL,
        )
    try:
        _wait_until_ready(f"http://127.0.0.1:{environment['COMMUNITY_REPORTING_PORT']}/readyz")
        found = re.search(r"http\S+/come-in/\S+", printed.read_text())
        assert found is not None
        yield found[0]
    finally:
        service.terminate()
        service.wait(timeout=60)


def _wait_until_ready(address: str) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            with urllib.request.urlopen(address, timeout=5):
                return
        except (urllib.error.URLError, ConnectionError):
            assert time.monotonic() < deadline, "the service does not come up"
            time.sleep(0.2)


@pytest.mark.long
def test_every_command_of_the_tutorial_does_what_it_says(
    place: Path, environment: dict[str, str], link: str
) -> None:
    missing = [program for program in PROGRAMS if shutil.which(program) is None]
    if missing:
        pytest.skip(f"needs {', '.join(missing)}")
    commands = "\n".join(TRIED.findall(TUTORIAL.read_text(encoding="utf-8")))

    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", commands],
        cwd=place,
        env=environment | {"LINK": link},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )

    said = done.stdout
    assert done.returncode == 0, f"{said[-2000:]}\n{done.stderr[-2000:]}"
    assert len(re.findall(r"(?<![0-9a-f])303\n", said)) == 4, "four people came in"
    assert '"state":"inspected"' in said, "nothing is done before somebody consents"
    assert '{"state":"ready"' in said
    assert said.count(": OK") == 6, "every file fits its digest"
    roots = re.findall(r"^([0-9a-f]{64})(?:  -)?$", said, re.MULTILINE)
    assert len(roots) == 2, "the root as released, and as computed"
    assert roots[0] == roots[1]
    assert '"status":410' in said
    assert '"acknowledged_at":"' in said
    assert "BAD" not in said, "the doctor finds nothing wrong"
