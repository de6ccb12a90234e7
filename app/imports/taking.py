"""Taking in many recordings while one form streams: each file finds its row, and each row is said what became of it.

A file that cannot be taken holds up no other. What arrived is committed file by file, so a form that breaks off is sent
again: rows that were sent before are known by their file's name, their title and their pilot.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request

from app.imports import rows
from app.imports.before import Before, is_being_sent, name_key, sent_before, story_for
from app.imports.rows import Cells
from app.parts import Parts
from app.stories import service
from app.stories.uploading import Taking, account_of
from app.web.multipart import FileBegins, FileBytes, FileEnds, read_form
from app.web.translation import N_, Translator, translator_for
from app.words import say
from models.errors import InUse, Invalid, NoSpace, StoryError, TooMany, Unavailable
from models.roles import Principal
from models.stories import Recording
from storage import pilots

# A card may hold far more files than the table names.
MOST_FILES = 1000
MOST_FIELD_BYTES = 2 * 1024 * 1024
# What the same try may not meet in a moment: a part that does not answer or has no room, a limit, another try.
PASSES = (Unavailable, NoSpace, TooMany, InUse)


class Became(StrEnum):
    """What became of a row: a message each."""

    SENT = N_("sent")
    SENT_BEFORE = N_("sent before")
    REFUSED = N_("not sent")
    NO_FILE = N_("no file came")


CONSENT_RECORDED = N_("The teller's consent is recorded.")
NOBODY_ASKED = N_("Nobody was asked yet.")
SAME_BYTES = N_("The same recording is in story {story} already: look which of the two is too many.")
NOT_TWICE = N_("It was sent before, and is not sent twice.")
OTHER_BYTES = N_(
    "A story of this title came from a file of this name, which held something else. Change the title."
)
STORY_WAITS = N_("Its story waits for the recording: import this row again.")


@dataclass
class Result:
    """A row with what became of it, in its reader's words; ``story_id`` where there is a story."""

    number: int
    cells: Cells
    became: Became = Became.NO_FILE
    says: str = ""
    story_id: str | None = None


class Importing:
    """A form with a table's rows and their files, on its way in."""

    def __init__(
        self,
        parts: Parts,
        sender: Principal,
        table: Sequence[Cells],
        translator: Translator,
        *,
        is_tried_again: bool,
    ) -> None:
        self.parts, self.sender, self.translator = parts, sender, translator
        self.results = [Result(number, cells) for number, cells in enumerate(table, start=1)]
        self.without_row: list[str] = []
        self.is_tried_again = is_tried_again
        self._by_name: dict[str, list[Result]] = {}
        for result in self.results:
            self._by_name.setdefault(name_key(result.cells.get("file", "")), []).append(result)

    def row_of(self, name: str) -> Result | None:
        """The row of a file that has just begun: where several name it, the first that has none yet."""
        waiting = [each for each in self._by_name.get(name_key(name), []) if each.became is Became.NO_FILE]
        return waiting[0] if waiting else None


async def take_files(
    request: Request, parts: Parts, sender: Principal, fields: dict[str, str], *, is_tried_again: bool = False
) -> Importing:
    """Stream a form's files into their stories; its text comes before them.

    :param is_tried_again: whoever sends them tries again by itself: what may pass is raised, and refuses no row
    :raises Invalid: the form is broken, or the connection was cut; what arrived before stays
    :raises StoryError: it may be taken in a moment, where it is tried again (``PASSES``)
    """

    def begin() -> Importing:
        table, translator = rows.packed_rows(fields), translator_for(request)
        return Importing(parts, sender, table, translator, is_tried_again=is_tried_again)

    importing: Importing | None = None
    file: _File | None = None
    try:
        limits = {"most_parts": MOST_FILES, "most_field_bytes": MOST_FIELD_BYTES}
        async for event in read_form(request, fields, **limits):
            match event:
                case FileBegins(name):
                    importing = importing or begin()
                    file = _File(importing, name)
                case FileBytes(data) if file is not None:
                    await file.take(data)
                case FileEnds() if file is not None:
                    await file.end()
                    file = None
    except ClientDisconnect as error:
        raise Invalid("recording-cut-off") from error
    finally:
        if file is not None:
            await file.give_up()
    return importing or begin()


class _File:
    """One file of the form. Whatever is wrong with it is said of its row, and its bytes are let pass."""

    def __init__(self, importing: Importing, name: str) -> None:
        self._all, self._name, self._translator = importing, name, importing.translator
        self._row = importing.row_of(name)
        self._taking: Taking | None = None
        self._before: Before | None = None
        self._digest = hashlib.sha256()
        self._has_begun = False

    async def take(self, data: bytes) -> None:
        is_first, self._has_begun = not self._has_begun, True
        if self._row is None or self._row.became is Became.REFUSED:
            return
        try:
            if is_first:
                await self._begin(self._row)
            if self._taking is not None:
                await self._taking.take(data)
            elif self._before is not None:
                self._digest.update(data)
        except StoryError as error:
            await self._refuse(error)

    async def end(self) -> None:
        if self._row is None or self._row.became is Became.REFUSED:
            # A field in which nothing was chosen comes as a file without a byte.
            if self._row is None and self._has_begun:
                self._all.without_row.append(self._name)
            return
        try:
            if not self._has_begun:
                raise Invalid("recording-empty")
            if self._taking is not None:
                await self._commit(self._row, self._taking)
            elif self._before is not None:
                self._note_before(self._row, self._before)
        except StoryError as error:
            await self._refuse(error)

    async def give_up(self) -> None:
        """Leave nothing half-made."""
        taking, self._taking = self._taking, None
        if taking is not None:
            await taking.give_up_unless_committed()

    async def _begin(self, row: Result) -> None:
        self._before = await run_in_threadpool(self._look, row.cells)
        if self._before is not None:
            return
        row.story_id = await run_in_threadpool(self._make_story, row.cells)
        self._taking = Taking(self._all.parts, self._all.sender, row.story_id)
        await self._taking.begin(self._name)

    def _look(self, cells: Cells) -> Before | None:
        parts, sender = self._all.parts, self._all.sender
        with parts.database.read() as session:
            before = sent_before(session, sender, cells)
            if before is None and self._all.is_tried_again and is_being_sent(session, sender, cells):
                # What a broken try has begun ends first: two at once would make two stories of one row.
                raise InUse("upload-held")
            if before is None:
                pilot = pilots.by_code(session, cells.get("pilot", ""))
                service.check_limits(session, parts.settings, account_of(sender), pilot_ids=[pilot.id])
            return before

    def _make_story(self, cells: Cells) -> str:
        with self._all.parts.database.write() as session:
            return story_for(session, self._all.sender, cells).id

    async def _commit(self, row: Result, taking: Taking) -> None:
        recording_id = await taking.commit()
        row.became = Became.SENT
        row.says = self._translator(CONSENT_RECORDED if rows.uses_of(row.cells) else NOBODY_ASKED)
        if other := await run_in_threadpool(self._other_with_same_bytes, recording_id):
            row.says += " " + self._translator(SAME_BYTES, story=other)

    def _other_with_same_bytes(self, recording_id: str) -> str | None:
        with self._all.parts.database.read() as session:
            recording = session.get(Recording, recording_id)
            if recording is None or recording.sha256 is None:
                return None
            return rows.same_file(session, self._all.sender, recording.sha256, but=recording_id)

    def _note_before(self, row: Result, before: Before) -> None:
        row.story_id = before.story_id
        if self._digest.hexdigest() == before.sha256:
            row.became, row.says = Became.SENT_BEFORE, self._translator(NOT_TWICE)
            return
        row.became, row.says = Became.REFUSED, self._translator(OTHER_BYTES)

    async def _refuse(self, error: StoryError) -> None:
        assert self._row is not None
        if self._all.is_tried_again and isinstance(error, PASSES):
            raise error
        self._row.became = Became.REFUSED
        self._row.says = say(error.code, dict(error.parameters), self._translator)
        if self._row.story_id is not None:
            self._row.says += " " + self._translator(STORY_WAITS)
        await self.give_up()
