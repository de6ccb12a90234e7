"""Reading a table as spreadsheets write it: whatever separator, in Unicode or in an older set of letters."""

from __future__ import annotations

import csv
import io
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from itertools import zip_longest

from app.imports.columns import NAMES, NEEDED
from app.web.translation import N_
from models.errors import Invalid

MOST_ROWS = 300
MOST_BYTES = 256 * 1024
MARKS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
# What a spreadsheet writes where it writes no Unicode, by the language that it is set to.
OLDER: Mapping[str, str] = {
    "cp1252": N_("Western European"),
    "cp1250": N_("Central European (Polish, Hungarian)"),
    "cp1253": N_("Greek"),
    "cp1257": N_("Baltic (Estonian)"),
}
OF_LANGUAGE = {"pl": "cp1250", "hu": "cp1250", "el": "cp1253", "et": "cp1257"}
SEPARATORS = ";,\t"


@dataclass(frozen=True)
class Table:
    """``rows`` by column, cells stripped. ``letters``: the older set that it was taken to be in; None: Unicode."""

    rows: list[dict[str, str]]
    letters: str | None
    unknown_columns: list[str]


def read(content: bytes, *, languages: Collection[str] = (), letters: str | None = None) -> Table:
    """As :func:`table_of`, of a table that somebody sends.

    :raises Invalid: it is no table, lacks a column, or has too many rows or none
    """
    too_large = Invalid("csv-too-large", rows=MOST_ROWS, kilobytes=MOST_BYTES // 1024)
    if len(content) > MOST_BYTES:
        raise too_large
    table = table_of(content, languages=languages, letters=letters)
    if not table.rows:
        raise Invalid("csv-empty")
    if len(table.rows) > MOST_ROWS:
        raise too_large
    return table


def table_of(content: bytes, *, languages: Collection[str] = (), letters: str | None = None) -> Table:
    """Read a table of recordings, however long.

    :param languages: of its sender's pilots, by which letters are guessed where the file does not say
    :param letters: one of :data:`OLDER`, where somebody chose
    :raises Invalid: it is no table, or lacks a column
    """
    text, found = _decoded(content, languages, letters)
    lines = [line for line in _lines(text) if any(cell.strip() for cell in line)]
    names = [_column(cell) for cell in lines[0]] if lines else []
    if missing := [name for name in NEEDED if name not in names]:
        raise Invalid("csv-columns-missing", columns=missing)
    rows = [_by_column(names, line) for line in lines[1:]]
    return Table(rows, found, [name for name in dict.fromkeys(names) if name and name not in NAMES])


def _decoded(content: bytes, languages: Collection[str], letters: str | None) -> tuple[str, str | None]:
    try:
        if letters is not None and letters in OLDER:
            return content.decode(letters, "replace"), letters
        for mark, encoding in MARKS:
            if content.startswith(mark):
                return content.decode(encoding), None
    except UnicodeError as error:
        raise Invalid("csv-unreadable") from error
    try:
        return content.decode("utf-8"), None
    except UnicodeError:
        guessed = next((OF_LANGUAGE[code] for code in languages if code in OF_LANGUAGE), "cp1252")
        return content.decode(guessed, "replace"), guessed


def _lines(text: str) -> Iterator[list[str]]:
    first, _, rest = text.partition("\n")
    if first.strip().lower().startswith("sep="):
        # Some spreadsheets say their separator in a line of its own.
        text, first = rest, rest.partition("\n")[0]
    separator = max(SEPARATORS, key=lambda each: sum(_column(cell) in NAMES for cell in first.split(each)))
    try:
        yield from csv.reader(io.StringIO(text.replace("\0", "")), delimiter=separator)
    except csv.Error as error:
        raise Invalid("csv-unreadable") from error


def _column(cell: str) -> str:
    return cell.strip().strip('"\ufeff').strip().casefold().replace(" ", "_").replace("-", "_")


def _by_column(names: list[str], line: list[str]) -> dict[str, str]:
    return {
        name: cell.strip()
        for name, cell in zip_longest(names, line[: len(names)], fillvalue="")
        if name in NAMES
    }
