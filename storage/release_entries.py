"""One story in a release: what is fixed of it when it is released, and what of that may leave now."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from models.base import utc_now
from models.collections import ReleaseEntry
from models.consent import Permission, Standing, Use
from models.releases import milliseconds, name_shown, shows_more_than, transcript_digest
from models.roles import Principal
from models.stories import (
    MEDIA_TYPES,
    Recording,
    RecordingState,
    Rendition,
    RenditionKind,
    Story,
    StoryPerson,
)
from models.transcripts import Transcript
from storage import collections, communities, ledger, themes
from storage.communities import Community


@dataclass(frozen=True)
class PulledEntry:
    """One entry as it may leave now. Closed, it has its place and digest, and nothing else.

    ``uses`` maps what consent allows beyond this pilot's own work to when that ends; ``until`` is when sharing
    ends (None: until withdrawn). ``content_warning`` is today's: it may have come after the release. So are the
    labels and terms of ``communities``.
    """

    position: int
    digest: str
    story_id: str | None = None
    salt: str | None = None
    manifest: dict[str, Any] | None = None
    content_warning: str | None = None
    until: datetime | None = None
    uses: Mapping[Use, datetime | None] = field(default_factory=dict)
    communities: tuple[Community, ...] = ()

    @property
    def is_open(self) -> bool:
        return self.manifest is not None


@dataclass(frozen=True)
class MediaFile:
    """A rendition as it was released, and where it lies. ``recording`` counts from 1."""

    recording: int
    recording_id: str
    kind: RenditionKind
    object_key: str
    size_bytes: int
    sha256: str

    @property
    def media_type(self) -> str:
        return MEDIA_TYPES[self.kind]


@dataclass(frozen=True)
class OpenedEntry:
    """An open entry with what is delivered of it: files, and transcripts by the recording's number."""

    entry: PulledEntry
    media: tuple[MediaFile, ...]
    transcripts: Mapping[int, Transcript]


def manifest_of(session: Session, story: Story, note: str) -> dict[str, Any]:
    """What a release fixes of a story. No contact, no label, no file name; names only where consented to.

    Its JSON holds no fractions, so that its canonical form is the same in every language (RFC 8785).
    """
    recordings = [each for each in story.recordings if each.state is RecordingState.READY]
    return {
        "story_id": story.id,
        "title": story.title,
        "language": story.spoken_language,
        "purpose": story.purpose.value,
        "is_told_in_sign_language": story.told_in_sign_language,
        "content_warning": story.content_warning,
        "themes": themes.accepted_by_story(session, [story.id])[story.id],
        "people": _people(session, story, has_picture=any(each.has_picture for each in recordings)),
        "recordings": [_recording(session, each) for each in recordings],
        "note": note,
    }


def _people(session: Session, story: Story, *, has_picture: bool) -> list[dict[str, Any]]:
    standings = ledger.standings_of(session, story.id)
    return [
        {
            "person_id": person.id,
            "part": person.part.value,
            "naming": standings[person.id].naming.value,
            "shown_name": name_shown(person, standings[person.id]),
            "face": standings[person.id].face.value if has_picture else None,
            "voice": standings[person.id].voice.value,
        }
        for person in story.people
    ]


def _recording(session: Session, recording: Recording) -> dict[str, Any]:
    transcript = _transcript_for_release(session, recording.id)
    return {
        "recording_id": recording.id,
        "duration_milliseconds": milliseconds(recording.duration_seconds or 0),
        "renditions": [
            {
                "kind": rendition.kind.value,
                "media_type": MEDIA_TYPES[rendition.kind],
                "size_bytes": rendition.size_bytes,
                "sha256": rendition.sha256,
            }
            for rendition in sorted(recording.renditions, key=lambda each: each.kind)
            if rendition.kind is not RenditionKind.SPEECH
        ],
        "transcript": transcript
        and {
            "language": transcript.language,
            "version": transcript.version,
            "sha256": transcript_digest(transcript),
            "is_machine_made": transcript.is_machine_made,
            "is_approved": transcript.is_approved,
        },
    }


def _transcript_for_release(session: Session, recording_id: str) -> Transcript | None:
    """The newest version that a person approved; a later one that nobody approved yet does not leave."""
    versions = select(Transcript).where(Transcript.recording_id == recording_id)
    approved_first = (Transcript.approved_at.is_(None), Transcript.version.desc())
    return session.scalars(versions.order_by(*approved_first).limit(1)).first()


class Entries:
    """Looks at released entries as one reader of one pilot may have them at this moment."""

    def __init__(self, session: Session, principal: Principal, pilot_id: str) -> None:
        self._session = session
        self._principal = principal
        self._pilot_id = pilot_id

    def look_at(self, entries: Sequence[ReleaseEntry]) -> list[PulledEntry]:
        """Each entry, open if the gate lets its story through and it shows nobody wider than they agree to."""
        ids = [entry.story_id for entry in entries if entry.story_id]
        shareable = collections.shareable(self._principal, self._pilot_id).where(Story.id.in_(ids))
        fresh = shareable.execution_options(populate_existing=True)
        stories = {story.id: story for story in self._session.scalars(fresh)}
        standings = ledger.standings_by_story(self._session, stories)
        names, uses = self._names(standings), self._uses(stories)
        asked = communities.by_story(self._session, stories.keys())

        def closed(story_id: str | None, manifest: Mapping[str, Any] | None) -> bool:
            if story_id not in stories or manifest is None:
                return True
            return shows_more_than(manifest["people"], standings[story_id], names[story_id])

        return [
            PulledEntry(entry.position, entry.digest)
            if closed(entry.story_id, entry.manifest)
            else _opened(
                entry,
                stories[entry.story_id or ""],
                uses[entry.story_id or ""],
                asked[entry.story_id or ""],
            )
            for entry in entries
        ]

    def open(self, entry: ReleaseEntry) -> OpenedEntry | None:
        """An entry with what is delivered of it; None if it is closed now.

        A file that was made anew since the release, and a transcript that is not there as released, are left out.
        """
        (pulled,) = self.look_at([entry])
        if pulled.manifest is None:
            return None
        media: list[MediaFile] = []
        transcripts: dict[int, Transcript] = {}
        for number, recording in enumerate(pulled.manifest["recordings"], start=1):
            media += self._media(number, recording)
            transcript = self._transcript(recording)
            if transcript is not None:
                transcripts[number] = transcript
        return OpenedEntry(pulled, tuple(media), transcripts)

    def _media(self, number: int, recording: Mapping[str, Any]) -> list[MediaFile]:
        released = {each["kind"]: each["sha256"] for each in recording["renditions"]}
        renditions = self._session.scalars(
            select(Rendition)
            .where(Rendition.recording_id == recording["recording_id"])
            .order_by(Rendition.kind)
            .execution_options(populate_existing=True)
        )
        return [
            MediaFile(
                number,
                each.recording_id,
                each.kind,
                each.object_key,
                each.size_bytes,
                each.sha256,
            )
            for each in renditions
            if released.get(each.kind) == each.sha256
        ]

    def _transcript(self, recording: Mapping[str, Any]) -> Transcript | None:
        released = recording["transcript"]
        if released is None:
            return None
        transcript = self._session.scalars(
            select(Transcript).where(
                Transcript.recording_id == recording["recording_id"],
                Transcript.language == released["language"],
                Transcript.version == released["version"],
            )
        ).one_or_none()
        is_as_released = transcript is not None and transcript_digest(transcript) == released["sha256"]
        return transcript if is_as_released else None

    def _names(self, standings: Mapping[str, Mapping[str, Standing]]) -> dict[str, dict[str, str | None]]:
        found: dict[str, dict[str, str | None]] = {story_id: {} for story_id in standings}
        people = select(StoryPerson).where(StoryPerson.story_id.in_(standings))
        for person in self._session.scalars(people.execution_options(populate_existing=True)):
            standing = standings[person.story_id].get(person.id)
            found[person.story_id][person.id] = name_shown(person, standing) if standing else None
        return found

    def _uses(self, story_ids: Collection[str]) -> dict[str, dict[Use, datetime | None]]:
        """What the rows that the gate reads allow now: sharing with this pilot, and what is open to all."""
        found: dict[str, dict[Use, datetime | None]] = {story_id: {} for story_id in story_ids}
        rows = self._session.scalars(
            select(Permission).where(
                Permission.story_id.in_(story_ids),
                Permission.use != Use.CURATION,
                or_(Permission.pilot_id.is_(None), Permission.pilot_id == self._pilot_id),
                or_(Permission.until.is_(None), Permission.until > utc_now()),
            )
        )
        for row in rows:
            found[row.story_id][row.use] = row.until
        return found


def _opened(
    entry: ReleaseEntry,
    story: Story,
    uses: Mapping[Use, datetime | None],
    asked: tuple[Community, ...],
) -> PulledEntry:
    return PulledEntry(
        position=entry.position,
        digest=entry.digest,
        story_id=story.id,
        salt=entry.salt,
        manifest=entry.manifest,
        content_warning=story.content_warning,
        until=uses.get(Use.SHARING),
        uses={use: until for use, until in uses.items() if use is not Use.SHARING},
        communities=asked,
    )
