"""The README of an archive: what it is, what may be done with it, and what its holder owes the tellers."""

from __future__ import annotations

from collections.abc import Iterator

from storage import communities
from storage.communities import Community
from storage.releases import Pulled

TEXT = """\
{title}
Release {number} of {day}, pilot {pilot}

WHAT THIS IS
People's own stories, told to Community Reporting and given to your pilot by the people who told them. Each story
has a folder under "stories": its number, its title in plain letters, and its id. In it, for each recording:
  .m4a, .mp4        sound, picture
  .vtt, .srt        captions
  .txt, .json       what is said; the .json has the time of every word
  -poster.jpg       a still of the picture
  -peaks.json       the outline of the sound, for players
manifest.json, the last file, lists everything: titles, languages, themes, how each person wants to be named, what
may be done with each story and until when, content warnings, and the digest of every file.

WHAT YOU MAY DO
- Use the stories inside your pilot's work: workshops, evaluations, reports. Anything more (publishing, quoting
  parts on their own, translating, research) only where "uses" in manifest.json names it, and until the date there.
- Name people as manifest.json says, or not at all. Do not try to find out who somebody is.
- Show the content warning before you play a story.
- Say that a text was written by a machine where it says so.

WHAT YOU OWE
- A story can be taken back at any time. You then find a recall among your collections, and under /api/v1/recalls.
  Look at least once a week. Delete every copy of the story with that id: files, excerpts, printed pages as far as
  you can reach them. Then acknowledge the recall.
- manifest.json decides what you hold. If it has a list called "delete", those files arrived while their story was
  being taken back: delete them now. Delete any folder that it does not name.
- An entry with a digest and nothing else is not available, now or any more. No reason is given, and none is due.

{marks}HOW TO CHECK IT
  jq -r '.entries[].digest' manifest.json | sha256sum
prints the root digest:
  {root}
Each file's SHA-256 stands in manifest.json.
"""


def readme(pulled: Pulled) -> str:
    """The README's text. The title is the team's own; it is put on one line, without control characters."""
    title = _plain(pulled.collection.title)
    return TEXT.format(
        title=title or "Collection",
        number=pulled.release.number,
        day=pulled.release.released_at.date().isoformat(),
        pilot=pulled.pilot.code,
        root=pulled.release.root_digest,
        marks="".join(f"{section}\n\n" for section in (*_communities(pulled), *_warnings(pulled))),
    )


def _communities(pulled: Pulled) -> Iterator[str]:
    """The labels and terms of the pilot, then those of other communities, with the stories that they are on."""
    pilot = communities.of_pilot(pulled.pilot)
    asking = {pilot.code: pilot} if pilot.has_something_to_say else {}
    on: dict[str, list[int]] = {}
    for entry in pulled.entries:
        for community in entry.communities:
            asking.setdefault(community.code, community)
            on.setdefault(community.code, []).append(entry.position)
    if not asking:
        return
    lines = [
        "LABELS AND TERMS OF THE COMMUNITIES",
        "They travel with the stories: pass them on with every copy.",
    ]
    for code, community in asking.items():
        where = "" if code == pilot.code else f", for {_numbers(on[code])}"
        lines += [f"{_plain(community.name)}{where}:", *_asked(community)]
    yield "\n".join(lines)


def _asked(community: Community) -> Iterator[str]:
    for label in community.labels:
        uri = f" {_plain(label['uri'])}" if label.get("uri") else ""
        yield f"- {_plain(label['code'])}: {_plain(label['text'])}{uri}"
    for line in community.terms.splitlines():
        yield f"  {_plain(line)}".rstrip()


def _warnings(pulled: Pulled) -> Iterator[str]:
    warned = [
        f"- {entry.position:03}: {_plain(entry.content_warning)}"
        for entry in pulled.entries
        if entry.content_warning
    ]
    if warned:
        yield "\n".join(["CONTENT WARNINGS", "By the number of the story's folder.", *warned])


def _numbers(positions: list[int]) -> str:
    return ", ".join(f"{position:03}" for position in positions)


def _plain(text: object) -> str:
    """One line, without control characters: what a team or a community wrote."""
    return " ".join("".join(each if each.isprintable() else " " for each in str(text)).split())
