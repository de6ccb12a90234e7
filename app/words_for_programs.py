"""Which of the words of ``app.words`` no page says: those of protocols and of the command line. They stay English.

What else can be answered is in the catalogues of app/web/locales.
"""

from __future__ import annotations

FOR_PROGRAMS = frozenset(
    {
        # Whoever sends no key, or one that may not, is a program; people are led elsewhere.
        "api-key-unknown",
        "scope-missing",
        "session-needed",
        "metrics-token-missing",
        "second-factor-missing",
        "kiosk-closed",
        # Headers, and uploads in pieces.
        "range-unfit",
        "unfinished-limit",
        "tus-version-unknown",
        "upload-not-found",
        "upload-expired",
        "upload-header-unfit",
        "upload-length-missing",
        "upload-length-changed",
        "upload-length-exceeded",
        "upload-kind-unknown",
        "upload-offset-wrong",
        "upload-checked-too-large",
        "upload-damaged",
        "upload-cut-off",
        "upload-taken-over",
        "upload-held",
        "upload-changed",
        "upload-complete",
        "upload-parts-lost",
        # Setting up, upgrading, backing up and the journal: on the command line, to whoever runs the service.
        "copy-impossible",
        "schema-newer",
        "rows-lost-in-upgrade",
        "backup-key-missing",
        "backup-key-unfit",
        "backup-key-there",
        "backup-key-inside",
        "backup-key-wrong",
        "backup-busy",
        "backup-not-written",
        "backup-not-there",
        "backup-of-nothing",
        "backup-damaged",
        "backup-newer",
        "restore-not-empty",
        "restore-workflows-left",
        "restore-unfinished",
        "demo-folder-taken",
        "journal-broken",
        "journal-key-unfit",
        "weights-missing",
        "weights-changed",
        "engine-unknown",
        "object-store-not-for-this-machine",
        "lemma-tables-missing",
        "codebook-broken",
        "themes-not-yet",
        "file-not-there",
        # Housekeeping's own, which goes on by itself.
        "objects-not-erased",
        "index-not-compacted",
        "files-not-rewritten",
        "work-cancelled",
    }
)
