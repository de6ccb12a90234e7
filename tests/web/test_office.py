"""A pilot is run from pages, without a script: it is made, its people come in, and a memory card is emptied into it."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from models.roles import Role
from models.stories import Recording, RecordingState
from tests.plugins.browser import PHONE, expected
from tests.plugins.served import Served
from tests.plugins.stories import Field
from tests.web.checks import assert_accessible

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page, Route

PASSWORD = "the bench by the well"
ROWS = (
    "file;title;language;pilot;consent;manner\n"
    "R1.wav;One;en;spring;curation sharing;spoken\n"
    "R2.wav;;en;spring;curation;spoken\n"
    "R3.wav;Three;en;spring;;\n"
)


def fits(page: Page) -> bool:
    """Whether nothing of a page lies beside the screen."""
    return bool(page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"))


def test_administrator_makes_a_pilot_and_whoever_is_invited_comes_in(
    visit: Callable[..., BrowserContext], served: Served
) -> None:
    administrator = Field(served.parts.database).account(is_administrator=True)
    served.parts.settings.public_url = served.address
    page = visit(served, administrator, viewport=PHONE, java_script_enabled=False).new_page()
    page.goto("/pilots")
    page.get_by_label("What is it called?").fill("Co-housing of seniors")
    page.get_by_label("Its code").fill("nowa-wola")
    page.get_by_label("Polski").check()
    page.get_by_role("button", name="Add it").click()
    expected(page.get_by_role("heading", level=1)).to_have_text("Co-housing of seniors")
    page.get_by_role("link", name="invite the first one").click()
    page.get_by_label("As what?").select_option("curator")
    page.get_by_label("How many?").fill("2")
    page.get_by_role("button", name="Make them").click()
    expected(page.get_by_text("Zapraszamy do: Co-housing of seniors.")).to_have_count(2)
    expected(page.locator(".cr-card svg")).to_have_count(2)
    assert fits(page)
    link = page.locator(".cr-card code").first.inner_text()

    invited = visit(served, viewport=PHONE, java_script_enabled=False).new_page()
    invited.goto(link)
    invited.locator("input[name=name]").fill("Cleo")
    invited.locator("input[name=sign_in_name]").fill("cleo")
    invited.locator("input[name=password]").fill(PASSWORD)
    invited.locator("main button").click()
    invited.goto("/governance/nowa-wola")
    expected(invited.get_by_role("heading", level=1)).to_have_text("Co-housing of seniors")
    assert fits(invited)


def memory_card(folder: Path) -> list[Path]:
    """A table, and the files that it names."""
    files = [folder / "rows.csv", *(folder / f"R{number}.wav" for number in (1, 2, 3))]
    files[0].write_text(ROWS)
    for number, path in enumerate(files[1:]):
        path.write_bytes(b"RIFF" + bytes([number]) * 300_000)
    return files


def test_facilitator_imports_what_is_right_and_is_told_of_the_rest(
    visit: Callable[..., BrowserContext], served: Served, tmp_path: Path
) -> None:
    field = Field(served.parts.database)
    facilitator, files = field.account(Role.FACILITATOR, field.pilot()), memory_card(tmp_path)
    page = visit(served, facilitator, viewport=PHONE, java_script_enabled=False).new_page()
    page.goto("/imports")
    page.get_by_label("The table").set_input_files(files[0])
    page.get_by_role("button", name="Look at the rows").click()
    expected(page.get_by_role("heading", level=1)).to_have_text("1 of 3 rows is wrong")
    expected(page.get_by_text("title: this cell is empty")).to_be_visible()
    assert fits(page)
    page.get_by_label("The recordings").set_input_files(files[1:])
    page.get_by_role("button", name="Send them").click()
    expected(page.get_by_role("heading", level=1)).to_have_text("2 of 3 recordings sent")
    assert re.search("Sent: 2; not sent: 1|Sent: 2; Not sent: 1", page.get_by_role("status").inner_text())
    assert fits(page)
    with served.parts.database.read() as session:
        found = list(session.query(Recording))
    assert [each.state for each in found] == [RecordingState.WAITING] * 2


def test_answers_to_an_import_are_for_everybody_also_where_its_script_did_not_come(
    visit: Callable[..., BrowserContext], served: Served, tmp_path: Path
) -> None:
    field = Field(served.parts.database)
    facilitator, files = field.account(Role.FACILITATOR, field.pilot()), memory_card(tmp_path)
    page = visit(served, facilitator, viewport=PHONE).new_page()
    page.route("**/static/js/import.js", lambda route: route.abort())
    page.goto("/imports")
    page.get_by_label("The table").set_input_files(files[0])
    page.get_by_role("button", name="Look at the rows").click()
    page.get_by_label("The recordings").set_input_files(files[1:])
    assert_accessible(page, "a table that was looked at")
    page.get_by_role("button", name="Send them").click()
    expected(page.get_by_role("heading", level=1)).to_have_text("2 of 3 recordings sent")
    assert_accessible(page, "what became of each row")


def test_with_a_script_each_file_is_sent_by_itself_however_often_the_line_breaks(
    visit: Callable[..., BrowserContext], served: Served, tmp_path: Path
) -> None:
    field = Field(served.parts.database)
    facilitator, files = field.account(Role.FACILITATOR, field.pilot()), memory_card(tmp_path)
    unnamed = tmp_path / "dog.wav"
    unnamed.write_bytes(b"RIFF")
    page = visit(served, facilitator, viewport=PHONE).new_page()
    tries, away = itertools.count(1), ["from the third on"]

    def break_off(route: Route) -> None:
        is_sending = route.request.headers["accept"] == "application/json"
        route.abort() if is_sending and next(tries) >= 3 and away else route.continue_()

    page.route("**/imports", break_off)
    page.goto("/imports")
    page.get_by_label("The table").set_input_files(files[0])
    page.get_by_role("button", name="Look at the rows").click()
    # Whoever is quicker than the script sends a form without it, which is as good.
    page.wait_for_url("**/imports/check", wait_until="load")
    assert_accessible(page, "a table, with its script")
    page.get_by_label("The recordings").set_input_files([*files[1:], unnamed])
    page.get_by_role("button", name="Send them").click()
    expected(page.get_by_text("Waiting for a connection.")).to_be_visible()
    assert_accessible(page, "waiting for a connection")
    away.clear()
    expected(page.get_by_role("heading", name="2 of 3 recordings sent")).to_be_visible()
    expected(page.get_by_role("heading", name="2 of 3 recordings sent")).to_be_focused()
    expected(page.get_by_text("Sent: 100 %")).to_be_visible()
    assert_accessible(page, "all files sent")
    rows = page.locator("[data-part=became] tr")
    expected(rows).to_have_count(4)
    for row, name, became in zip(
        rows.all(),
        ("R1.wav", "R2.wav", "R3.wav", "dog.wav"),
        ("sent", "not sent", "sent", "no row names it"),
        strict=True,
    ):
        assert row.locator("th").inner_text() == name
        assert row.locator(".govuk-tag").inner_text().lower() == became
    assert "title: this cell is empty" in rows.nth(1).inner_text()
    assert fits(page)
    expected(page.get_by_label("The recordings")).to_be_visible()
    page.get_by_label("The recordings").set_input_files(files[1])
    page.get_by_role("button", name="Send them").click()
    expected(rows.nth(4).locator(".govuk-tag")).to_have_text("no row names it")
    rows.nth(2).get_by_role("link", name="Three").click()
    expected(page.get_by_role("heading", level=1)).to_have_text("Three")
    with served.parts.database.read() as session:
        found = list(session.query(Recording))
    assert [each.state for each in found] == [RecordingState.WAITING] * 2
