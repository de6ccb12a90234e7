"""The commands of the page on uploads, run against a service; and that it names what can be answered."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from app.parts import Parts
from app.settings import Settings
from app.words import WORDS
from models.roles import Role
from pipeline.themes.codebook import load_codebook
from storage.database import Database
from storage.objects import Objects
from tests.plugins.served import serving_over
from tests.plugins.stories import Field

PAGE = Path(__file__).resolve().parent.parent.parent / "docs" / "reference" / "uploads.md"
TRIED = re.compile(r"<!-- tried -->\n```sh\n(.*?)```", re.DOTALL)


@pytest.fixture
def database(sqlite_database: Database) -> Database:
    return sqlite_database


def test_page_sends_a_recording(
    database: Database, object_store: Objects, field: Field, tmp_path: Path
) -> None:
    if missing := [each for each in ("bash", "curl", "base64", "awk") if shutil.which(each) is None]:
        pytest.skip(f"needs {', '.join(missing)}")
    (command,) = TRIED.findall(PAGE.read_text())
    settings = Settings(_env_file=None, data=tmp_path, workers=0, min_free_bytes=0)
    (tmp_path / "story.wav").write_bytes(b"RIFF" + bytes(range(256)) * 1000)
    reporter = field.account(Role.REPORTER, field.pilot())
    story = field.story(by=reporter)
    with serving_over(Parts(settings, database, object_store, load_codebook())) as served:
        given = {"SERVICE": served.address, "KEY": served.key(reporter), "STORY": story.id}
        printed = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", command],
            cwd=tmp_path,
            env=os.environ | given,
            capture_output=True,
            text=True,
            check=False,
        )
    assert printed.returncode == 0, printed.stdout + printed.stderr
    said, answered = printed.stdout.split("\n", 1)
    assert said == "100000 bytes have arrived"
    recording = json.loads(answered)
    assert (recording["state"], recording["size_bytes"]) == ("waiting", 256_004)


def test_page_names_every_code_of_an_upload() -> None:
    page = PAGE.read_text()
    own = {code for code in WORDS if code.startswith(("upload-", "tus-"))} - {"upload-cut-off"}
    assert {code for code in own if f"`{code}`" not in page} == set()
