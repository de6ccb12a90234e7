"""Backups: whole, encrypted, incremental, written while the service runs, and not kept for ever."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from app.operations import backup
from app.operations import restore as restoring
from app.operations.backup import last_backup, make_backup, read_dump
from app.operations.doctor import examine
from app.operations.doctor.findings import Finding
from app.operations.housekeeping import LOOKS, remove_old_backups
from app.words import WORDS
from models.base import utc_now
from models.errors import Conflict, NotFound, StoryError, Unavailable
from models.stories import Rendition
from storage import backup_sets, dumps, schema, tombstones
from storage.backup_sets import BackupSet
from storage.sealing import make_key, read_key
from tests.app.operations.conftest import ROOT, Installation

PAGE = 300 * 1024 * 1024


def objects_in(place: Path) -> dict[str, int]:
    """The sealed objects of a set, with the file that each is."""
    return {each.name: each.stat().st_ino for each in (place / "objects").glob("*/*")}


def everything_in(place: Path) -> bytes:
    return b"".join(each.read_bytes() for each in place.rglob("*") if each.is_file())


def test_a_backup_holds_every_row_and_every_object_that_they_name(home: Installation, place: Path) -> None:
    made = make_backup(home.parts, place)
    rows = home.rows()
    assert made.manifest.rows == {name: len(each) for name, each in rows.items()}
    assert made.manifest.rows["story"] == 2
    assert not {"sign_in", "teller_session", "one_time_link"} & rows.keys()
    assert made.manifest.objects == len(objects_in(place)) == 4
    assert (made.lost, made.manifest.gone_meanwhile) == ([], 0)
    assert restoring.check(place, home.settings.backup_key_file)[1] == []


def test_nothing_in_a_backup_can_be_read_without_the_key(home: Installation, place: Path) -> None:
    story = home.story(b"the words that were spoken" * 5000, title="Waldemar")
    make_backup(home.parts, place)
    found = everything_in(place)
    for hidden in (
        b"Waldemar",
        b"the words that were spoken",
        story.object_token.encode(),
        story.id.encode(),
    ):
        assert hidden not in found
    names = " ".join(str(each) for each in place.rglob("*"))
    assert story.object_token not in names


def test_the_key_is_never_in_a_backup(home: Installation, place: Path) -> None:
    make_backup(home.parts, place)
    key = home.settings.backup_key_file
    secret = read_key(key).secret
    found = everything_in(place)
    assert secret not in found
    assert key.read_bytes().strip() not in found
    inside = home.settings.model_copy(update={"backup_key": place / "key"})
    with pytest.raises(Conflict, match="backup-key-inside"):
        make_backup(replace(home.parts, settings=inside), place)


def test_a_second_backup_copies_only_what_is_new(
    home: Installation, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_backup(home.parts, place)
    before = objects_in(place)
    new = home.story()
    fetched: list[str] = []
    open_range = home.objects.open_range

    def watched(key: str, start: int, length: int | None) -> Iterator[bytes]:
        fetched.append(key)
        return open_range(key, start, length)

    monkeypatch.setattr(home.objects, "open_range", watched)
    second = make_backup(home.parts, place)
    assert set(fetched) == home.keys_of(new)
    assert (second.manifest.new_objects, second.manifest.objects) == (2, 6)
    after = objects_in(place)
    assert {name: after[name] for name in before} == before
    assert restoring.check(place, home.settings.backup_key_file)[1] == []


def test_what_is_withdrawn_while_a_backup_is_made_is_noted_and_no_error(
    home: Installation, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the dump, in which it stands, and the copying of its objects."""
    read = dumps.named_objects
    gone = home.stories[0]

    def then_withdrawn(lines: Iterator[bytes]) -> Iterator[dumps.NamedObject]:
        home.withdraw(gone)
        return read(lines)

    monkeypatch.setattr(dumps, "named_objects", then_withdrawn)
    made = make_backup(home.parts, place)
    assert made.lost == []
    assert (made.manifest.gone_meanwhile, made.manifest.objects) == (2, 2)
    assert tombstones.ids_in(place / "tombstones") == {gone.id}


def test_a_rendition_made_anew_while_a_backup_is_made_is_no_loss(
    home: Installation, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = dumps.named_objects

    def then_made_anew(lines: Iterator[bytes]) -> Iterator[dumps.NamedObject]:
        with home.database.write() as session:
            rendition = session.query(Rendition).first()
            assert rendition is not None
            rendition.sha256 = home._put(rendition.object_key, b"made anew")
        return read(lines)

    monkeypatch.setattr(dumps, "named_objects", then_made_anew)
    made = make_backup(home.parts, place)
    assert (made.lost, made.manifest.gone_meanwhile) == ([], 1)


@pytest.mark.parametrize("what", ["missing", "changed"])
def test_an_object_that_the_store_has_lost_is_named_and_the_rest_is_backed_up(
    home: Installation, place: Path, what: str
) -> None:
    key = min(home.keys_of(home.stories[0]))
    home.objects.delete(key)
    if what == "changed":
        home._put(key, b"something else")
    made = make_backup(home.parts, place)
    assert made.lost == [key]
    assert (made.manifest.lost, made.manifest.objects) == (1, 3)
    assert len(objects_in(place)) == 3


def test_a_backup_broken_off_at_any_object_is_no_backup_and_the_next_goes_on(
    home: Installation, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_range = home.objects.open_range
    for number in range(4):
        left = [number]

        def failing(key: str, start: int, length: int | None, left: list[int] = left) -> Iterator[bytes]:
            for chunk in open_range(key, start, length):
                if left[0] == 0:
                    raise Unavailable("object-store-unavailable", reason="test")
                yield chunk
            left[0] -= 1

        monkeypatch.setattr(home.objects, "open_range", failing)
        fresh = place / str(number)
        with pytest.raises(Unavailable):
            make_backup(home.parts, fresh)
        broken = BackupSet(fresh)
        assert broken.whole() == []
        assert len(broken.unfinished()) == 1
        assert len(objects_in(fresh)) == number
        with pytest.raises(NotFound, match="backup-not-there"):
            restoring.check(fresh, home.settings.backup_key_file)
        monkeypatch.setattr(home.objects, "open_range", open_range)
        made = make_backup(home.parts, fresh)
        assert made.manifest.new_objects == 4 - number
        assert broken.unfinished() == []
        assert restoring.check(fresh, home.settings.backup_key_file)[1] == []


def test_backups_are_removed_after_their_days_with_the_objects_that_no_other_needs(
    home: Installation, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = utc_now()
    monkeypatch.setattr(backup_sets, "utc_now", lambda: now - timedelta(days=31))
    old = make_backup(home.parts, place)
    assert home.settings.backup_days == 30
    monkeypatch.setattr(backup_sets, "utc_now", lambda: now - timedelta(days=29))
    kept = make_backup(home.parts, place)
    home.withdraw(home.stories[0])
    monkeypatch.setattr(backup_sets, "utc_now", lambda: now)
    newest = make_backup(home.parts, place)
    assert newest.removed == [old.manifest.id]
    assert BackupSet(place).whole() == [kept.manifest.id, newest.manifest.id]
    assert len(objects_in(place)) == 4, "the one that is kept still needs them"

    monkeypatch.setattr(backup_sets, "utc_now", lambda: now + timedelta(days=2))
    last = make_backup(home.parts, place)
    assert last.removed == [kept.manifest.id]
    assert len(objects_in(place)) == 2, "what was taken back is in no backup any more"
    assert restoring.check(place, home.settings.backup_key_file)[1] == []
    assert tombstones.ids_in(place / "tombstones") == {home.stories[0].id}


def test_the_newest_backup_stays_however_old(
    home: Installation, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backup_sets, "utc_now", lambda: utc_now() - timedelta(days=400))
    made = make_backup(home.parts, place)
    monkeypatch.undo()
    assert BackupSet(place).remove_older_than(30, keep=made.manifest.id) == []
    assert BackupSet(place).whole() == [made.manifest.id]


def test_backups_end_after_their_days_though_nobody_makes_new_ones(
    home: Installation, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever makes backups has stopped: the service removes what is due, and the doctor names what stays."""
    assert remove_old_backups in LOOKS
    now = utc_now()
    made = []
    for days in (31, 29):
        monkeypatch.setattr(backup_sets, "utc_now", lambda ago=days: now - timedelta(days=ago))
        made.append(make_backup(home.parts, place).manifest.id)
    monkeypatch.setattr(backup_sets, "utc_now", lambda: now - timedelta(days=2))
    remove_old_backups(home.parts)
    assert BackupSet(place).whole() == made, "not before their time"
    assert _kept_too_long(home).is_well

    monkeypatch.setattr(backup_sets, "utc_now", lambda: now)
    finding = _kept_too_long(home)
    assert (finding.is_well, finding.is_warning) == (False, False)
    assert made[0] in finding.says
    with BackupSet(place).only_us():
        remove_old_backups(home.parts)
        assert BackupSet(place).whole() == made, "somebody is at work there"
    remove_old_backups(home.parts)
    assert BackupSet(place).whole() == made[1:]
    assert _kept_too_long(home).is_well
    assert restoring.check(place, home.settings.backup_key_file)[1] == []

    monkeypatch.setattr(backup_sets, "utc_now", lambda: now + timedelta(days=2))
    remove_old_backups(home.parts)
    assert BackupSet(place).whole() == made[1:], "all that is left of the stories is never removed by itself"
    assert made[1] in _kept_too_long(home).says


def _kept_too_long(home: Installation) -> Finding:
    (found,) = (each for each in examine(home.parts) if each.what == "backups kept too long")
    return found


def test_a_dump_is_one_moment_while_others_write(home: Installation, place: Path) -> None:
    """Stories come in while it is made: the journal in it is unbroken, and each story has its people."""
    stop = threading.Event()
    errors: list[BaseException] = []

    def write() -> None:
        try:
            while not stop.is_set():
                home.field.story()
        except BaseException as error:
            errors.append(error)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        made = [make_backup(home.parts, place) for _ in range(3)]
    finally:
        stop.set()
        writer.join()
    assert errors == []
    key = read_key(home.settings.backup_key_file)
    for each in made:
        rows: dict[str, list[dict[str, Any]]] = {}
        for table, row in dumps.rows_of(read_dump(BackupSet(place), each.manifest.id, key)):
            rows.setdefault(table, []).append(row)
        stories = {row["id"] for row in rows["story"]}
        assert {row["story_id"] for row in rows["story_person"]} == stories
        (head,) = rows["journal_head"]
        assert head["sequence"] == len(rows["journal_entry"])
        assert head["hash"] == max(rows["journal_entry"], key=lambda row: row["sequence"])["hash"]


def test_two_backups_at_once_into_one_place_are_refused(
    home: Installation, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backup, "PATIENCE_SECONDS", 0.3)
    with BackupSet(place).only_us(), pytest.raises(Conflict, match="backup-busy"):
        make_backup(home.parts, place)


def test_a_backup_waits_until_the_service_has_removed_old_ones(
    home: Installation, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = utc_now()
    for days in (40, 35):
        monkeypatch.setattr(backup_sets, "utc_now", lambda ago=days: now - timedelta(days=ago))
        kept = make_backup(home.parts, place).manifest.id
    monkeypatch.setattr(backup_sets, "utc_now", utc_now)
    is_removing, goes_on = threading.Event(), threading.Event()
    remove = BackupSet.remove_older_than

    def slowly(backups: BackupSet, days: int, *, keep: str) -> list[str]:
        if keep == kept:
            is_removing.set()
            goes_on.wait(10)
        return remove(backups, days, keep=keep)

    monkeypatch.setattr(BackupSet, "remove_older_than", slowly)
    service = threading.Thread(target=remove_old_backups, args=(home.parts,))
    service.start()
    assert is_removing.wait(10)
    threading.Timer(0.5, goes_on.set).start()
    made = make_backup(home.parts, place)
    service.join()
    assert made.removed == [kept], "the other one was removed before it began"
    assert BackupSet(place).whole() == [made.manifest.id]
    assert restoring.check(place, home.settings.backup_key_file)[1] == []


def test_without_a_key_there_is_no_backup_and_a_key_is_never_overwritten(
    home: Installation, place: Path
) -> None:
    key = home.settings.backup_key_file
    assert key.stat().st_mode & 0o777 == 0o600
    with pytest.raises(Conflict, match="backup-key-there"):
        make_key(key)
    key.unlink()
    with pytest.raises(NotFound, match="backup-key-missing"):
        make_backup(home.parts, place)
    key.write_text("something else")
    with pytest.raises(Conflict, match="backup-key-unfit"):
        make_backup(home.parts, place)
    assert not place.exists()


def test_a_place_that_takes_nothing_is_said(home: Installation, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Unavailable, match="backup-not-written"):
        make_backup(home.parts, tmp_path / "file" / "backups")


def test_a_database_that_waits_for_its_upgrade_is_backed_up_as_it_is(home: Installation, place: Path) -> None:
    """The backup before an upgrade, made by the new version: nothing is migrated by it."""
    schema.downgrade(home.database, "0002")
    made = make_backup(home.parts, place)
    assert made.manifest.schema == "0002"
    assert schema.current(home.database) == "0002"


def test_sums_can_be_checked_without_the_key(home: Installation, place: Path) -> None:
    made = make_backup(home.parts, place)
    check = ["sha256sum", "--check", "--quiet", made.folder / "SHA256SUMS"]
    assert subprocess.run(check, cwd=place, check=False).returncode == 0
    (place / "objects" / next(iter(objects_in(place)))[:2]).rename(place / "gone")
    assert subprocess.run(check, cwd=place, check=False, stderr=subprocess.DEVNULL).returncode == 1


def test_the_doctor_hears_of_the_last_backup(home: Installation, place: Path) -> None:
    assert last_backup(home.settings.data) is None
    made = make_backup(home.parts, place)
    noted = last_backup(home.settings.data)
    assert noted is not None
    assert noted["id"] == made.manifest.id
    assert json.loads((made.folder / "manifest.json").read_text())["id"] == made.manifest.id


SCRIPT = r"""
import re, sys
from pathlib import Path
from app.operations.backup import make_backup
from app.operations.restore import restore
from app.parts import open_as_it_is
from app.settings import Settings
parts = open_as_it_is(Settings(_env_file=None))
place = Path(sys.argv[2])
if sys.argv[1] == "backup":
    make_backup(parts, place)
else:
    restore(parts, place, parts.settings.backup_key_file)
# Not ru_maxrss, which begins with that of the process that started this one.
print(re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())[1])
"""


@pytest.mark.long
def test_memory_does_not_grow_with_the_size_of_an_object(
    make_installation: Callable[..., Installation], key_file: Path, place: Path, object_server: Any
) -> None:
    peaks: dict[str, list[int]] = {"backup": [], "restore": []}
    for size in (1000, PAGE):
        home = make_installation("sqlite", f"home-{size}")
        home.story(os.urandom(size))
        new = make_installation("sqlite", f"new-{size}", is_empty=True)
        for command, at in (("backup", home), ("restore", new)):
            environment = {
                "COMMUNITY_REPORTING_DATA": str(at.settings.data),
                "COMMUNITY_REPORTING_DATABASE_URL": at.database.url.render_as_string(),
                "COMMUNITY_REPORTING_BACKUP_KEY": str(key_file),
                "COMMUNITY_REPORTING_S3_ENDPOINT": object_server.endpoint,
                "COMMUNITY_REPORTING_S3_ACCESS_KEY": object_server.access_key,
                "COMMUNITY_REPORTING_S3_SECRET_KEY": object_server.secret_key,
                "COMMUNITY_REPORTING_S3_BUCKET": at.objects.bucket,
                "COMMUNITY_REPORTING_S3_SECURE": "false",
            }
            done = subprocess.run(
                [sys.executable, "-c", SCRIPT, command, str(place / str(size))],
                cwd=ROOT,
                env=os.environ | environment,
                capture_output=True,
                text=True,
                check=True,
            )
            peaks[command].append(int(done.stdout.split()[-1]))
        assert new.bytes_of_everything() == home.bytes_of_everything()
    for command, (small, large) in peaks.items():
        assert large - small < 64 * 1024, f"{command}: {small} KiB, then {large} KiB"


def test_every_error_of_backups_has_words() -> None:
    files = ("app/operations/backup.py", "app/operations/restore.py", "app/operations/journal_heads.py")
    files += ("storage/backup_sets.py", "storage/sealing.py", "app/parts.py")
    raised = {
        code
        for file in files
        for code in re.findall(
            r'(?:Conflict|NotFound|Unavailable)\(\s*"([a-z-]+)"', (ROOT / file).read_text()
        )
    }
    assert len(raised) > 10
    assert raised <= WORDS.keys()
    assert issubclass(dumps.Lost, StoryError)


@pytest.mark.long
def test_the_commands_from_a_key_to_a_restored_service(
    make_installation: Callable[..., Installation], tmp_path: Path, object_server: Any
) -> None:
    home = make_installation("sqlite", "home", tombstones=tmp_path / "second")
    gone, stays = home.story(), home.story()
    new = make_installation("sqlite", "new", is_empty=True)

    def command(at: Installation, *words: str) -> subprocess.CompletedProcess[str]:
        given = {
            "COMMUNITY_REPORTING_DATA": str(at.settings.data),
            "COMMUNITY_REPORTING_DATABASE_URL": at.database.url.render_as_string(),
            "COMMUNITY_REPORTING_BACKUP_KEY": str(tmp_path / "key"),
            "COMMUNITY_REPORTING_BACKUPS": str(tmp_path / "set"),
            "COMMUNITY_REPORTING_TOMBSTONES": str(tmp_path / "second"),
            "COMMUNITY_REPORTING_S3_ENDPOINT": object_server.endpoint,
            "COMMUNITY_REPORTING_S3_ACCESS_KEY": object_server.access_key,
            "COMMUNITY_REPORTING_S3_SECRET_KEY": object_server.secret_key,
            "COMMUNITY_REPORTING_S3_BUCKET": at.objects.bucket,
            "COMMUNITY_REPORTING_S3_SECURE": "false",
        }
        return subprocess.run(
            [sys.executable, "-m", "app.cli", *words],
            cwd=tmp_path,
            env=os.environ | {"PYTHONPATH": str(ROOT)} | given,
            capture_output=True,
            text=True,
            check=False,
        )

    refused = command(home, "backup")
    assert (refused.returncode, "backup-key" in refused.stderr) == (1, True), refused
    assert command(home, "backup-key").returncode == 0
    made = command(home, "backup")
    assert (made.returncode, "4 of them new" in made.stdout) == (0, True), made
    home.withdraw(gone)
    checked = command(new, "restore", "set", "--check")
    assert (checked.returncode, "4 objects: whole" in checked.stdout) == (0, True), checked
    done = command(new, "restore", "set")
    assert (done.returncode, "1 stories withdrawn again" in done.stdout) == (0, True), done
    assert (new.keys_of(gone), new.keys_of(stays)) == (set(), home.keys_of(stays))
    again = command(new, "restore", "set")
    assert (again.returncode, "is not empty" in again.stderr) == (1, True), again

    lost = min(new.keys_of(stays))
    new.objects.delete(lost)
    named = command(new, "backup", "--to", "other")
    assert (named.returncode, f"LOST {lost}" in named.stderr) == (1, True), named
    put = command(new, "restore", "set", "--missing-objects")
    assert (put.returncode, "1 objects put" in put.stdout) == (0, True), put
    assert new.keys_of(stays) == home.keys_of(stays)
