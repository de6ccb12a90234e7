"""The demo meets no real service: neither its settings nor its folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.operations.demo import Demo
from app.operations.demo_ground import MARKER, make_anew, settings_apart
from app.settings import Settings
from models.errors import Conflict

PREFIX = "COMMUNITY_REPORTING_"
REAL = {
    "DATABASE_URL": "postgresql+psycopg://reporting@127.0.0.1/stories",
    "WORKFLOW_DATABASE_URL": "postgresql+psycopg://reporting@127.0.0.1/work",
    "S3_ENDPOINT": "s3.example.org:443",
    "S3_BUCKET": "stories",
    "DATA": "real",
    "BACKUPS": "/srv/backups",
    "TOMBSTONES": "/srv/tombstones",
    "JOURNAL_KEY": "/srv/journal-key",
    "SMTP_HOST": "mail.example.org",
    "HOST": "0.0.0.0",
    "PUBLIC_URL": "https://stories.example.org",
    "WORKERS": "0",
    "REQUIRE_SECOND_FACTOR": "true",
}


@pytest.mark.parametrize("where", ["environment", ".env"])
def test_demo_takes_nothing_of_a_real_services_settings_but_its_cache(
    where: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(f"{PREFIX}CACHE", raising=False)
    given = {f"{PREFIX}{name}": value for name, value in (REAL | {"CACHE": "tables"}).items()}
    if where == "environment":
        for name, value in given.items():
            monkeypatch.setenv(name, value)
    else:
        Path(".env").write_text("".join(f"{name}={value}\n" for name, value in given.items()))
    settings = settings_apart(Path("demo"), 8000)
    assert Settings().s3_bucket == "stories", "they are set"
    assert settings.cache_folder == tmp_path / "tables"
    untouched = {name: field.default for name, field in Settings.model_fields.items()}
    own = {"data": Path("demo"), "cache": tmp_path / "tables", "min_free_bytes": 0}
    assert settings.model_dump() == untouched | own


def test_folder_that_the_demo_did_not_make_is_left_as_it_is(tmp_path: Path) -> None:
    real = tmp_path / "data"
    (real / "objects").mkdir(parents=True)
    (real / "community-reporting.sqlite").write_bytes(b"stories")
    with pytest.raises(Conflict) as caught:
        Demo(real, 0, None).run(stays=False)  # type: ignore[arg-type]
    assert caught.value.code == "demo-folder-taken"
    assert sorted(each.name for each in real.iterdir()) == ["community-reporting.sqlite", "objects"]
    file = tmp_path / "file"
    file.write_bytes(b"a letter")
    with pytest.raises(Conflict):
        make_anew(file)
    assert file.read_bytes() == b"a letter"


def test_demos_own_folder_is_emptied_and_what_it_points_to_is_not(tmp_path: Path) -> None:
    folder, elsewhere = tmp_path / "demo", tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "kept").touch()
    for _ in range(2):
        make_anew(folder)
        assert [each.name for each in folder.iterdir()] == [MARKER]
        (folder / "objects").mkdir()
        (folder / "objects" / "volume").touch()
        (folder / "community-reporting.sqlite").touch()
        (folder / "link").symlink_to(elsewhere)
    assert (elsewhere / "kept").exists()
    empty = tmp_path / "empty"
    empty.mkdir()
    make_anew(empty)
    assert (empty / MARKER).exists()
