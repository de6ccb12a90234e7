"""One act on several stories: first what it would do to each, then the act, then the way back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy.orm import Session

from app.review import service
from app.web.translation import N_
from models.base import utc_now
from models.curation import find
from models.errors import Conflict, Gone, Invalid, NotAllowed, NotFound
from models.reviewing import Assignment
from models.roles import Action, Principal
from models.stories import Story
from models.themes import ThemeState
from pipeline.themes.codebook import Codebook
from storage import assignments, curation, gate, themes
from storage.database import WriteSession

MOST_STORIES = 50

NOT_YOURS = N_("you do not have it in hand")
YOURS_ALREADY = N_("you have it in hand already")
THEIRS = N_("{name} has it in hand")
IN_ANOTHER_STATE = N_("its state is “{state}”")
DECIDED = {
    ThemeState.ACCEPTED: N_("it has this theme already"),
    ThemeState.REJECTED: N_("a curator rejected this theme"),
}


class Act(StrEnum):
    """What can be done to several stories at once; each has a way back."""

    TAKE = "take"
    PUT_BACK = "put-back"
    ACCEPT_THEME = "accept-theme"
    RETURN = "return"


@dataclass(frozen=True)
class Wanted:
    """An act and the stories that it is for. ``theme`` is set for the act that needs one."""

    act: Act
    story_ids: Sequence[str]
    theme: str = ""

    def lacks_theme(self, codebook: Codebook) -> bool:
        """Whether it is an act that needs a theme, without one that there is."""
        return self.act is Act.ACCEPT_THEME and self.theme not in codebook.ids()

    def check(self, codebook: Codebook) -> None:
        """
        :raises Invalid: no story, or too many
        :raises NotFound: there is no such theme
        """
        if not 0 < len(self.story_ids) <= MOST_STORIES:
            raise Invalid("nothing-chosen", most=MOST_STORIES)
        if self.lacks_theme(codebook):
            raise NotFound("theme-unknown", theme=self.theme)


@dataclass(frozen=True)
class Outlook:
    """What an act would do to a story; ``obstacle`` is why it would do nothing: a message, with places for the
    ``name`` of whoever has the story in hand and for its ``state``."""

    story: Story
    obstacle: str | None
    name: str


def preview(session: Session, curator: Principal, wanted: Wanted) -> list[Outlook]:
    """What would happen to each story that is there for this curator, in the order in which they were chosen."""
    stories = [story for each in wanted.story_ids if (story := _story(session, curator, each))]
    return [_outlook(session, curator, story, wanted) for story in stories]


def carry_out(session: WriteSession, curator: Principal, wanted: Wanted, codebook: Codebook) -> list[str]:
    """Do it where nothing stands in the way; the ids of the stories to which something was done."""
    actor, done = curator.account_id or "", []
    for outlook in preview(session, curator, wanted):
        story = outlook.story
        if outlook.obstacle is not None:
            continue
        match wanted.act:
            case Act.TAKE:
                assignments.take(session, story, actor=actor)
            case Act.PUT_BACK:
                assignments.put_back(session, story, actor=actor)
            case Act.ACCEPT_THEME:
                service.decide_theme(session, story, codebook, wanted.theme, ThemeState.ACCEPTED, actor=actor)
            case Act.RETURN:
                curation.change_state(session, story, "return", actor=actor)
        done.append(story.id)
    return done


def undo(session: WriteSession, curator: Principal, wanted: Wanted) -> None:
    """The way back, for each story that still stands as the act left it."""
    actor = curator.account_id or ""
    for each in wanted.story_ids:
        story = _story(session, curator, each)
        if story is None:
            continue
        try:
            match wanted.act:
                case Act.TAKE:
                    assignments.put_back(session, story, actor=actor)
                case Act.PUT_BACK:
                    assignments.take(session, story, actor=actor)
                case Act.ACCEPT_THEME:
                    service.take_theme_back(session, story, wanted.theme, actor=actor)
                case Act.RETURN:
                    curation.change_state(session, story, "take-up", actor=actor)
        except (Conflict, NotFound):
            # Somebody went on with it meanwhile: theirs stands.
            continue


def _story(session: Session, curator: Principal, story_id: str) -> Story | None:
    try:
        return gate.may(session, curator, Action.REVIEW, story_id)
    except (Gone, NotAllowed, NotFound):
        return None


def _outlook(session: Session, curator: Principal, story: Story, wanted: Wanted) -> Outlook:
    row, name = assignments.of_stories(session, [story.id]).get(story.id, (None, ""))
    return Outlook(story, _obstacle(session, curator, story, wanted, row), name)


def _obstacle(
    session: Session, curator: Principal, story: Story, wanted: Wanted, row: Assignment | None
) -> str | None:
    is_mine = row is not None and row.account_id == curator.account_id
    if wanted.act is Act.PUT_BACK:
        return None if is_mine else NOT_YOURS
    is_locked = row is not None and row.locks_out(curator.account_id or "", utc_now())
    if is_locked or (row is not None and not is_mine and wanted.act is Act.TAKE):
        return THEIRS
    if wanted.act is Act.TAKE:
        return YOURS_ALREADY if is_mine else None
    if wanted.act is Act.RETURN:
        return None if find("return", story.state) else IN_ANOTHER_STATE
    states = {each.theme: each.state for each in themes.of_story(session, story.id)}
    state = states.get(wanted.theme)
    return DECIDED.get(state) if state else None
