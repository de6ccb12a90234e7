"""Names of files and folders in what leaves: ASCII, short, and made so that no title can climb out of its folder."""

from __future__ import annotations

import re
import unicodedata

from models.stories import RenditionKind
from storage.release_entries import MediaFile, PulledEntry

SLUG_CHARACTERS = 40
ENDINGS = {
    RenditionKind.AUDIO: ".m4a",
    RenditionKind.VIDEO: ".mp4",
    RenditionKind.POSTER: "-poster.jpg",
    RenditionKind.PEAKS: "-peaks.json",
}


def slug(title: str, otherwise: str) -> str:
    """A title in small letters, digits and hyphens; ``otherwise`` where nothing of it is left."""
    plain = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain)[:SLUG_CHARACTERS].strip("-") or otherwise


def folder_of(entry: PulledEntry) -> str:
    """A story's folder. It has the whole id: recalls name stories by it."""
    title = entry.manifest["title"] if entry.manifest else ""
    return f"stories/{entry.position:03}-{slug(title, 'story')}-{entry.story_id}"


def media_name(media: MediaFile) -> str:
    """A rendition's file name: its recording's number and an ending that players know."""
    return f"recording-{media.recording}{ENDINGS[media.kind]}"


def text_name(recording: int, ending: str) -> str:
    """The file name of a recording's captions or transcript, beside its media."""
    return f"recording-{recording}{ending}"


def archive_name(title: str, number: int) -> str:
    """The name under which a release's ZIP is saved."""
    return f"{slug(title, 'collection')}-release-{number}.zip"
