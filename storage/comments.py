"""What curators say to each other about a story."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.accounts import Account
from models.errors import Invalid, NotFound
from models.reviewing import MAX_COMMENT_CHARACTERS, Comment
from models.stories import Story
from storage import consents, journal
from storage.database import WriteSession


def write(session: WriteSession, story: Story, text: str, *, actor: str) -> Comment:
    """Say something to the other curators.

    :raises Invalid: nothing is said, or too much
    """
    consents.lock(session, story)
    if not text.strip() or len(text) > MAX_COMMENT_CHARACTERS:
        raise Invalid("comment-unfit", most=MAX_COMMENT_CHARACTERS)
    comment = Comment(story_id=story.id, written_by=actor, text=text.strip())
    session.add(comment)
    session.flush()
    journal.note(session, actor, "comment", story_id=story.id, subject=comment.id)
    return comment


def take_back(session: WriteSession, story: Story, comment_id: str, *, actor: str) -> None:
    """Delete what one has said oneself.

    :raises NotFound: the story has no such comment of theirs
    """
    consents.lock(session, story)
    comment = session.get(Comment, comment_id)
    if comment is None or (comment.story_id, comment.written_by) != (story.id, actor):
        raise NotFound("comment-not-found")
    session.delete(comment)
    session.flush()
    journal.note(session, actor, "take-back-comment", story_id=story.id, subject=comment_id)


def of_story(session: Session, story_id: str) -> list[tuple[Comment, str]]:
    """What was said about a story, oldest first, each with the name of whoever said it."""
    query = select(Comment, Account.name).join(Account, Account.id == Comment.written_by)
    rows = session.execute(query.where(Comment.story_id == story_id).order_by(Comment.written_at, Comment.id))
    return [(comment, name) for comment, name in rows]
