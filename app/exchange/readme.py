"""The README of an archive: what it is, what may be done with it, and what its holder owes the tellers."""

from __future__ import annotations

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

HOW TO CHECK IT
  jq -r '.entries[].digest' manifest.json | sha256sum
prints the root digest:
  {root}
Each file's SHA-256 stands in manifest.json.
"""


def readme(pulled: Pulled) -> str:
    """The README's text. The title is the team's own; it is put on one line, without control characters."""
    title = " ".join("".join(each if each.isprintable() else " " for each in pulled.collection.title).split())
    return TEXT.format(
        title=title or "Collection",
        number=pulled.release.number,
        day=pulled.release.released_at.date().isoformat(),
        pilot=pulled.pilot.code,
        root=pulled.release.root_digest,
    )
