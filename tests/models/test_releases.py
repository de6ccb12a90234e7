"""What changed from one release to the next, by what is left of both."""

from __future__ import annotations

from models.collections import ReleaseEntry
from models.releases import Difference, difference


def entry(story: str | None, digest: str = "d", **manifest: str) -> ReleaseEntry:
    """A story as it was released; None where it was taken back since, so that its digest alone is left."""
    return ReleaseEntry(story_id=story, digest=digest, manifest=manifest if story else None)


def test_difference_names_what_came_what_went_and_what_was_fixed_otherwise() -> None:
    before = [entry("a", title="A"), entry("b", title="B"), entry("c", title="C")]
    after = [entry("d", title="D"), entry("c", title="C"), entry("b", title="B, corrected")]
    assert difference(before, after) == Difference(added=("d",), removed=("a",), changed=("b",))


def test_of_what_was_taken_back_the_digest_alone_is_known() -> None:
    before = [entry("a"), entry(None, "e1"), entry(None, "e2")]
    assert difference(before, [entry("a"), entry(None, "e3")]) == Difference(emptied=("e1", "e2"))


def test_same_stories_in_another_order_are_no_difference() -> None:
    assert difference([entry("a"), entry("b")], [entry("b"), entry("a")]) == Difference()
