"""Many recordings in one form: each row is said what is wrong with it, and what became of it; none is sent twice."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import httpx2
import pytest
from sqlalchemy import select, update

from app.imports import columns, reading, taking
from app.imports.before import name_key
from app.parts import Parts
from app.settings import Settings
from models.consent import Use
from models.errors import Invalid, Unavailable
from models.roles import Principal, Role
from models.stories import Recording, RecordingState, Story, StoryPerson
from models.uploads import Upload
from pipeline.themes.codebook import load_codebook
from storage import ledger, pilots
from storage.database import Database
from storage.objects import Objects
from tests.app.conftest import Rooms
from tests.plugins.served import Served, serving_over
from tests.plugins.stories import Field

HEADER = "file;title;language;pilot;consent;evidence\r\n"


class Desk:
    """A facilitator at the page for bulk import."""

    browser: httpx2.Client

    def __init__(self, served: Served | Rooms) -> None:
        self.served, self.field = served, Field(served.parts.database)
        self.pilot = self.field.pilot()
        self.facilitator = self.field.account(Role.FACILITATOR, self.pilot)
        self.browser = served.browser(self.facilitator)

    def look(self, content: str | bytes, **fields: str) -> httpx2.Response:
        sent = content.encode() if isinstance(content, str) else content
        files = {"table": ("rows.csv", sent, "text/csv")}
        return self.browser.post("/imports/check", data=fields, files=files)

    def send(self, rows: str | list[dict[str, str]], *files: tuple[str, bytes]) -> httpx2.Response:
        packed = rows if isinstance(rows, str) else json.dumps(rows)
        sent = [("files", (name, content, "audio/wav")) for name, content in files]
        return self.browser.post("/imports", data={"rows": packed}, files=sent or [("files", ("", b""))])

    def stories(self) -> list[Story]:
        with self.served.parts.database.read() as session:
            return list(session.scalars(select(Story).order_by(Story.created_at)))

    def recordings(self) -> list[Recording]:
        with self.served.parts.database.read() as session:
            return list(session.scalars(select(Recording).order_by(Recording.created_at)))

    def permits(self, story: Story, use: Use) -> bool:
        with self.served.parts.database.read() as session:
            return ledger.permits(session, story.id, use)


@pytest.fixture
def looking(rooms: Rooms) -> Desk:
    """Where nothing is sent: without a server, and without a store."""
    return Desk(rooms)


@pytest.fixture
def desk(tmp_path: Path, sqlite_database: Database, object_store: Objects) -> Iterator[Desk]:
    settings = Settings(_env_file=None, data=tmp_path, workers=0, min_free_bytes=0, max_upload_bytes=100_000)
    with serving_over(Parts(settings, sqlite_database, object_store, load_codebook())) as served:
        yield Desk(served)


class _Packed(HTMLParser):
    value = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if given.get("name") == "rows":
            self.value = given.get("value") or ""


def packed_on(page: httpx2.Response) -> str:
    """The rows that a page carries to the next one."""
    reader = _Packed()
    reader.feed(page.text)
    return reader.value


def row(**cells: str) -> dict[str, str]:
    return {"file": "a.wav", "title": "The bench", "language": "en", "pilot": "spring"} | cells


# ---- looking ------------------------------------------------------------------------------------------------------


def test_dry_run_says_of_each_row_what_is_wrong_and_keeps_nothing(looking: Desk) -> None:
    table = HEADER + (
        "R1.wav;Ławka & <studnia>;pl;spring;curation sharing;form 1\r\n"
        "R2.wav;;xx;spring;curatoin;\r\n"
        "R3.wav;Winter;en;winter;;\r\n"
        "R4.wav;Quiet;en;spring;;form 2\r\n"
    )
    page = looking.look(table)
    assert page.status_code == 200, page.text
    assert "3 of 4 rows are wrong" in page.text
    assert "Ławka &amp; &lt;studnia&gt;" in page.text
    for said in (
        "title: this cell is empty",
        "“xx” is not one we can hear",
        "“curatoin” is none of",
        "There is no such pilot.",
        "consent: this cell is empty, but evidence is filled in",
    ):
        assert said in page.text
    assert looking.stories() == []


def test_another_pilots_row_is_wrong(looking: Desk) -> None:
    looking.field.pilot("autumn")
    assert "You have no role in one of these pilots" in looking.look(HEADER + "a.wav;A;en;autumn;;\r\n").text


@pytest.mark.parametrize(
    ("content", "letters", "shown"),
    [
        ("\ufefffile,Title,LANGUAGE,pilot\na.wav,Zażółć,pl,spring\n".encode(), "", "Zażółć"),
        ("sep=;\nfile;title;language;pilot\na.wav;Zażółć;pl;spring\n".encode("cp1250"), "", "Zażółć"),
        ("file\ttitle\tlanguage\tpilot\na.wav\tΤο παγκάκι\tel\tspring\n".encode("utf-16"), "", "Το παγκάκι"),
        ("file;title;language;pilot\na.wav;Το παγκάκι;el;spring\n".encode("cp1253"), "cp1253", "Το παγκάκι"),
        (b'file,title,language,pilot\r\na.wav,"One, two",en,spring\r\n', "", "One, two"),
    ],
)
def test_tables_are_read_as_spreadsheets_write_them(
    looking: Desk, content: bytes, letters: str, shown: str
) -> None:
    page = looking.look(content, letters=letters)
    assert page.status_code == 200, page.text
    assert shown in page.text
    assert "1 row is right" in page.text


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "csv-columns-missing"),
        (b"file,title\na,b\n", "csv-columns-missing"),
        (HEADER.encode(), "csv-empty"),
        (HEADER.encode() + b"a.wav;A;en;spring;;\r\n" * (reading.MOST_ROWS + 1), "csv-too-large"),
        (b"x" * (reading.MOST_BYTES + 1), "csv-too-large"),
        (b"\xff\xfe\x00", "csv-unreadable"),
    ],
)
def test_what_is_no_table_is_refused_in_words(content: bytes, code: str) -> None:
    with pytest.raises(Invalid) as caught:
        reading.read(content)
    assert caught.value.code == code


def test_template_has_every_column_and_its_row_is_right(looking: Desk) -> None:
    answer = looking.browser.get("/imports/template.csv")
    assert answer.content.startswith(b"\xef\xbb\xbf")
    header = answer.content.decode("utf-8-sig").splitlines()[0]
    assert header.split(";") == [column.name for column in columns.COLUMNS]
    assert "1 row is right" in looking.look(answer.content).text


# ---- sending ------------------------------------------------------------------------------------------------------


def test_each_file_finds_its_row_and_consent_is_only_what_the_row_says(desk: Desk) -> None:
    page = desk.look(HEADER + "R1.wav;One;en;spring;curation;form 1\r\nłąka.wav;Two;pl;spring;;\r\n")
    contents = {"R1.wav": b"RIFF one" * 5000, "łąka.wav": b"RIFF two"}
    done = desk.send(packed_on(page), *contents.items(), ("other.wav", b"RIFF"))
    assert done.status_code == 200, done.text
    assert "2 of 2 recordings sent" in done.text
    assert "other.wav" in done.text
    one, two = desk.stories()
    assert (one.title, two.title) == ("One", "Two")
    assert (desk.permits(one, Use.CURATION), desk.permits(two, Use.CURATION)) == (True, False)
    assert "Nobody was asked yet." in done.text
    for recording, content in zip(desk.recordings(), contents.values(), strict=True):
        assert recording.state is RecordingState.WAITING
        assert recording.sha256 == hashlib.sha256(content).hexdigest()


def test_repeating_an_import_doubles_nothing(desk: Desk) -> None:
    rows = [row(), row(file="b.wav", title="Well")]
    assert "1 of 2 recordings sent" in desk.send(rows, ("a.wav", b"RIFF a")).text
    again = desk.send(rows, ("A.WAV", b"RIFF a"), ("b.wav", b"RIFF b"))
    assert "It was sent before, and is not sent twice." in again.text
    assert "1 of 2 recordings sent" in again.text
    assert len(desk.stories()) == len(desk.recordings()) == 2
    assert "sent before" in desk.look(HEADER + "a.wav;The bench;en;spring;;\r\n").text


def test_another_recording_by_the_same_name_and_title_is_not_taken_for_the_first(desk: Desk) -> None:
    desk.send([row()], ("a.wav", b"RIFF a"))
    assert "held something else" in desk.send([row()], ("a.wav", b"RIFF other")).text
    assert len(desk.stories()) == 1


def test_what_is_wrong_with_one_file_holds_up_no_other(desk: Desk) -> None:
    rows = [
        row(file="empty.wav", title="Empty"),
        row(file="big.wav", title="Big"),
        row(file="x.wav", title=""),
        row(file="gone.wav", title="Gone"),
        row(file="good.wav", title="Good"),
    ]
    sent = (("empty.wav", b""), ("big.wav", b"x" * 100_001), ("x.wav", b"RIFF"), ("good.wav", b"RIFF"))
    page = desk.send(rows, *sent)
    for said in (
        "The recording is empty.",
        "The file is larger than what is taken in one piece",
        "title: this cell is empty.",
        "No file of this name was among those that you chose.",
        "1 of 5 recordings sent",
    ):
        assert said in page.text
    assert [each.state for each in desk.recordings()] == [RecordingState.WAITING]
    # The one that broke off left its story: the row goes on with it.
    assert {each.title for each in desk.stories()} == {"Big", "Good"}
    assert (
        "1 of 1 recordings sent".replace("recordings", "recording")
        in desk.send([rows[1]], ("big.wav", b"RIFF smaller")).text
    )
    assert len(desk.stories()) == 2


def test_pilots_own_limit_for_a_day_holds_in_the_middle_of_an_import(desk: Desk) -> None:
    with desk.served.parts.database.write() as session:
        pilots.limit(session, pilots.by_code(session, "spring"), 5, actor="test")
    rows = [row(), row(file="b.wav", title="Well")]
    page = desk.send(rows, ("a.wav", b"RIFF a.."), ("b.wav", b"RIFF b"))
    assert "1 of 2 recordings sent" in page.text
    assert "This pilot has received as much as it may in a day." in page.text
    assert "This pilot has received" in desk.look(HEADER + "c.wav;C;en;spring;;\r\n").text, "said beforehand"


def test_script_of_the_page_is_told_of_the_rows_whose_files_came(desk: Desk) -> None:
    rows = [row(), row(file="b.wav", title="Two"), row(file="c.wav", title="")]
    sent = [("files", (name, b"RIFF", "audio/wav")) for name in ("c.wav", "B.WAV", "dog.wav")]
    answer = desk.browser.post(
        "/imports", data={"rows": json.dumps(rows)}, files=sent, headers={"accept": "application/json"}
    )
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
    told = answer.json()
    assert told["without_row"] == ["dog.wav"]
    (story,) = desk.stories()
    assert [(each["number"], each["became"], each["story"]) for each in told["rows"]] == [
        (2, "sent", f"/stories/{story.id}"),
        (3, "not sent", None),
    ]
    assert "title" in told["rows"][1]["says"]


def test_script_tries_again_what_may_pass(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    as_script = {"accept": "application/json"}
    sent = {"data": {"rows": json.dumps([row()])}, "files": [("files", ("a.wav", b"RIFF", "audio/wav"))]}
    # Another try of the same row is on its way, or its line broke and nobody has noticed yet.
    story_id = desk.browser.post("/imports", **sent, headers=as_script).json()["rows"][0]["story"][9:]
    with desk.served.parts.database.write() as session:
        (recording,) = session.scalars(select(Recording).where(Recording.story_id == story_id))
        recording.state, recording.sha256 = RecordingState.UPLOADING, None
        session.execute(update(Upload).values(completed_at=None))
        assert session.scalars(select(Upload.recording_id)).all() == [recording.id]
    answer = desk.browser.post("/imports", **sent, headers=as_script)
    assert (answer.status_code, answer.json()["code"]) == (423, "upload-held")
    assert len(desk.stories()) == 1
    # A part that does not answer refuses no row.
    other = {**sent, "data": {"rows": json.dumps([row(title="Two")])}}
    with monkeypatch.context() as away:
        away.setattr(taking, "story_for", unavailable)
        answer = desk.browser.post("/imports", **other, headers=as_script)
        assert (answer.status_code, answer.headers["retry-after"].isdigit()) == (503, True)
        assert "0 of 1 recording sent" in desk.browser.post("/imports", **other).text, "a form cannot wait"
    assert desk.browser.post("/imports", **other, headers=as_script).json()["rows"][0]["became"] == "sent"


def unavailable(*_: object) -> Story:
    raise Unavailable("object-store-unavailable")


def test_who_else_is_heard_is_noted_and_asked_on_their_own(desk: Desk) -> None:
    desk.send([row(consent="curation", others="her neighbour / a nurse")], ("a.wav", b"RIFF"))
    (story,) = desk.stories()
    with desk.served.parts.database.read() as session:
        people = session.scalars(
            select(StoryPerson.label).where(StoryPerson.story_id == story.id).order_by(StoryPerson.position)
        )
        assert list(people) == ["teller", "her neighbour", "a nurse"]
    assert not desk.permits(story, Use.CURATION)


@pytest.mark.parametrize("rows", ["", "x", "{}", "[]", "[1]", '[{"file": {}}]', "[" * 100_000])
def test_rows_that_are_none_are_refused(looking: Desk, rows: str) -> None:
    answer = looking.send(rows, ("a.wav", b"RIFF"))
    assert answer.status_code in (200, 422), answer.text
    assert looking.stories() == []


def test_reporters_and_others_do_not_import(looking: Desk) -> None:
    others: list[Principal] = [
        looking.field.account(Role.REPORTER, looking.pilot),
        looking.field.account(Role.PILOT_TEAM, looking.pilot),
        looking.field.account(is_administrator=True),
    ]
    for person in others:
        browser = looking.served.browser(person)
        assert browser.get("/imports").status_code == 403
        answer = browser.post("/imports", data={"rows": json.dumps([row()])}, files={"f": ("a.wav", b"R")})
        assert answer.status_code == 403
    assert looking.stories() == []


def test_names_are_compared_as_people_read_them() -> None:
    assert name_key("DCIM\\Cafe\u0301.WAV") == name_key("café.wav")
