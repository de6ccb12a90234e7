"""Bulk import for facilitators: a table is looked at first, then its files are sent in one form, without a script.

With one, the page sends each file in a request of its own, by the same route, and says at once what became of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from starlette.concurrency import run_in_threadpool

from app.access import Importer
from app.imports import columns, reading, rows, taking
from app.imports.before import name_key, sent_before
from app.imports.reading import Table
from app.imports.rows import Cells
from app.parts import House, Parts
from app.stories import service
from app.stories.uploading import account_of
from app.web.bodies import STREAMED
from app.web.multipart import FileBytes, read_form
from app.web.rendering import render, wants_page
from app.web.translation import Phrase, Translator, translator_for
from app.words import say
from models.errors import Invalid, StoryError
from models.pilots import Pilot
from models.roles import Principal
from storage import pilots

router = APIRouter(prefix="/imports")

# A form that sends a table, and a table that is too large: it is read as far as this, to say so.
MOST_READ_BYTES = 2 * reading.MOST_BYTES

COLOURS: Mapping[taking.Became, str] = {
    taking.Became.SENT: "green",
    taking.Became.SENT_BEFORE: "grey",
    taking.Became.REFUSED: "red",
    taking.Became.NO_FILE: "yellow",
}


@dataclass(frozen=True)
class Checked:
    """A row before its import: what is wrong with it, or the story that it is already."""

    number: int
    cells: Cells
    faults: list[Phrase]
    story_id: str | None


@router.get("")
def begin(request: Request, parts: House, sender: Importer) -> Response:
    return render(
        request,
        "import.html",
        columns=columns.COLUMNS,
        pilots=_pilots_of(parts, sender),
        letters=reading.OLDER,
        most_rows=reading.MOST_ROWS,
    )


@router.get("/template.csv")
def template(parts: House, sender: Importer) -> Response:
    content = columns.template([pilot.code for pilot in _pilots_of(parts, sender)])
    disposition = {"Content-Disposition": 'attachment; filename="recordings.csv"'}
    return Response(content, media_type="text/csv; charset=utf-8", headers=disposition)


@router.post("/check")
async def check(request: Request, parts: House, sender: Importer) -> Response:
    """A dry run: every row is tried, and nothing of it stays."""
    fields: dict[str, str] = {}
    content = bytearray()
    async for event in read_form(request, fields):
        if isinstance(event, FileBytes) and len(content) < MOST_READ_BYTES:
            content += event.data
    return await run_in_threadpool(_checked, request, parts, sender, bytes(content), fields.get("letters"))


def _checked(
    request: Request, parts: Parts, sender: Principal, content: bytes, letters: str | None
) -> Response:
    own = _pilots_of(parts, sender)
    languages = [language for pilot in own for language in pilot.languages]
    table = reading.read(content, languages=languages, letters=letters)
    found = [
        Checked(number, cells, *_look(parts, sender, cells)) for number, cells in enumerate(table.rows, 1)
    ]
    return render(
        request,
        "import-check.html",
        table=table,
        rows=found,
        wrong=sum(bool(each.faults) for each in found),
        before=sum(each.story_id is not None for each in found),
        twice=_named_twice(table),
        letters=reading.OLDER.get(table.letters or ""),
        obstacle=_obstacle(parts, sender, own, translator_for(request)),
        packed=rows.packed(table.rows),
        uses_of=rows.uses_of,
    )


def _look(parts: Parts, sender: Principal, cells: Cells) -> tuple[list[Phrase], str | None]:
    with parts.database.read() as session:
        before = sent_before(session, sender, cells)
    return ([], before.story_id) if before else (rows.faults(parts, sender, cells), None)


def _named_twice(table: Table) -> list[str]:
    """Files that several rows name: each needs its own, or a name of its own."""
    names = [cells.get("file", "") for cells in table.rows]
    keys = [name_key(name) for name in names]
    return sorted({name for name, key in zip(names, keys, strict=True) if name and keys.count(key) > 1})


def _obstacle(parts: Parts, sender: Principal, own: list[Pilot], translator: Translator) -> str | None:
    """What would keep everything out now: a disk that is full, or a day's limit."""
    try:
        with parts.database.read() as session:
            service.check_limits(
                session, parts.settings, account_of(sender), pilot_ids=[pilot.id for pilot in own]
            )
    except StoryError as error:
        return say(error.code, dict(error.parameters), translator)
    return None


@router.post("", max_body_size=STREAMED)
async def send(request: Request, parts: House, sender: Importer) -> Response:
    """The files of a table that was looked at, streamed one after the other; what became of each row is answered."""
    fields: dict[str, str] = {}
    is_script = not wants_page(request)
    done = await taking.take_files(request, parts, sender, fields, is_tried_again=is_script)
    if not done.results:
        raise Invalid("csv-empty")
    if is_script:
        return _for_script(done, translator_for(request))
    left = [
        each.cells for each in done.results if each.became in (taking.Became.NO_FILE, taking.Became.REFUSED)
    ]
    return render(
        request,
        "import-done.html",
        results=done.results,
        without_row=done.without_row,
        counts={each: sum(row.became is each for row in done.results) for each in taking.Became},
        Became=taking.Became,
        colours=COLOURS,
        packed=rows.packed(left) if left else None,
        left=len(left),
    )


def _for_script(done: taking.Importing, translator: Translator) -> Response:
    """What became of the rows whose files came, in the words of the page."""
    came = [each for each in done.results if each.became is not taking.Became.NO_FILE]
    return JSONResponse(
        {
            "rows": [
                {
                    "number": each.number,
                    "file": each.cells.get("file", ""),
                    "title": each.cells.get("title", ""),
                    "story": f"/stories/{each.story_id}" if each.story_id else None,
                    "became": each.became,
                    "label": translator(each.became.value),
                    "colour": COLOURS[each.became],
                    "says": each.says,
                }
                for each in came
            ],
            "without_row": done.without_row,
        },
        headers={"Cache-Control": "no-store"},
    )


def _pilots_of(parts: Parts, sender: Principal) -> list[Pilot]:
    with parts.database.read() as session:
        return pilots.of_ids(session, sender.pilots_as(*service.SENDERS))
