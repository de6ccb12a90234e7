"""Pilots, people and stories for tests, in the field's words and made by the verbs that the field uses.

Everything stands on the fixture ``database``; a folder whose tests need one kind only overrides that fixture.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from datetime import datetime

import pytest
from sqlalchemy.orm import Session

from models.base import new_id
from models.consent import Face, Naming, Use, Voice
from models.curation import State
from models.roles import Principal, Role
from models.stories import Part, Recording, RenditionKind, Story
from models.work import Outcome, WishKind
from storage import (
    accounts,
    consents,
    curation,
    pilots,
    recordings,
    stories,
    themes,
    transcripts,
    wishes,
    withdrawals,
)
from storage.consents import Terms
from storage.database import Database, WriteSession
from storage.stories import PersonDetails, StoryDetails
from storage.transcripts import SegmentText

CODEBOOK = 1
THEME = "belonging"
SHARED = frozenset({Use.CURATION, Use.SHARING})
EVERY_USE = frozenset(Use)
# The verbs that lead a story to each state, from where it was submitted.
ROADS: dict[State, tuple[str, ...]] = {
    State.SUBMITTED: (),
    State.IN_REVIEW: ("take-up",),
    State.RETURNED: ("take-up", "return"),
    State.DECLINED: ("take-up", "decline"),
    State.CURATED: ("take-up", "curate"),
    State.PUBLISHED: ("take-up", "curate", "publish"),
    State.WITHDRAWN: (),
}


class Field:
    """The pilots, people and stories of one test."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self._pilots: dict[str, str] = {}

    def pilot(self, code: str = "spring", languages: Sequence[str] = ("en", "pl")) -> str:
        """The id of the pilot called ``code``, made when first asked for."""
        if code not in self._pilots:
            with self.database.write() as session:
                made = pilots.create(session, code, code.title(), languages, actor="test")
                # What a protocol may leave out is another test's matter: here the people decide.
                pilots.change_protocol(session, made, list(Use), actor="test", shares_outside=True)
            self._pilots[code] = made.id
        return self._pilots[code]

    def account(
        self, role: Role | None = None, pilot: str | None = None, *, is_administrator: bool = False
    ) -> Principal:
        """A new person, with ``role`` in a pilot (its id; the first one if None)."""
        name = f"{role or 'someone'}-{new_id()[:8]}"
        pilot = pilot or (self._first_pilot() if role else None)
        with self.database.write() as session:
            person = accounts.create(session, name, name, actor="test", is_administrator=is_administrator)
            if role is not None and pilot is not None:
                accounts.give_role(session, person.id, pilot, role, actor="test")
            return accounts.principal_of(session, person)

    def story(
        self,
        *,
        consented_to: Collection[Use] | None = SHARED,
        state: State = State.SUBMITTED,
        pilots: Sequence[str] | None = None,
        shared_with: Sequence[str] | None = None,
        by: Principal | None = None,
        title: str = "The bench by the well",
        said: Sequence[str] = ("I sat down on the bench.", "Nobody was there."),
        language: str = "en",
        until: datetime | None = None,
        naming: Naming = Naming.NAMED,
        face: Face = Face.SHOWN,
        voice: Voice = Voice.KEPT,
        others: Sequence[Part] = (),
        has_picture: bool = False,
        with_recording: bool | None = None,
        approved: bool | None = None,
        wording: str | None = None,
    ) -> Story:
        """A story as it stands after its road to ``state``, which needs what the road's guards ask for.

        :param consented_to: the uses everybody in it agreed to; None: nobody has been asked yet
        :param pilots: the ids of its pilots (the first one if None); shared with all, or ``shared_with``
        :param with_recording: received, processed and transcribed; by itself for the states that need it
        :param wording: the id of the text that everybody in it read
        :param approved: transcript approved and a theme accepted; by itself for the states that need it
        """
        verbs = ROADS[state]
        belongs = list(pilots or [self._first_pilot()])
        sender = by or self.account(Role.REPORTER, belongs[0])
        people = [PersonDetails("teller"), *(PersonDetails(f"a {part}", part) for part in others)]
        details = StoryDetails(title=title, language=language, pilot_ids=belongs, people=people)
        terms = Terms(
            uses=frozenset(consented_to or ()),
            pilot_ids=frozenset(belongs if shared_with is None else shared_with),
            until=until,
            naming=naming,
            face=face,
            voice=voice,
            language=language,
            wording_id=wording,
        )
        with self.database.write() as session:
            story = stories.create(session, details, submitted_by=sender.account_id or "")
            if consented_to is not None:
                for person in story.people:
                    consents.record(session, story, person.id, terms, actor=sender.account_id or "")
            if with_recording if with_recording is not None else "curate" in verbs:
                recording = self.recording(session, story, has_picture=has_picture)
                heard = self.process(session, story, recording, said)
                if approved if approved is not None else "curate" in verbs:
                    transcripts.approve(session, story, heard, actor=sender.account_id or "")
                    themes.accept(session, story, THEME, actor=sender.account_id or "", codebook=CODEBOOK)
            for verb in verbs:
                curation.change_state(session, story, verb, actor=sender.account_id or "")
            if state is State.WITHDRAWN:
                withdrawals.withdraw(session, story, actor=sender.account_id or "")
            session.flush()
            session.refresh(story)
            # Read once more, so that they are at hand when the session has ended.
            session.refresh(story, ["pilots", "people", "recordings"])
        return story

    def recording(self, session: WriteSession, story: Story, *, has_picture: bool = False) -> Recording:
        """A recording received whole and inspected; its bytes are in no object store."""
        expected = recordings.expect_recording(session, story, "bench.wav", sent_by=story.submitted_by)
        digest = hashlib.sha256(expected.id.encode()).hexdigest()
        received = recordings.receive(session, expected.id, size_bytes=1000, sha256=digest)
        self._done(session, story, received, WishKind.INSPECT)
        recordings.note_inspection(session, received, {}, duration_seconds=9.0, has_picture=has_picture)
        return received

    def process(
        self, session: WriteSession, story: Story, recording: Recording, said: Sequence[str]
    ) -> transcripts.Transcript:
        """What the pipeline would make of an inspected recording in which ``said`` is heard."""
        key = f"{story.object_token}-{recording.id[:8]}au"
        recordings.name_rendition(
            session, recording, RenditionKind.AUDIO, key, size_bytes=100, sha256="0" * 64
        )
        heard = transcripts.keep_machine_made(
            session,
            recording,
            [SegmentText(4.0 * n, 4.0 * n + 3.5, text) for n, text in enumerate(said)],
            language=story.spoken_language or "en",
            engine="test",
            weights="test",
        )
        recordings.finish_recording(session, recording)
        self._done(session, story, recording, WishKind.PROCESS)
        return heard

    def _first_pilot(self) -> str:
        return next(iter(self._pilots.values()), None) or self.pilot()

    def _done(self, session: Session, story: Story, recording: Recording, kind: WishKind) -> None:
        for wish in wishes.open_wishes(session):
            if (wish.story_id, wish.recording_id, wish.kind) == (story.id, recording.id, kind):
                assert isinstance(session, WriteSession)
                wishes.end(session, wish.id, Outcome.DONE)


@pytest.fixture
def field(database: Database) -> Field:
    """Makes pilots, people and stories in ``database``."""
    return Field(database)


@pytest.fixture
def pilot(field: Field) -> str:
    """The id of a pilot."""
    return field.pilot()
