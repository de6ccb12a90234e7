"""What is held of a story, sheet by sheet, as whoever asks may have it.

A person of a private link gets what is theirs and what concerns the story; what others in it said, and how they
are called, stays theirs. Somebody who cares for the story gets all of it, to hand it on: so the note of a safety flag
and who raised it, which may protect somebody, are in nobody's archive.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.consents.schemas import ConsentEventOut
from app.exchange.transcripts import as_json, plain_text
from app.settings import Settings
from app.tellers.receipts import receipt_of
from app.web.translation import Translator
from models.base import Base
from models.consent import ConsentEvent
from models.errors import NotFound
from models.holds import Hold, HoldKind
from models.stories import Recording, Story, StoryPerson, TellerContact
from models.transcripts import Transcript
from storage import (
    journal,
    ledger,
    listenings,
    notices,
    pilots,
    responses,
    review_copies,
    taken_copies,
    themes,
)

Sheet = dict[str, Any] | list[dict[str, Any]]
Maker = Callable[[Session, Story, StoryPerson | None], Sheet | None]

_STORY = (
    *("id", "title", "language", "detected_language", "purpose", "state", "told_when", "told_where"),
    *("recorded_by", "told_in_sign_language", "content_warning", "created_at", "changed_at"),
)
_RECORDING = (
    *("id", "state", "size_bytes", "sha256", "sent_name", "duration_seconds", "has_picture", "inspection"),
    *("created_at", "received_at", "original_erased_at"),
)
_PERSON = ("id", "part", "label", "shown_name", "named_as", "guardian")
_HOLD = ("id", "kind", "until", "raised_at", "lifted_at")
_FLAGGED = f"raise-{HoldKind.SAFEGUARDING}"
_COPY = (
    *("id", "person_id", "asked_at", "answer", "message", "answered_at"),
    *("guardian_answer", "guardian_message", "guardian_answered_at"),
)


def people_for(story: Story, person: StoryPerson | None) -> list[StoryPerson]:
    """The people whose own affairs are shown."""
    return story.people if person is None else [person]


def events_for(session: Session, story: Story, person: StoryPerson | None) -> list[ConsentEvent]:
    """The ledger: a person's own part, or all of it."""
    return ledger.events_of(session, story.id, person.id if person else None)


def _story(session: Session, story: Story, person: StoryPerson | None) -> Sheet:
    return _row(story, *_STORY) | {
        "pilots": story.pilot_ids,
        "people": [_person(session, each) for each in people_for(story, person)],
        "recordings": [_row(each, *_RECORDING) for each in story.recordings],
    }


def _person(session: Session, person: StoryPerson) -> dict[str, Any]:
    contact = session.get(TellerContact, person.id)
    return _row(person, *_PERSON) | {
        "contact": contact.contact if contact else None,
        "has_private_link": person.link_digest is not None,
        "guardian_has_private_link": person.guardian_link_digest is not None,
    }


def _ledger(session: Session, story: Story, person: StoryPerson | None) -> Sheet:
    return [
        ConsentEventOut.model_validate(event, from_attributes=True).model_dump(mode="json")
        | {"evidence": event.evidence, "pilot_ids": event.pilot_ids}
        for event in events_for(session, story, person)
    ]


def _themes(session: Session, story: Story, person: StoryPerson | None) -> Sheet:
    wanted = ("theme", "state", "score", "evidence", "codebook_version", "decided_at", "created_at")
    return [_row(each, *wanted) for each in themes.of_story(session, story.id)]


def _journal(session: Session, story: Story, person: StoryPerson | None) -> Sheet:
    """What was done. Who raised a flag may need protection from those whom it is handed to: that stays here."""
    wanted = ("sequence", "at", "actor", "act", "story_id", "subject")
    return [
        _row(each, *wanted) | ({"actor": None} if each.act == _FLAGGED else {})
        for each in journal.of_story(session, story.id)
    ]


def _listened_to(session: Session, story: Story, person: StoryPerson | None) -> Sheet:
    found = listenings.of_story(session, story.id)
    named = {pilot.id: pilot.name for pilot in pilots.of_ids(session, [pilot for _, pilot in found])}
    return [
        {"by": role, "pilot": named.get(pilot_id), "days": [day.isoformat() for day in days]}
        for (role, pilot_id), days in found.items()
    ]


def _copies_taken(session: Session, story: Story, person: StoryPerson | None) -> Sheet:
    return [_plain(vars(each)) for each in taken_copies.of_story(session, story.id)]


def _responses(session: Session, story: Story, person: StoryPerson | None) -> Sheet:
    wanted = ("id", "answered_on", "words", "will_change")
    return [_row(each, *wanted) for each in responses.for_story(session, story.id)]


def _holds(session: Session, story: Story, person: StoryPerson | None) -> Sheet:
    """What kept it back. The note of a flag may protect somebody from whoever is handed this: it stays at the desk."""
    rows = session.scalars(select(Hold).where(Hold.story_id == story.id).order_by(Hold.raised_at, Hold.id))
    return [_row(each, *_HOLD) for each in rows]


def _review_copies(session: Session, story: Story, person: StoryPerson | None) -> Sheet:
    return [
        _row(each, *_COPY)
        for each in review_copies.of_story(session, story.id)
        if person is None or each.person_id == person.id
    ]


def _notices(session: Session, story: Story, person: StoryPerson | None) -> Sheet:
    wanted = ("id", "person_id", "kind", "parameters", "made_at", "read_at", "sent_at")
    found = [each for one in people_for(story, person) for each in notices.of_person(session, one.id)]
    return [_row(each, *wanted) for each in found]


SHEETS: Mapping[str, Maker] = {
    "story.json": _story,
    "themes.json": _themes,
    "consent/ledger.json": _ledger,
    "listened-to.json": _listened_to,
    "copies-taken.json": _copies_taken,
    "responses.json": _responses,
    "review-copies.json": _review_copies,
    "holds.json": _holds,
    "messages.json": _notices,
    "journal.json": _journal,
}


def receipts(
    session: Session, story: Story, person: StoryPerson | None, settings: Settings, translator: Translator
) -> dict[str, str]:
    """A receipt for each person who has said something, by its place in the archive."""
    found = {}
    for each in people_for(story, person):
        try:
            made = receipt_of(session, story, each, settings, translator)
        except NotFound:
            continue
        name = "consent/receipt.json" if person else f"consent/receipt-{each.position + 1}.json"
        found[name] = made.model_dump_json(indent=1) + "\n"
    return found


def transcript_ids(session: Session, story: Story) -> list[str]:
    """Every version of every transcript."""
    query = (
        select(Transcript.id)
        .join(Recording, Recording.id == Transcript.recording_id)
        .where(Transcript.story_id == story.id)
        .order_by(Recording.position, Transcript.language, Transcript.version)
    )
    return list(session.scalars(query))


def texts_of(session: Session, transcript_id: str) -> dict[str, str]:
    """One version in words and as JSON, by its place in the archive; nothing if it is gone meanwhile."""
    transcript = session.get(Transcript, transcript_id)
    if transcript is None:
        return {}
    position = session.get_one(Recording, transcript.recording_id).position
    place = f"transcripts/recording-{position + 1}-{transcript.language}-{transcript.version}"
    return {f"{place}.txt": plain_text([transcript]), f"{place}.json": as_json([transcript])}


def _row(row: Base, *columns: str) -> dict[str, Any]:
    return _plain({name: getattr(row, name) for name in columns})


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _value(value) for name, value in values.items()}


def _value(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    return value.value if isinstance(value, StrEnum) else value
