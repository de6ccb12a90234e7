"""The way to a list's stories, so that it comes in time however many stories there are.

Where what is asked for lies among few (the stories of a small pilot, of a rare theme), these are looked at one by one.
Otherwise an index is walked in the order of the list until there is enough. Counting decides, and stops at :data:`FEW`.
Which way is taken says how long a list takes, never what is in it: all of its conditions, the gate's among them, stand
in the statement either way.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    Select,
    and_,
    case,
    func,
    literal_column,
    select,
    union_all,
)
from sqlalchemy.orm import InstrumentedAttribute, Session

from models.pilots import Pilot
from models.stories import Story, StoryPilot

# To look up so many takes about as long as to walk past the stories between them.
FEW = 3_000

Ids = Select[str] | CompoundSelect[str]


@dataclass(frozen=True)
class Among:
    """A filter by what another table says of a story: ``story_id`` names it there, in rows of which ``rows`` holds."""

    story_id: InstrumentedAttribute[str]
    rows: tuple[ColumnElement[bool], ...]

    @property
    def ids(self) -> Select[str]:
        """The ids of all the stories that pass."""
        return select(self.story_id).where(*self.rows)

    @property
    def holds(self) -> ColumnElement[bool]:
        """The same as a condition on ``story``."""
        return looked_up(self.story_id == Story.id, *self.rows)


@dataclass(frozen=True)
class InLanguage:
    """A filter by the language of a story: as it was given, and where none was, as it was heard."""

    code: str

    @property
    def ids(self) -> CompoundSelect[str]:
        """The ids of all the stories that pass, and of those that were heard in it and given in another."""
        return union_all(
            select(Story.id).where(Story.language == self.code),
            select(Story.id).where(Story.detected_language == self.code),
        )

    @property
    def holds(self) -> ColumnElement[bool]:
        """As a condition on ``story``."""
        return Story.spoken_language == self.code


def looked_up(*conditions: ColumnElement[bool]) -> ColumnElement[bool]:
    """Whether there is a row, looked up anew for each story that a list comes past.

    PostgreSQL would put all rows that may be meant into a table in memory first, and read a hundred thousand of them
    for a page of fifty. It does not where a query has an offset, even one of none.
    """
    return (
        select(literal_column("1")).where(*conditions).suffix_with("OFFSET 0", dialect="postgresql").exists()
    )


def of_pilot(code: str) -> Among:
    """The stories that belong to a pilot; none if there is no such pilot."""
    pilot_id = select(Pilot.id).where(Pilot.code == code).scalar_subquery()
    return Among(StoryPilot.story_id, (StoryPilot.pilot_id == pilot_id,))


def narrowed_to(pilot: str | None, language: str | None) -> list[Among | InLanguage]:
    """The filters by a pilot and by a language, as every list of stories knows them: those that are asked for."""
    found: list[Among | InLanguage] = []
    if pilot:
        found.append(of_pilot(pilot))
    if language:
        found.append(InLanguage(language))
    return found


@dataclass(frozen=True)
class Way:
    """A condition on ``story``, and whether so few stories can fit it that all of them may be looked at."""

    condition: ColumnElement[bool]
    is_short: bool


def way(session: Session, conditions: Sequence[ColumnElement[bool]], sets: Sequence[Ids]) -> Way:
    """How the stories are found of which all ``conditions`` hold.

    :param sets: of ids; each has those of all the stories that fit, and maybe of others
    """
    wanted = and_(*conditions)
    sizes = [(_size(session, each), each) for each in sets]
    size, smallest = min(sizes, key=lambda each: each[0], default=(FEW + 1, None))
    if smallest is None or size > FEW:
        return Way(wanted, is_short=False)
    # As one value, so that no part of it sends the database to an index other than that of the ids.
    return Way(and_(Story.id.in_(smallest), case((wanted, 1), else_=0) == 1), is_short=True)


def _size(session: Session, ids: Ids) -> int:
    """How many ids there are, counted no further than needs be."""
    # An index that finds them is enough: no row is read for its id.
    found = (
        ids.with_only_columns(literal_column("1"), maintain_column_froms=True)
        if isinstance(ids, Select)
        else ids
    )
    return session.scalar(select(func.count()).select_from(found.limit(FEW + 1).subquery())) or 0
