"""Where consent changes happen: the ledger is written here, and with it what the gate lets through."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from models.base import new_id, utc_now
from models.collections import RecallReason
from models.consent import (
    NARROWING,
    NOTHING,
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
    said_by,
)
from models.curation import State
from models.errors import Conflict, Invalid, NotFound
from models.pilots import Pilot
from models.stories import Recording, RecordingState, Story, StoryPerson
from models.work import WishKind
from storage import changes, journal, ledger, recalls, wishes, wordings
from storage.database import WriteSession

MAX_NAME_CHARACTERS = 200


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
    heard; None: nobody knows which. ``moment`` is where it can be heard, for consent that was spoken.
    ``shown_name`` is the name to be shown, own or another as ``naming`` says; None: the one that was given for it.
    """

    uses: frozenset[Use] = frozenset({Use.CURATION})
    pilot_ids: frozenset[str] = frozenset()
    until: datetime | None = None
    naming: Naming = Naming.ANONYMOUS
    shown_name: str | None = None
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


@dataclass(frozen=True)
class First:
    """The event that a word was when it was first said, in a ledger that was lost since."""

    event_id: str
    at: datetime


def record(
    session: WriteSession,
    story: Story,
    person_id: str,
    terms: Terms,
    *,
    actor: str,
    kind: EventKind | None = None,
    first: First | None = None,
) -> ConsentEvent:
    """Add an event for a person in a story, and let the gate open or close by it in the same transaction.

    :param kind: what to call it; None: by what it changes
    :param first: it is a word that this ledger lost
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
    showed_more = changes.showing_more(session, story, ledger.standings_of(session, story.id))
    events = ledger.events_of(session, story.id, person_id)
    said = [each for each in events if each.given_by == terms.given_by]
    _name(person, terms, is_first=not events)
    event = ConsentEvent(
        id=first.event_id if first else new_id(),
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
        wording_id=terms.wording_id,
        evidence=terms.evidence,
        evidence_recording_id=terms.moment.recording_id if terms.moment else None,
        evidence_start_seconds=terms.moment.start_seconds if terms.moment else None,
        evidence_end_seconds=terms.moment.end_seconds if terms.moment else None,
        original_may_go=terms.original_may_go,
        recorded_by=actor,
        recorded_at=first.at if first else utc_now(),
    )
    session.add(event)
    session.flush()
    journal.note(session, actor, f"consent-{event.kind}", story_id=story.id, subject=person_id)
    if event.kind in NARROWING:
        # After the commit it is written in a second place too (storage.narrowings).
        session.narrowed.append(event.id)
    apply(session, story, showed_more)
    return event


def no_wider_than(said: list[ConsentEvent], terms: Terms, pilot_ids: Collection[str]) -> Terms:
    """Of terms, what one giver's last word allows too."""
    both = narrowest([_said_before(said), terms.standing])
    uses = set(both.uses)
    if not both.pilot_ids & set(pilot_ids):
        uses.discard(Use.SHARING)
    return replace(
        terms,
        uses=frozenset(uses),
        pilot_ids=both.pilot_ids,
        until=next(iter(both.uses.values()), None),
        naming=both.naming,
        face=both.face,
        voice=both.voice,
        original_may_go=both.original_may_go,
    )


def _said_before(events: list[ConsentEvent]) -> Standing:
    """What one giver said last, on its own."""
    return said_by(events[-1]) if events else NOTHING


def _name(person: StoryPerson, terms: Terms, *, is_first: bool) -> None:
    """Keep a name beside the naming that it was given for: one's own is not shown where another one is chosen later.

    A name that came with the story was given for what is said first. Names stand in no event: these are kept longer.
    """
    if terms.naming is not Naming.ANONYMOUS and (is_first or terms.shown_name):
        person.shown_name = terms.shown_name or person.shown_name
        person.named_as = terms.naming


def _check(session: Session, story: Story, person: StoryPerson, terms: Terms) -> None:
    if terms.manner is Manner.ON_BEHALF and not terms.relation:
        raise Invalid("relation-missing")
    if Use.SHARING in terms.uses and not terms.pilot_ids & set(story.pilot_ids):
        raise Invalid("sharing-with-nobody")
    if terms.given_by is Giver.GUARDIAN and not person.guardian:
        raise Invalid("no-guardian")
    if terms.shown_name is not None and not 0 < len(terms.shown_name) <= MAX_NAME_CHARACTERS:
        raise Invalid("name-unfit", most=MAX_NAME_CHARACTERS)
    if terms.moment is not None:
        recording = session.get(Recording, terms.moment.recording_id)
        if recording is None or recording.story_id != story.id:
            raise Invalid("recording-not-found")
        if not 0 <= terms.moment.start_seconds < terms.moment.end_seconds:
            raise Invalid("moment-unfit")
    if terms.wording_id is not None and not wordings.shown(session, terms.wording_id, story.pilot_ids):
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


def apply(session: WriteSession, story: Story, showed_more: frozenset[str] | None = None) -> None:
    """Write what the rule allows now as rows; step the story back, or wish for work, if that follows.

    :param showed_more: the releases that showed people wider than they allowed before; None: that did not change
    """
    session.execute(select(Story.id).where(Story.id == story.id).with_for_update())
    # Shared, so that a protocol cannot change between being read here and what follows from it.
    protocols = select(Pilot).where(Pilot.id.in_(story.pilot_ids)).with_for_update(read=True)
    session.scalars(protocols.execution_options(populate_existing=True)).all()
    before = ledger.rows_of(session, story.id)
    allowances = ledger.recompute(session, story)
    session.execute(delete(Permission).where(Permission.story_id == story.id))
    session.add_all(
        Permission(story_id=story.id, use=each.use, pilot_id=each.pilot_id, until=each.until)
        for each in allowances
    )
    session.flush()
    now = utc_now()
    _step_back(session, story, {each.use for each in allowances if each.until is None or each.until > now})
    standings = ledger.standings_of(session, story.id)
    closed = _shared_with(before) - _shared_with(allowances)
    if closed:
        recalls.issue(session, story, RecallReason.SHARING_ENDED, pilot_ids=closed)
    narrower = _narrower(session, story, before, allowances, standings, showed_more)
    if narrower:
        recalls.issue(session, story, RecallReason.NARROWED, release_ids=narrower)
    changes.note(session, story, standings)
    wish_for_processing(session, story)


def _narrower(
    session: Session,
    story: Story,
    before: Collection[Allowance],
    now: Collection[Allowance],
    standings: Mapping[str, Standing],
    showed_more: frozenset[str] | None,
) -> frozenset[str]:
    """The releases with more of a story in them than may be used now; of those that could be pulled until now."""
    if _open_to_all(before) - _open_to_all(now):
        return changes.open_releases(session, story)
    if showed_more is None:
        return frozenset()
    shows_more = changes.showing_more(session, story, standings) - showed_more
    return shows_more & changes.open_releases(session, story) if shows_more else frozenset()


def _shared_with(allowances: Iterable[Allowance]) -> frozenset[str]:
    return frozenset(each.pilot_id for each in allowances if each.use is Use.SHARING and each.pilot_id)


def _open_to_all(allowances: Iterable[Allowance]) -> frozenset[Use]:
    return frozenset(each.use for each in allowances if each.pilot_id is None)


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


def lock_again(session: WriteSession, story_id: str) -> Story | None:
    """Lock a story that was read of in a list, where others may have changed it since; None: it was taken back.

    PostgreSQL reads what was committed meanwhile: why it was in the list is looked at again now.
    """
    if session.execute(select(Story.id).where(Story.id == story_id).with_for_update()).first() is None:
        return None
    story = session.get_one(Story, story_id, populate_existing=True)
    return None if story.state == State.WITHDRAWN else story


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
    """What to call it: something less than before is a narrowing, even where something else is more.

    Who allows nothing grants nothing, also with their first word or once more.
    """
    had, has = set(before.uses), set(terms.uses)
    if not has:
        return EventKind.WITHDRAWN
    if not had:
        return EventKind.GRANTED
    after = terms.standing
    both = narrowest([before, after])
    if both != before:
        return EventKind.NARROWED
    is_same = has == had and replace(both, uses={}) == replace(after, uses={})
    return EventKind.RENEWED if is_same else EventKind.WIDENED


def _next_sequence(session: Session, story_id: str) -> int:
    last = session.scalar(select(func.max(ConsentEvent.sequence)).where(ConsentEvent.story_id == story_id))
    return (last or 0) + 1
