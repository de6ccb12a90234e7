"""What curators do: correct, approve, decide on themes, and move a story along."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from app.review.realignment import Word, realign
from app.review.schemas import SegmentIn
from app.words import say_guard
from models.curation import CURATED_STATES, Guard
from models.errors import Conflict, Invalid, NotFound
from models.stories import Recording, Story
from models.themes import StoryTheme, ThemeState
from models.transcripts import Segment, Transcript
from pipeline.index import reindex
from pipeline.tag import suggest_themes
from pipeline.themes.codebook import Codebook
from storage import assignments, consents, curation, review_copies, themes, transcripts, working_versions
from storage.database import WriteSession
from storage.transcripts import SegmentText


@dataclass(frozen=True)
class Said:
    """What is said in a segment, as a curator leaves it."""

    text: str
    speaker: str | None


def correct(
    session: WriteSession,
    story: Story,
    recording: Recording,
    segments: Sequence[SegmentIn],
    *,
    actor: str,
    over: str,
) -> Transcript:
    """Keep a correction as a new version, with word times; themes and search follow in the same transaction.

    :param over: the mark of what was read
    :raises Conflict: somebody wrote something else since
    """
    consents.lock(session, story)
    before = transcripts.latest(session, recording.id)
    if before is not None and before.mark != over:
        raise Conflict("changed-meanwhile", mark=before.mark)
    old = sorted((word for each in before.segments for word in each.words) if before else (), key=_middle_of)
    transcript = transcripts.correct(
        session,
        story,
        recording,
        [_segment(segment, old) for segment in segments],
        actor=actor,
        based_on_version=before.version if before else 0,
    )
    _let_follow(session, story)
    return transcript


def go_on(
    session: WriteSession,
    story: Story,
    recording: Recording,
    said: Mapping[int, Said],
    *,
    actor: str,
    over: str,
    is_apart: bool = False,
) -> Transcript:
    """Keep some segments as a curator leaves them, by their positions; a sitting is one version.

    Nothing is written where nothing differs.

    :param over: the mark of the transcript that the curator saw
    :param is_apart: it is kept beside what they saw, whoever wrote that
    :raises Conflict: somebody else is at the story, or the newest transcript says something else by now
    :raises Invalid: there is no such segment, or it is too long
    """
    assignments.take(session, story, actor=actor)
    newest = transcripts.latest(session, recording.id)
    if newest is None or newest.mark != over:
        raise Conflict("changed-meanwhile", mark=newest.mark if newest else None)
    if not said.keys() <= set(range(len(newest.segments))):
        raise Invalid("form-unreadable")
    kept = [_as_said(row, said.get(row.position)) for row in newest.segments]
    if all(_is_same(row, text) for row, text in zip(newest.segments, kept, strict=True)):
        return newest
    transcript = working_versions.write(
        session, story, recording, kept, actor=actor, over=over, is_apart=is_apart
    )
    _let_follow(session, story)
    return transcript


def restore(
    session: WriteSession, story: Story, recording: Recording, version: int, *, actor: str
) -> Transcript:
    """An older version of a transcript once more; themes and search follow.

    :raises Conflict: somebody else is at the story
    :raises NotFound: there is no such version
    """
    assignments.take(session, story, actor=actor)
    transcript = working_versions.restore(session, story, recording, version, actor=actor)
    _let_follow(session, story)
    return transcript


def approve(session: WriteSession, story: Story, transcript: Transcript, *, actor: str) -> None:
    """A curator stands by a version. Of a curated story it is what others read and find from now on.

    :raises Conflict: there is a newer version
    """
    transcripts.approve(session, story, transcript, actor=actor)
    if story.state in CURATED_STATES:
        review_copies.keep_to_answer(session, story)
    # Also before it is curated: what stepped back by itself is still found by what was approved then.
    _let_follow(session, story)


def take_step(session: WriteSession, story: Story, verb: str, *, actor: str) -> None:
    """Move a story along; with its curators again, it is found by what they are working on; without them, by what
    was approved.

    :raises Conflict: there is no such step from its state, or guards stand in the way
    """
    step = curation.change_state(session, story, verb, actor=actor)
    if (step.start in CURATED_STATES) != (step.end in CURATED_STATES):
        _let_follow(session, story)


def _let_follow(session: WriteSession, story: Story) -> None:
    suggest_themes(session, story)
    reindex(session, story)


def _as_said(row: Segment, said: Said | None) -> SegmentText:
    start, end = row.start_seconds, row.end_seconds
    if said is None or said.text.strip() == row.text:
        return SegmentText(start, end, row.text, said.speaker if said else row.speaker, row.words)
    words = realign(row.words, said.text, start, end)
    return SegmentText(start, end, said.text.strip(), said.speaker, words)


def _is_same(row: Segment, text: SegmentText) -> bool:
    return (row.text, row.speaker or None) == (text.text, text.speaker or None)


def _middle_of(word: Word) -> float:
    middle: float = (word["start"] + word["end"]) / 2
    return middle


def _segment(sent: SegmentIn, old: Sequence[Word]) -> SegmentText:
    """A segment with times for its words; ``old`` ones are in the order of their middles.

    They are not all looked at for each segment: four hours have tens of thousands, in thousands of segments.
    """
    first = bisect_left(old, sent.start_seconds, key=_middle_of)
    inside = old[first : bisect_right(old, sent.end_seconds, key=_middle_of)]
    words = realign(inside, sent.text, sent.start_seconds, sent.end_seconds)
    return SegmentText(sent.start_seconds, sent.end_seconds, sent.text.strip(), sent.speaker, words)


def decide_theme(
    session: WriteSession, story: Story, codebook: Codebook, theme: str, decision: ThemeState, *, actor: str
) -> StoryTheme:
    """Accept, add or reject a theme of the codebook; what readers find follows, and the teller's word is kept.

    :raises NotFound: the codebook has no such theme
    """
    if theme not in codebook.ids():
        raise NotFound("theme-unknown", theme=theme)
    decide = themes.accept if decision is ThemeState.ACCEPTED else themes.reject
    row = decide(session, story, theme, actor=actor, codebook=codebook.version)
    review_copies.keep_to_answer(session, story)
    reindex(session, story)
    return row


def take_theme_back(session: WriteSession, story: Story, theme: str, *, actor: str) -> None:
    """A decision on a theme as if it had not been.

    :raises NotFound: nobody decided on this theme
    """
    themes.take_back(session, story, theme, actor=actor)
    review_copies.keep_to_answer(session, story)
    reindex(session, story)


def reasons(guards: Sequence[Guard], translate: Callable[[str], str] = str) -> list[str]:
    """Why a step is not possible yet, in words."""
    return [translate(say_guard(guard)) for guard in guards]
