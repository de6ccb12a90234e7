"""The journal's signed head: whoever holds one can show that nothing before it was changed."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import delete, update

from app.operations import journal_heads
from app.operations.journal_heads import Broken, check, entries_of_database, entries_of_file
from models.errors import Conflict
from models.journal import GENESIS, JournalEntry, JournalHead, hash_of
from storage import journal
from storage.database import Database
from tests.app.operations.conftest import ROOT
from tests.plugins.databases import KINDS

FLIPPED_AT = 3


@pytest.fixture(params=KINDS)
def database(request: pytest.FixtureRequest, make_database: Callable[..., Database]) -> Database:
    """A journal with six entries: once on SQLite, once on PostgreSQL."""
    made = make_database(request.param)
    write(made, 6)
    return made


@pytest.fixture
def key(tmp_path: Path) -> Ed25519PrivateKey:
    return journal_heads.signing_key(tmp_path / "keys" / "journal-key")


def write(database: Database, entries: int) -> None:
    for number in range(entries):
        with database.write() as session:
            journal.note(session, "test", "write", story_id="s", subject=str(number))


def head_of(database: Database, key: Ed25519PrivateKey) -> str:
    with database.read() as session:
        return json.dumps(journal_heads.signed_head(session, key))


def lines_of(database: Database) -> list[str]:
    with database.read() as session:
        return list(journal_heads.entry_lines(session))


def url_of(database: Database) -> str:
    return database.url.render_as_string(hide_password=False)


def checked_both_ways(database: Database, head: str, public: str | None) -> str:
    """What is said of the database and of its exported lines: the same."""
    said = []
    for way in ("database", "lines"):
        try:
            if way == "lines":
                done = check(head, entries_of_file(lines_of(database)), public)
            else:
                with entries_of_database(url_of(database)) as entries:
                    done = check(head, entries, public)
            said.append(f"{done.sequence} of {done.entries}")
        except Broken as broken:
            said.append(str(broken))
    assert said[0] == said[1]
    return said[0]


def test_a_head_is_still_good_after_more_was_written(database: Database, key: Ed25519PrivateKey) -> None:
    head, public = head_of(database, key), journal_heads.public_pem(key)
    assert set(json.loads(head)) == {"sequence", "hash", "at", "key_id", "public_key", "signature"}
    assert checked_both_ways(database, head, public) == "6 of 6"
    write(database, 2)
    assert checked_both_ways(database, head, public) == "6 of 8"
    assert checked_both_ways(database, head, None) == "6 of 8"


def rewrite_from(database: Database, sequence: int) -> None:
    """Change an entry and every hash after it, head included: a chain that is whole in itself."""
    with database.write() as session:
        previous = GENESIS
        for entry in session.query(JournalEntry).order_by(JournalEntry.sequence):
            if entry.sequence == sequence:
                entry.actor = "nobody"
            entry.previous_hash = previous
            entry.hash = previous = hash_of(entry)
        session.execute(update(JournalHead).values(hash=previous))


def test_a_chain_written_anew_is_whole_in_itself_and_does_not_have_the_signed_head(
    database: Database, key: Ed25519PrivateKey
) -> None:
    head, public = head_of(database, key), journal_heads.public_pem(key)
    write(database, 2)
    rewrite_from(database, 2)
    with database.read() as session:
        assert journal.verify(session) is None
    assert checked_both_ways(database, head, public).startswith("entry 6: not the one that was signed")


@pytest.mark.parametrize(
    "change", [{"actor": "x"}, {"act": "x"}, {"hash": "f" * 64}, {"previous_hash": "f" * 64}], ids=str
)
def test_a_changed_entry_is_named(database: Database, key: Ed25519PrivateKey, change: dict[str, str]) -> None:
    head, public = head_of(database, key), journal_heads.public_pem(key)
    with database.write() as session:
        session.execute(update(JournalEntry).where(JournalEntry.sequence == FLIPPED_AT).values(**change))
    assert checked_both_ways(database, head, public) == f"entry {FLIPPED_AT}"
    with pytest.raises(Conflict, match="journal-broken"):
        head_of(database, key)


@pytest.mark.parametrize(("cut", "said"), [((3, 3), "entry 3"), ((5, 6), "entry 5: the journal ends before")])
def test_entries_taken_out_are_noticed(
    database: Database, key: Ed25519PrivateKey, cut: tuple[int, int], said: str
) -> None:
    head, public = head_of(database, key), journal_heads.public_pem(key)
    with database.write() as session:
        session.execute(delete(JournalEntry).where(JournalEntry.sequence.between(*cut)))
    assert checked_both_ways(database, head, public).startswith(said)


def test_a_flipped_byte_in_the_exported_lines_is_found(database: Database, key: Ed25519PrivateKey) -> None:
    head = head_of(database, key)
    lines = "".join(lines_of(database)).encode()
    begin = lines.index(b'"sequence": 3')
    for place in range(begin, lines.index(b"\n", begin), 7):
        flipped = bytearray(lines)
        flipped[place] ^= 1
        try:
            text = flipped.decode()
        except UnicodeDecodeError:
            continue
        with pytest.raises(Broken, match="entry 3"):
            check(head, entries_of_file(text.splitlines(keepends=True)), None)


@pytest.mark.parametrize("name", ["sequence", "hash", "at", "key_id", "public_key", "signature"])
def test_a_head_that_was_changed_is_refused(database: Database, key: Ed25519PrivateKey, name: str) -> None:
    said = json.loads(head_of(database, key))
    if name == "sequence":
        said[name] -= 1
    elif name == "at":
        said[name] = "2026-01-01T00:00:00+00:00"
    else:
        said[name] = ("b" if said[name][0] != "b" else "c") + said[name][1:]
    with pytest.raises(Broken, match=r"signature|key|head"):
        check(json.dumps(said), entries_of_file(lines_of(database)), None)


def test_another_key_is_noticed_only_by_who_has_the_right_one(
    database: Database, key: Ed25519PrivateKey
) -> None:
    """Why the public key is handed over by another way than the heads."""
    forged = head_of(database, Ed25519PrivateKey.generate())
    assert check(forged, entries_of_file(lines_of(database)), None).sequence == 6
    with pytest.raises(Broken, match="another key"):
        check(forged, entries_of_file(lines_of(database)), journal_heads.public_pem(key))


def test_an_empty_journal_has_a_head_too(
    make_database: Callable[..., Database], key: Ed25519PrivateKey
) -> None:
    empty = make_database("sqlite")
    head = head_of(empty, key)
    assert checked_both_ways(empty, head, None) == "0 of 0"
    write(empty, 1)
    assert checked_both_ways(empty, head, None) == "0 of 1"


def test_the_key_is_made_once_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "journal-key"
    first = journal_heads.signing_key(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert journal_heads.public_pem(journal_heads.signing_key(path)) == journal_heads.public_pem(first)
    assert os.listdir(tmp_path) == ["journal-key"]
    path.write_text("something else")
    with pytest.raises(Conflict, match="journal-key-unfit"):
        journal_heads.signing_key(path)


def test_a_database_is_only_read_and_a_wrong_path_makes_none(
    tmp_path: Path, make_database: Callable[..., Database], key: Ed25519PrivateKey
) -> None:
    nowhere = tmp_path / "nowhere.sqlite"
    with (
        pytest.raises(Broken, match="cannot be read"),
        entries_of_database(f"sqlite:///{nowhere}") as entries,
    ):
        list(entries)
    assert not nowhere.exists()


def command(tmp_path: Path, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """The command as it is typed, in a folder without settings."""
    bare = {name: value for name, value in os.environ.items() if not name.startswith("COMMUNITY_")}
    return subprocess.run(
        [sys.executable, "-m", "app.cli", "journal", *words],
        cwd=tmp_path,
        env=bare | {"PYTHONPATH": str(ROOT)} | environment,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.long
def test_the_commands_from_export_to_a_broken_entry(tmp_path: Path, sqlite_database: Database) -> None:
    with closing(sqlite_database):
        write(sqlite_database, 4)
        url = url_of(sqlite_database)
        ours: dict[str, Any] = {
            "COMMUNITY_REPORTING_DATABASE_URL": url,
            "COMMUNITY_REPORTING_DATA": str(tmp_path / "data"),
        }
        assert command(tmp_path, "export", "head.json", **ours).returncode == 0
        (tmp_path / "public.pem").write_text(command(tmp_path, "key", **ours).stdout)
        (tmp_path / "entries.jsonl").write_text(command(tmp_path, "entries", **ours).stdout)
        auditor = tmp_path / "auditor"
        auditor.mkdir()
        given = ("verify", "../head.json", "--key", "../public.pem")
        well = command(auditor, *given, "--database", url)
        assert (well.returncode, "to entry 4, and the head is in it" in well.stdout) == (0, True), well
        well = command(auditor, "verify", "../head.json", "--entries", "../entries.jsonl")
        assert (well.returncode, "proves less" in well.stdout) == (0, True), well
        assert command(auditor, "verify", "../head.json").returncode == 2
        with sqlite_database.write() as session:
            session.execute(update(JournalEntry).where(JournalEntry.sequence == 2).values(act="nothing"))
        broken = command(auditor, *given, "--database", url)
        assert (broken.returncode, broken.stderr.strip()) == (1, "broken: entry 2")
        assert os.listdir(auditor) == [], "no data folder, no database was made"


def test_the_signature_can_be_checked_without_our_code(database: Database, key: Ed25519PrivateKey) -> None:
    """As docs/deploy/backups.md says: what is signed, byte for byte."""
    said = json.loads(head_of(database, key))
    signature = base64.b64decode(said.pop("signature"))
    signed = json.dumps(said, sort_keys=True, separators=(",", ":"))
    key.public_key().verify(signature, b"community-reporting journal head 1\n" + signed.encode())
