"""A story's journal as curators read it: who did what, in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.accounts import Account
from models.journal import JournalEntry
from pipeline.themes.codebook import Codebook
from storage import journal

PARTIES = {
    journal.PIPELINE: "The pipeline",
    journal.TELLER: "Somebody in the story",
    journal.SERVICE: "The service",
}

ACTS: Mapping[str, str] = {
    "submit": "sent the story",
    "receive": "sent a recording whole",
    "ready": "prepared a recording",
    "retry": "had a recording listened to again",
    "take-in-hand": "took the story in hand",
    "put-back": "put the story back",
    "correct-transcript": "corrected a transcript",
    "approve-transcript": "approved a transcript",
    "comment": "commented",
    "take-back-comment": "took a comment back",
    "theme-accepted": "accepted the theme {theme}",
    "theme-rejected": "rejected the theme {theme}",
    "theme-taken-back": "took back what was decided on the theme {theme}",
    "take-up": "took the story up for review",
    "return": "returned the story to whoever sent it",
    "decline": "declined the story",
    "reopen": "took the story back to review",
    "curate": "curated the story",
    "publish": "published the story",
    "unpublish": "took the story out of the public",
    "consent-granted": "recorded consent",
    "consent-narrowed": "recorded narrower consent",
    "consent-widened": "recorded wider consent",
    "consent-renewed": "recorded consent anew",
    "consent-withdrawn": "recorded that consent was withdrawn",
    "consent-expired": "noted that consent has ended",
    "attach-form": "attached a signed form",
    "raise-embargo": "put an embargo on the story",
    "lift-embargo": "lifted the embargo",
    "raise-safeguarding": "raised a concern",
    "lift-safeguarding": "lifted a safeguarding flag",
    "make-link": "made a private link",
    "revoke-link": "revoked a private link",
    "open-link": "opened their private link",
    "send-review-copy": "sent the teller a copy to look at",
    "review-copy-approved": "approved the copy that would leave",
    "review-copy-change-asked": "asked for a change",
    "review-copy-stopped": "stopped the copy that would leave",
    "add-to-collection": "put the story into a collection",
    "remove-from-collection": "took the story out of a collection",
    "annotate-entry": "wrote a note beside the story in a collection",
    "close-entry": "closed the story in a release",
    "open-entry": "opened the story in a release again",
    "recall": "recalled copies of the story",
    "acknowledge-recall": "acknowledged a recall",
    "fetch-original": "fetched an original",
    "fetch-everything": "fetched everything that is held of the story",
    "retention-original": "erased an original, as its people agreed",
}


@dataclass(frozen=True)
class Told:
    """One entry in words."""

    at: datetime
    who: str
    what: str


def tell(session: Session, entries: Sequence[JournalEntry], codebook: Codebook) -> list[Told]:
    """Entries of one story in words, in their order."""
    actors = {entry.actor for entry in entries}
    names = dict(session.execute(select(Account.id, Account.name).where(Account.id.in_(actors))).all())
    return [
        Told(entry.at, names.get(entry.actor) or PARTIES.get(entry.actor, "Somebody"), _what(entry, codebook))
        for entry in entries
    ]


def _what(entry: JournalEntry, codebook: Codebook) -> str:
    theme = entry.subject or ""
    if theme in codebook.ids():
        theme = codebook.theme(theme).label("en")
    return ACTS.get(entry.act, entry.act.replace("-", " ")).format(theme=f"“{theme}”")
