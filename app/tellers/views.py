"""What somebody sees behind their private link: all that is held, what each use is open to, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy.orm import Session

from app.consents.forms import appearance_of
from app.stories.schemas import RecordingOut
from app.stories.views import recording_view
from app.stories.words import EXAMPLES
from app.tellers.words import (
    APPEARANCES,
    APPEARANCES_OF_ANOTHER,
    AS_GUARDIAN,
    BOTH_MUST_AGREE,
    HEARERS,
    LISTENERS,
    NOTICES,
    OBSTACLES,
    PARTS,
    SOMETHING_HAPPENED,
    USES,
    Hearer,
)
from app.web.translation import Translator
from models.base import utc_now
from models.collections import Response
from models.consent import Giver, Permission, Standing, Use, word_of
from models.curation import CURATED_STATES, State
from models.stories import Part, Story, StoryPerson
from models.tellers import ReviewCopy
from models.transcripts import Transcript
from pipeline.themes.codebook import Codebook
from storage import (
    ledger,
    listenings,
    notices,
    pilots,
    responses,
    review_copies,
    taken_copies,
    themes,
    transcripts,
    wordings,
)
from storage.obstacles import closed


@dataclass(frozen=True)
class RecordingHeld:
    """A recording with its newest transcript; ``segments`` of it are read."""

    recording: RecordingOut
    transcript: Transcript | None


@dataclass(frozen=True)
class UseShown:
    """One use: whether this person allows it, until when, what follows, and what it still waits for."""

    use: Use
    label: str
    example: str
    consequence: str
    is_allowed: bool
    until: datetime | None
    waits_for: str | None


@dataclass(frozen=True)
class CopyTaken:
    """Who took a copy, and on which days; ``recalled_at``: asked to delete it, ``acknowledged_at``: it is gone."""

    pilot: str
    format: str
    days: list[datetime]
    recalled_at: datetime | None
    acknowledged_at: datetime | None


@dataclass(frozen=True)
class Listened:
    """Who listened to it here, and on which days."""

    hearer: str
    days: list[date]


@dataclass(frozen=True)
class Held:
    """Everything that the page of one person in a story shows."""

    title: str
    language: str | None
    part: str
    is_teller: bool
    is_guardian: bool
    recordings: list[RecordingHeld]
    themes: list[str]
    uses: list[UseShown]
    appearance: str | None
    has_spoken: bool
    hearers: list[str]
    listened: list[Listened]
    copies: list[CopyTaken]
    responses: list[Response]
    notices: list[tuple[datetime, str]]
    asks_for_renewal: bool
    copy_to_answer: ReviewCopy | None
    has_answered: bool


def held(
    session: Session,
    story: Story,
    person: StoryPerson,
    giver: Giver,
    codebook: Codebook,
    translator: Translator,
) -> Held:
    """All that is held of a story, for one person in it, or for their guardian."""
    events = ledger.events_of(session, story.id, person.id)
    theirs = [event for event in events if event.given_by is giver]
    own = word_of(events, giver)
    copy = copy_for(session, story, person)
    return Held(
        title=story.title,
        language=story.spoken_language,
        part=part_of(person, giver, translator),
        is_teller=person.part is Part.TELLER,
        is_guardian=giver is Giver.GUARDIAN,
        recordings=recordings_held(session, story),
        themes=theme_labels(session, story, codebook, translator),
        uses=uses_shown(session, story, person, giver, own, translator),
        appearance=translator(appearances_for(giver)[appearance_of(own)][0]) if own.uses else None,
        has_spoken=bool(theirs),
        hearers=hearers(session, story, translator),
        listened=listened(session, story, translator),
        copies=copies_taken(session, story),
        responses=responses.for_story(session, story.id),
        notices=[
            (each.made_at, translator(NOTICES.get(each.kind, SOMETHING_HAPPENED)))
            for each in notices.of_person(session, person.id, giver)
        ],
        asks_for_renewal=wordings.asks_for_renewal(session, story.pilot_ids, theirs),
        copy_to_answer=copy,
        has_answered=copy is not None and copy.answer_of(giver) is not None,
    )


def part_of(person: StoryPerson, giver: Giver, translator: Translator) -> str:
    """What somebody behind a private link is to the story, in a sentence."""
    if giver is Giver.GUARDIAN:
        return translator(AS_GUARDIAN, guardian=person.guardian)
    return translator(PARTS[person.part])


def appearances_for(giver: Giver) -> Mapping[str, tuple[str, str]]:
    """How a person may appear, with what follows: in their own words, or in those of whoever stands beside them."""
    return APPEARANCES_OF_ANOTHER if giver is Giver.GUARDIAN else APPEARANCES


def recordings_held(session: Session, story: Story) -> list[RecordingHeld]:
    """A story's recordings, each with its newest transcript."""
    newest = {each.recording_id: each for each in transcripts.of_story(session, story.id)}
    for transcript in newest.values():
        _ = transcript.segments
    return [RecordingHeld(recording_view(session, each), newest.get(each.id)) for each in story.recordings]


def theme_labels(session: Session, story: Story, codebook: Codebook, translator: Translator) -> list[str]:
    """The accepted themes in the reader's language."""
    accepted = themes.accepted_by_story(session, [story.id])[story.id]
    return [codebook.theme(each).label(translator.language) for each in accepted if each in codebook.ids()]


def uses_shown(
    session: Session,
    story: Story,
    person: StoryPerson,
    giver: Giver,
    own: Standing,
    translator: Translator,
) -> list[UseShown]:
    """Each use with what this person says to it, and what it waits for where others or rules close it.

    :param own: the word of whoever looks, which is the ``giver``'s
    """
    now, names = utc_now(), pilot_names(session, story, own.pilot_ids)
    found = []
    for use in Use:
        label, consequence = USES[use]
        is_allowed = own.grants(use, now)
        waiting = waits_for(session, story, person, giver, use) if is_allowed else None
        found.append(
            UseShown(
                use,
                translator(label, pilot=names) if use is Use.SHARING else translator(label),
                translator(EXAMPLES[use]),
                translator(consequence),
                is_allowed,
                own.uses[use] if is_allowed else None,
                translator(waiting) if waiting else None,
            )
        )
    return found


def waits_for(session: Session, story: Story, person: StoryPerson, giver: Giver, use: Use) -> str | None:
    """The words for what stands between a use that a person allowed and the gate; None: it is open."""
    found = closed(session, story, use)
    if found is None:
        return None
    return BOTH_MUST_AGREE[giver] if person.id in found.without else OBSTACLES[found.obstacle]


def hearers(session: Session, story: Story, translator: Translator) -> list[str]:
    """Who may hear the story now, by the rows that the gate reads."""
    now = utc_now()
    rows = [
        row
        for row in session.query(Permission).where(Permission.story_id == story.id)
        if row.until is None or row.until > now
    ]
    named = {pilot.id: pilot.name for pilot in pilots.of_ids(session, story.pilot_ids)}

    def pilots_with(use: Use) -> list[str]:
        return sorted(named[row.pilot_id] for row in rows if row.use is use and row.pilot_id in named)

    found = [translator(HEARERS[Hearer.SENDER])]
    found += [translator(HEARERS[Hearer.CURATORS], pilot=each) for each in pilots_with(Use.CURATION)]
    if story.state in CURATED_STATES:
        found += [translator(HEARERS[Hearer.TEAM], pilot=each) for each in pilots_with(Use.SHARING)]
    if story.state is State.PUBLISHED and any(row.use is Use.PUBLICATION for row in rows):
        found.append(translator(HEARERS[Hearer.EVERYBODY]))
    return found


def listened(session: Session, story: Story, translator: Translator) -> list[Listened]:
    """Who listened to it here: curators, then teams, then whoever came to the public pages."""
    found = listenings.of_story(session, story.id)
    named = {pilot.id: pilot.name for pilot in pilots.of_ids(session, [pilot for _, pilot in found])}
    return [
        Listened(translator(LISTENERS[role], pilot=named.get(pilot_id, "")), days)
        for (role, pilot_id), days in sorted(found.items(), key=lambda each: [*LISTENERS].index(each[0][0]))
    ]


def copies_taken(session: Session, story: Story) -> list[CopyTaken]:
    """Who took copies, by pilot, format and what became of it: a weekly pull is one line."""
    found: dict[tuple[str, str, datetime | None, datetime | None], list[datetime]] = {}
    for each in taken_copies.of_story(session, story.id):
        key = (each.pilot, each.format, each.recalled_at, each.acknowledged_at)
        found.setdefault(key, []).append(each.pulled_at)
    return [
        CopyTaken(pilot, name, days, recalled, gone) for (pilot, name, recalled, gone), days in found.items()
    ]


def copy_for(session: Session, story: Story, person: StoryPerson) -> ReviewCopy | None:
    """The review copy that was sent to this person last, answered or not."""
    copy = review_copies.newest(session, story.id)
    return copy if copy is not None and copy.person_id == person.id else None


def pilot_names(session: Session, story: Story, chosen: frozenset[str] = frozenset()) -> str:
    """The names of a story's pilots; of the chosen ones, if there are any."""
    ids = [each for each in story.pilot_ids if not chosen or each in chosen]
    return ", ".join(pilot.name for pilot in pilots.of_ids(session, ids))
