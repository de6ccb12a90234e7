"""What happens to a story, in words and read aloud: one file a language, made when it is first asked for."""

from __future__ import annotations

import hashlib
import threading
from pathlib import Path

from app.settings import Settings
from app.stories.words import BACKUPS_KEEP, WHAT_HAPPENS
from app.web.translation import Translator
from pipeline.media import speaking

# A file takes seconds: who asks for it meanwhile waits, and does not make another.
_one_at_a_time = threading.Lock()


def sentences(translator: Translator, settings: Settings) -> list[str]:
    """What happens to a story, in order."""
    return [*map(translator, WHAT_HAPPENS), translator.many(*BACKUPS_KEEP, settings.backup_days)]


def read_aloud(translator: Translator, settings: Settings) -> Path:
    """The file in which that is read aloud; another one when the words have changed.

    :raises StageFailed: it cannot be made on this machine
    """
    text = "\n\n".join(sentences(translator, settings))
    digest = hashlib.sha256(text.encode()).hexdigest()[:16]
    path = settings.cache_folder / "aloud" / f"{translator.language}-{digest}.m4a"
    with _one_at_a_time:
        if not path.exists():
            speaking.speak(text, translator.language, path)
    return path
