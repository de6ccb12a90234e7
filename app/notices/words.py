"""What notices say. Nothing of a story: no title, no name, no text; where to look, and by when."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from models.notices import Notice, NoticeKind

SUBJECTS: Mapping[NoticeKind, str] = {
    NoticeKind.EMBARGO_ENDED: "An embargo's date has passed",
    NoticeKind.SAFEGUARDING: "Somebody is worried about a story",
    NoticeKind.CONSENT_ENDS_SOON: "Somebody's consent ends soon",
    NoticeKind.CONSENT_ENDED: "Somebody's consent has ended",
    NoticeKind.CONSENT_CHANGED: "Somebody changed what they allow",
    NoticeKind.STORY_WITHDRAWN: "A story was taken back",
    NoticeKind.WORDING_CHANGED: "The text of consent has changed",
    NoticeKind.REVIEW_COPY_READY: "A story is ready for its teller to look at",
    NoticeKind.REVIEW_COPY_ANSWERED: "A teller has answered",
    NoticeKind.RECALL: "Copies are to be deleted",
    NoticeKind.RECALL_REMINDER: "Copies are still to be deleted",
    NoticeKind.RESPONSE: "Somebody answered to a story",
    NoticeKind.RETENTION: "A story will be erased because nobody took it up",
    NoticeKind.PASSWORD_CHANGED: "Your password was changed",
    NoticeKind.PASSWORD_LINK_MADE: "An administrator made a link for a new password of yours",
    NoticeKind.SECOND_FACTOR_CHANGED: "Your second factor was set up, turned off or reset",
    NoticeKind.WRONG_CODES: "Somebody signed in with your password and wrote wrong codes",
}

BODIES: Mapping[NoticeKind, str] = {
    NoticeKind.EMBARGO_ENDED: "The story is still kept back. Look whether it may go on, and lift the embargo if so.",
    NoticeKind.SAFEGUARDING: "It is kept with its curators until somebody has looked. Please look today.",
    NoticeKind.CONSENT_ENDS_SOON: "It ends on {until}. Ask whether it is to be renewed; "
    "if it is not, the story is closed then and erased a week later.",
    NoticeKind.CONSENT_ENDED: "The story is closed. If nobody renews by {until}, it is erased.",
    NoticeKind.CONSENT_CHANGED: "What may be done with the story is different from now on.",
    NoticeKind.STORY_WITHDRAWN: "It is closed, and is being erased.",
    NoticeKind.WORDING_CHANGED: "What was agreed stands as it was; please look whether it holds for the new text too.",
    NoticeKind.REVIEW_COPY_READY: "What would leave can be looked at behind the private link, and approved or stopped.",
    NoticeKind.REVIEW_COPY_ANSWERED: "They said: {answer}.",
    NoticeKind.RECALL: "Delete every copy of the story that you hold, then say so in the list of recalls.",
    NoticeKind.RECALL_REMINDER: "This is reminder {reminder}. Delete every copy that you hold, then say so.",
    NoticeKind.RESPONSE: "What will change, and when, can be read behind the private link.",
    NoticeKind.RETENTION: "It is erased on {until}, unless somebody takes it up before.",
    NoticeKind.PASSWORD_CHANGED: "If it was not you, tell an administrator today.",
    NoticeKind.PASSWORD_LINK_MADE: "If you did not ask for it, tell an administrator today.",
    NoticeKind.SECOND_FACTOR_CHANGED: "If it was not you, and you did not ask for it, tell an administrator today.",
    NoticeKind.WRONG_CODES: "They were not let in. If it was not you, choose a new password today.",
}


OF_THE_ACCOUNT = frozenset(
    {
        NoticeKind.PASSWORD_CHANGED,
        NoticeKind.PASSWORD_LINK_MADE,
        NoticeKind.SECOND_FACTOR_CHANGED,
        NoticeKind.WRONG_CODES,
    }
)


def subject_of(notice: Notice) -> str:
    """A notice in a line."""
    return SUBJECTS[notice.kind]


def body_of(notice: Notice) -> str:
    """What there is to do."""
    return BODIES[notice.kind].format_map(_Given(notice.parameters))


def place_of(notice: Notice) -> str:
    """Where somebody with an account looks."""
    if notice.kind in (NoticeKind.RECALL, NoticeKind.RECALL_REMINDER):
        return "/collections"
    if notice.kind in (NoticeKind.EMBARGO_ENDED, NoticeKind.SAFEGUARDING) and notice.story_id:
        return f"/stories/{notice.story_id}/embargo"
    if notice.kind in OF_THE_ACCOUNT:
        return "/account"
    if notice.kind is NoticeKind.STORY_WITHDRAWN or not notice.story_id:
        return "/notices"
    return f"/stories/{notice.story_id}"


class _Given(dict[str, Any]):
    """What a notice carries; what it lacks reads as a dash."""

    def __missing__(self, key: str) -> str:
        return "–"
