"""Which of the words of ``app.words`` reporters and facilitators meet: the catalogues of app/web/locales have them too.

What else can be answered, curators, administrators and programs meet, and read in English.
"""

from __future__ import annotations

# Beside FOR_TELLERS.
FOR_REPORTERS = (
    "not-signed-in",
    "sign-in-failed",
    "not-allowed",
    "link-used-or-ended",
    "sign-in-name-taken",
    "password-length",
    "password-usual",
    "language-unknown",
    "relation-missing",
    "evidence-unfit",
    "recording-missing",
    "recording-cut-off",
    "recording-empty",
    "story-takes-no-recording",
    "too-large",
    "daily-limit",
    "disk-nearly-full",
    "not-a-recording",
    "recording-unfinished",
    "no-sound",
    "sound-track-empty",
    "recording-too-long",
    "rendering-failed",
    "took-too-long",
    "recogniser-crashed",
    "work-parked",
)

# The titles that pages show, by status; the others are for programs.
ON_PAGES = (401, 403, 404, 409, 410, 413, 422, 429, 500, 503)
