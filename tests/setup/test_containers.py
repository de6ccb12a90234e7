"""What stands around the service in containers, as far as it can be tried without an engine for them."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from storage.embedded import Embedded, command
from tests.conftest import ROOT

COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())
FLUSHED = ROOT / "setup" / "compose" / "objects.sh"
CONTAINER = ROOT / "setup" / "container.sh"


def test_proxy_takes_nobody_away_from_a_service_that_lives() -> None:
    """A store that is down, or a disk that is nearly full, is no reason why nobody could withdraw."""
    asked = re.findall(r"^\s*health_uri (\S+)", (ROOT / "setup/compose/Caddyfile").read_text(), re.MULTILINE)
    assert asked == ["/healthz"]


def run_flushed(store: Embedded, path: str, **more: str) -> subprocess.CompletedProcess[str]:
    run = store.folder / "run"
    ports = command.read_ports(run)
    environment = {
        "PATH": f"{path}:/usr/bin:/bin",
        "MASTER": f"127.0.0.1:{ports['master']}.{ports['master.grpc']}",
        "FILER": f"127.0.0.1:{ports['filer']}.{ports['filer.grpc']}",
    }
    # Where the store of the tests keeps the certificate that its shell needs; compose's has none.
    return subprocess.run(
        [FLUSHED], cwd=run, env=environment | more, capture_output=True, text=True, timeout=120
    )


def test_store_of_compose_flushes_each_object_before_anything_is_served(object_server: Embedded) -> None:
    services = COMPOSE["services"]
    assert services["web"]["depends_on"]["objects-flushed"] == {"condition": "service_completed_successfully"}
    assert "web" in services["worker"]["depends_on"]
    assert services["objects-flushed"]["image"] == services["objects"]["image"]
    object_server.shell("fs.configure -locationPrefix=/buckets/ -fsync=false -apply")
    assert '"fsync":true' not in "".join(object_server.shell("fs.configure").split())
    try:
        ran = run_flushed(object_server, str(Path(command.program()).parent))
        assert (ran.returncode, ran.stdout) == (0, "The store flushes each object.\n"), ran.stderr
        assert '"fsync":true' in "".join(object_server.shell("fs.configure").split())
    finally:
        # As the tests' store was: others go on with it.
        object_server.shell("fs.configure -locationPrefix=/buckets/ -fsync -volumeGrowthCount=1 -apply")


def test_store_that_does_not_say_that_it_flushes_is_not_served_from(
    object_server: Embedded, tmp_path: Path
) -> None:
    deaf = tmp_path / "weed"
    deaf.write_text("#!/bin/sh\ncat >/dev/null\n")
    deaf.chmod(0o755)
    ran = run_flushed(object_server, str(tmp_path), TRIES="1")
    assert ran.returncode == 1
    assert "nothing is served" in ran.stderr


def test_secrets_in_files_become_what_the_service_reads(tmp_path: Path) -> None:
    secret = tmp_path / "s3"
    secret.write_text("a $ecret with 'quotes'\n")
    given = {"COMMUNITY_REPORTING_S3_SECRET_KEY_FILE": str(secret), "PGPASSWORD_FILE": str(secret)}
    show = ["/bin/sh", "-c", 'printf "%s|%s" "$COMMUNITY_REPORTING_S3_SECRET_KEY" "$PGPASSWORD"']
    environment = {"PATH": os.environ["PATH"]} | given
    ran = subprocess.run([CONTAINER, *show], env=environment, capture_output=True, text=True, timeout=30)
    assert ran.stdout == "a $ecret with 'quotes'|a $ecret with 'quotes'"


PAGES = sorted([*(ROOT / "docs").rglob("*.md"), ROOT / "README.md"])


@pytest.mark.parametrize("service", ["web", "worker"])
def test_commands_in_a_running_container_are_given_its_secrets(service: str) -> None:
    """``exec`` passes by the image's entry point, which is what reads them."""
    asked = [
        line
        for page in PAGES
        for line in page.read_text().splitlines()
        if f"exec {service}" in line or f"exec -T {service}" in line
    ]
    assert asked or service == "worker"
    for line in asked:
        assert re.search(rf"exec (-T )?{service} setup/container\.sh community-reporting ", line), line
