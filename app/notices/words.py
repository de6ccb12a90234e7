"""What notices say. Nothing of a story: no title, no name, no text; where to look, and by when."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from app.tellers.words import ANSWERS
from app.web.translation import N_, Translator
from models.notices import Notice, NoticeKind
from models.tellers import CopyAnswer

ENGLISH = Translator("en")

SUBJECTS: Mapping[NoticeKind, str] = {
    NoticeKind.EMBARGO_ENDED: N_("An embargo's date has passed"),
    NoticeKind.SAFEGUARDING: N_("Somebody is worried about a story"),
    NoticeKind.CONSENT_ENDS_SOON: N_("Somebody's consent ends soon"),
    NoticeKind.CONSENT_ENDED: N_("Somebody's consent has ended"),
    NoticeKind.CONSENT_CHANGED: N_("Somebody changed what they allow"),
    NoticeKind.STORY_WITHDRAWN: N_("A story was taken back"),
    NoticeKind.WORDING_CHANGED: N_("The text of consent has changed"),
    NoticeKind.REVIEW_COPY_READY: N_("A story is ready for its teller to look at"),
    NoticeKind.REVIEW_COPY_ANSWERED: N_("A teller has answered"),
    NoticeKind.RECALL: N_("Copies are to be deleted"),
    NoticeKind.RECALL_REMINDER: N_("Copies are still to be deleted"),
    NoticeKind.RESPONSE: N_("Somebody answered to a story"),
    NoticeKind.RETENTION: N_("A story will be erased because nobody took it up"),
    NoticeKind.PASSWORD_CHANGED: N_("Your password was changed"),
    NoticeKind.PASSWORD_LINK_MADE: N_("An administrator made a link for a new password of yours"),
    NoticeKind.SIGN_IN_LINK_MADE: N_("A new way in to your account was printed"),
    NoticeKind.SECOND_FACTOR_CHANGED: N_("Your second factor was set up, turned off or reset"),
    NoticeKind.WRONG_CODES: N_("Somebody signed in with your password and wrote wrong codes"),
}

BODIES: Mapping[NoticeKind, str] = {
    NoticeKind.EMBARGO_ENDED: N_(
        "The story is still kept back. Look whether it may go on, and lift the embargo if so."
    ),
    NoticeKind.SAFEGUARDING: N_("It is kept with its curators until somebody has looked. Please look today."),
    NoticeKind.CONSENT_ENDS_SOON: N_(
        "It ends on {until}. Ask whether it is to be renewed; "
        "if it is not, the story is closed then and erased a week later."
    ),
    NoticeKind.CONSENT_ENDED: N_("The story is closed. If nobody renews by {until}, it is erased."),
    NoticeKind.CONSENT_CHANGED: N_("What may be done with the story is different from now on."),
    NoticeKind.STORY_WITHDRAWN: N_("It is closed, and is being erased."),
    NoticeKind.WORDING_CHANGED: N_(
        "What was agreed stands as it was; please look whether it holds for the new text too."
    ),
    NoticeKind.REVIEW_COPY_READY: N_(
        "What would leave can be looked at behind the private link, and approved or stopped."
    ),
    NoticeKind.REVIEW_COPY_ANSWERED: N_("They said: “{answer}”."),
    NoticeKind.RECALL: N_(
        "Delete every copy of the story that you hold, then say so in the list of recalls."
    ),
    NoticeKind.RECALL_REMINDER: N_(
        "This is reminder {reminder}. Delete every copy that you hold, then say so."
    ),
    NoticeKind.RESPONSE: N_("What will change, and when, can be read behind the private link."),
    NoticeKind.RETENTION: N_("It is erased on {until}, unless somebody takes it up before."),
    NoticeKind.PASSWORD_CHANGED: N_("If it was not you, tell an administrator today."),
    NoticeKind.PASSWORD_LINK_MADE: N_("If you did not ask for it, tell an administrator today."),
    NoticeKind.SIGN_IN_LINK_MADE: N_("If you did not ask for it, tell whoever invited you today."),
    NoticeKind.SECOND_FACTOR_CHANGED: N_(
        "If it was not you, and you did not ask for it, tell an administrator today."
    ),
    NoticeKind.WRONG_CODES: N_("They were not let in. If it was not you, choose a new password today."),
}


OF_THE_ACCOUNT = frozenset(
    {
        NoticeKind.PASSWORD_CHANGED,
        NoticeKind.PASSWORD_LINK_MADE,
        NoticeKind.SIGN_IN_LINK_MADE,
        NoticeKind.SECOND_FACTOR_CHANGED,
        NoticeKind.WRONG_CODES,
    }
)


def subject_of(notice: Notice, translator: Translator = ENGLISH) -> str:
    """A notice in a line."""
    return translator(SUBJECTS[notice.kind])


def body_of(notice: Notice, translator: Translator = ENGLISH) -> str:
    """What there is to do."""
    return translator(BODIES[notice.kind]).format_map(_Given(_in_words(notice.parameters, translator)))


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


def _in_words(parameters: Mapping[str, Any], translator: Translator) -> dict[str, Any]:
    """What a notice carries, days and answers as people say them."""
    shown = dict(parameters)
    if "until" in shown:
        shown["until"] = translator.day(date.fromisoformat(shown["until"]))
    if "answer" in shown:
        shown["answer"] = translator(ANSWERS[CopyAnswer(shown["answer"])])
    return shown


class _Given(dict[str, Any]):
    """What a notice carries; what it lacks reads as a dash."""

    def __missing__(self, key: str) -> str:
        return "–"
