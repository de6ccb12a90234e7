"""What curators do: correct, approve, decide on themes, and move a story along."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence

from app.review.realignment import Word, realign
from app.review.schemas import SegmentIn
from app.words import say_guard
from models.curation import Guard
from models.errors import NotFound
from models.stories import Recording, Story
from models.themes import StoryTheme, ThemeState
from models.transcripts import Transcript
from pipeline.index import reindex
from pipeline.tag import suggest_themes
from pipeline.themes.codebook import Codebook
from storage import themes, transcripts
from storage.database import WriteSession
from storage.transcripts import SegmentText


def correct(
    session: WriteSession,
    story: Story,
    recording: Recording,
    segments: Sequence[SegmentIn],
    *,
    actor: str,
    based_on_version: int,
) -> Transcript:
    """Keep a correction as a new version, with word times; themes and search follow in the same transaction."""
    before = transcripts.latest(session, recording.id)
    old = sorted((word for each in before.segments for word in each.words) if before else (), key=_middle_of)
    transcript = transcripts.correct(
        session,
        story,
        recording,
        [_segment(segment, old) for segment in segments],
        actor=actor,
        based_on_version=based_on_version,
    )
    suggest_themes(session, story)
    reindex(session, story)
    return transcript


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
    """Accept, add or reject a theme of the codebook; what readers find follows.

    :raises NotFound: the codebook has no such theme
    """
    if theme not in codebook.ids():
        raise NotFound("theme-unknown", theme=theme)
    decide = themes.accept if decision is ThemeState.ACCEPTED else themes.reject
    row = decide(session, story, theme, actor=actor, codebook=codebook.version)
    reindex(session, story)
    return row


def reasons(guards: Sequence[Guard]) -> list[str]:
    """Why a step is not possible yet, in words."""
    return [say_guard(guard) for guard in guards]
