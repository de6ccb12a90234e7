"""Which stories of the queue are asked for. It stands in the address, from the queue to the desk and back."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Literal
from urllib.parse import urlencode

from fastapi import Depends, Query

from models.curation import State

# What is left to do, for a curator or for whoever a story was sent back to; the others are finished.
UNFINISHED = (State.SUBMITTED, State.IN_REVIEW, State.RETURNED)


class Whose(StrEnum):
    """Who has the stories in hand that are asked for."""

    ANYBODYS = ""
    MINE = "mine"
    NOBODYS = "unassigned"


@dataclass(frozen=True)
class Filters:
    """Which of the stories that a curator may review are asked for; without a state, those that are not finished."""

    pilot: str | None = None
    language: str | None = None
    state: State | Literal["all"] | None = None
    whose: Whose = Whose.ANYBODYS

    @property
    def states(self) -> tuple[State, ...]:
        """The states that are asked for."""
        if isinstance(self.state, State):
            return (self.state,)
        return UNFINISHED if self.state is None else tuple(State)

    @property
    def in_fields(self) -> dict[str, str]:
        """The filters that are set, as fields of a form."""
        given = {
            "pilot": self.pilot or "",
            "language": self.language or "",
            "state": self.state or "",
            "whose": self.whose.value,
        }
        return {name: value for name, value in given.items() if value}

    def in_address(self, **other: str) -> str:
        """The filters as the end of an address, some of them otherwise."""
        return urlencode({name: value for name, value in (self.in_fields | other).items() if value})

    def kept_at(self, path: str, **other: str) -> str:
        """The address of a page with the filters in it."""
        asked = self.in_address(**other)
        return f"{path}?{asked}" if asked else path


def _filters(
    state: State | Literal["all"] | None = None,
    pilot: Annotated[str | None, Query(max_length=100)] = None,
    language: Annotated[str | None, Query(max_length=8)] = None,
    whose: Whose = Whose.ANYBODYS,
) -> Filters:
    return Filters(pilot or None, language or None, state, whose)


Asked = Annotated[Filters, Depends(_filters)]
