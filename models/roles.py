"""Roles, who a request comes from, and what each role may do: data that the gate reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from models.consent import Giver


class Role(StrEnum):
    """What a person is in one pilot. Administrators run the service and read no story by that."""

    REPORTER = "reporter"
    FACILITATOR = "facilitator"
    CURATOR = "curator"
    PILOT_TEAM = "pilot-team"


class Scope(StrEnum):
    """What an API key may be used for; a session has all of what its person's roles allow."""

    STORIES_WRITE = "stories:write"
    STORIES_READ = "stories:read"
    REVIEW = "review"
    COLLECTIONS_READ = "collections:read"
    COLLECTIONS_WRITE = "collections:write"


READERS = frozenset({Role.CURATOR, Role.PILOT_TEAM})
# Whoever has no other role brings their own stories and opens nothing of others': they may come without a password.
LIGHT = frozenset({Role.REPORTER})


@dataclass(frozen=True)
class Principal:
    """Who asks: an account with roles by pilot, the holder of a teller's link, or nobody in particular.

    ``scopes`` is None for a session (all) and a set for an API key. ``story_id`` and ``person_id`` are set for a
    private link: that person, in that story; ``giver`` says whether they speak there, or their guardian. ``readers``
    are the roles that a pilot's protocol lets see what is shared, by pilot; where nothing is said, :data:`READERS`.
    """

    account_id: str | None = None
    is_administrator: bool = False
    roles: Mapping[str, frozenset[Role]] = field(default_factory=dict)
    scopes: frozenset[Scope] | None = None
    story_id: str | None = None
    person_id: str | None = None
    giver: Giver = Giver.PERSON
    readers: Mapping[str, frozenset[Role]] = field(default_factory=dict)

    def __hash__(self) -> int:
        # Its mappings have none of their own. They are never changed.
        return hash((self.account_id, self.story_id, self.person_id, frozenset(self.roles.items())))

    @property
    def is_signed_in(self) -> bool:
        return self.account_id is not None

    def pilots_as(self, *roles: Role) -> frozenset[str]:
        """The pilots in which the principal has one of ``roles``."""
        return frozenset(pilot for pilot, held in self.roles.items() if held & set(roles))

    def pilots_shared_with(self) -> frozenset[str]:
        """The pilots whose shared stories the principal may see, by their protocols."""
        return frozenset(
            pilot for pilot, held in self.roles.items() if held & self.readers.get(pilot, READERS)
        )

    @property
    def weighs_most(self) -> bool:
        """Whether the principal curates somewhere or runs the service: of them a second factor can be asked."""
        return self.is_administrator or bool(self.pilots_as(Role.CURATOR))

    def has_scope(self, scope: Scope) -> bool:
        return self.scopes is None or scope in self.scopes


ANYONE = Principal()


def readers_mark(role: Role, pilot_id: str) -> str:
    """How all who have a role in a pilot are named among those who could once read a withdrawn story."""
    return f"{role}:{pilot_id}"


class Action(StrEnum):
    """What can be done to one story; each asks the gate."""

    READ = "read"
    LISTEN = "listen"
    HEAR_ORIGINAL = "hear-original"
    ADD_RECORDING = "add-recording"
    RETRY = "retry"
    RECORD_CONSENT = "record-consent"
    WITHDRAW = "withdraw"
    REVIEW = "review"
    COLLECT = "collect"
    RAISE_CONCERN = "raise-concern"
    GIVE_LINK = "give-link"
