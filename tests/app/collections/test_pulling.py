"""Pulling a release: what leaves is what consent allows at that moment, and whoever pulls is told of a withdrawal."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from typing import TYPE_CHECKING, Any

import httpx2
import pytest
from sqlalchemy import select

from models.accounts import Account
from models.collections import Disclosure
from models.consent import Naming, Use, Voice
from models.roles import Role
from models.stories import Recording, Rendition, StoryPerson
from storage import accounts
from tests.app.collections.conftest import entry_of, sound_of
from tests.plugins.stories import EVERY_USE

if TYPE_CHECKING:
    from tests.app.collections.conftest import Room

BIG = 24 * 1024 * 1024


def root_of(manifest: dict[str, Any]) -> str:
    """The root digest, computed from a manifest as its README tells holders to."""
    lines = "".join(f"{each['digest']}\n" for each in manifest["entries"])
    return hashlib.sha256(lines.encode()).hexdigest()


def assert_verifies(manifest: dict[str, Any]) -> None:
    """Every open entry has its digest, and the digests make the root."""
    for each in manifest["entries"]:
        if "entry" in each:
            plain = json.dumps(each["entry"], sort_keys=True, separators=(",", ":"), ensure_ascii=False)
            assert hashlib.sha256(f"{each['salt']}{plain}".encode()).hexdigest() == each["digest"]
        else:
            assert each.keys() == {"position", "digest"}
    assert root_of(manifest) == manifest["release"]["root_digest"]


def unpack(content: bytes) -> tuple[zipfile.ZipFile, dict[str, Any]]:
    """A ZIP that is whole, and its manifest."""
    archive = zipfile.ZipFile(io.BytesIO(content))
    assert archive.testzip() is None
    return archive, json.loads(archive.read("manifest.json"))


def disclosures(room: Room) -> list[tuple[str | None, str]]:
    with room.database.read() as session:
        rows = session.scalars(select(Disclosure).order_by(Disclosure.pulled_at))
        return [(each.account_id, each.format) for each in rows]


# The manifest


def test_manifest_verifies_and_every_file_it_names_is_there(room: Room) -> None:
    one, two = room.story("Schody, „4. piętro”"), room.story("Two")
    release = room.release(one, two)
    answer = room.as_team.get(release)
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "private, no-store"
    manifest = answer.json()
    assert_verifies(manifest)
    assert [each["entry"]["title"] for each in manifest["entries"]] == [one.title, "Two"]
    for each in manifest["entries"]:
        assert each["entry"]["note"] == "hear it"
        assert [use["use"] for use in each["uses"]] == ["sharing"]
        for file in each["files"]:
            fetched = room.as_team.get(file["href"])
            assert fetched.status_code == 200, file
            assert fetched.headers["content-type"] == file["media_type"]
            if "sha256" in file:
                assert hashlib.sha256(fetched.content).hexdigest() == file["sha256"]
                assert len(fetched.content) == file["size_bytes"]
    assert len(manifest["entries"][0]["files"]) == 5


def test_manifest_is_sent_again_only_when_it_changed(room: Room) -> None:
    kept, taken = room.story("Kept"), room.story("Taken")
    release = room.release(kept, taken)
    first = room.as_team.get(release)
    etag = first.headers["etag"]
    for asked in (etag, f"W/{etag}", f'"other", {etag}', "*"):
        again = room.as_team.get(release, headers={"if-none-match": asked})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", etag)
    # Nothing left, so nothing is noted.
    assert len(disclosures(room)) == 1
    room.withdraw(taken)
    changed = room.as_team.get(release, headers={"if-none-match": etag})
    assert changed.status_code == 200
    assert changed.headers["etag"] != etag
    assert room.as_stranger.get(release, headers={"if-none-match": "*"}).status_code == 404


# Consent that changes between release and pull


def test_withdrawn_story_is_closed_in_a_release_that_still_verifies(room: Room) -> None:
    kept, taken = room.story("Kept"), room.story("Taken back")
    release = room.release(kept, taken)
    before = room.as_team.get(release).json()
    room.withdraw(taken)
    answer = room.as_team.get(release)
    manifest = answer.json()
    assert_verifies(manifest)
    assert entry_of(manifest, kept) == entry_of(before, kept)
    assert manifest["release"] == before["release"]
    assert manifest["entries"][1] == {"position": 2, "digest": before["entries"][1]["digest"]}
    for secret in (taken.id, "Taken back", before["entries"][1]["salt"]):
        assert secret not in answer.text
    archive, _ = unpack(room.as_team.get(f"{release}/download.zip").content)
    assert not [name for name in archive.namelist() if taken.id in name]


NARROWED = {
    "no-consent-to-sharing": {"uses": frozenset({Use.CURATION})},
    "masking-wanted": {"voice": Voice.ALTERED},
    "appearance-narrowed": {"naming": Naming.PSEUDONYM},
}


@pytest.mark.parametrize("reason", NARROWED)
def test_narrowed_consent_closes_an_entry_and_only_curators_learn_why(room: Room, reason: str) -> None:
    kept, narrowed = room.story("Kept"), room.story("Narrowed")
    release = room.release(kept, narrowed)
    shared: dict[str, Any] = {
        "uses": frozenset({Use.CURATION, Use.SHARING}),
        "pilot_ids": frozenset({room.pilot}),
        "naming": Naming.NAMED,
        "voice": Voice.KEPT,
    }
    room.consent(narrowed, **(shared | NARROWED[reason]))
    for client in (room.as_team, room.as_curator):
        answer = client.get(release)
        assert_verifies(answer.json())
        assert entry_of(answer.json(), narrowed) is None
        assert reason not in answer.text
    assert room.as_team.get(f"{release}/left-out").status_code == 403
    counted = room.as_curator.get(f"{release}/left-out").json()
    assert counted == {"when_released": {}, "now": {reason: 1}}
    archive, manifest = unpack(room.as_team.get(f"{release}/download.zip").content)
    assert entry_of(manifest, narrowed) is None
    assert not [name for name in archive.namelist() if narrowed.id in name]
    text = room.as_team.get(f"{release}/stories/{narrowed.id}/transcript.txt")
    assert text.status_code in (403, 404)
    # What is given again is open again, unless it has to be curated again first.
    room.consent(narrowed, **shared)
    is_open = entry_of(room.as_team.get(release).json(), narrowed) is not None
    assert is_open == (reason == "appearance-narrowed")


# The archive


def test_archive_holds_what_the_manifest_names_and_nothing_else(room: Room) -> None:
    one = room.story("Schody: „4. piętro” /../", language="pl")
    two = room.story("Ο κήπος", language="el")
    with room.database.write() as session:
        person = session.scalars(select(StoryPerson).where(StoryPerson.story_id == one.id)).one()
        person.label = "canary-label"
        recording = session.scalars(select(Recording).where(Recording.story_id == one.id)).one()
        recording.sent_name = "canary-name.wav"
        original_key = recording.original_key
    room.served.parts.objects.put_stream(original_key, io.BytesIO(b"canary-original" * 100))
    release = room.release(one, two)
    answer = room.as_team.get(f"{release}/download.zip")
    assert answer.headers["content-type"] == "application/zip"
    assert answer.headers["content-disposition"] == 'attachment; filename="benches-release-1.zip"'
    archive, manifest = unpack(answer.content)
    assert_verifies(manifest)
    files = [file for each in manifest["entries"] for file in each["files"]]
    assert {file["path"] for file in files} | {"README.txt", "manifest.json"} == set(archive.namelist())
    assert archive.namelist()[-1] == "manifest.json"
    for file in files:
        content = archive.read(file["path"])
        assert (len(content), hashlib.sha256(content).hexdigest()) == (file["size_bytes"], file["sha256"])
    sounds = [name for name in archive.namelist() if name.endswith(".m4a")]
    assert [archive.read(name) for name in sounds] == [sound_of(one), sound_of(two)]
    everything = b"".join(archive.read(name) for name in archive.namelist())
    for secret in (b"canary", original_key.encode(), one.object_token.encode(), b"bench.wav"):
        assert secret not in everything
    assert {each.date_time for each in archive.infolist()} == {archive.infolist()[0].date_time}
    assert not [each for each in archive.infolist() if each.comment]


def test_readme_says_how_to_check_and_that_is_right(room: Room) -> None:
    archive, manifest = unpack(room.as_team.get(f"{room.release(room.story())}/download.zip").content)
    readme = archive.read("README.txt").decode()
    assert root_of(manifest) in readme
    assert "recall" in readme


def test_story_withdrawn_while_its_archive_streams_is_cut_off_and_named(room: Room) -> None:
    first, second, third = (
        room.story("First"),
        room.story("Second", size_bytes=BIG),
        room.story("Third"),
    )
    release = room.release(first, second, third)
    content = bytearray()
    with room.as_team.stream("GET", f"{release}/download.zip") as answer:
        for chunk in answer.iter_raw(65536):
            if not content:
                room.withdraw(third)
            if len(content) < 1_000_000 <= len(content) + len(chunk):
                room.withdraw(second)
            content += chunk
    assert len(content) < BIG * 3 // 4
    archive = zipfile.ZipFile(io.BytesIO(content))
    manifest = json.loads(archive.read("manifest.json"))
    assert_verifies(manifest)
    assert [bool(entry_of(manifest, each)) for each in (first, second, third)] == [True, False, False]
    # What had arrived of the second is to be deleted; the third never came.
    assert [path for path in manifest["delete"] if second.id not in path] == []
    assert set(manifest["delete"]) == {name for name in archive.namelist() if second.id in name}
    assert not [name for name in archive.namelist() if third.id in name]
    # Who has begun to pull is told, however far it came.
    assert {each["story_id"] for each in room.as_team.get("/api/v1/recalls").json()} == {second.id, third.id}


def test_role_that_is_taken_away_ends_a_stream(room: Room) -> None:
    first, second = room.story("First", size_bytes=BIG), room.story("Second")
    release = room.release(first, second)
    content = bytearray()
    with room.as_team.stream("GET", f"{release}/download.zip") as answer:
        for chunk in answer.iter_raw(65536):
            if not content:
                with room.database.write() as session:
                    account = room.team.account_id or ""
                    accounts.take_role(session, account, room.pilot, Role.PILOT_TEAM, actor="test")
            content += chunk
    assert len(content) < BIG * 3 // 4
    assert second.id.encode() not in content


def test_rendition_that_is_not_what_was_released_makes_no_whole_archive(room: Room) -> None:
    story = room.story()
    release = room.release(story)
    with room.database.read() as session:
        query = select(Rendition.object_key).where(Rendition.recording_id == story.recordings[0].id)
        key = session.scalars(query).one()
    room.served.parts.objects.put_stream(key, io.BytesIO(b"x" * 3000))
    with pytest.raises(httpx2.RemoteProtocolError):
        room.as_team.get(f"{release}/download.zip")
    room.served.parts.objects.delete(key)
    with pytest.raises(httpx2.RemoteProtocolError):
        room.as_team.get(f"{release}/download.zip")
    assert room.as_team.get(release).status_code == 200


# Single texts


def test_texts_come_as_released_in_each_format(room: Room, subtests: pytest.Subtests) -> None:
    story = room.story(said=("I sat <b>down</b> & stayed.",))
    release = room.release(story)
    expected = {
        "captions.vtt": ("text/vtt; charset=utf-8", "WEBVTT"),
        "captions.srt": ("application/x-subrip; charset=utf-8", "1\n00:00:00,000 -->"),
        "transcript.txt": ("text/plain; charset=utf-8", "I sat <b>down</b> & stayed.\n"),
        "transcript.json": ("application/json", "{"),
    }
    for name, (media_type, begins) in expected.items():
        with subtests.test(name=name):
            answer = room.as_team.get(f"{release}/stories/{story.id}/{name}")
            assert (answer.status_code, answer.headers["content-type"]) == (200, media_type)
            assert answer.text.startswith(begins)
            assert answer.headers["content-security-policy"] == "default-src 'none'; sandbox"
            assert answer.headers["x-content-type-options"] == "nosniff"
    assert "I sat &lt;b&gt;" in room.as_team.get(f"{release}/stories/{story.id}/captions.vtt").text
    unknown = room.as_team.get(f"{release}/stories/{story.id}/captions.exe")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "format-unknown")
    second = room.as_team.get(f"{release}/stories/{story.id}/captions.vtt?recording=2")
    assert (second.status_code, second.json()["code"]) == (404, "transcript-not-there")
    other = room.story("Not in it")
    assert room.as_team.get(f"{release}/stories/{other.id}/captions.vtt").status_code == 404
    room.withdraw(story)
    assert room.as_team.get(f"{release}/stories/{story.id}/captions.vtt").status_code == 410


# Who pulled, and recalls


def test_every_pull_is_noted_with_who_and_what(room: Room) -> None:
    story = room.story()
    release = room.release(story)
    room.as_team.get(release)
    room.as_curator.get(f"{release}/download.zip")
    room.as_team.get(f"{release}/stories/{story.id}/captions.vtt")
    room.as_stranger.get(release)
    assert disclosures(room) == [
        (room.team.account_id, "manifest.json"),
        (room.curator.account_id, "download.zip"),
        (room.team.account_id, "captions.vtt"),
    ]


def test_whoever_pulled_is_told_of_a_withdrawal_until_they_acknowledge(room: Room) -> None:
    story = room.story("Taken", consented_to=EVERY_USE)
    release = room.release(story)
    late = room.served.client(room.field.account(Role.PILOT_TEAM, room.pilot))
    room.as_team.get(release)
    room.as_curator.get(f"{release}/download.zip")
    assert room.as_team.get("/api/v1/recalls").json() == []
    room.withdraw(story)
    assert late.get("/api/v1/recalls").json() == [], "who never pulled holds nothing"
    (recall,) = room.as_team.get("/api/v1/recalls").json()
    assert (recall["story_id"], recall["release"], recall["acknowledged_at"]) == (story.id, 1, None)
    assert recall["collection_id"] in release
    path = f"/api/v1/recalls/{recall['id']}/acknowledge"
    for client in (room.as_curator, room.as_stranger, late):
        assert client.post(path).status_code == 404, "somebody else's recall"
    done = room.as_team.post(path).json()
    assert done["acknowledged_at"] is not None
    assert room.as_team.post(path).json() == done, "a second time changes nothing"
    assert room.as_team.get("/api/v1/recalls").json() == []
    assert len(room.as_curator.get("/api/v1/recalls").json()) == 1


def test_recall_stands_on_the_page_where_people_look(room: Room) -> None:
    story = room.story()
    release = room.release(story)
    room.as_team.get(release)
    room.withdraw(story)
    browser = room.served.browser(room.team)
    shown = browser.get("/collections").text
    assert story.id in shown
    (recall,) = room.as_team.get("/api/v1/recalls").json()
    assert browser.post(f"/collections/recalls/{recall['id']}/acknowledge").status_code == 303
    assert story.id not in browser.get("/collections").text


def test_account_that_was_closed_pulls_nothing_more(room: Room) -> None:
    release = room.release(room.story())
    with room.database.write() as session:
        session.get_one(Account, room.team.account_id).is_active = False
    assert room.as_team.get(release).status_code == 401
    assert room.as_team.get(f"{release}/download.zip").status_code == 401
