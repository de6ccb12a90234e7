"""A row of a table becomes a story: everything that is wrong with it is said, and nothing is assumed of consent."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence

from pydantic import ValidationError
from sqlalchemy.orm import Session

from app.consents.forms import APPEARANCES, consent_of
from app.consents.schemas import ConsentIn
from app.consents.service import terms_of
from app.imports.columns import NAMES, NEEDED
from app.imports.reading import MOST_ROWS
from app.parts import Parts
from app.stories import service
from app.stories.schemas import PersonIn, StoryIn
from app.web.fields import fault_of, wrong_fields
from app.web.translation import N_, Phrase
from app.words import WORDS
from models.consent import Manner, Use
from models.errors import Invalid, StoryError
from models.roles import Principal
from models.stories import DETECT, Part, Purpose, Recording, RecordingState, Story
from pipeline.transcription.languages import is_known
from storage import consents, gate
from storage.database import WriteSession

Cells = Mapping[str, str]

# What can be wrong with a cell; the names of columns and the words that stand in cells are in no language.
EMPTY = N_("{column}: this cell is empty")
UNKNOWN_LANGUAGE = N_("language: “{cell}” is not one we can hear; write a code such as pl, or detect")
UNKNOWN_WORD = N_("{column}: “{cell}” is none of {words}")
NO_RELATION = N_("relation: say how whoever agreed on behalf is related to the teller")
NO_USE = N_("consent: this cell is empty, but {columns} is filled in; say what was agreed to")


def story_of(cells: Cells) -> StoryIn:
    """The story that a row describes.

    :raises Invalid: something in the row is wrong; says all of it
    """
    wrong = list(_wrong(cells))
    try:
        told = None if wrong else _story(cells)
    except (ValidationError, ValueError) as error:
        wrong = _of_schema(error)
    if wrong or told is None:
        raise Invalid("row-unfit", faults=wrong)
    return told


def _story(cells: Cells) -> StoryIn:
    others = [label for each in cells.get("others", "").split("/") if (label := each.strip())]
    return StoryIn(
        title=cells["title"],
        language=cells["language"],
        pilots=[cells["pilot"]],
        purpose=Purpose(cells.get("purpose") or Purpose.INPUT),
        told_when=cells.get("told_when") or None,
        told_where=cells.get("told_where") or None,
        recorded_by=cells.get("recorded_by") or None,
        content_warning=cells.get("content_warning") or None,
        people=[
            PersonIn(
                label=cells.get("teller") or "teller",
                part=Part.TELLER,
                shown_name=cells.get("shown_name") or None,
                contact=cells.get("contact") or None,
                guardian=cells.get("guardian") or None,
            ),
            *(PersonIn(label=label, part=Part.HEARD) for label in others),
        ],
    )


def uses_of(cells: Cells) -> list[str]:
    """The uses that a row says its teller agreed to; none: nobody was asked."""
    return cells.get("consent", "").replace(",", " ").lower().split()


def consent_in(cells: Cells, pilots: list[str]) -> ConsentIn | None:
    """The consent that a row records; None: nobody was asked."""
    uses = uses_of(cells)
    if not uses:
        return None
    said = {name: each for name, each in cells.items() if each} | {f"use-{use}": "yes" for use in uses}
    if cells.get("language") != DETECT:
        # People are asked in the language in which they tell.
        said.setdefault("consent_language", cells.get("language", ""))
    return consent_of(said, pilots)


def _wrong(cells: Cells) -> Iterator[Phrase]:
    yield from (Phrase(EMPTY, {"column": name}) for name in NEEDED if not cells.get(name))
    language = cells.get("language", "")
    if language and language != DETECT and not is_known(language):
        yield Phrase(UNKNOWN_LANGUAGE, {"cell": language})
    for name, words in (("purpose", Purpose), ("manner", Manner), ("appearance", APPEARANCES)):
        cell = cells.get(name, "")
        if cell and cell not in list(words):
            yield Phrase(UNKNOWN_WORD, {"column": name, "cell": cell, "words": ", ".join(words)})
    # A use that is misspelled would be lost without a word.
    unknown = [use for use in uses_of(cells) if use not in list(Use)]
    if unknown:
        yield Phrase(UNKNOWN_WORD, {"column": "consent", "cell": " ".join(unknown), "words": ", ".join(Use)})
    if cells.get("manner") == Manner.ON_BEHALF and not cells.get("relation"):
        yield Phrase(NO_RELATION)
    said_without_use = [name for name in ("manner", "evidence", "until") if cells.get(name)]
    if said_without_use and not uses_of(cells):
        yield Phrase(NO_USE, {"columns": ", ".join(said_without_use)})


def _of_schema(error: ValueError) -> list[Phrase]:
    if isinstance(error, ValidationError):
        return [fault_of(each) for each in wrong_fields(error.errors())]
    return [Phrase(str(error))]


def submit(session: WriteSession, sender: Principal, cells: Cells) -> Story:
    """The story of a row, with the consent that it records.

    :raises StoryError: it cannot be
    """
    sent = story_of(cells)
    story = service.submit(session, sender, sent)
    consent = consent_in(cells, sent.pilots)
    if consent is not None:
        terms = terms_of(session, consent)
        consents.record(session, story, story.people[0].id, terms, actor=sender.account_id or "")
    return story


class _Rehearsed(Exception):
    """Nothing stood in the way; raised so that the transaction is rolled back."""


def rehearse(parts: Parts, deed: Callable[[WriteSession], object]) -> None:
    """Everything that could refuse is asked, and nothing of it stays.

    :raises StoryError: something would refuse
    """
    with contextlib.suppress(_Rehearsed), parts.database.write() as session:
        deed(session)
        raise _Rehearsed


def faults(parts: Parts, sender: Principal, cells: Cells) -> list[Phrase]:
    """What stands in a row's way, in words; nothing: it can be sent."""
    try:
        rehearse(parts, lambda session: submit(session, sender, cells))
    except StoryError as error:
        if error.code == "row-unfit":
            return list(_listed(error.parameters["faults"]))
        return [Phrase(WORDS[error.code], error.parameters)]
    return []


def _listed(found: object) -> Iterator[Phrase]:
    assert isinstance(found, list)
    yield from found


def same_file(session: Session, sender: Principal, sha256: str, *, but: str | None = None) -> str | None:
    """The story in which this sender sent the same file, if there is one: others' stories are not looked at.

    :param but: the id of a recording that is not meant
    """
    query = (
        gate.readable(sender)
        .with_only_columns(Story.id)
        .join(Recording, Recording.story_id == Story.id)
        .where(
            Recording.sha256 == sha256,
            Recording.sent_by == sender.account_id,
            Recording.state != RecordingState.UPLOADING,
            Recording.id != (but or ""),
        )
    )
    return session.scalars(query.limit(1)).first()


def packed(table: Sequence[Cells]) -> str:
    """Rows as a form carries them from the look at them to their import."""
    return json.dumps([dict(cells) for cells in table], ensure_ascii=False)


def packed_rows(fields: Mapping[str, str]) -> list[dict[str, str]]:
    """The rows that a form carries: whatever comes is judged again, row by row.

    :raises Invalid: they are none
    """
    try:
        found = json.loads(fields.get("rows", ""))
        if not isinstance(found, list) or not 0 < len(found) <= MOST_ROWS:
            raise ValueError
        return [{name: _kept(str(cells[name])) for name in NAMES if name in cells} for cells in found]
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise Invalid("csv-unreadable") from error


def _kept(cell: str) -> str:
    """A cell as a database takes it: JSON lets its sender write NUL, and halves of characters."""
    return cell.replace("\0", "").encode("utf-8", "replace").decode().strip()
