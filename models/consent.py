"""Consent: a ledger of events, and the one rule that says what it allows.

The rule is written here, once, as pure functions: :func:`standing_of` folds one person's events into what
that person allows; :func:`narrowest` folds the people of a story into what the whole may be used for;
:func:`allowed` turns that with the pilots' protocols into permissions. ``storage.consents`` writes those as
rows in the transaction of each event, and ``storage.gate`` reads the rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import reduce

from sqlalchemy import ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, Id, new_id, one_of, utc_now


class Use(StrEnum):
    """What a consent can allow. Few, and each with a consequence that can be shown."""

    CURATION = "curation"
    SHARING = "sharing"
    PUBLICATION = "publication"
    RESEARCH = "research"
    TRANSLATION = "translation"
    EXCERPTS = "excerpts"


class EventKind(StrEnum):
    """What happened to a person's consent."""

    GRANTED = "granted"
    NARROWED = "narrowed"
    WIDENED = "widened"
    RENEWED = "renewed"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"


class Naming(StrEnum):
    """How the person is named in what leaves; from widest to narrowest."""

    NAMED = "named"
    PSEUDONYM = "pseudonym"
    ANONYMOUS = "anonymous"


class Face(StrEnum):
    """Whether the person's face may be seen in what leaves."""

    SHOWN = "shown"
    MASKED = "masked"


class Voice(StrEnum):
    """Whether the person's own voice may be heard in what leaves."""

    KEPT = "kept"
    ALTERED = "altered"


class Manner(StrEnum):
    """How consent was given."""

    FORM = "form"
    SPOKEN = "spoken"
    ON_BEHALF = "on-behalf"


class ConsentEvent(Base):
    """One entry of the ledger. Entries are added, never changed: the past is not rewritten."""

    __tablename__ = "consent_event"
    __table_args__ = (Index(None, "story_id", "sequence"),)

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=new_id)
    story_id: Mapped[str] = mapped_column(ForeignKey("story.id", ondelete="CASCADE"))
    person_id: Mapped[str] = mapped_column(ForeignKey("story_person.id", ondelete="CASCADE"))
    sequence: Mapped[int]
    kind: Mapped[EventKind] = mapped_column(one_of(EventKind))
    uses: Mapped[list[str]]
    pilot_ids: Mapped[list[str]]
    until: Mapped[datetime | None]
    naming: Mapped[Naming] = mapped_column(one_of(Naming))
    face: Mapped[Face] = mapped_column(one_of(Face))
    voice: Mapped[Voice] = mapped_column(one_of(Voice))
    manner: Mapped[Manner] = mapped_column(one_of(Manner))
    relation: Mapped[str | None] = mapped_column(String(100))
    language: Mapped[str] = mapped_column(String(8))
    wording_id: Mapped[str | None] = mapped_column(ForeignKey("wording.id"))
    evidence: Mapped[str | None] = mapped_column(Text)
    recorded_by: Mapped[str | None] = mapped_column(Id)
    recorded_at: Mapped[datetime] = mapped_column(default=utc_now)


class Permission(Base):
    """A row of what the rule allows now: the gate joins these and nothing else.

    ``pilot_id`` is the pilot the use is open to, or None where it is open to all (publication). There is no
    *from*: an embargo is the absence of a row.
    """

    __tablename__ = "permission"
    __table_args__ = (
        Index(None, "story_id", "use", "pilot_id", unique=True),
        Index(None, "use", "pilot_id", "story_id"),
    )

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=new_id)
    story_id: Mapped[str] = mapped_column(ForeignKey("story.id", ondelete="CASCADE"))
    use: Mapped[Use] = mapped_column(one_of(Use))
    pilot_id: Mapped[str | None] = mapped_column(ForeignKey("pilot.id"))
    until: Mapped[datetime | None]


@dataclass(frozen=True)
class Standing:
    """What one person, or a whole story, allows at present.

    ``uses`` maps each granted use to when it ends (None: until withdrawn). ``pilot_ids`` are the pilots named
    for sharing. The default is what stands without any event: nothing.
    """

    uses: Mapping[Use, datetime | None] = field(default_factory=dict)
    pilot_ids: frozenset[str] = frozenset()
    naming: Naming = Naming.ANONYMOUS
    face: Face = Face.MASKED
    voice: Voice = Voice.ALTERED

    def asks_for_masking(self, *, has_picture: bool) -> bool:
        """Whether something must be masked before the story may go beyond its curators.

        Sound alone shows no face, so a face to be masked asks for nothing there.
        """
        hides_face = has_picture and self.face is Face.MASKED
        return hides_face or self.naming is Naming.ANONYMOUS or self.voice is Voice.ALTERED

    def grants(self, use: Use, now: datetime) -> bool:
        """Whether ``use`` is granted and has not run out at ``now``."""
        if use not in self.uses:
            return False
        until = self.uses[use]
        return until is None or until > now


NOTHING = Standing()


def standing_of(events: Iterable[ConsentEvent]) -> Standing:
    """What one person's events, in ledger order, leave standing.

    Each event states the whole of what stands after it, so the last one decides; a withdrawal or an expiry
    leaves only the uses that it still names.
    """
    last = max(events, key=lambda event: event.sequence, default=None)
    if last is None:
        return NOTHING
    return Standing(
        uses={Use(use): last.until for use in last.uses},
        pilot_ids=frozenset(last.pilot_ids),
        naming=Naming(last.naming),
        face=Face(last.face),
        voice=Voice(last.voice),
    )


def narrowest(standings: Sequence[Standing]) -> Standing:
    """What all the people in a recording allow together: the narrowest of each. Nobody: nothing."""
    return reduce(_narrower, standings) if standings else NOTHING


def _narrower(one: Standing, other: Standing) -> Standing:
    return Standing(
        uses={use: _earlier(one.uses[use], other.uses[use]) for use in one.uses if use in other.uses},
        pilot_ids=one.pilot_ids & other.pilot_ids,
        naming=max(one.naming, other.naming, key=list(Naming).index),
        face=max(one.face, other.face, key=list(Face).index),
        voice=max(one.voice, other.voice, key=list(Voice).index),
    )


def _earlier(one: datetime | None, other: datetime | None) -> datetime | None:
    return min((moment for moment in (one, other) if moment is not None), default=None)


@dataclass(frozen=True)
class Allowance:
    """One permission as the rule derives it; :class:`Permission` is the same as a row."""

    use: Use
    pilot_id: str | None
    until: datetime | None


def allowed(
    people: Sequence[Standing],
    protocols: Mapping[str, Iterable[str]],
    *,
    has_picture: bool = True,
    is_masked: bool = False,
) -> frozenset[Allowance]:
    """The permissions of a story, from its people's standings and its pilots' protocols.

    ``protocols`` maps the id of each pilot that the story belongs to, to the uses its protocol admits; a
    story under several pilots needs all of them. ``has_picture`` is False once it is known that nobody can
    be seen; ``is_masked`` says that a rendition, captions and transcript masked as consent asks exist. Until
    then nothing beyond curation is allowed: what cannot be honoured yet is not permitted.
    """
    whole = narrowest(people)
    admitted = _admitted_by_all(protocols)
    permissions: set[Allowance] = set()
    # No use without curation: what nobody may care for, nobody may pass on.
    if Use.CURATION not in admitted & whole.uses.keys():
        return frozenset()
    for use, until in whole.uses.items():
        if use not in admitted:
            continue
        if use is Use.CURATION:
            permissions |= {Allowance(use, pilot_id, until) for pilot_id in protocols}
        elif whole.asks_for_masking(has_picture=has_picture) and not is_masked:
            continue
        elif use is Use.SHARING:
            permissions |= {
                Allowance(use, pilot_id, until) for pilot_id in whole.pilot_ids & protocols.keys()
            }
        else:
            permissions.add(Allowance(use, None, until))
    return frozenset(permissions)


def _admitted_by_all(protocols: Mapping[str, Iterable[str]]) -> frozenset[str]:
    sets = [frozenset(uses) for uses in protocols.values()]
    return frozenset.intersection(*sets) if sets else frozenset()
