"""Withdrawal carried out: every version of every object, every text and every row; a tombstone stays."""

from __future__ import annotations

from sqlalchemy import delete

from models.errors import StageFailed
from models.reviewing import Comment
from models.search import SearchEntry
from models.stories import Story
from models.themes import StoryTheme
from models.transcripts import Transcript
from models.work import Outcome
from pipeline.workplace import Job, clear_work_on
from storage import wishes, withdrawals
from storage.search import compact


def erase(job: Job) -> None:
    """Erase what is there now: objects under the story's prefix, and every text."""
    _erase_objects(job)
    with job.write() as session:
        for kind in (Transcript, StoryTheme, SearchEntry, Comment):
            session.execute(delete(kind).where(kind.story_id == job.story_id))


def erase_stragglers(job: Job) -> None:
    """List the prefix again, prove that it is empty, and delete the story's rows.

    :raises StageFailed: objects are still there
    """
    _erase_objects(job)
    prefix = _prefix(job)
    if prefix and next(iter(job.at.objects.list_prefix(prefix)), None) is not None:
        raise StageFailed("objects-not-erased")
    with job.write() as session:
        if session.get(Story, job.story_id) is not None:
            withdrawals.note_erased(session, job.story_id)
    job.at.on_step(job.step, "noted")
    # Deleted words stay in the index's files until they are rewritten.
    compact(job.at.database)
    with job.write() as session:
        of_story = wishes.of_story(session, job.story_id)
        wishes.end(session, job.wish_id, Outcome.DONE)
    clear_work_on(job.at, [wish.id for wish in of_story])


def _prefix(job: Job) -> str | None:
    with job.at.database.read() as session:
        story = session.get(Story, job.story_id)
        return f"{story.object_token}-" if story else None


def _erase_objects(job: Job) -> None:
    prefix = _prefix(job)
    if prefix:
        job.at.objects.delete_prefix(prefix)
