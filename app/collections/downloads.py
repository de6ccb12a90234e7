"""What a release can be downloaded as, and what each format is good for, in a line."""

from __future__ import annotations

from app.exchange.manifest import TEXT_FORMATS
from app.web.translation import N_

WHOLE = (
    (
        "download.zip",
        N_("Everything"),
        N_(
            "Recordings, captions, texts and a readme in one ZIP: for a workshop without a connection, or to keep."
        ),
    ),
    (
        "manifest.json",
        N_("The list"),
        N_(
            "What is in the release, with digests and what each story may be used for: for programs, "
            "and to check a copy."
        ),
    ),
)
_TEXTS = {
    "captions.vtt": N_("captions for players on web pages"),
    "captions.srt": N_("captions for video editors and older players"),
    "transcript.txt": N_("the text, to read, print and quote"),
    "transcript.json": N_("each word with its time, for programs that analyse"),
}
# A format that nobody has described yet is offered by its name.
TEXTS = tuple((name, _TEXTS.get(name, name)) for name in TEXT_FORMATS)
