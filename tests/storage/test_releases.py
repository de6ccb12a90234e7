"""Releases: what is fixed, what may still be pulled, and digests that hold when content is gone."""

from __future__ import annotations

import hashlib
import json
import threading
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from models.base import utc_now
from models.collections import Collection, Disclosure, Recall, Release, ReleaseEntry
from models.consent import Face, Naming, Use, Voice
from models.curation import State
from models.errors import Conflict, NotFound
from models.pilots import Pilot
from models.releases import Reason, canonical, digest_of, name_shown, root_of, verify
from models.roles import Principal, Role
from models.stories import Rendition, Story
from storage import (
    collections,
    consents,
    curation,
    journal,
    ledger,
    pilots,
    recalls,
    releases,
    stories,
    transcripts,
    withdrawals,
)
from storage.collections import CollectionQuery
from storage.consents import Terms
from storage.database import Database
from storage.release_entries import Entries, PulledEntry
from storage.releases import Pulled
from storage.stories import PersonDetails, StoryDetails
from storage.transcripts import SegmentText
from tests.plugins.stories import EVERY_USE, SHARED, Field

OPEN = {"naming": Naming.NAMED, "face": Face.SHOWN, "voice": Voice.KEPT}


@pytest.fixture
def team(field: Field, pilot: str) -> Principal:
    return field.account(Role.PILOT_TEAM, pilot)


class Room:
    """A collection with some stories, and what its team does with it."""

    def __init__(self, database: Database, team: Principal, pilot: str, *stories: Story) -> None:
        self.database, self.team, self.pilot = database, team, pilot
        with database.write() as session:
            self.collection = collections.create(session, team, pilot, "Benches", actor=self.actor)
            for story in stories:
                collections.add(session, team, self.collection, story.id, actor=self.actor, note="listen")

    @property
    def actor(self) -> str:
        return self.team.account_id or ""

    def release(self) -> Release:
        with self.database.write() as session:
            return releases.release(session, self.team, self.collection, actor=self.actor)

    def pull(self, release: Release) -> Pulled:
        with self.database.read() as session:
            return releases.what_may_be_pulled(session, self.team, session.get_one(Release, release.id))

    def is_whole(self, release: Release) -> bool:
        with self.database.read() as session:
            return verify(session.get_one(Release, release.id)).is_whole


def consent(database: Database, story: Story, terms: Terms) -> None:
    with database.write() as session:
        mine = session.get_one(Story, story.id)
        consents.record(session, mine, mine.people[0].id, terms, actor="test")


def withdraw(database: Database, story: Story) -> None:
    with database.write() as session:
        withdrawals.withdraw(session, session.get_one(Story, story.id), actor="test")


def at_once(*doings: Callable[[], None]) -> None:
    """Do several things in threads that start together."""
    start = threading.Barrier(len(doings))

    def begin(do: Callable[[], None]) -> None:
        start.wait()
        do()

    threads = [threading.Thread(target=begin, args=(do,)) for do in doings]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_release_fixes_its_stories_with_digests_that_anyone_can_compute(
    database: Database, field: Field, team: Principal
) -> None:
    stories = [field.story(state=State.CURATED, title=f"Ławka „{n}”\n\u2028") for n in range(3)]
    room = Room(database, team, field.pilot(), *stories)
    first, second = room.release(), room.release()
    assert (first.number, second.number, first.left_out) == (1, 2, {})
    assert [entry.position for entry in first.entries] == [1, 2, 3]
    for entry in first.entries:
        plain = json.dumps(entry.manifest, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        assert entry.digest == hashlib.sha256(f"{entry.salt}{plain}".encode()).hexdigest()
    lines = "".join(f"{entry.digest}\n" for entry in first.entries)
    assert first.root_digest == hashlib.sha256(lines.encode()).hexdigest()
    # Salted anew each time: equal content cannot be recognised by its digest.
    assert {e.digest for e in first.entries}.isdisjoint(e.digest for e in second.entries)
    assert room.is_whole(first)
    pulled = room.pull(first)
    assert [each.manifest["title"] for each in pulled.entries if each.manifest] == [s.title for s in stories]
    assert pulled.left_out == {}


APART_FROM_SHARING = sorted(set(Use) - SHARED)


@pytest.mark.parametrize(
    "less", [{"naming": Naming.PSEUDONYM}, *({"uses": EVERY_USE - {each}} for each in APART_FROM_SHARING)]
)
def test_holders_are_told_once_when_less_is_allowed_and_pull_anew(
    database: Database, field: Field, team: Principal, less: dict[str, Any]
) -> None:
    story = field.story(state=State.CURATED, consented_to=EVERY_USE)
    everything = {"uses": EVERY_USE, "pilot_ids": frozenset(story.pilot_ids), **OPEN}
    room = Room(database, team, field.pilot(), story)

    def pull(release: Release) -> None:
        with database.write() as session:
            session.add(Disclosure(release_id=release.id, account_id=room.actor, format="zip"))

    def say(**terms: Any) -> None:
        with database.write() as session:
            mine = session.get_one(Story, story.id)
            consents.record(session, mine, mine.people[0].id, Terms(**everything | terms), actor="teller")

    def waiting() -> list[str]:
        with database.read() as session:
            return [each.reason for each in recalls.waiting_for(session, room.actor)]

    def told() -> int:
        with database.read() as session:
            return [each.act for each in journal.of_story(session, story.id)].count("recall")

    pull(room.release())
    say()
    assert waiting() == []
    say(**less)
    say(**less)
    assert (waiting(), told()) == (["narrowed"], 1)
    say(**less | {"uses": frozenset({Use.CURATION})})
    assert (waiting(), told()) == (["sharing-ended"], 2)
    with database.write() as session:
        (recall,) = recalls.waiting_for(session, room.actor)
        recalls.acknowledge(session, recall, actor=room.actor)
    say()
    assert waiting() == [], "what is allowed again recalls nothing"
    say(**less)
    assert waiting() == [], "they have no copy any more"


def test_what_could_not_leave_any_more_is_not_recalled_anew(
    database: Database, field: Field, team: Principal
) -> None:
    """Whoever asks for a manifest again gets nothing of a closed entry: less is allowed then, and nobody has more."""
    story = field.story(state=State.CURATED, consented_to=EVERY_USE)
    room = Room(database, team, field.pilot(), story)
    release = room.release()
    all_others = EVERY_USE - {Use.SHARING, Use.PUBLICATION}

    def say(uses: frozenset[Use]) -> None:
        with database.write() as session:
            mine = session.get_one(Story, story.id)
            terms = Terms(uses=uses, pilot_ids=frozenset(story.pilot_ids), **OPEN)
            consents.record(session, mine, mine.people[0].id, terms, actor="teller")

    def pull() -> None:
        with database.write() as session:
            session.add(Disclosure(release_id=release.id, account_id=room.actor, format="manifest.json"))

    pull()
    say(frozenset(all_others))
    pull()
    say(frozenset(all_others - {Use.RESEARCH}))
    with database.write() as session:
        (recall,) = recalls.waiting_for(session, room.actor)
        assert recall.reason == "sharing-ended"
        recalls.acknowledge(session, recall, actor=room.actor)
    pull()
    say(frozenset({Use.CURATION}))
    with database.read() as session:
        assert recalls.waiting_for(session, room.actor) == []


def test_appearing_less_recalls_only_what_shows_more(
    database: Database, field: Field, team: Principal
) -> None:
    story = field.story(state=State.CURATED)
    terms = {"uses": SHARED, "pilot_ids": frozenset(story.pilot_ids), **OPEN}
    room = Room(database, team, field.pilot(), story)
    named = room.release()
    with database.write() as session:
        mine = session.get_one(Story, story.id)
        other = Terms(**terms | {"naming": Naming.PSEUDONYM})  # type: ignore[arg-type]
        consents.record(session, mine, mine.people[0].id, other, actor="teller")
    unnamed = room.release()
    with database.write() as session:
        for release in (named, unnamed):
            session.add(Disclosure(release_id=release.id, account_id=room.actor, format="zip"))
        mine = session.get_one(Story, story.id)
        for naming in (Naming.NAMED, Naming.PSEUDONYM):
            consents.record(session, mine, mine.people[0].id, Terms(**terms | {"naming": naming}), actor="t")  # type: ignore[arg-type]
        assert [each.release_id for each in recalls.waiting_for(session, room.actor)] == [named.id]


def test_ones_own_name_is_shown_no_more_once_another_one_is_chosen(
    database: Database, field: Field, team: Principal
) -> None:
    story = field.story(state=State.CURATED, consented_to=EVERY_USE)
    everything = {"uses": EVERY_USE, "pilot_ids": frozenset(story.pilot_ids), "face": Face.SHOWN}

    def say(naming: Naming, name: str | None = None) -> None:
        with database.write() as session:
            mine = session.get_one(Story, story.id)
            terms = Terms(**everything, naming=naming, shown_name=name)  # type: ignore[arg-type]
            consents.record(session, mine, mine.people[0].id, terms, actor="teller")

    def shown() -> str | None:
        with database.read() as session:
            (person,) = session.get_one(Story, story.id).people
            return name_shown(person, ledger.standings_of(session, story.id)[person.id])

    say(Naming.NAMED, "Maria Nowak")
    assert shown() == "Maria Nowak"
    room = Room(database, team, field.pilot(), story)
    release = room.release()
    assert room.pull(release).entries[0].is_open
    say(Naming.PSEUDONYM)
    assert shown() is None
    assert not room.pull(release).entries[0].is_open
    newest = room.release()
    assert newest.entries[0].manifest
    (person,) = newest.entries[0].manifest["people"]
    assert (person["naming"], person["shown_name"]) == ("pseudonym", None)
    say(Naming.NAMED)
    assert shown() == "Maria Nowak", "it was given for this"
    say(Naming.PSEUDONYM, "Ewa")
    assert shown() == "Ewa"
    say(Naming.PSEUDONYM)
    assert shown() == "Ewa"
    say(Naming.NAMED)
    assert shown() is None, "no other name is one's own"
    say(Naming.ANONYMOUS, "Maria Nowak")
    assert shown() is None
    with database.read() as session:
        assert "Nowak" not in repr([vars(each) for each in journal.of_story(session, story.id)])


@pytest.mark.parametrize("first", [Naming.NAMED, Naming.PSEUDONYM, Naming.ANONYMOUS])
def test_a_name_that_came_with_the_story_is_for_what_is_said_first(
    database: Database, field: Field, first: Naming
) -> None:
    people = [PersonDetails("teller", shown_name="Maria Nowak")]
    details = StoryDetails("Bench", "en", [field.pilot()], people=people)
    with database.write() as session:
        story = stories.create(session, details, submitted_by=field.account().account_id or "")
        (person,) = story.people
        for naming in (first, *Naming):
            consents.record(session, story, person.id, Terms(naming=naming), actor="test")
            standing = ledger.standings_of(session, story.id)[person.id]
            # Of a name for which nothing was said, nobody knows that it is another one.
            is_for = Naming.PSEUDONYM if first is Naming.PSEUDONYM else Naming.NAMED
            assert (name_shown(person, standing) == "Maria Nowak") is (naming is is_for)


def test_entry_says_what_a_team_needs_and_nothing_that_identifies(
    database: Database, field: Field, team: Principal
) -> None:
    story = field.story(state=State.CURATED, naming=Naming.PSEUDONYM)
    with database.write() as session:
        mine = session.get_one(Story, story.id)
        mine.people[0].shown_name, mine.people[0].label = "Robin", "my neighbour Ada"
        mine.content_warning, mine.told_where, mine.recorded_by = "grief", "Lower Street 4", "Sam"
        recording = mine.recordings[0]
        expected = recording.renditions[0].sha256
    room = Room(database, team, field.pilot(), story)
    manifest = room.release().entries[0].manifest
    assert manifest is not None
    assert (manifest["story_id"], manifest["language"], manifest["note"]) == (story.id, "en", "listen")
    assert (manifest["content_warning"], manifest["themes"]) == ("grief", ["belonging"])
    (person,) = manifest["people"]
    assert (person["naming"], person["shown_name"], person["face"]) == ("pseudonym", "Robin", None)
    (released,) = manifest["recordings"]
    assert released["duration_milliseconds"] == 9000
    assert released["renditions"] == [
        {"kind": "audio", "media_type": "audio/mp4", "size_bytes": 100, "sha256": expected}
    ]
    assert released["transcript"]["is_machine_made"] is True
    assert released["transcript"]["is_approved"] is True
    text = json.dumps(manifest)
    for secret in ("neighbour", "Lower Street", "Sam", "bench.wav", story.submitted_by, story.object_token):
        assert secret not in text


def test_canonical_json_is_the_same_everywhere() -> None:
    """RFC 8785: sorted keys, no blanks, short escapes, everything else as it is."""
    content = {"b": [1, None, True], "a": '€\u000f\n"\\/\x7f\u2028😂'}
    assert canonical(content) == '{"a":"€\\u000f\\n\\"\\\\/\x7f\u2028😂","b":[1,null,true]}'.encode()
    assert digest_of("00", content) == hashlib.sha256(b"00" + canonical(content)).hexdigest()
    with pytest.raises(ValueError):
        canonical(float("nan"))


def test_withdrawn_story_is_gone_from_every_release_and_the_root_still_verifies(
    database: Database, field: Field, team: Principal
) -> None:
    stays, goes = field.story(state=State.CURATED), field.story(state=State.CURATED, title="Marker Zwei")
    room = Room(database, team, field.pilot(), goes, stays)
    first, second = room.release(), room.release()
    withdraw(database, goes)
    for release in (first, second):
        pulled = room.pull(release)
        assert pulled.entries[0] == PulledEntry(1, release.entries[0].digest)
        assert pulled.entries[1].is_open
        assert pulled.left_out == {Reason.WITHDRAWN: 1}
        assert root_of(each.digest for each in pulled.entries) == release.root_digest
        assert room.is_whole(release)
    with database.write() as session:
        withdrawals.note_erased(session, goes.id)
    assert room.is_whole(first)
    with database.read() as session:
        emptied = session.scalars(select(ReleaseEntry).where(ReleaseEntry.position == 1)).all()
        assert [(each.story_id, each.salt, each.manifest) for each in emptied] == [(None, None, None)] * 2
    assert [entry.position for entry in room.release().entries] == [1]


NARROWED: dict[str, tuple[dict[str, Any], Reason]] = {
    "sharing taken back": ({"uses": frozenset({Use.CURATION})}, Reason.NO_CONSENT),
    "everything taken back": ({"uses": frozenset()}, Reason.NO_CONSENT),
    "runs out": ({"uses": SHARED, "until": timedelta(milliseconds=-1)}, Reason.NO_CONSENT),
    "a voice to be altered": ({"uses": SHARED, "voice": Voice.ALTERED}, Reason.MASKING),
    "another name": ({"uses": SHARED, "naming": Naming.PSEUDONYM}, Reason.APPEARANCE),
}


@pytest.mark.parametrize("change", NARROWED)
def test_consent_narrowed_after_the_release_closes_the_entry(
    database: Database, field: Field, team: Principal, change: str
) -> None:
    story = field.story(state=State.CURATED)
    room = Room(database, team, field.pilot(), story, field.story(state=State.CURATED))
    release = room.release()
    said, reason = NARROWED[change]
    until = {"until": utc_now() + said["until"]} if "until" in said else {}
    terms = {"pilot_ids": frozenset({field.pilot()}), **OPEN, **said, **until}
    consent(database, story, Terms(**terms))
    pulled = room.pull(release)
    assert pulled.entries[0] == PulledEntry(1, release.entries[0].digest)
    assert pulled.left_out == {reason: 1}
    assert room.is_whole(release)
    # And it opens again with the same words, when the person says so again.
    consent(database, story, Terms(uses=SHARED, pilot_ids=frozenset({field.pilot()}), **OPEN))
    with database.write() as session:
        mine = session.get_one(Story, story.id)
        if mine.state is State.IN_REVIEW:
            curation.change_state(session, mine, "curate", actor="test")
    assert room.pull(release).entries[0].is_open


def test_consent_that_runs_out_closes_the_entry_without_anybody_doing_anything(
    database: Database, field: Field, team: Principal, monkeypatch: pytest.MonkeyPatch
) -> None:
    end = utc_now() + timedelta(hours=1)
    room = Room(database, team, field.pilot(), field.story(state=State.CURATED, until=end))
    release = room.release()
    assert room.pull(release).entries[0].until == end
    monkeypatch.setattr("storage.gate.utc_now", lambda: end + timedelta(seconds=1))
    assert not room.pull(release).entries[0].is_open


def test_other_pilots_people_pull_nothing(database: Database, field: Field, team: Principal) -> None:
    room = Room(database, team, field.pilot(), field.story(state=State.CURATED))
    release = room.release()
    stranger = field.account(Role.CURATOR, field.pilot("autumn"))
    with database.read() as session:
        pulled = releases.what_may_be_pulled(session, stranger, session.get_one(Release, release.id))
    assert [each.is_open for each in pulled.entries] == [False]


def test_what_is_left_out_is_counted_by_reason(database: Database, field: Field, team: Principal) -> None:
    pilot, other = field.pilot(), field.pilot("autumn")
    kept, narrowed, masked, reopened, ruled_out = (
        field.story(state=State.CURATED, pilots=[pilot, other]) for _ in range(5)
    )
    stays = field.story(state=State.CURATED)
    room = Room(database, team, pilot, kept, narrowed, masked, reopened, ruled_out, stays)
    both = frozenset({pilot, other})
    consent(database, narrowed, Terms())
    consent(database, masked, Terms(uses=SHARED, pilot_ids=both, **{**OPEN, "voice": Voice.ALTERED}))
    with database.write() as session:
        curation.change_state(session, session.get_one(Story, reopened.id), "reopen", actor="test")
    first = room.release()
    assert first.left_out == {"masking-wanted": 1, "no-consent-to-sharing": 1, "not-curated": 1}
    with database.write() as session:
        pilots.change_protocol(
            session, session.get_one(Pilot, other), [Use.CURATION], actor="test", shares_outside=True
        )
    second = room.release()
    assert second.left_out == {"no-consent-to-sharing": 1, "protocol": 4}
    assert [entry.story_id for entry in second.entries] == [stays.id]


def test_query_counts_what_it_would_find_if_it_could_be_shared(
    database: Database, field: Field, team: Principal
) -> None:
    field.story(state=State.CURATED)
    field.story(state=State.SUBMITTED)
    field.story(state=State.SUBMITTED, consented_to={Use.CURATION})
    field.story(state=State.SUBMITTED, language="pl")
    # Nobody may know of a story that nobody consented to the curation of.
    field.story(consented_to=None)
    with database.write() as session:
        collection = collections.create(
            session,
            team,
            field.pilot(),
            "q",
            actor=team.account_id or "",
            query=CollectionQuery(language="en"),
        )
        made = releases.release(session, team, collection, actor=team.account_id or "")
    # Submitted without a recording: it may show a face, which nobody agreed to hide, so it is only not curated.
    assert made.left_out == {"no-consent-to-sharing": 1, "not-curated": 1}


def test_release_of_nothing_is_refused(database: Database, field: Field, team: Principal) -> None:
    story = field.story(state=State.CURATED)
    room = Room(database, team, field.pilot(), story)
    withdraw(database, story)
    with pytest.raises(Conflict, match="nothing-to-release"):
        room.release()
    with database.read() as session, pytest.raises(NotFound, match="release-not-found"):
        releases.of_collection(session, room.collection, 1)


TAMPERED = {
    "title": lambda e: e.manifest | {"title": "Another"},
    "a name added": lambda e: e.manifest | {"people": [{**e.manifest["people"][0], "shown_name": "X"}]},
}


@pytest.mark.parametrize("what", TAMPERED)
def test_tampering_with_an_entry_is_found(
    database: Database, field: Field, team: Principal, what: str
) -> None:
    room = Room(database, team, field.pilot(), *(field.story(state=State.CURATED) for _ in range(2)))
    release = room.release()
    with database.write() as session:
        entry = session.get_one(Release, release.id).entries[1]
        entry.manifest = TAMPERED[what](entry)
    with database.read() as session:
        found = verify(session.get_one(Release, release.id))
    assert (found.root_fits, found.unfit, found.is_whole) == (True, (2,), False)


def test_tampering_with_the_list_is_found(database: Database, field: Field, team: Principal) -> None:
    stories = [field.story(state=State.CURATED) for _ in range(2)]
    room = Room(database, team, field.pilot(), *stories)
    for n, change in enumerate(("swap", "drop", "digest", "half-empty", "other story", "root")):
        release = room.release()
        with database.write() as session:
            mine = session.get_one(Release, release.id)
            one, two = mine.entries
            if change == "swap":
                one.position, two.position = 8, 9
                session.flush()
                one.position, two.position = 2, 1
            elif change == "drop":
                session.delete(two)
            elif change == "digest":
                one.digest = "0" * 64
            elif change == "half-empty":
                one.manifest = one.salt = None
            elif change == "other story":
                one.story_id = stories[1].id
            else:
                mine.root_digest = "0" * 64
        assert not room.is_whole(release), (n, change)


def test_disclosure_is_noted_and_its_holder_is_told_of_a_withdrawal(
    database: Database, field: Field, team: Principal
) -> None:
    story, other = field.story(state=State.CURATED), field.story(state=State.CURATED)
    room = Room(database, team, field.pilot(), story, other)
    release = room.release()
    with database.write() as session:
        mine = session.get_one(Release, release.id)
        releases.note_disclosure(session, mine, room.actor, "download.zip")
    with database.read() as session:
        (noted,) = session.scalars(select(Disclosure))
        assert (noted.release_id, noted.account_id, noted.format) == (release.id, room.actor, "download.zip")
        assert recalls.waiting_for(session, room.actor) == []
    withdraw(database, story)
    with database.read() as session:
        assert [recall.story_id for recall in recalls.waiting_for(session, room.actor)] == [story.id]


def test_file_made_anew_and_transcript_changed_since_do_not_leave_under_the_old_digest(
    database: Database, field: Field, team: Principal
) -> None:
    story = field.story(state=State.CURATED)
    room = Room(database, team, field.pilot(), story)
    release = room.release()

    def opened() -> tuple[int, list[int]]:
        with database.read() as session:
            entry = session.get_one(Release, release.id).entries[0]
            found = Entries(session, team, field.pilot()).open(entry)
            assert found is not None
            return len(found.media), [each.version for each in found.transcripts.values()]

    assert opened() == (1, [1])
    with database.write() as session:
        mine = session.get_one(Story, story.id)
        words = [SegmentText(0.0, 1.0, "Another text.")]
        transcripts.correct(
            session, mine, mine.recordings[0], words, actor=mine.submitted_by, based_on_version=1
        )
    # What was released was version 1, and it is still there.
    assert opened() == (1, [1])
    with database.write() as session:
        rendition = session.scalars(select(Rendition)).one()
        rendition.sha256 = "1" * 64
    assert opened() == (0, [1])
    # The next release takes the approved version, not the one that nobody has approved yet.
    manifest = room.release().entries[0].manifest
    assert manifest is not None
    assert manifest["recordings"][0]["transcript"]["version"] == 1


def test_warning_that_came_after_the_release_travels_with_it(
    database: Database, field: Field, team: Principal
) -> None:
    story = field.story(state=State.CURATED, consented_to=EVERY_USE)
    room = Room(database, team, field.pilot(), story)
    release = room.release()
    with database.write() as session:
        session.get_one(Story, story.id).content_warning = "violence"
    (entry,) = room.pull(release).entries
    assert entry.content_warning == "violence"
    assert set(entry.uses) == {Use.PUBLICATION, Use.RESEARCH, Use.TRANSLATION, Use.EXCERPTS}


def test_withdrawal_and_pull_at_the_same_moment_leave_nobody_untold(
    database: Database, field: Field, team: Principal
) -> None:
    """Whoever could still get the story after noting their pull has a recall when the withdrawal is done."""
    for _ in range(6):
        story = field.story(state=State.CURATED)
        room = Room(database, team, field.pilot(), story)
        release, got = room.release(), []

        def pull(room: Room = room, release: Release = release, got: list[bool] = got) -> None:
            with database.write() as session:
                mine = session.get_one(Release, release.id)
                releases.note_disclosure(session, mine, room.actor, "download.zip")
            got.append(room.pull(release).entries[0].is_open)

        def take_back(story: Story = story) -> None:
            withdraw(database, story)

        at_once(pull, take_back)
        with database.read() as session:
            told = session.scalars(select(Recall).where(Recall.story_id == story.id)).all()
        assert told or not got[0]


def test_withdrawal_and_release_at_the_same_moment_leave_no_content_behind(
    database: Database, field: Field, team: Principal
) -> None:
    for _ in range(6):
        story = field.story(state=State.CURATED)
        room = Room(database, team, field.pilot(), story, field.story(state=State.CURATED))

        def make(room: Room = room) -> None:
            room.release()

        def take_back(story: Story = story) -> None:
            withdraw(database, story)

        at_once(make, take_back)
        with database.read() as session:
            kept = session.scalars(
                select(ReleaseEntry).join(Release).where(Release.collection_id == room.collection.id)
            ).all()
        assert Counter(story.id in json.dumps(entry.manifest) for entry in kept)[True] == 0


def test_two_who_release_at_once_get_two_numbers(database: Database, field: Field, team: Principal) -> None:
    room = Room(database, team, field.pilot(), field.story(state=State.CURATED))
    numbers: list[int] = []
    at_once(*[lambda: numbers.append(room.release().number)] * 4)
    assert sorted(numbers) == [1, 2, 3, 4]
    with database.read() as session:
        assert len(session.get_one(Collection, room.collection.id).releases) == 4
