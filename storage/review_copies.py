"""The teller's review copy: what would leave is shown to whoever told it, and they approve, ask, or stop it.

An answer holds for what was seen. What would leave has a fingerprint over every word, theme and file; when one of
them changes, the answer no longer fits, and the teller is asked again.
"""

from __future__ import annotations

import hashlib

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.base import utc_now
from models.consent import Giver
from models.curation import CURATED_STATES
from models.errors import Conflict, Invalid, NotFound
from models.notices import NoticeKind
from models.pilots import Pilot
from models.releases import canonical
from models.stories import Part, Story, StoryPerson
from models.tellers import CopyAnswer, ReviewCopy
from storage import changes, consents, journal, ledger, notices
from storage.database import WriteSession
from storage.release_entries import manifest_of

MAX_MESSAGE_CHARACTERS = 4000


def send(session: WriteSession, story: Story, *, actor: str) -> ReviewCopy:
    """Ask the teller to look at what would leave; they find it behind their private link.

    :raises Conflict: the story was withdrawn, or nothing of it is ready to be shown
    """
    consents.lock(session, story)
    if not manifest_of(session, story, "")["recordings"]:
        raise Conflict("copy-not-ready")
    teller = teller_of(story)
    copy = ReviewCopy(
        story_id=story.id,
        person_id=teller.id,
        fingerprint=fingerprint_of(session, story),
        asked_by=actor,
    )
    session.add(copy)
    session.flush()
    notices.tell_person(session, teller, NoticeKind.REVIEW_COPY_READY, once=f"copy:{copy.id}")
    journal.note(session, actor, "send-review-copy", story_id=story.id, subject=copy.id)
    return copy


def answer(
    session: WriteSession,
    story: Story,
    person_id: str,
    answer: CopyAnswer,
    *,
    message: str = "",
    giver: Giver = Giver.PERSON,
    actor: str,
) -> ReviewCopy:
    """What the teller says to the newest copy. *Stopped* takes the story back to its curators until asked again.

    :param giver: whether the teller says it, or their guardian: neither answers for the other

    :raises NotFound: no copy was sent, or not to this person
    :raises Conflict: it changed since they looked (then they are to look again)
    :raises Invalid: a change is asked for without saying which, or at too great a length
    """
    consents.lock(session, story)
    copy = newest(session, story.id)
    if copy is None or copy.person_id != person_id:
        raise NotFound("copy-not-there")
    if copy.fingerprint != fingerprint_of(session, story):
        raise Conflict("copy-changed")
    if len(message) > MAX_MESSAGE_CHARACTERS or (answer is CopyAnswer.CHANGE_ASKED and not message.strip()):
        raise Invalid("copy-message-unfit", most=MAX_MESSAGE_CHARACTERS)
    copy.note(giver, answer, message.strip(), utc_now())
    session.flush()
    journal.note(session, actor, f"review-copy-{answer}", story_id=story.id, subject=copy.id)
    once = f"copy:{copy.id}:{answer}" if giver is Giver.PERSON else f"copy:{copy.id}:{giver}:{answer}"
    notices.tell_curators(
        session, story, NoticeKind.REVIEW_COPY_ANSWERED, once=once, answer=answer.value, giver=giver.value
    )
    if answer is not CopyAnswer.APPROVED:
        _take_back(session, story)
    return copy


def keep_to_answer(session: WriteSession, story: Story) -> None:
    """After something of it was changed: a story that had gone further is with its curators again, if its teller is
    to be asked about what would leave now."""
    if story.state in CURATED_STATES and stands_in_the_way(session, story):
        _take_back(session, story)


def newest(session: Session, story_id: str) -> ReviewCopy | None:
    """The copy that was sent last."""
    return next(iter(of_story(session, story_id)), None)


def of_story(session: Session, story_id: str) -> list[ReviewCopy]:
    """Every copy that was sent of a story, newest first."""
    query = select(ReviewCopy).where(ReviewCopy.story_id == story_id)
    return list(session.scalars(query.order_by(ReviewCopy.asked_at.desc(), ReviewCopy.id)))


def stands_in_the_way(session: Session, story: Story) -> bool:
    """Whether the story may not leave its curators for want of the teller's word.

    A pilot can require it; and a teller who was asked and said *change* or *stop* is heard where none requires it,
    until they approve what would leave now: another copy that nobody has answered lifts nothing. Where a guardian
    stands beside the teller the same holds for both, and neither lifts the other's no.
    """
    copies, is_required = of_story(session, story.id), _is_required(session, story)
    asked = [Giver.PERSON, *([Giver.GUARDIAN] if teller_of(story).guardian else [])]
    return any(_withholds(session, story, copies, giver, is_required=is_required) for giver in asked)


def _withholds(
    session: Session, story: Story, copies: list[ReviewCopy], giver: Giver, *, is_required: bool
) -> bool:
    """Whether one who is asked keeps the story back: by a no, or by saying nothing where a word is required."""
    answered = [copy for copy in copies if copy.answer_of(giver) is not None]
    has_objected = any(copy.answer_of(giver) is not CopyAnswer.APPROVED for copy in answered)
    if not has_objected and not is_required:
        return False
    last = answered[0] if answered else None
    is_approved = last is not None and last.answer_of(giver) is CopyAnswer.APPROVED
    return not is_approved or last is None or last.fingerprint != fingerprint_of(session, story)


def fingerprint_of(session: Session, story: Story) -> str:
    """SHA-256 over all that a release would fix of the story now, but for a team's note."""
    return hashlib.sha256(canonical(manifest_of(session, story, ""))).hexdigest()


def _take_back(session: WriteSession, story: Story) -> None:
    consents.take_back_to_review(session, story)
    # Its released entries close: whoever follows the changes is to hear of it.
    changes.note(session, story, ledger.standings_of(session, story.id))


def teller_of(story: Story) -> StoryPerson:
    """The one who tells it."""
    return next(person for person in story.people if person.part is Part.TELLER)


def _is_required(session: Session, story: Story) -> bool:
    asks = select(Pilot.id).where(Pilot.id.in_(story.pilot_ids), Pilot.requires_review_copy)
    return session.scalars(asks).first() is not None
