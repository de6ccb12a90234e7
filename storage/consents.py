"""Where consent changes happen: the ledger is written here, and with it what the gate lets through."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from models.base import utc_now
from models.collections import RecallReason
from models.consent import (
    Allowance,
    ConsentEvent,
    EventKind,
    Face,
    Giver,
    Manner,
    Naming,
    Permission,
    Standing,
    Use,
    Voice,
    narrowest,
    standing_of,
)
from models.curation import State
from models.errors import Conflict, Invalid, NotFound
from models.pilots import Pilot
from models.stories import Recording, RecordingState, Story, StoryPerson
from models.work import WishKind
from storage import changes, journal, ledger, recalls, wishes, wordings
from storage.database import WriteSession


@dataclass(frozen=True)
class Moment:
    """Where in a recording of the story consent can be heard, in seconds."""

    recording_id: str
    start_seconds: float
    end_seconds: float


@dataclass(frozen=True)
class Terms:
    """What a person says when they give or change consent: the whole of what stands from then on.

    The defaults are the narrowest that lets a story be cared for. ``wording_id`` is the text that was read or
    heard; None: the newest in this language. ``moment`` is where it can be heard, for consent that was spoken.
    """

    uses: frozenset[Use] = frozenset({Use.CURATION})
    pilot_ids: frozenset[str] = frozenset()
    until: datetime | None = None
    naming: Naming = Naming.ANONYMOUS
    face: Face = Face.MASKED
    voice: Voice = Voice.KEPT
    manner: Manner = Manner.FORM
    relation: str | None = None
    language: str = "en"
    evidence: str | None = None
    moment: Moment | None = None
    given_by: Giver = Giver.PERSON
    wording_id: str | None = None
    original_may_go: bool = False

    @property
    def standing(self) -> Standing:
        """What these terms leave standing."""
        uses = dict.fromkeys(self.uses, self.until)
        return Standing(
            uses, self.pilot_ids, self.naming, self.face, self.voice, original_may_go=self.original_may_go
        )


def record(
    session: WriteSession,
    story: Story,
    person_id: str,
    terms: Terms,
    *,
    actor: str,
    kind: EventKind | None = None,
) -> ConsentEvent:
    """Add an event for a person in a story, and let the gate open or close by it in the same transaction.

    :param kind: what to call it; None: by what it changes
    :raises NotFound: the person is not in this story
    :raises Conflict: the story was withdrawn
    :raises Invalid: consent on behalf of somebody without the relation to them, sharing with nobody, a guardian's
        word where there is none, or a moment or wording that does not belong to the story
    """
    lock(session, story)
    person = session.get(StoryPerson, person_id)
    if person is None or person.story_id != story.id:
        raise NotFound("person-not-found", person_id=person_id)
    _check(session, story, person, terms)
    said = [
        each for each in ledger.events_of(session, story.id, person_id) if each.given_by == terms.given_by
    ]
    event = ConsentEvent(
        story_id=story.id,
        person_id=person_id,
        sequence=_next_sequence(session, story.id),
        kind=kind or _kind_of(_said_before(said), terms),
        given_by=terms.given_by,
        uses=sorted(terms.uses),
        pilot_ids=sorted(terms.pilot_ids),
        until=terms.until,
        naming=terms.naming,
        face=terms.face,
        voice=terms.voice,
        manner=terms.manner,
        relation=terms.relation,
        language=terms.language,
        wording_id=terms.wording_id or wordings.current_id(session, story.pilot_ids, terms.language),
        evidence=terms.evidence,
        evidence_recording_id=terms.moment.recording_id if terms.moment else None,
        evidence_start_seconds=terms.moment.start_seconds if terms.moment else None,
        evidence_end_seconds=terms.moment.end_seconds if terms.moment else None,
        original_may_go=terms.original_may_go,
        recorded_by=actor,
    )
    session.add(event)
    session.flush()
    journal.note(session, actor, f"consent-{event.kind}", story_id=story.id, subject=person_id)
    apply(session, story)
    return event


def _said_before(events: list[ConsentEvent]) -> Standing:
    """What one giver said last, on its own."""
    return standing_of(events[-1:])


def _check(session: Session, story: Story, person: StoryPerson, terms: Terms) -> None:
    if terms.manner is Manner.ON_BEHALF and not terms.relation:
        raise Invalid("relation-missing")
    if Use.SHARING in terms.uses and not terms.pilot_ids & set(story.pilot_ids):
        raise Invalid("sharing-with-nobody")
    if terms.given_by is Giver.GUARDIAN and not person.guardian:
        raise Invalid("no-guardian")
    if terms.moment is not None:
        recording = session.get(Recording, terms.moment.recording_id)
        if recording is None or recording.story_id != story.id:
            raise Invalid("recording-not-found")
        if not 0 <= terms.moment.start_seconds < terms.moment.end_seconds:
            raise Invalid("moment-unfit")
    if terms.wording_id is not None and not wordings.fits(session, terms.wording_id, story.pilot_ids):
        raise Invalid("wording-unknown")


def attach_form(
    session: WriteSession,
    story: Story,
    event_id: str,
    key: str,
    sha256: str,
    media_type: str,
    *,
    actor: str,
) -> ConsentEvent:
    """Say where the signed form of an event lies, once: evidence is added and never replaced.

    :raises NotFound: the story's ledger has no such event
    :raises Conflict: a form is there already, or the story was withdrawn
    """
    lock(session, story)
    event = ledger.event_of(session, story.id, event_id)
    session.refresh(event)
    if event.evidence_object_key is not None:
        raise Conflict("evidence-there")
    event.evidence_object_key, event.evidence_sha256, event.evidence_media_type = key, sha256, media_type
    session.flush()
    journal.note(session, actor, "attach-form", story_id=story.id, subject=event.id)
    return event


def apply(session: WriteSession, story: Story) -> None:
    """Write what the rule allows now as rows; step the story back, or wish for work, if that follows."""
    session.execute(select(Story.id).where(Story.id == story.id).with_for_update())
    # Shared, so that a protocol cannot change between being read here and what follows from it.
    protocols = select(Pilot).where(Pilot.id.in_(story.pilot_ids)).with_for_update(read=True)
    session.scalars(protocols.execution_options(populate_existing=True)).all()
    shared_before = _shared_with(ledger.rows_of(session, story.id))
    allowances = ledger.recompute(session, story)
    session.execute(delete(Permission).where(Permission.story_id == story.id))
    session.add_all(
        Permission(story_id=story.id, use=each.use, pilot_id=each.pilot_id, until=each.until)
        for each in allowances
    )
    session.flush()
    now = utc_now()
    _step_back(session, story, {each.use for each in allowances if each.until is None or each.until > now})
    closed = shared_before - _shared_with(allowances)
    if closed:
        recalls.issue(session, story, RecallReason.SHARING_ENDED, pilot_ids=closed)
    changes.note(session, story, ledger.standings_of(session, story.id))
    wish_for_processing(session, story)


def _shared_with(allowances: Iterable[Allowance]) -> frozenset[str]:
    return frozenset(each.pilot_id for each in allowances if each.use is Use.SHARING and each.pilot_id)


def wish_for_processing(session: WriteSession, story: Story) -> None:
    """Inspected and consent to curation standing, whichever came second: a recording is processed.

    Where that consent has ended, work that is under way is called off, and begins anew if it comes back.
    """
    if not ledger.permits(session, story.id, Use.CURATION):
        _call_off_processing(session, story)
        return
    waiting = select(Recording).where(
        Recording.story_id == story.id, Recording.state == RecordingState.INSPECTED
    )
    for recording in session.scalars(waiting):
        recording.state = RecordingState.PROCESSING
        wishes.make(session, WishKind.PROCESS, story.id, recording_id=recording.id)


def lock(session: WriteSession, story: Story) -> None:
    """Lock a story's row before anything about it changes; a withdrawn story does not change any more.

    :raises Conflict: it was withdrawn
    """
    session.execute(select(Story.id).where(Story.id == story.id).with_for_update())
    session.refresh(story)
    if story.state == State.WITHDRAWN:
        raise Conflict("story-withdrawn", story_id=story.id)


def _call_off_processing(session: WriteSession, story: Story) -> None:
    wishes.call_off(session, story.id, kind=WishKind.PROCESS)
    under_way = select(Recording).where(
        Recording.story_id == story.id, Recording.state == RecordingState.PROCESSING
    )
    for recording in session.scalars(under_way):
        recording.state = RecordingState.INSPECTED


def take_back_to_review(session: WriteSession, story: Story) -> None:
    """A story that had gone further is with its curators again."""
    _step_back(session, story, {Use.CURATION})


def _step_back(session: WriteSession, story: Story, uses: Iterable[Use]) -> None:
    """A state that consent no longer carries falls back to the widest one that it does."""
    uses = set(uses)
    before = story.state
    if story.state == State.PUBLISHED and not {Use.PUBLICATION, Use.SHARING} <= uses:
        story.state = State.CURATED
        journal.note(session, journal.SERVICE, "unpublish", story_id=story.id)
    if story.state == State.CURATED and Use.SHARING not in uses:
        story.state = State.IN_REVIEW
        journal.note(session, journal.SERVICE, "reopen", story_id=story.id)
    if story.state != before:
        story.changed_at = utc_now()
    session.flush()


def _kind_of(before: Standing, terms: Terms) -> EventKind:
    """What to call it: something less than before is a narrowing, even where something else is more."""
    had, has = set(before.uses), set(terms.uses)
    if not had:
        return EventKind.GRANTED
    if not has:
        return EventKind.WITHDRAWN
    after = terms.standing
    both = narrowest([before, after])
    if both != before:
        return EventKind.NARROWED
    is_same = has == had and replace(both, uses={}) == replace(after, uses={})
    return EventKind.RENEWED if is_same else EventKind.WIDENED


def _next_sequence(session: Session, story_id: str) -> int:
    last = session.scalar(select(func.max(ConsentEvent.sequence)).where(ConsentEvent.story_id == story_id))
    return (last or 0) + 1
