"""Receipts to be handed over: what came, what was allowed, and a private link, once."""

from __future__ import annotations

import re

from models.curation import State
from models.roles import Principal
from tests.app.conftest import Rooms, forms_of

ADDRESS = re.compile(r"<code class=\"cr-link\">[^<]+(/teller/enter/[^<]+)</code>")


def test_receipt_says_what_was_sent_and_allowed_and_opens_the_tellers_door(
    rooms: Rooms, sender: Principal
) -> None:
    story = rooms.field.story(by=sender, title="The <well>", with_recording=True)
    path, browser = f"/stories/{story.id}/people/{story.people[0].id}/receipt", rooms.browser(sender)
    (form,) = forms_of(browser.get(path).text, "")
    page = browser.post(path, data=form.fields)
    assert page.status_code == 200
    assert "no-store" in page.headers["cache-control"]
    for said in (
        "The &lt;well&gt;",
        "Recording 1: 0:09",
        "Curators may listen",
        "Number of this receipt",
        "<svg",
    ):
        assert said in page.text
    found = ADDRESS.search(page.text)
    assert found
    teller = rooms.visitor()
    assert teller.get(found[1]).headers["location"] == "/teller"
    assert "The &lt;well&gt;" in teller.get("/teller").text
    assert "the old link stops working" in browser.get(path).text
    browser.post(path)
    assert rooms.visitor().get(found[1]).status_code == 404, "a new receipt ends the old link"


def test_receipt_before_anybody_was_asked_says_that_nothing_is_allowed(
    rooms: Rooms, sender: Principal
) -> None:
    story = rooms.field.story(by=sender, consented_to=None)
    path = f"/stories/{story.id}/people/{story.people[0].id}/receipt"
    page = rooms.browser(sender).post(f"{path}?lang=pl").text
    assert "Potwierdzenie" in page
    assert "/teller/enter/" in page
    assert "Yes" not in page


def test_receipt_is_for_those_who_care_for_the_story(
    rooms: Rooms, sender: Principal, curator: Principal
) -> None:
    story = rooms.field.story(by=sender, consented_to=None)
    path = f"/stories/{story.id}/people/{story.people[0].id}/receipt"
    assert rooms.browser(curator).post(path).status_code == 404
    gone = rooms.field.story(by=sender, state=State.WITHDRAWN)
    path = f"/stories/{gone.id}/people/{gone.people[0].id}/receipt"
    assert rooms.browser(sender).post(path).status_code == 410
