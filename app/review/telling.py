"""A story's journal as curators read it: who did what, in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.web.translation import N_, Translator
from models.accounts import Account
from models.journal import JournalEntry
from pipeline.themes.codebook import Codebook
from storage import journal

# Who has no account.
PARTIES: Mapping[str, str] = {
    journal.PIPELINE: N_("The pipeline"),
    journal.TELLER: N_("Somebody in the story"),
    journal.GUARDIAN: N_("A guardian"),
    journal.SERVICE: N_("The service"),
}
SOMEBODY = N_("Somebody")

ACTS: Mapping[str, str] = {
    "submit": N_("{who} sent the story"),
    "receive": N_("{who} sent a recording whole"),
    "ready": N_("{who} prepared a recording"),
    "retry": N_("{who} had a recording listened to again"),
    "take-in-hand": N_("{who} took the story in hand"),
    "put-back": N_("{who} put the story back"),
    "correct-transcript": N_("{who} corrected a transcript"),
    "approve-transcript": N_("{who} approved a transcript"),
    "comment": N_("{who} commented"),
    "take-back-comment": N_("{who} took a comment back"),
    "theme-accepted": N_("{who} accepted the theme “{theme}”"),
    "theme-rejected": N_("{who} rejected the theme “{theme}”"),
    "theme-taken-back": N_("{who} took back what was decided on the theme “{theme}”"),
    "take-up": N_("{who} took the story up for review"),
    "return": N_("{who} returned the story to whoever sent it"),
    "decline": N_("{who} declined the story"),
    "reopen": N_("{who} took the story back to review"),
    "curate": N_("{who} curated the story"),
    "publish": N_("{who} published the story"),
    "unpublish": N_("{who} took the story out of the public"),
    "consent-granted": N_("{who} recorded consent"),
    "consent-narrowed": N_("{who} recorded narrower consent"),
    "consent-widened": N_("{who} recorded wider consent"),
    "consent-renewed": N_("{who} recorded consent anew"),
    "consent-withdrawn": N_("{who} recorded that consent was withdrawn"),
    "consent-expired": N_("{who} noted that consent has ended"),
    "attach-form": N_("{who} attached a signed form"),
    "raise-embargo": N_("{who} put an embargo on the story"),
    "lift-embargo": N_("{who} lifted the embargo"),
    "raise-safeguarding": N_("{who} raised a concern"),
    "lift-safeguarding": N_("{who} lifted a safeguarding flag"),
    "make-link": N_("{who} made a private link"),
    "revoke-link": N_("{who} revoked a private link"),
    "open-link": N_("{who} opened their private link"),
    "make-guardian-link": N_("{who} made a private link for a guardian"),
    "revoke-guardian-link": N_("{who} revoked the private link of a guardian"),
    "open-guardian-link": N_("{who} opened their private link"),
    "send-review-copy": N_("{who} sent the teller a copy to look at"),
    "review-copy-approved": N_("{who} approved the copy that would leave"),
    "review-copy-change-asked": N_("{who} asked for a change"),
    "review-copy-stopped": N_("{who} stopped the copy that would leave"),
    "add-to-collection": N_("{who} put the story into a collection"),
    "remove-from-collection": N_("{who} took the story out of a collection"),
    "annotate-entry": N_("{who} wrote a note beside the story in a collection"),
    "close-entry": N_("{who} closed the story in a release"),
    "open-entry": N_("{who} opened the story in a release again"),
    "recall": N_("{who} recalled copies of the story"),
    "acknowledge-recall": N_("{who} acknowledged a recall"),
    "fetch-original": N_("{who} fetched an original"),
    "fetch-everything": N_("{who} fetched everything that is held of the story"),
    "retention-original": N_("{who} erased an original, as its people agreed"),
}
ANOTHER_ACT = N_("{who}: {act}")


@dataclass(frozen=True)
class Told:
    """One entry in words."""

    at: datetime
    says: str


def tell(
    session: Session, entries: Sequence[JournalEntry], codebook: Codebook, translator: Translator
) -> list[Told]:
    """Entries of one story in words, in their order."""
    actors = {entry.actor for entry in entries}
    names = dict(session.execute(select(Account.id, Account.name).where(Account.id.in_(actors))).all())
    return [
        Told(entry.at, _sentence(entry, names.get(entry.actor), codebook, translator)) for entry in entries
    ]


def _sentence(entry: JournalEntry, name: str | None, codebook: Codebook, translator: Translator) -> str:
    who = name or translator(PARTIES.get(entry.actor, SOMEBODY))
    theme = entry.subject or ""
    if theme in codebook.ids():
        theme = codebook.theme(theme).label(translator.language)
    return translator(ACTS.get(entry.act, ANOTHER_ACT), who=who, theme=theme, act=entry.act.replace("-", " "))
