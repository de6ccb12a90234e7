"""What people are told before they send, read aloud: by a person who has recorded it, else by the machine.

Its files are named after text and language: when the words change, what was recorded of older ones is not played.
"""

from __future__ import annotations

import hashlib
import threading
from pathlib import Path

from fastapi.responses import FileResponse

from app.settings import Settings
from app.stories.words import BACKUPS_KEEP, WHAT_HAPPENS
from app.web.headers import SANDBOXED
from app.web.translation import LANGUAGES, Translator
from models.errors import NotFound
from pipeline.media import speaking

# A file takes seconds: who asks for it meanwhile waits, and does not make another.
_one_at_a_time = threading.Lock()


def sentences(translator: Translator, settings: Settings) -> list[str]:
    """What happens to a story, in order."""
    return [*map(translator, WHAT_HAPPENS), translator.many(*BACKUPS_KEEP, settings.backup_days)]


def what_happens(language: str, settings: Settings) -> str:
    """The same as one text."""
    return "\n\n".join(sentences(Translator(language), settings))


def can_be_heard(text: str, language: str, settings: Settings) -> bool:
    """Whether a text is in a language that is read aloud here, and somebody has read it, or the machine can."""
    return language in LANGUAGES and (_by_a_person(text, language, settings).exists() or speaking.can_speak())


def play(text: str, language: str, settings: Settings) -> FileResponse:
    """A text as sound, or the range of it that is asked for.

    :raises NotFound: nothing here reads it aloud
    """
    if not can_be_heard(text, language, settings):
        raise NotFound("not-found")
    path = read_aloud(text, language, settings)
    return FileResponse(path, media_type="audio/mp4", headers=dict(SANDBOXED))


def take_reading(text: str, language: str, recording: Path, settings: Settings) -> Path:
    """Have a person's reading of a text played from now on; where it is kept.

    :raises StageFailed: there is no sound in the file, or it cannot be read
    """
    path = _by_a_person(text, language, settings)
    speaking.keep_reading(recording, path)
    return path


def read_aloud(text: str, language: str, settings: Settings) -> Path:
    """The file in which a text is read aloud.

    :raises StageFailed: it cannot be made on this machine
    """
    by_a_person = _by_a_person(text, language, settings)
    if by_a_person.exists():
        return by_a_person
    path = settings.cache_folder / "aloud" / by_a_person.name
    with _one_at_a_time:
        if not path.exists():
            # Made when it is first asked for, once a text.
            speaking.speak(text, language, path)
    return path


def _by_a_person(text: str, language: str, settings: Settings) -> Path:
    digest = hashlib.sha256(text.encode()).hexdigest()[:16]
    # Not in the cache, which may be deleted.
    return settings.data / "readings" / f"{language}-{digest}.m4a"
