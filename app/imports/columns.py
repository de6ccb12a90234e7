"""The columns of a table of recordings: what each is for, said where people fill it in."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass

from app.web.translation import N_


@dataclass(frozen=True)
class Column:
    """One column, and a message of what it is for; ``example`` stands in the template."""

    name: str
    says: str
    example: str = ""
    is_needed: bool = False


COLUMNS: tuple[Column, ...] = (
    Column("file", N_("The name of the recording's file, as it is on the card."), "R0001.WAV", True),
    Column(
        "title", N_("A name by which you find the story again. No name of the teller."), "The bench", True
    ),
    Column("language", N_("Its code, such as pl; or detect, to let the machine find out."), "en", True),
    Column("pilot", N_("The code of your pilot."), "", True),
    Column("teller", N_("How you know who tells it, such as: Anna, second floor.")),
    Column("shown_name", N_("The name or other name that may be shown, where the teller agrees to one.")),
    Column("contact", N_("How the teller is reached. Kept apart, and never exported.")),
    Column("guardian", N_("Who stands beside a teller who is a minor or represented. They are asked, too.")),
    Column("others", N_("Who else is heard in it, with / between them. Each of them is asked on their own.")),
    Column(
        "consent",
        N_(
            "What the teller agreed to: curation, sharing, publication, research, translation, excerpts; "
            "several with a space between. Empty: nobody was asked yet."
        ),
        "curation sharing",
    ),
    Column("appearance", N_("How the teller appears: hidden, unnamed, pseudonym or named. Empty: hidden.")),
    Column("manner", N_("How it was agreed: form, spoken or on-behalf. Empty: form.")),
    Column("relation", N_("If on-behalf: how they are related to the teller.")),
    Column("evidence", N_("Where the agreement is seen or heard, such as: paper form 12."), "paper form 12"),
    Column("until", N_("The last day on which it holds, such as 2027-03-31. Empty: until it is taken back.")),
    Column("consent_language", N_("The language in which the teller was asked. Empty: that of the story.")),
    Column("purpose", N_("input, co-evaluation or both. Empty: input.")),
    Column("told_when", N_("Roughly when it was told."), "May 2026"),
    Column("told_where", N_("Roughly where.")),
    Column("recorded_by", N_("Who recorded it.")),
    Column("content_warning", N_("What somebody should know before they listen.")),
)
NEEDED = tuple(column.name for column in COLUMNS if column.is_needed)
NAMES = frozenset(column.name for column in COLUMNS)


def template(pilot_codes: Sequence[str]) -> bytes:
    """A table to fill in, as European spreadsheets open it at once: UTF-8 with its mark, semicolons between."""
    table = io.StringIO()
    writer = csv.writer(table, delimiter=";")
    writer.writerow([column.name for column in COLUMNS])
    own = {"pilot": pilot_codes[0] if pilot_codes else ""}
    writer.writerow([own.get(column.name, column.example) for column in COLUMNS])
    return b"\xef\xbb\xbf" + table.getvalue().encode()
