"""Consent: a ledger of events, and the one rule that says what it allows.

The rule is written here, once, as pure functions: :func:`standing_of` folds one person's events into what
that person allows; :func:`narrowest` folds the people of a story into what the whole may be used for;
:func:`allowed` turns that with the pilots' protocols and holds into permissions. ``storage.consents`` writes those as
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


# By these somebody allows less than before. What ends by its date ends in every copy of the ledger.
NARROWING = frozenset({EventKind.NARROWED, EventKind.WITHDRAWN})


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


class Giver(StrEnum):
    """Whose word an event is: the person's own, or that of the guardian who stands beside them."""

    PERSON = "person"
    GUARDIAN = "guardian"


class Combination(StrEnum):
    """How the protocols of a story's several pilots count together."""

    ALL = "all"
    ANY = "any"


class ConsentEvent(Base):
    """One entry of the ledger. Entries are added, never changed: the past is not rewritten.

    Evidence is a form that was uploaded (``evidence_object_key`` with its digest and kind), the moment in a
    recording at which consent was spoken, or a reference in words; one of them or several.
    """

    __tablename__ = "consent_event"
    __table_args__ = (Index(None, "story_id", "sequence"),)

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=new_id)
    story_id: Mapped[str] = mapped_column(ForeignKey("story.id", ondelete="CASCADE"))
    person_id: Mapped[str] = mapped_column(ForeignKey("story_person.id", ondelete="CASCADE"))
    sequence: Mapped[int]
    kind: Mapped[EventKind] = mapped_column(one_of(EventKind))
    given_by: Mapped[Giver] = mapped_column(one_of(Giver), default=Giver.PERSON)
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
    evidence_recording_id: Mapped[str | None] = mapped_column(Id)
    evidence_start_seconds: Mapped[float | None]
    evidence_end_seconds: Mapped[float | None]
    evidence_object_key: Mapped[str | None] = mapped_column(String(80), unique=True)
    evidence_sha256: Mapped[str | None] = mapped_column(String(64))
    evidence_media_type: Mapped[str | None] = mapped_column(String(40))
    original_may_go: Mapped[bool] = mapped_column(default=False)
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
    for sharing. ``original_may_go`` says that the original may be erased some time after publication. The default
    is what stands without any event: nothing.
    """

    uses: Mapping[Use, datetime | None] = field(default_factory=dict)
    pilot_ids: frozenset[str] = frozenset()
    naming: Naming = Naming.ANONYMOUS
    face: Face = Face.MASKED
    voice: Voice = Voice.ALTERED
    original_may_go: bool = False

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


def standing_of(events: Iterable[ConsentEvent], *, has_guardian: bool = False) -> Standing:
    """What one person's events leave standing.

    Each event states the whole of what stands after it, so the last one decides; a withdrawal or an expiry
    leaves only the uses that it still names. A guardian's word counts beside the person's own, and the narrower
    wins; it is asked for where the person has a guardian, and a word once given is not passed over later.
    """
    said = list(events)
    own = word_of(said, Giver.PERSON)
    if has_guardian or any(event.given_by is Giver.GUARDIAN for event in said):
        return narrowest([own, word_of(said, Giver.GUARDIAN)])
    return own


def word_of(events: Iterable[ConsentEvent], giver: Giver) -> Standing:
    """What one of the two said last of a person's events, the person themselves or their guardian, on its own."""
    # An event that is not written yet has no giver: it is the person's own, as the column's default says.
    theirs = (each for each in events if (each.given_by is Giver.GUARDIAN) == (giver is Giver.GUARDIAN))
    last = max(theirs, key=lambda event: event.sequence, default=None)
    return NOTHING if last is None else said_by(last)


def said_by(last: ConsentEvent) -> Standing:
    """What one word allows, on its own."""
    return Standing(
        uses={Use(use): last.until for use in last.uses},
        pilot_ids=frozenset(last.pilot_ids),
        naming=Naming(last.naming),
        face=Face(last.face),
        voice=Voice(last.voice),
        original_may_go=bool(last.original_may_go),
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
        original_may_go=one.original_may_go and other.original_may_go,
    )


def _earlier(one: datetime | None, other: datetime | None) -> datetime | None:
    return min((moment for moment in (one, other) if moment is not None), default=None)


@dataclass(frozen=True)
class Protocol:
    """A pilot's protocol, the community's key: what it lets a story of its own be put to.

    ``shares_outside``: the story may be shared with another pilot that it belongs to as well. ``combination``
    counts where a story has several pilots: each must admit a use, unless all of them are set to *any*.
    """

    uses: frozenset[Use] = frozenset()
    combination: Combination = Combination.ALL
    shares_outside: bool = False


@dataclass(frozen=True)
class Allowance:
    """One permission as the rule derives it; :class:`Permission` is the same as a row."""

    use: Use
    pilot_id: str | None
    until: datetime | None


def allowed(
    people: Sequence[Standing],
    protocols: Mapping[str, Protocol],
    *,
    has_picture: bool = True,
    is_masked: bool = False,
    is_held: bool = False,
) -> frozenset[Allowance]:
    """The permissions of a story, from its people's standings and its pilots' protocols.

    ``protocols`` maps the id of each pilot that the story belongs to, to its protocol. ``has_picture`` is False
    once it is known that nobody can be seen; ``is_masked`` says that a rendition, captions and transcript masked as
    consent asks exist: until then nothing beyond curation is allowed, for what cannot be honoured yet is not
    permitted. ``is_held`` says that an embargo or a safeguarding flag keeps the story with its curators.
    """
    whole = narrowest(people)
    # No use without curation: what nobody may care for, nobody may pass on.
    if Use.CURATION not in whole.uses or not _admits(protocols, Use.CURATION):
        return frozenset()
    stays_inside = is_held or (whole.asks_for_masking(has_picture=has_picture) and not is_masked)
    return frozenset(
        Allowance(use, pilot_id, until)
        for use, until in whole.uses.items()
        if use is Use.CURATION or not stays_inside
        for pilot_id in _open_to(use, whole, protocols)
    )


def _open_to(use: Use, whole: Standing, protocols: Mapping[str, Protocol]) -> list[str | None]:
    """The pilots that a use is open to; None stands for everybody."""
    if use is Use.SHARING:
        named = whole.pilot_ids & protocols.keys()
        return [pilot_id for pilot_id in named if _admits_sharing_with(pilot_id, protocols)]
    if not _admits(protocols, use):
        return []
    if use is Use.CURATION:
        return [pilot_id for pilot_id, protocol in protocols.items() if use in protocol.uses]
    return [None]


def protocols_admit(protocols: Mapping[str, Protocol], use: Use, pilot_id: str | None = None) -> bool:
    """Whether the protocols alone admit a use; of sharing, with ``pilot_id`` (None: with any of them)."""
    if use is not Use.SHARING:
        return _admits(protocols, use)
    asked = protocols.keys() if pilot_id is None else {pilot_id} & protocols.keys()
    return any(_admits_sharing_with(each, protocols) for each in asked)


def _admits(protocols: Mapping[str, Protocol], use: Use) -> bool:
    held = [use in protocol.uses for protocol in protocols.values()]
    return any(held) if _any_will_do(protocols) else bool(held) and all(held)


def _admits_sharing_with(pilot_id: str, protocols: Mapping[str, Protocol]) -> bool:
    if Use.SHARING not in protocols[pilot_id].uses:
        return False
    others = [protocol for other, protocol in protocols.items() if other != pilot_id]
    return _any_will_do(protocols) or all(
        Use.SHARING in other.uses and other.shares_outside for other in others
    )


def _any_will_do(protocols: Mapping[str, Protocol]) -> bool:
    return all(protocol.combination is Combination.ANY for protocol in protocols.values())
