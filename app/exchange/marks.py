"""What stands beside a story's text wherever it goes: its content warning, and its communities' labels and terms."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from storage.communities import Community
from storage.release_entries import PulledEntry


@dataclass(frozen=True)
class Marks:
    """The marks of one story; each line of them is one line of text."""

    content_warning: str | None = None
    communities: Sequence[Community] = ()

    @property
    def lines(self) -> list[str]:
        """All of them: the warning, then labels and terms, community by community."""
        found = [f"Content warning: {self.content_warning}"] if self.content_warning else []
        for community in self.communities:
            found += _labels(community)
            if community.terms:
                found.append(f"Terms of {community.name}: {community.terms}")
        return [_one_line(each) for each in found]

    @property
    def short_lines(self) -> list[str]:
        """For a format that can only show them to those who watch: terms are named, and not told."""
        found = [f"Content warning: {self.content_warning}"] if self.content_warning else []
        for community in self.communities:
            found += _labels(community)
            if community.terms:
                found.append(f"Terms of {community.name} apply.")
        return [_one_line(each) for each in found]


NO_MARKS = Marks()


def marks_of(entry: PulledEntry) -> Marks:
    """The marks of a released story, as they are now."""
    return Marks(entry.content_warning, entry.communities)


def as_dicts(communities: Iterable[Community]) -> list[dict[str, Any]]:
    """Communities as JSON has them."""
    return [as_dict(each) for each in communities]


def as_dict(community: Community) -> dict[str, Any]:
    """One community as JSON has it."""
    return {
        "code": community.code,
        "name": community.name,
        "labels": [_label(each) for each in community.labels],
        "terms": community.terms,
    }


def _label(label: Mapping[str, Any]) -> dict[str, Any]:
    return {name: label.get(name) or None for name in ("code", "text", "uri")}


def _labels(community: Community) -> list[str]:
    return [
        " ".join(
            each
            for each in (f"{label['code']} ({community.name}): {label['text']}", label.get("uri") or "")
            if each
        )
        for label in community.labels
    ]


def _one_line(text: str) -> str:
    return " ".join("".join(each if each.isprintable() else " " for each in text).split())
