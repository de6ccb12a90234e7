"""THE gate: which stories a reader may see, as SQL; and what they may do to one of them.

Every endpoint, page, feed, export, media byte, search hit and count asks here. The rule of consent was
applied when its permissions were written (``storage.consents``); here they are joined with who asks and when.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from functools import lru_cache

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    Select,
    and_,
    bindparam,
    false,
    or_,
    select,
    union_all,
)
from sqlalchemy.orm import Session

from models.base import utc_now
from models.consent import Permission, Use
from models.curation import CURATED_STATES, State
from models.errors import Gone, NotAllowed, NotFound
from models.roles import Action, Principal, Role, readers_mark
from models.stories import Story, StoryPilot, Tombstone
from storage.reach import looked_up

# Most requests come from few people, and to say what one of them may takes as long as to ask it.
MOST_REMEMBERED = 1024


def stories(principal: Principal, use: Use) -> Select[Story]:
    """The stories that ``principal`` may have for ``use``."""
    return select(Story).where(is_open_for(principal, use))


def is_open_for(principal: Principal, use: Use) -> ColumnElement[bool]:
    """The condition on ``story`` behind :func:`stories`, for queries that join it (search, counts)."""
    return _USES[use](principal) if use in _USES else _for_other_use(principal, use)


def readable(principal: Principal) -> Select[Story]:
    """The stories that ``principal`` may read for whatever use is open to them."""
    return select(Story).where(is_readable(principal))


def in_review(principal: Principal) -> Select[Story]:
    """The stories that ``principal`` may curate: narrower than caring for those they sent themselves."""
    return select(Story).where(is_in_review(principal))


def shared_in(principal: Principal, pilot_id: str) -> Select[Story]:
    """The stories that may be shared with one pilot's team, for somebody of that team."""
    return select(Story).where(_for_collecting(principal, frozenset({pilot_id})))


def is_in_review(principal: Principal) -> ColumnElement[bool]:
    """The condition on ``story`` behind :func:`in_review`, for queries that join it (the queue, counts)."""
    return _condition(Action.REVIEW, principal)


def is_readable(principal: Principal) -> ColumnElement[bool]:
    """The condition on ``story`` behind :func:`readable`, for queries that join it (search, counts)."""
    return _condition(Action.READ, principal)


def within_reach(principal: Principal, action: Action) -> CompoundSelect[str]:
    """Ids of stories among which are all those that ``principal`` may read, care for or review.

    It opens nothing, and has more than the gate lets through: it shows a short way to those for whom there are few.
    """
    curated = _marked(Use.CURATION, principal.pilots_as(Role.CURATOR))
    if action is Action.REVIEW:
        return union_all(curated)
    cared_for = (curated, select(Story.id).where(_is_own(principal)))
    if action is Action.RECORD_CONSENT:
        return union_all(*cared_for)
    if action is not Action.READ:
        raise ValueError(f"no way was laid to stories to {action}")
    shared = _marked(Use.SHARING, principal.pilots_shared_with())
    return union_all(*cared_for, shared, _marked(Use.PUBLICATION, None))


def within_reach_for(principal: Principal, use: Use) -> CompoundSelect[str]:
    """As :func:`within_reach`, of the stories that ``principal`` may have for ``use``."""
    if use is Use.CURATION:
        return within_reach(principal, Action.RECORD_CONSENT)
    return union_all(_marked(use, principal.pilots_shared_with() if use is Use.SHARING else None))


def may(session: Session, principal: Principal, action: Action, story_id: str) -> Story:
    """The story, if ``principal`` may do ``action`` to it.

    :raises Gone: it was withdrawn, and this reader could once read it
    :raises NotAllowed: they may read it, and may not do this
    :raises NotFound: otherwise, as for an id that never was
    """
    story = session.scalars(
        select(Story).where(Story.id == story_id, _condition(action, principal))
    ).one_or_none()
    if story is not None:
        return story
    if session.scalars(select(Story.id).where(Story.id == story_id, is_readable(principal))).first():
        raise NotAllowed("not-allowed", action=action.value)
    if _could_once_read(session, principal, story_id):
        raise Gone("withdrawn", story_id=story_id)
    raise NotFound("not-found", story_id=story_id)


def of_these(session: Session, principal: Principal, action: Action, story_ids: Collection[str]) -> set[str]:
    """The ids of those of some stories to which ``principal`` may do ``action``."""
    return set(
        session.scalars(select(Story.id).where(Story.id.in_(story_ids), _condition(action, principal)))
    )


def may_not(session: Session, principal: Principal, action: Action, story_id: str) -> bool:
    """Whether ``action`` is refused: for buttons that say so before they are pressed."""
    try:
        may(session, principal, action, story_id)
    except (Gone, NotAllowed, NotFound):
        return True
    return False


@lru_cache(MOST_REMEMBERED)
def _condition(action: Action, principal: Principal) -> ColumnElement[bool]:
    """What must hold of a story: SQL by who asks, as they were found to be for this request, and by no story."""
    return _ACTIONS[action](principal)


def _now() -> datetime:
    # Asked when it is executed: a condition is built once.
    return utc_now()


def _permitted(use: Use, pilots: frozenset[str] | None) -> ColumnElement[bool]:
    """A permission row for ``use`` stands now, for one of ``pilots`` (None: for all)."""
    now = bindparam("now", callable_=_now, type_=Permission.until.type, unique=True)
    lasts = or_(Permission.until.is_(None), Permission.until > now)
    return looked_up(Permission.story_id == Story.id, Permission.use == use, _whose(pilots), lasts)


def _marked(use: Use, pilots: frozenset[str] | None) -> Select[str]:
    """The stories that have a permission row for ``use``, whether or not it has ended."""
    return select(Permission.story_id).where(Permission.use == use, _whose(pilots))


def _whose(pilots: frozenset[str] | None) -> ColumnElement[bool]:
    return Permission.pilot_id.is_(None) if pilots is None else Permission.pilot_id.in_(pilots)


def _is_live() -> ColumnElement[bool]:
    return Story.state != State.WITHDRAWN


def _is_own(principal: Principal) -> ColumnElement[bool]:
    """Sent by this person, or the story of this teller's link: they may always see what is held."""
    if principal.story_id is not None:
        return and_(_is_live(), Story.id == principal.story_id)
    if principal.account_id is None:
        return false()
    return and_(_is_live(), Story.submitted_by == principal.account_id)


def _for_review(principal: Principal) -> ColumnElement[bool]:
    return and_(_is_live(), _permitted(Use.CURATION, principal.pilots_as(Role.CURATOR)))


def _for_care(principal: Principal) -> ColumnElement[bool]:
    return or_(_is_own(principal), _for_review(principal))


def _for_giving_links(principal: Principal) -> ColumnElement[bool]:
    # A private link opens its own door, and makes no others.
    return _for_care(principal) if principal.account_id is not None else false()


def _for_sharing(principal: Principal) -> ColumnElement[bool]:
    shared = _permitted(Use.SHARING, principal.pilots_shared_with())
    return and_(Story.state.in_(CURATED_STATES), shared)


def _for_collecting(principal: Principal, pilots: frozenset[str] | None = None) -> ColumnElement[bool]:
    mine = principal.pilots_shared_with() & principal.pilots_as(Role.PILOT_TEAM, Role.CURATOR)
    shared = _permitted(Use.SHARING, mine if pilots is None else mine & pilots)
    return and_(Story.state.in_(CURATED_STATES), shared)


def _for_publication(principal: Principal) -> ColumnElement[bool]:
    return and_(Story.state == State.PUBLISHED, _permitted(Use.PUBLICATION, None))


def _for_other_use(principal: Principal, use: Use) -> ColumnElement[bool]:
    return and_(_for_sharing(principal), _permitted(use, None))


def _for_reading(principal: Principal) -> ColumnElement[bool]:
    return or_(_for_care(principal), _for_sharing(principal), _for_publication(principal))


_USES = {Use.CURATION: _for_care, Use.SHARING: _for_sharing, Use.PUBLICATION: _for_publication}

_ACTIONS = {
    Action.READ: _for_reading,
    Action.LISTEN: _for_reading,
    Action.HEAR_ORIGINAL: _for_review,
    Action.ADD_RECORDING: _is_own,
    Action.RETRY: _for_care,
    Action.RECORD_CONSENT: _for_care,
    Action.WITHDRAW: _for_care,
    Action.REVIEW: _for_review,
    Action.COLLECT: _for_collecting,
    Action.RAISE_CONCERN: _for_reading,
    Action.GIVE_LINK: _for_giving_links,
}


def _could_once_read(session: Session, principal: Principal, story_id: str) -> bool:
    stone = session.get(Tombstone, story_id)
    if stone is None:
        return False
    mine = {readers_mark(role, pilot) for pilot, held in principal.roles.items() for role in held}
    if principal.account_id is not None:
        mine.add(principal.account_id)
    return stone.was_published or principal.story_id == story_id or not mine.isdisjoint(stone.known_to)


def pilots_of(session: Session, story_id: str) -> list[str]:
    """The pilots a story belongs to."""
    return list(session.scalars(select(StoryPilot.pilot_id).where(StoryPilot.story_id == story_id)))
