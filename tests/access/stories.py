"""Stories in every stage: what is said and kept of them, the collections that they get into, and what happens then."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from datetime import timedelta
from hashlib import sha256
from typing import Any

from sqlalchemy import update

from models.base import utc_now
from models.consent import ConsentEvent, Face, Naming, Permission, Use
from models.curation import State
from models.roles import Principal
from models.stories import Rendition, Story, StoryPerson, TellerContact
from models.uploads import Upload
from pipeline.index import reindex
from storage import (
    collections,
    consents,
    holds,
    ledger,
    notices,
    publications,
    recalls,
    releases,
    review_copies,
    withdrawals,
)
from storage.collections import CollectionQuery
from storage.consents import Terms
from storage.database import Database, WriteSession
from storage.objects import Objects
from tests.access.stages import Stage
from tests.app.uploads.sending import metadata
from tests.plugins.stories import Field

CONTACT, FILE_NAME = "+48-600-100-200", "waldemars-phone.wav"
READERS_WORD, CARERS_WORD, REVIEWERS_WORD = "Waldemar", "Kowalewo", "unrendered"
# Words that stand nowhere but in the story, and the columns of STAGES with those who may meet each in any answer,
CANARIES: Mapping[str, tuple[str, ...]] = {
    READERS_WORD: ("reads",),
    CARERS_WORD: ("cares",),
    REVIEWERS_WORD: ("reviews",),
    CONTACT: (),
    FILE_NAME: (),
}
# on the pages behind a private link,
ON_TELLERS_PAGES = {READERS_WORD: ("tells",), CARERS_WORD: ("tells",)}
# and in what is handed to people who ask for all that is held of them.
IN_ARCHIVES = {REVIEWERS_WORD: ("tells",), CONTACT: ("cares", "tells"), FILE_NAME: ("cares", "tells")}
ARCHIVES = "/everything.zip"

# As long as there is no story, these words are of one that never was.
UNKNOWN = "0" * 32
OF_UNKNOWN: Mapping[str, Any] = dict.fromkeys(
    [
        "story_id",
        "recording_id",
        "person_id",
        "event_id",
        "copy_id",
        "hold_id",
        "recall_id",
        "notice_id",
        "private_token",
        "upload_id",
    ],
    UNKNOWN,
) | {"upload_metadata": metadata(story_id=UNKNOWN)}


class Stories:
    """Stories of a sender in the pilot *here*, and the collections of its team."""

    def __init__(
        self, database: Database, objects: Objects, pilots: Mapping[str, str], people: Mapping[str, Principal]
    ) -> None:
        self.database, self.objects, self.pilots, self.people = database, objects, pilots, people
        self._field = Field(database)
        self._bench_id = ""

    def open_collections(self) -> dict[str, Any]:
        """One of a story that is always shared, and an empty one with a query; the words that name them."""
        bench = self._field.story(state=State.CURATED, pilots=[self.pilots["here"]], title="The bench")
        self._keep_bytes(bench, "bench")
        team = self.people["team"]
        with self.database.write() as session:
            finds_nothing = CollectionQuery(language="xx")
            empty = collections.create(
                session,
                team,
                self.pilots["here"],
                "None yet",
                actor=team.account_id or "",
                query=finds_nothing,
            )
        self._bench_id = bench.id
        return self._collect([bench.id], "Benches") | {"empty_collection_id": empty.id}

    def tell(self, stage: Stage, *, is_collected: bool) -> tuple[Story, dict[str, Any]]:
        """A story that came as far as a stage, and the words that name it and what belongs to it."""
        story = self._told(stage)
        words: dict[str, Any] = {
            "story_id": story.id,
            "recording_id": story.recordings[0].id,
            "person_id": story.people[0].id,
            "upload_id": self._send_whole(story),
            "upload_metadata": metadata(story_id=story.id, filename=FILE_NAME),
        }
        is_shared = stage.state in (State.CURATED, State.PUBLISHED) and stage.shared_with == "here"
        if is_shared and is_collected:
            words |= self._collect([self._bench_id, story.id], "Two benches")
        return story, words

    def let_happen(self, stage: Stage, story: Story) -> dict[str, Any]:
        """What happened then; the words that name what came of it."""
        self._let_happen(stage, story)
        words: dict[str, Any] = {}
        if stage.gone:
            words["in_order"] = [self._bench_id]
        else:
            self._send_copy(story)
        team = self.people["team"].account_id or ""
        with self.database.read() as session:
            there: dict[str, Sequence[Any]] = {
                "event_id": ledger.events_of(session, story.id),
                "copy_id": review_copies.of_story(session, story.id),
                "hold_id": holds.standing_on(session, story.id),
                "recall_id": recalls.waiting_for(session, team),
                "notice_id": notices.of_account(session, team),
            }
            return words | {word: rows[0].id for word, rows in there.items() if rows}

    def _told(self, stage: Stage) -> Story:
        pilots = list(self.pilots.values()) if stage.shared_with == "elsewhere" else [self.pilots["here"]]
        story = self._field.story(
            state=stage.state,
            consented_to=stage.consent,
            by=self.people["sender"],
            pilots=pilots,
            shared_with=[self.pilots[stage.shared_with]],
            title=f"{READERS_WORD} at the well",
            said=[f"{READERS_WORD} fetched water", "Nobody was there."],
            naming=Naming.ANONYMOUS if stage.wants_masking else Naming.NAMED,
            until=utc_now() + timedelta(hours=1),
            with_recording=True,
        )
        with self.database.write() as session:
            kept = session.get_one(Story, story.id)
            kept.content_warning = f"{READERS_WORD} is sad"
            kept.told_when = kept.told_where = CARERS_WORD
            kept.recordings[0].sent_name = FILE_NAME
            person = session.get_one(StoryPerson, story.people[0].id)
            person.label, person.shown_name = f"the teller from {CARERS_WORD}", READERS_WORD
            session.add(TellerContact(person_id=person.id, contact=CONTACT))
            self._keep_forms(session, kept)
            reindex(session, kept)
        self._keep_bytes(story, READERS_WORD)
        return story

    def _keep_forms(self, session: WriteSession, story: Story) -> None:
        """What consent was signed on."""
        form, key = CARERS_WORD.encode(), f"{story.object_token}-e1"
        self.objects.put_stream(key, io.BytesIO(form))
        digest, kind, actor = sha256(form).hexdigest(), "application/pdf", story.submitted_by
        for event in ledger.events_of(session, story.id):
            event.evidence = f"form of {CARERS_WORD}"
            consents.attach_form(session, story, event.id, key, digest, kind, actor=actor)

    def _send_whole(self, story: Story) -> str:
        """The upload by which its recording came."""
        whole = {
            "length_bytes": 1000,
            "offset_bytes": 1000,
            "completed_at": utc_now(),
            "expires_at": utc_now(),
        }
        recording_id, by = story.recordings[0].id, story.submitted_by
        with self.database.write() as session:
            upload = Upload(
                story_id=story.id, recording_id=recording_id, account_id=by, sent_metadata="", **whole
            )
            session.add(upload)
            session.flush()
            return upload.id

    def _send_copy(self, story: Story) -> None:
        with self.database.write() as session:
            review_copies.send(session, session.get_one(Story, story.id), actor=story.submitted_by)

    def _keep_bytes(self, story: Story, word: str) -> None:
        with self.database.write() as session:
            for recording in session.get_one(Story, story.id).recordings:
                original = REVIEWERS_WORD.encode().ljust(1000)
                self.objects.put_stream(recording.original_key, io.BytesIO(original))
                recording.sha256 = sha256(original).hexdigest()
                for rendition in session.query(Rendition).where(Rendition.recording_id == recording.id):
                    whole = word.encode().ljust(1000)
                    self.objects.put_stream(rendition.object_key, io.BytesIO(whole))
                    rendition.size_bytes, rendition.sha256 = len(whole), sha256(whole).hexdigest()

    def _collect(self, story_ids: list[str], title: str) -> dict[str, Any]:
        """A collection of stories, released, and pulled by the team."""
        team, here = self.people["team"], self.pilots["here"]
        actor = team.account_id or ""
        with self.database.write() as session:
            made = collections.create(session, team, here, title, actor=actor)
            for story_id in story_ids:
                collections.add(session, team, made, story_id, actor=actor)
            release = releases.release(session, team, made, actor=actor)
            releases.note_disclosure(session, release, actor, "download.zip")
            publications.publish(session, made, actor=actor)
            return {"collection_id": made.id, "in_order": story_ids}

    def _let_happen(self, stage: Stage, story: Story) -> None:
        with self.database.write() as session:
            kept = session.get_one(Story, story.id)
            match stage.then:
                case "curation alone is allowed":
                    self._consent(session, kept, frozenset({Use.CURATION}))
                case "nothing is allowed":
                    self._consent(session, kept, frozenset())
                case "a concern is raised":
                    holds.raise_safeguarding(session, kept, note="n", actor=story.submitted_by)
                case "consent expires":
                    for kind in (Permission, ConsentEvent):
                        session.execute(update(kind).where(kind.story_id == story.id).values(until=utc_now()))
                case "is withdrawn" | "is erased":
                    withdrawals.withdraw(session, kept, actor="test")
                    if stage.then == "is erased":
                        withdrawals.note_erased(session, story.id)

    def _consent(self, session: WriteSession, story: Story, uses: frozenset[Use]) -> None:
        terms = Terms(uses=uses, naming=Naming.NAMED, face=Face.SHOWN)
        consents.record(session, story, story.people[0].id, terms, actor="test")
