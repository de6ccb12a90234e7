"""What the service promises, as a page of plain Python: no database, no files, no time.

Who may read what, which stories are gone, and what is in a release; in other words than the code's.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, field

READERS = ("sender", "curator", "team", "stranger", "nobody")
# Consent widens from one to the next.
USES = (
    frozenset[str](),
    frozenset({"curation"}),
    frozenset({"curation", "sharing"}),
    frozenset({"curation", "sharing", "publication"}),
)
CURATED = ("curated", "published")


@dataclass
class Story:
    """One story, and who could ever read it."""

    content: bytes
    state: str = "submitted"
    uses: frozenset[str] = frozenset()
    ever: set[str] = field(default_factory=set)
    kept_bytes: int = 0
    is_received: bool = False
    is_processed: bool = False
    is_withdrawn: bool = False
    was_curated: bool = False
    was_published: bool = False
    knew: set[str] = field(default_factory=set)
    #: What was allowed by each word that allowed less than the one before.
    narrowed: list[frozenset[str]] = field(default_factory=list)

    def is_open_to_team(self) -> bool:
        return not self.is_withdrawn and self.state in CURATED and "sharing" in self.uses

    def may_read(self, reader: str) -> bool:
        if self.is_withdrawn:
            return False
        return (
            reader == "sender"
            or (reader == "curator" and "curation" in self.uses)
            or (reader in ("curator", "team") and self.is_open_to_team())
            or (self.state == "published" and "publication" in self.uses)
        )

    def status(self, reader: str) -> int:
        """What a reader is answered: gone is said to those who once could read it, or to all if it was public."""
        if self.may_read(reader):
            return 200
        return 410 if self.is_withdrawn and (self.was_published or reader in self.knew) else 404

    def consent(self, uses: frozenset[str]) -> None:
        """A state that consent no longer carries falls back to one that it does."""
        if not self.uses <= uses:
            self.narrowed.append(uses)
        self.uses = uses
        self.ever |= uses
        if self.state == "published" and not {"sharing", "publication"} <= uses:
            self.state = "curated"
        if self.state == "curated" and "sharing" not in uses:
            self.state = "in-review"

    def hear_again(self, words: list[frozenset[str]]) -> None:
        """Words that allowed less, and that a backup from before them lost: none of them allows anything."""
        for uses in words[len(self.narrowed) :]:
            self.consent(self.uses & uses)
        self.narrowed = list(words)

    def step(self, state: str) -> None:
        self.state = state
        self.was_curated |= state in CURATED
        self.was_published |= state == "published"

    def withdraw(self) -> None:
        self.knew.add("sender")
        self.knew |= {"curator"} if "curation" in self.ever else set()
        self.knew |= {"team"} if "sharing" in self.ever and self.was_curated else set()
        self.is_withdrawn, self.state = True, "withdrawn"


@dataclass
class Model:
    """All stories by their ids, and what each release named, by its address."""

    stories: dict[str, Story] = field(default_factory=dict)
    releases: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def copy(self) -> Model:
        return copy.deepcopy(self)

    def in_release(self, address: str) -> set[str]:
        """What a team may have of a release now."""
        named = self.releases[address]
        return {each for each in named if each in self.stories and self.stories[each].is_open_to_team()}

    def restored_from(self, older: Model) -> Model:
        """As it was when the backup was made, but that what was taken back or closed since stays so."""
        restored = older.copy()
        for story_id, story in self.stories.items():
            if story.is_withdrawn:
                restored.stories[story_id] = copy.deepcopy(story)
            elif story_id in restored.stories:
                restored.stories[story_id].hear_again(story.narrowed)
        return restored
