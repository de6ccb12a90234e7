"""Restores: everything comes back but what was taken back; broken off they go on; nothing is put over anything."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import structlog
from sqlalchemy import create_engine, select, text

from app import parts as parts_module
from app.operations import comparing, serving
from app.operations import restore as restoring
from app.operations.backup import make_backup
from app.operations.comparing import compare, compare_and_mend, last_comparison, look_daily
from app.operations.doctor import examine
from app.operations.logs import configure_logging
from models.base import utc_now
from models.collections import RecallReason, Release
from models.consent import Face, Naming, Use
from models.curation import State
from models.errors import Conflict, NotFound, Unavailable
from models.holds import HoldKind
from models.journal import JournalEntry
from models.roles import ANYONE, Principal, Role
from models.stories import Story, Tombstone
from models.work import WishKind
from storage import (
    backup_sets,
    collections,
    consents,
    dumps,
    gate,
    holds,
    journal,
    ledger,
    recalls,
    releases,
    schema,
    tombstones,
    wishes,
)
from storage.consents import Terms
from storage.objects import Objects
from storage.sealing import make_key
from storage.search import Entry, SearchQuery, Source, Term, find, replace_entries
from tests.app.operations.conftest import Installation
from tests.plugins.served import serving_over
from tests.plugins.stories import EVERY_USE

# What a restore itself writes.
OURS = ("journal_entry", "journal_head")
Make = Callable[..., Installation]


def restored(new: Installation, place: Path, **how: bool) -> restoring.Restored:
    return restoring.restore(new.parts, place, new.settings.backup_key_file, **how)


def without_ours(rows: dict[str, list[dict[str, object]]]) -> dict[str, list[dict[str, object]]]:
    return {name: each for name, each in rows.items() if name not in OURS}


def test_everything_comes_back_as_it_was(home: Installation, place: Path, make_new: Make) -> None:
    make_backup(home.parts, place)
    new = make_new("new")
    done = restored(new, place)
    assert without_ours(new.rows()) == without_ours(home.rows())
    assert new.bytes_of_everything() == home.bytes_of_everything()
    assert (done.put, done.missing, done.differing, done.again.withdrawn) == (4, [], [], [])
    assert schema.is_current(new.database)
    with new.database.read() as session:
        assert journal.verify(session) is None
        last = session.scalars(select(JournalEntry).order_by(JournalEntry.sequence.desc())).first()
        assert last is not None
        assert (last.act, last.subject) == ("restore", done.manifest.id)
    ill = {each.what for each in examine(new.parts) if each.is_failure}
    # The server for tests is not durable, for speed.
    assert {each for each in ill if not each.startswith("database ")} == set()


@pytest.mark.parametrize(("source", "target"), [("sqlite", "postgresql"), ("postgresql", "sqlite")])
def test_a_backup_of_one_kind_of_database_is_restored_into_the_other(
    make_installation: Make, key_file: Path, place: Path, source: str, target: str
) -> None:
    home = make_installation(source, "home")
    story = home.story(title="Zażółć gęślą jaźń", said=["A bench, “quoted”, \\u0041 and a tab\t."])
    with home.database.write() as session:
        replace_entries(
            session, story.id, [Entry(Source.TITLE, "Oak", "oak"), Entry(Source.TITLE, "Elm", "elm")]
        )
    make_backup(home.parts, place)
    new = make_installation(target, "new", is_empty=True)
    restored(new, place)
    assert without_ours(new.rows()) == without_ours(home.rows())
    with new.database.read() as session:
        assert journal.verify(session) is None
        sender = Principal(session.get_one(Story, story.id).submitted_by)
        title = session.get_one(Story, story.id).title
    assert title == "Zażółć gęślą jaźń"
    found = SearchQuery((Term(("oak",)),))
    with new.database.read() as session:
        assert [hit.story_id for hit in find(session, sender, found).hits] == [story.id]
    # Rows go on to be written: the numbers that the database gives itself come after those that came along.
    with new.database.write() as session:
        replace_entries(
            session, story.id, [Entry(Source.TITLE, "Elm", "elm"), Entry(Source.TITLE, "Ash", "ash")]
        )
    with new.database.read() as session:
        assert find(session, sender, found).hits == ()
        assert find(session, sender, SearchQuery((Term(("elm",)),))).total == 1


def test_a_story_withdrawn_after_the_backup_stays_away(
    home: Installation, place: Path, make_new: Make
) -> None:
    """Its tombstone was written into the second place, which outlived the rest."""
    gone, stays = home.stories
    curator = home.field.account(Role.CURATOR)
    make_backup(home.parts, place)
    home.withdraw(gone)
    new = make_new("new", tombstones=home.settings.tombstones_folder)
    done = restored(new, place)
    assert done.again.withdrawn == [gone.id]
    assert done.skipped == 2
    assert new.keys_of(gone) == set()
    assert new.keys_of(stays) == home.keys_of(stays)
    with serving_over(new.parts) as served:
        client = served.client(curator)
        assert client.get(f"/api/v1/stories/{stays.id}").status_code == 200
        assert client.get(f"/api/v1/stories/{gone.id}").status_code == 410
        assert served.client().get(f"/api/v1/stories/{gone.id}").status_code in (401, 404)
        recording = gone.recordings[0].id
        answer = client.get(f"/api/v1/stories/{gone.id}/recordings/{recording}/audio")
        assert answer.status_code in (404, 410)
    with new.database.read() as session:
        assert session.get_one(Story, gone.id).state is State.WITHDRAWN
        assert [wish.kind for wish in wishes.open_wishes(session) if wish.story_id == gone.id] == [
            WishKind.ERASE
        ]
        first, again = _stone(home, gone), session.get_one(Tombstone, gone.id)
        assert again.withdrawn_at == first.withdrawn_at
        assert set(first.known_to) <= set(again.known_to)


def _stone(at: Installation, story: Story) -> Tombstone:
    with at.database.read() as session:
        return session.get_one(Tombstone, story.id)


def test_what_somebody_closed_after_the_backup_stays_closed(
    home: Installation, place: Path, make_new: Make
) -> None:
    """They took back a use, and not the story: its file stands beside the tombstones, in the set too."""
    story = home.story(state=State.PUBLISHED, consented_to=EVERY_USE)
    older = make_backup(home.parts, place)
    with home.database.write() as session:
        mine = session.get_one(Story, story.id)
        # Less than all, so that the story is still there to be asked for.
        terms = Terms(
            uses=EVERY_USE - {Use.PUBLICATION},
            pilot_ids=frozenset(mine.pilot_ids),
            naming=Naming.NAMED,
            face=Face.SHOWN,
        )
        consents.record(session, mine, mine.people[0].id, terms, actor="teller")
    make_backup(home.parts, place)
    new = make_new("new")
    assert restored(new, older.folder).again.narrowed == [story.id]
    for at in (home, new):
        with at.database.read() as session:
            assert not ledger.permits(session, story.id, Use.PUBLICATION)
            assert ledger.permits(session, story.id, Use.SHARING)
            assert list(session.scalars(gate.readable(ANYONE))) == []
    with new.database.read() as session:
        assert journal.verify(session) is None


def released(home: Installation, story: Story) -> tuple[Release, str]:
    """A release that a story is in, and the id of somebody in the team."""
    team = home.field.account(Role.PILOT_TEAM)
    actor = team.account_id or ""
    with home.database.write() as session:
        room = collections.create(session, team, home.field.pilot(), "Benches", actor=actor)
        collections.add(session, team, room, story.id, actor=actor)
        return releases.release(session, team, room, actor=actor), actor


def test_who_pulled_after_the_backup_what_was_withdrawn_after_it_is_recalled(
    home: Installation, place: Path, make_new: Make
) -> None:
    story = home.stories[0]
    release, actor = released(home, story)
    make_backup(home.parts, place)
    with home.database.write() as session:
        made = session.get_one(Release, release.id)
        releases.note_disclosure(session, made, actor, "download.zip")
    home.withdraw(story)
    new = make_new("new", tombstones=home.settings.tombstones_folder)
    assert restored(new, place).again.withdrawn == [story.id]
    with new.database.read() as session:
        (recall,) = recalls.waiting_for(session, actor)
        assert (recall.release_id, recall.story_id, recall.reason) == (
            release.id,
            story.id,
            RecallReason.WITHDRAWN,
        )
    with new.database.write() as session:
        assert recalls.remind(session, recall.issued_at + recalls.REMIND_EVERY) == 1


@pytest.mark.parametrize("comes_from", ["the second place", "the set"])
def test_what_was_held_after_the_backup_is_held_again_and_what_was_lifted_is_not(
    home: Installation, place: Path, make_new: Make, comes_from: str
) -> None:
    story, lifted = (home.story(state=State.PUBLISHED, consented_to=EVERY_USE) for _ in range(2))
    older, until = make_backup(home.parts, place), utc_now() + timedelta(days=9)
    with home.database.write() as session:
        mine = session.get_one(Story, story.id)
        holds.raise_embargo(session, mine, until=until, warned_id=mine.submitted_by, actor=mine.submitted_by)
        holds.raise_safeguarding(session, mine, note="He waits at the bus.", actor=mine.submitted_by)
        other = session.get_one(Story, lifted.id)
        over = holds.raise_safeguarding(session, other, note="", actor=mine.submitted_by)
    with home.database.write() as session:
        holds.lift(session, session.get_one(Story, lifted.id), over.id, actor=story.submitted_by)
    if comes_from == "the set":
        make_backup(home.parts, place)
        new = make_new("new")
    else:
        new = make_new("new", tombstones=home.settings.tombstones_folder)
    assert restored(new, older.folder).again.held == [story.id]
    with new.database.read() as session:
        again = session.get_one(Story, story.id)
        assert again.is_safeguarding
        standing = holds.standing_on(session, story.id)
        assert sorted((each.kind, each.until, each.note) for each in standing) == [
            (HoldKind.EMBARGO, until, ""),
            (HoldKind.SAFEGUARDING, None, ""),
        ]
        seen = {each.id for each in session.scalars(gate.readable(ANYONE))}
        assert seen & {story.id, lifted.id} == {lifted.id}
        assert holds.standing_on(session, lifted.id) == []
    held = home.settings.tombstones_folder / "held"
    assert not any(b"bus" in file.read_bytes() for file in held.iterdir()), (
        "what was seen stays in the database"
    )


def test_who_pulled_after_the_backup_what_is_not_shared_any_more_is_recalled(
    home: Installation, place: Path, make_new: Make
) -> None:
    story = home.stories[0]
    release, actor = released(home, story)
    make_backup(home.parts, place)
    with home.database.write() as session:
        releases.note_disclosure(session, session.get_one(Release, release.id), actor, "download.zip")
    with home.database.write() as session:
        mine = session.get_one(Story, story.id)
        consents.record(session, mine, mine.people[0].id, Terms(), actor="teller")
    new = make_new("new", tombstones=home.settings.tombstones_folder)
    assert restored(new, place).again.narrowed == [story.id]
    for at in (home, new):
        with at.database.read() as session:
            (recall,) = recalls.waiting_for(session, actor)
            assert (recall.release_id, recall.reason) == (release.id, RecallReason.SHARING_ENDED)


def test_a_holder_or_a_release_that_the_backup_does_not_know_is_named_in_the_log(
    home: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = structlog.testing.CapturingLogger()
    monkeypatch.setattr(recalls, "log", said)
    with home.database.write() as session:
        holder = recalls.Holder("r" * 32, "a" * 32, RecallReason.WITHDRAWN)
        recalls.issue_again(session, "s" * 32, [holder])
    (call,) = said.calls
    assert call.kwargs["holders"] == [{"release": "r" * 32, "account": "a" * 32}]
    assert home.rows()["recall"] == []


def test_a_later_backup_brings_the_tombstone_to_an_older_one(
    home: Installation, place: Path, make_new: Make
) -> None:
    """The second place is lost too; the set has the tombstone beside its backups."""
    gone = home.stories[0]
    older = make_backup(home.parts, place)
    home.withdraw(gone)
    make_backup(home.parts, place)
    new = make_new("new")
    assert restored(new, older.folder).again.withdrawn == [gone.id]
    assert tombstones.ids_in(new.settings.tombstones_folder) == {gone.id}
    assert new.keys_of(gone) == set()


def test_a_database_put_back_by_hand_serves_nothing_that_was_withdrawn(
    home: Installation, make_new: Make, place: Path
) -> None:
    """No restore of ours: an older copy of the database stands under a service that starts."""
    gone = home.stories[0]
    curator = home.field.account(Role.CURATOR)
    make_backup(home.parts, place)
    older = make_new("older", objects=home.objects)
    restored(older, place, keeps_objects=True)
    with older.database.read() as session:
        assert session.get_one(Story, gone.id).state is State.CURATED
    home.withdraw(gone)
    settings = older.settings.model_copy(update={"tombstones": home.settings.tombstones_folder})
    with serving_over(replace(older.parts, settings=settings)) as served:
        assert served.client(curator).get(f"/api/v1/stories/{gone.id}").status_code == 410


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_tombstone_that_cannot_be_obeyed_keeps_the_service_from_starting(
    home: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*_: object) -> list[str]:
        raise Unavailable("database-unavailable", reason="test")

    monkeypatch.setattr(tombstones, "apply", failing)
    with pytest.raises(Unavailable):
        serving.withdraw_again(home.parts)
    with pytest.raises(AssertionError, match="did not start"), serving_over(home.parts):
        pass


@pytest.mark.parametrize("what", ["database", "object store", "durable work"])
def test_only_an_empty_installation_is_restored_into(
    home: Installation, place: Path, make_new: Make, make_installation: Make, what: str
) -> None:
    make_backup(home.parts, place)
    if what == "database":
        new, code = make_new("new", is_empty=False), "restore-not-empty"
        new.field.pilot("other")
    else:
        new = make_new("new")
        code = "restore-not-empty"
    if what == "object store":
        new._put("f" * 32 + "-o1", b"somebody's")
    if what == "durable work":
        work = create_engine(new.settings.workflow_url)
        with work.begin() as connection:
            if work.dialect.name != "sqlite":
                connection.execute(text("CREATE SCHEMA dbos"))
            name = "workflow_status" if work.dialect.name == "sqlite" else "dbos.workflow_status"
            connection.execute(text(f"CREATE TABLE {name} (id TEXT)"))
            connection.execute(text(f"INSERT INTO {name} VALUES ('x')"))
        work.dispose()
        code = "restore-workflows-left"
    before = new.bytes_of_everything()
    with pytest.raises(Conflict, match=code):
        restored(new, place)
    assert new.bytes_of_everything() == before
    assert not (new.settings.data / "restoring").exists()


def test_a_service_that_was_only_started_counts_as_empty(
    home: Installation, place: Path, make_new: Make
) -> None:
    """It has made its tables, and a link for its first administrator."""
    make_backup(home.parts, place)
    new = make_new("new", is_empty=False)
    assert serving.invite_first_administrator(new.parts)
    restored(new, place)
    assert without_ours(new.rows()) == without_ours(home.rows())


STEPS = (
    "putting",
    pytest.param("loading", marks=pytest.mark.long),
    pytest.param("counting", marks=pytest.mark.long),
    pytest.param("migrating", marks=pytest.mark.long),
    "withdrawing",
)


@pytest.mark.parametrize("step", STEPS)
def test_a_restore_broken_off_serves_nothing_and_goes_on_when_run_again(
    home: Installation, place: Path, make_new: Make, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    gone = home.stories[0]
    make_backup(home.parts, place)
    home.withdraw(gone)
    new = make_new("new", tombstones=home.settings.tombstones_folder)

    def failing(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    put_stream, count = Objects.put_stream, [0]

    def failing_at_the_second(*given: object, **how: object) -> object:
        count[0] += 1
        return failing() if count[0] == 2 else put_stream(*given, **how)  # type: ignore[arg-type]

    if step == "putting":
        monkeypatch.setattr(Objects, "put_stream", failing_at_the_second)
    if step == "loading":
        monkeypatch.setattr(dumps, "_typed", failing)
    if step == "counting":
        monkeypatch.setattr(dumps, "_move_sequences_on", failing)
    if step == "migrating":
        upgrade = schema.upgrade

        def failing_at_head(database: object, revision: str = "head") -> None:
            failing() if revision == "head" else upgrade(database, revision)  # type: ignore[arg-type]

        monkeypatch.setattr(schema, "upgrade", failing_at_head)
    if step == "withdrawing":
        monkeypatch.setattr(tombstones, "apply", failing)
    with pytest.raises(KeyboardInterrupt):
        restored(new, place)
    monkeypatch.undo()

    with pytest.raises(Conflict, match="restore-unfinished"):
        parts_module.build(new.settings)
    done = restored(new, place)
    assert done.again.withdrawn == [gone.id]
    parts_module.refuse_half_restored(new.settings)
    expected = {key for story in home.stories[1:] for key in home.keys_of(story)}
    assert new.bytes_of_everything().keys() == expected
    assert len(new.rows()["story"]) == 2
    with new.database.read() as session:
        assert journal.verify(session) is None


def test_a_restore_that_was_begun_is_ended_with_the_same_backup(
    home: Installation, place: Path, make_new: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = make_backup(home.parts, place)
    make_backup(home.parts, place)
    new = make_new("new")
    monkeypatch.setattr(schema, "upgrade", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        restored(new, first.folder)
    monkeypatch.undo()
    with pytest.raises(Conflict, match="restore-unfinished"):
        restored(new, place)
    assert restored(new, first.folder).manifest.id == first.manifest.id


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize("what", ["object", "dump", "sums", "manifest"])
def test_a_flipped_byte_is_found_before_anything_is_changed(
    home: Installation, place: Path, make_new: Make, what: str
) -> None:
    made = make_backup(home.parts, place)
    files = {
        "object": min((place / "objects").glob("*/*")),
        "dump": made.folder / "dump",
        "sums": made.folder / "SHA256SUMS",
        "manifest": made.folder / "manifest.json",
    }
    flip(files[what])
    new = make_new("new")
    with pytest.raises(Conflict, match="backup-damaged"):
        restored(new, place)
    assert new.bytes_of_everything() == {}
    assert schema.current(new.database) is None
    assert not (new.settings.data / "restoring").exists()


def test_a_changed_object_with_fitting_sums_is_not_restored(
    home: Installation, place: Path, make_new: Make
) -> None:
    """Sums are written openly; what proves that an object is ours is that it opens with the key."""
    make_backup(home.parts, place)
    one, other, *_ = sorted((place / "objects").glob("*/*"))
    shutil.copyfile(one, other)
    new = make_new("new")
    with pytest.raises(Conflict, match="backup-damaged"):
        restoring.put_object(
            new.parts,
            backup_sets.BackupSet(place),
            restoring.read_key(new.settings.backup_key_file),
            *_named(home, other.name),
        )
    assert new.bytes_of_everything() == {}


def _named(home: Installation, name: str) -> tuple[str, str]:
    key = restoring.read_key(home.settings.backup_key_file)
    return next(
        (object_key, digest)
        for object_key, digest in home.bytes_of_everything().items()
        if key.name_of(object_key, digest) == name
    )


def test_despite_damage_what_can_be_read_comes_back_and_the_rest_is_named(
    home: Installation, place: Path, make_new: Make
) -> None:
    make_backup(home.parts, place)
    broken = min((place / "objects").glob("*/*"))
    lost, _ = _named(home, broken.name)
    flip(broken)
    new = make_new("new")
    done = restored(new, place, despite_damage=True)
    assert done.missing == [lost]
    assert new.bytes_of_everything().keys() == home.bytes_of_everything().keys() - {lost}
    found = {each.what: each for each in examine(new.parts)}
    assert found["rows without objects"].says == "1"
    assert "--missing-objects" in found["rows without objects"].mend


def test_another_key_opens_nothing_and_says_which_is_wanted(
    home: Installation, place: Path, make_new: Make, tmp_path: Path
) -> None:
    made = make_backup(home.parts, place)
    other = make_key(tmp_path / "other")
    new = make_new("new")
    with pytest.raises(Conflict, match="backup-key-wrong") as refused:
        restoring.restore(new.parts, place, tmp_path / "other")
    assert refused.value.parameters == {"wanted": made.manifest.key_id, "given": other.key_id}
    with pytest.raises(NotFound, match="backup-key-missing"):
        restoring.restore(new.parts, place, tmp_path / "none")
    assert schema.current(new.database) is None


def test_a_backup_of_an_older_schema_is_migrated(home: Installation, place: Path, make_new: Make) -> None:
    schema.downgrade(home.database, "0002")
    made = make_backup(home.parts, place)
    schema.upgrade(home.database)
    new = make_new("new")
    restored(new, place)
    assert made.manifest.schema == "0002"
    assert schema.is_current(new.database)
    assert without_ours(new.rows()) == without_ours(home.rows())


def test_a_backup_of_a_newer_schema_is_refused(
    home: Installation, place: Path, make_new: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_backup(home.parts, place)
    monkeypatch.setattr(restoring, "_is_known", lambda revision: False)
    new = make_new("new")
    with pytest.raises(Conflict, match="backup-newer"):
        restored(new, place)
    assert schema.current(new.database) is None


def test_older_rows_over_a_newer_store_lose_no_original(
    home: Installation, place: Path, make_new: Make
) -> None:
    """The database's disk died, the store lives: what was sent since the backup has no rows, and stays."""
    make_backup(home.parts, place)
    newer = home.story(title="Sent since")
    before = home.bytes_of_everything()
    new = make_new("new", objects=home.objects)
    with pytest.raises(Conflict, match="restore-not-empty"):
        restored(new, place)
    done = restored(new, place, keeps_objects=True)
    assert (done.put, done.were_there) == (0, 4)
    found = compare(new.parts)
    assert set(found.strays) == home.keys_of(newer)
    assert (found.lost, found.covered) == ([], [])
    compare_and_mend(new.parts)
    look_daily(new.parts)
    assert home.bytes_of_everything() == before, "nothing was deleted, nothing overwritten"
    said = {each.what: each for each in examine(new.parts)}["objects without rows"]
    assert said.says == "2"
    assert "compared.json" in said.mend


def test_newer_rows_over_an_older_store_lose_no_original(
    home: Installation, place: Path, make_new: Make
) -> None:
    """The store's disk died: what the backup has comes back into it, the rest is named, and every row stays."""
    make_backup(home.parts, place)
    newer = home.story(title="Sent since")
    whole, lost = home.bytes_of_everything(), home.keys_of(newer)
    home.objects.delete_prefix("")
    rows = home.rows()
    assert {each.key for each in compare(home.parts).lost} == whole.keys()
    put, missing = restoring.put_missing_objects(home.parts, place, home.settings.backup_key_file)
    assert (put, set(missing)) == (4, lost)
    assert home.bytes_of_everything() == {key: whole[key] for key in whole.keys() - lost}
    assert home.rows() == rows
    assert {each.key for each in compare(home.parts).lost} == lost


def test_an_original_in_the_store_is_never_overwritten(
    home: Installation, place: Path, make_new: Make
) -> None:
    make_backup(home.parts, place)
    original = next(key for key in home.keys_of(home.stories[0]) if "-o" in key)
    home._put(original, b"another content")
    new = make_new("new", objects=home.objects)
    done = restored(new, place, keeps_objects=True)
    assert done.differing == [original]
    assert b"".join(home.objects.open_range(original, 0, None)) == b"another content"


def test_an_older_store_under_newer_rows_gives_back_nothing_that_was_withdrawn(home: Installation) -> None:
    """What a tombstone covers is erased within a day; what none covers stays."""
    gone = home.stories[0]
    content = {key: b"".join(home.objects.open_range(key, 0, None)) for key in home.keys_of(gone)}
    home.withdraw(gone)
    for key, each in content.items():
        home._put(key, each)
    home._put("f" * 32 + "-o1", b"nobody knows whose")
    # A process died while it put the first parts of an object.
    client, parted = home.objects._client, (f"{gone.object_token}-o9", "f" * 32 + "-o9")
    for key in parted:
        client._create_multipart_upload(home.objects.bucket, key, {})
    content[parted[0]] = b""
    found = compare(home.parts)
    assert (set(found.covered), found.strays) == (content.keys(), ["f" * 32 + "-o1"])
    looked = look_daily(home.parts)
    assert looked is not None
    assert looked.erased == 3
    assert home.keys_of(gone) == set()
    assert list(home.objects.list_unfinished("")) == [parted[1]], "nobody knows whose, or somebody sends it"
    assert home.objects.exists("f" * 32 + "-o1")
    assert look_daily(home.parts) is None, "once a day"


def test_the_daily_look_comes_again_after_a_day_though_the_doctor_looked(
    home: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert look_daily(home.parts) is not None
    now = comparing.utc_now()
    monkeypatch.setattr(comparing, "utc_now", lambda: now + timedelta(hours=23))
    list(examine(home.parts))
    assert look_daily(home.parts) is None
    monkeypatch.setattr(comparing, "utc_now", lambda: now + timedelta(hours=25))
    list(examine(home.parts))
    assert look_daily(home.parts) is not None
    kept = last_comparison(home.settings.data)
    assert kept is not None
    assert kept["by_itself_at"] == kept["at"]


def test_the_same_bytes_can_be_sent_again_after_their_story_was_withdrawn(home: Installation) -> None:
    """A tombstone covers a story, not a content."""
    content = b"the same recording" * 1000
    first = home.story(content)
    home.withdraw(first)
    second = home.story(content)
    with home.database.write() as session:
        session.execute(text("DELETE FROM story WHERE id = :id"), {"id": second.id})
    found = compare(home.parts)
    assert found.covered == []
    assert set(found.strays) == home.keys_of(second)


@pytest.fixture(autouse=True)
def logs_as_served() -> Iterator[None]:
    """As the service logs: the default draws every variable, which takes seconds."""
    before = structlog.get_config()
    configure_logging(is_quiet=True)
    yield
    structlog.configure(**before)
