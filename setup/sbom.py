"""Writes what this software is made of as CycloneDX 1.6, from the lock files: each component's version and digests."""

from __future__ import annotations

import base64
import json
import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
PINNED = re.compile(r"^([A-Za-z0-9][\w.-]*)(?:\[[\w,-]*\])?==([^\s;\\]+)")
DIGEST = re.compile(r"--hash=sha256:([0-9a-f]{64})")


def locked(lock: Path) -> Iterator[tuple[str, str, list[str]]]:
    """Name, version and SHA-256 digests of each package in a lock file."""
    name, version, digests = "", "", list[str]()
    for line in lock.read_text(encoding="utf-8").splitlines():
        if pinned := PINNED.match(line):
            if name:
                yield name, version, digests
            name, version, digests = pinned[1], pinned[2], []
        digests += DIGEST.findall(line)
    if name:
        yield name, version, digests


def bill() -> dict[str, Any]:
    """The whole bill: Python's packages that the service runs with, and the browser's files."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    components = [
        _component(
            name, version, f"pkg:pypi/{name.lower()}@{version}", [("SHA-256", each) for each in digests]
        )
        for name, version, digests in locked(ROOT / "requirements" / "runtime.lock")
    ]
    packages = json.loads((ROOT / "package-lock.json").read_text(encoding="utf-8"))["packages"]
    for path, package in packages.items():
        if path and not package.get("dev"):
            name = path.removeprefix("node_modules/")
            algorithm, _, digest = package["integrity"].partition("-")
            spelled = ("SHA-" + algorithm.removeprefix("sha"), base64.b64decode(digest).hex())
            components.append(
                _component(name, package["version"], f"pkg:npm/{name}@{package['version']}", [spelled])
            )
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "component": {"type": "application", "name": project["name"], "version": project["version"]}
        },
        "components": components,
    }


def _component(name: str, version: str, purl: str, digests: list[tuple[str, str]]) -> dict[str, Any]:
    # Of a package on PyPI every file that may be installed has its own digest.
    references = [
        {"type": "distribution", "url": purl, "hashes": [{"alg": algorithm, "content": content}]}
        for algorithm, content in digests
    ]
    return {
        "type": "library",
        "bom-ref": purl,
        "name": name,
        "version": version,
        "purl": purl,
        "externalReferences": references,
    }


def main() -> None:
    """Write it to standard output."""
    json.dump(bill(), sys.stdout, indent=1)
    sys.stdout.write("\n")


if __name__ == "__main__":
    main()
