"""Which stories of the queue are asked for, and which page of them. It stands in the address, from the queue to the
desk and back."""

from __future__ import annotations

from collections.abc import Sequence
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
    """Which of the stories that a curator may review are asked for; without a state, those that are not finished.

    ``cursor`` is behind which of them the page begins that they look at; None: it is the first.
    """

    pilot: str | None = None
    language: str | None = None
    state: State | Literal["all"] | None = None
    whose: Whose = Whose.ANYBODYS
    cursor: str | None = None

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
            "cursor": self.cursor or "",
        }
        return {name: value for name, value in given.items() if value}

    def in_address(self, **other: str | Sequence[str]) -> str:
        """The filters as the end of an address, some of them otherwise."""
        said = {**self.in_fields, **other}
        return urlencode({name: value for name, value in said.items() if value}, doseq=True)

    def kept_at(self, path: str, **other: str | Sequence[str]) -> str:
        """The address of a page with the filters in it."""
        asked = self.in_address(**other)
        return f"{path}?{asked}" if asked else path


def _filters(
    state: State | Literal["all"] | None = None,
    pilot: Annotated[str | None, Query(max_length=100)] = None,
    language: Annotated[str | None, Query(max_length=8)] = None,
    whose: Whose = Whose.ANYBODYS,
    cursor: Annotated[str | None, Query(max_length=200)] = None,
) -> Filters:
    return Filters(pilot or None, language or None, state, whose, cursor or None)


Asked = Annotated[Filters, Depends(_filters)]
