"""What a release promises: digests over canonical JSON, a root over them, and what closes an entry again.

An entry's digest is SHA-256 over its salt and its canonical JSON, the root SHA-256 over the digests in order,
one a line. So a holder checks a release with ``jq`` and ``sha256sum`` alone (docs/reference/releases.md), and an
entry whose content is gone still counts in the root (docs/decisions/0006-release-digests.md).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from models.collections import Release, ReleaseEntry
from models.consent import Face, Naming, Standing, Voice
from models.stories import StoryPerson
from models.transcripts import Transcript


class Reason(StrEnum):
    """Why a story of a collection is left out. Shown to curators, as a count."""

    WITHDRAWN = "withdrawn"
    NO_CONSENT = "no-consent-to-sharing"
    PROTOCOL = "protocol"
    MASKING = "masking-wanted"
    HELD = "held"
    NOT_CURATED = "not-curated"
    APPEARANCE = "appearance-narrowed"


def canonical(content: Any) -> bytes:
    """Canonical JSON (RFC 8785) of content whose keys are ASCII and that has no fractions."""
    text = json.dumps(content, ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":"))
    return text.encode()


def digest_of(salt: str, manifest: Mapping[str, Any]) -> str:
    """An entry's digest: SHA-256 over the salt's text, then the entry's canonical JSON."""
    return hashlib.sha256(salt.encode() + canonical(manifest)).hexdigest()


def root_of(digests: Iterable[str]) -> str:
    """A release's root: SHA-256 over its entries' digests in order, each followed by a line feed."""
    return hashlib.sha256("".join(f"{digest}\n" for digest in digests).encode()).hexdigest()


@dataclass(frozen=True)
class Verification:
    """Whether a release is still what it was. ``unfit`` has the positions whose content does not fit."""

    root_fits: bool
    unfit: tuple[int, ...] = ()

    @property
    def is_whole(self) -> bool:
        return self.root_fits and not self.unfit


def verify(release: Release) -> Verification:
    """Compute a release's digests again. An entry that was emptied by a withdrawal counts by its digest."""
    entries = sorted(release.entries, key=lambda entry: entry.position)
    return Verification(
        root_fits=root_of(entry.digest for entry in entries) == release.root_digest,
        unfit=tuple(entry.position for entry in entries if not _fits(entry)),
    )


def _fits(entry: ReleaseEntry) -> bool:
    if entry.manifest is None or entry.salt is None:
        # Emptied: then nothing of it is left, else somebody took away a part.
        return entry.manifest is None and entry.salt is None and entry.story_id is None
    is_its_story = entry.manifest.get("story_id") == entry.story_id
    return is_its_story and digest_of(entry.salt, entry.manifest) == entry.digest


@dataclass(frozen=True)
class Difference:
    """What a release has that the one before had not, and the other way round, by story id.

    ``changed``: in both, and another text, title or note was fixed. ``emptied`` are the digests of what the one
    before held of stories that were taken back since: of those nothing else is known any more.
    """

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    emptied: tuple[str, ...] = ()


def difference(before: Iterable[ReleaseEntry], after: Iterable[ReleaseEntry]) -> Difference:
    """What changed from one release of a collection to the next, each in its release's order."""
    earlier = list(before)
    old = {entry.story_id: entry.manifest for entry in earlier if entry.story_id is not None}
    new = {entry.story_id: entry.manifest for entry in after if entry.story_id is not None}
    return Difference(
        added=tuple(each for each in new if each not in old),
        removed=tuple(each for each in old if each not in new),
        changed=tuple(each for each in new if each in old and old[each] != new[each]),
        emptied=tuple(entry.digest for entry in earlier if entry.story_id is None),
    )


def transcript_digest(transcript: Transcript) -> str:
    """SHA-256 over what is said: each segment as ``[start, end, speaker, text, [[start, end, word], …]]``.

    Times are in milliseconds, so that the JSON holds whole numbers only.
    """
    return hashlib.sha256(
        canonical(
            [
                [
                    milliseconds(segment.start_seconds),
                    milliseconds(segment.end_seconds),
                    segment.speaker,
                    segment.text,
                    [
                        [milliseconds(word["start"]), milliseconds(word["end"]), word["text"]]
                        for word in segment.words
                    ],
                ]
                for segment in transcript.segments
            ]
        )
    ).hexdigest()


def milliseconds(seconds: float) -> int:
    """Seconds as whole milliseconds."""
    return round(seconds * 1000)


def name_shown(person: StoryPerson, standing: Standing) -> str | None:
    """The name that may be shown: the person's own or the one they chose, by what they allow now.

    None for the anonymous, and where a name was given for the other of the two: one's own name is no other name.
    """
    return person.shown_name if standing.naming is person.named_as else None


def shows_more_than(
    people: Sequence[Mapping[str, Any]], standings: Mapping[str, Standing], names: Mapping[str, str | None]
) -> bool:
    """Whether people appear in a released entry wider than they consent to now.

    :param people: the entry's ``people``
    :param standings: what each person allows now, by person id
    :param names: each person's name that may be shown now, by person id
    """
    return any(_shows_more(person, standings, names) for person in people)


def _shows_more(
    person: Mapping[str, Any], standings: Mapping[str, Standing], names: Mapping[str, str | None]
) -> bool:
    now = standings.get(person["person_id"])
    if now is None:
        return True
    return (
        _is_wider(Naming, person["naming"], now.naming)
        or (person["face"] is not None and _is_wider(Face, person["face"], now.face))
        or _is_wider(Voice, person["voice"], now.voice)
        or person["shown_name"] not in (None, names.get(person["person_id"]))
    )


def _is_wider(words: type[StrEnum], released: str, now: StrEnum) -> bool:
    # Each of these lists goes from the widest to the narrowest.
    order = list(words)
    return order.index(words(released)) < order.index(now)
