"""What somebody has sent of a row already: the whole of it, or a story whose recording never came."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Select, exists, select
from sqlalchemy.orm import Session

from app.consents.service import terms_of
from app.imports import rows
from app.imports.rows import Cells
from app.stories.schemas import StoryIn
from models.consent import standing_of
from models.curation import State
from models.pilots import Pilot
from models.roles import Principal
from models.stories import Recording, RecordingState, Story, StoryPilot
from models.uploads import Upload
from storage import gate, ledger, recordings
from storage.database import WriteSession


@dataclass(frozen=True)
class Before:
    """What this sender has of a row already: its story, and the digest of the recording that came."""

    story_id: str
    sha256: str


def name_key(name: str) -> str:
    """By what a file finds its row: some systems write an é as two letters, and some make no small letters."""
    return unicodedata.normalize("NFC", name.replace("\\", "/").rsplit("/", 1)[-1].strip()).casefold()


def sent_before(session: Session, sender: Principal, cells: Cells) -> Before | None:
    """A story that this sender sent with this file's name, title and pilot, and that stands."""
    query = (
        _like(sender, cells)
        .join(Recording, Recording.story_id == Story.id)
        .where(Recording.sent_by == sender.account_id, Recording.state != RecordingState.UPLOADING)
        .with_only_columns(Story.id, Recording.sent_name, Recording.sha256)
    )
    wanted = name_key(cells.get("file", ""))
    return next(
        (Before(story, sha or "") for story, name, sha in session.execute(query) if name_key(name) == wanted),
        None,
    )


def is_being_sent(session: Session, sender: Principal, cells: Cells) -> bool:
    """Whether a row's file is on its way by another request, or its line broke and nobody has noticed yet."""
    query = (
        _like(sender, cells)
        .join(Recording, Recording.story_id == Story.id)
        .join(Upload, Upload.recording_id == Recording.id)
        .where(Recording.sent_by == sender.account_id, Recording.state == RecordingState.UPLOADING)
        .with_only_columns(Recording.sent_name)
    )
    wanted = name_key(cells.get("file", ""))
    return any(name_key(name) == wanted for name in session.scalars(query))


def story_for(session: WriteSession, sender: Principal, cells: Cells) -> Story:
    """The story that a row's recording goes to: the one that was left when it broke off, or a new one.

    :raises StoryError: it cannot be
    """
    return _left(session, sender, cells) or rows.submit(session, sender, cells)


def never_came(session: WriteSession, story: Story, sender: Principal, name: str) -> Recording | None:
    """The room in a story for a file of this name that was cut off, and that nobody is sending; awaited from now on."""
    query = select(Recording.id).where(
        Recording.story_id == story.id, Recording.sent_name == name, _is_cut_off(sender)
    )
    rooms = (recordings.take_up_again(session, each) for each in session.scalars(query).all())
    return next((room for room in rooms if room is not None), None)


def _left(session: Session, sender: Principal, cells: Cells) -> Story | None:
    """The story of a row that has nothing but room for its file.

    Rows that are alike in title and pilot differ in who tells and in what they agreed to: a story goes on only
    with a row that says all of it as it stands there.
    """
    told = rows.story_of(cells)
    query = _like(sender, cells).where(
        Story.state == State.SUBMITTED,
        Story.language == told.language,
        ~exists().where(Recording.story_id == Story.id, ~_is_cut_off(sender)),
    )
    wanted = name_key(cells.get("file", ""))
    for story in session.scalars(query.order_by(Story.created_at)):
        names = session.scalars(select(Recording.sent_name).where(Recording.story_id == story.id))
        if all(name_key(name) == wanted for name in names) and _is_told_so(session, story, told, cells):
            return story
    return None


def _is_told_so(session: Session, story: Story, told: StoryIn, cells: Cells) -> bool:
    said = [(story.purpose, story.told_when, story.told_where, story.recorded_by, story.content_warning)]
    row = [(told.purpose, told.told_when, told.told_where, told.recorded_by, told.content_warning)]
    people = [(each.label, each.part, each.shown_name, each.guardian) for each in story.people]
    if said != row or people != [(p.label, p.part, p.shown_name, p.guardian) for p in told.people]:
        return False
    consent, events = rows.consent_in(cells, told.pilots), ledger.events_of(session, story.id)
    if consent is None or len(events) != 1:
        return consent is None and not events
    terms, (event,) = terms_of(session, consent), events
    return (
        event.person_id == story.people[0].id
        and standing_of([event]) == terms.standing
        and (event.manner, event.relation, event.language) == (terms.manner, terms.relation, terms.language)
        and event.evidence == terms.evidence
    )


def _is_cut_off(sender: Principal) -> ColumnElement[bool]:
    return (
        (Recording.state == RecordingState.UPLOADING)
        & (Recording.sent_by == sender.account_id)
        & ~exists().where(Upload.recording_id == Recording.id)
    )


def _like(sender: Principal, cells: Cells) -> Select[Story]:
    of_pilot = select(StoryPilot.story_id).join(Pilot).where(Pilot.code == cells.get("pilot", ""))
    return gate.readable(sender).where(
        Story.submitted_by == sender.account_id,
        Story.title == cells.get("title", ""),
        Story.id.in_(of_pilot),
    )
