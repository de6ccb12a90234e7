"""The lock files: every package has the digests of its files, and stands in the bill of materials."""

from __future__ import annotations

import http.server
import json
import os
import subprocess
import threading
from pathlib import Path

import pytest

from setup import sbom

ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.mark.parametrize("lock", ["runtime", "development"])
def test_every_locked_package_has_digests(lock: str) -> None:
    found = list(sbom.locked(ROOT / "requirements" / f"{lock}.lock"))
    assert len(found) > 50, "the file was read"
    assert [name for name, _, digests in found if not digests] == []


def test_bill_of_materials_names_every_package_that_the_service_runs_with() -> None:
    bill = json.loads(json.dumps(sbom.bill()))
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.6")
    named = {each["purl"]: each for each in bill["components"]}
    for name, version, digests in sbom.locked(ROOT / "requirements" / "runtime.lock"):
        references = named[f"pkg:pypi/{name}@{version}"]["externalReferences"]
        assert {each["hashes"][0]["content"] for each in references} == set(digests)
    assert any(each.startswith("pkg:npm/govuk-frontend@") for each in named)
    assert not any("axe-core" in each for each in named), "what tests alone use is not in it"


def test_audit_that_reaches_nobody_says_so_and_does_not_fail() -> None:
    ran = subprocess.run(
        ["sh", "setup/audit.sh"],
        cwd=ROOT,
        env=os.environ | {"OSV": "http://127.0.0.1:9/v1/query"},
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0
    assert "Not audited: http://127.0.0.1:9/v1/query cannot be reached from here." in ran.stderr


class _OneIsWeak(http.server.BaseHTTPRequestHandler):
    """Speaks OSV's protocol, and knows a weakness of one package."""

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))["package"]["name"]
        weak = {"id": "TEST-1", "aliases": [], "details": "made up", "affected": []}
        body = json.dumps({"vulns": [weak]} if asked == "jinja2" else {}).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing: tests say what they found themselves."""


@pytest.mark.long
def test_audit_fails_for_a_weak_package_and_names_it() -> None:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _OneIsWeak) as service:
        threading.Thread(target=service.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{service.server_port}/v1/query"
        ran = subprocess.run(
            ["sh", "setup/audit.sh"],
            cwd=ROOT,
            env=os.environ | {"OSV": address},
            capture_output=True,
            text=True,
        )
        service.shutdown()
    assert ran.returncode == 1, ran.stderr
    assert "TEST-1" in ran.stdout
    assert "jinja2" in ran.stdout
