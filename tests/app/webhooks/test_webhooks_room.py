"""The webhooks room: for a pilot's curators, with a secret that is shown once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select

from models.base import utc_now
from models.journal import JournalEntry
from models.roles import Role, Scope
from models.webhooks import Delivery, Webhook
from storage import accounts, webhooks
from tests.app.conftest import forms_of

if TYPE_CHECKING:
    from fastapi.testclient import TestClient

    from tests.app.conftest import Rooms

WEBHOOKS = "/api/v1/webhooks"
URL = "https://hooks.example/in?key=1"


@pytest.fixture
def curator(rooms: Rooms) -> TestClient:
    return rooms.program(rooms.field.account(Role.CURATOR, rooms.field.pilot()))


@pytest.fixture
def browser(rooms: Rooms) -> TestClient:
    return rooms.browser(rooms.field.account(Role.CURATOR, rooms.field.pilot()))


def registered(client: TestClient, url: str = URL) -> str:
    made = client.post(WEBHOOKS, json={"pilot": "spring", "url": url})
    assert made.status_code == 201, made.text
    return str(made.json()["id"])


def test_secret_is_shown_once(rooms: Rooms, curator: TestClient, browser: TestClient) -> None:
    made = curator.post(WEBHOOKS, json={"pilot": "spring", "url": URL})
    secret = made.json()["secret"]
    assert secret.startswith("whsec_")
    assert made.headers["cache-control"] == "private, no-store"
    with rooms.database.read() as session:
        kept = session.get_one(Webhook, made.json()["id"])
        assert kept.shown_secret == secret
        raw = kept.secret
    for answer in (curator.get(WEBHOOKS), curator.get(f"{WEBHOOKS}/{kept.id}"), browser.get("/webhooks")):
        assert answer.status_code == 200
        assert URL.split("?")[0] in answer.text
        assert secret not in answer.text
        assert raw not in answer.text
    page = browser.post("/webhooks", data={"pilot": "spring", "url": "https://other.example/"})
    assert page.status_code == 200
    assert "whsec_" in page.text


def test_test_event_is_listed_with_what_became_of_it(
    rooms: Rooms, curator: TestClient, browser: TestClient
) -> None:
    one = registered(curator)
    sent = curator.post(f"{WEBHOOKS}/{one}/test")
    assert (sent.status_code, sent.json()["state"], sent.json()["event"]) == (202, "waiting", "test")
    assert browser.post(f"/webhooks/{one}/test").status_code == 303
    assert "waiting" in browser.get("/webhooks").text
    with rooms.database.write() as session:
        first, second = session.scalars(select(Delivery).order_by(Delivery.made_at))
        first.tries, first.status, first.delivered_at, first.next_try_at = 1, 200, utc_now(), None
        second.tries, second.status, second.failure, second.next_try_at = 7, 500, "refused", None
    (seen,) = curator.get(WEBHOOKS).json()
    assert [each["state"] for each in seen["deliveries"]] == ["failed", "delivered"]
    page = browser.get("/webhooks").text
    assert "after 7 tries" in page
    assert "it did not take it (status 500)" in page


def test_removed_is_gone_with_what_waited(rooms: Rooms, curator: TestClient, browser: TestClient) -> None:
    one, two = registered(curator), registered(curator)
    curator.post(f"{WEBHOOKS}/{one}/test")
    assert curator.delete(f"{WEBHOOKS}/{one}").status_code == 204
    assert curator.get(f"{WEBHOOKS}/{one}").status_code == 404
    assert browser.post(f"/webhooks/{two}/remove").status_code == 303
    with rooms.database.read() as session:
        assert list(session.scalars(select(Delivery))) == []
        acts = list(session.scalars(select(JournalEntry.act)))
    assert (acts.count("register-webhook"), acts.count("remove-webhook")) == (2, 2)


@pytest.mark.parametrize(
    "url",
    [
        "http://hooks.example/",
        "https://hooks.example:81/",
        "https://a:b@hooks.example/",
        "https://",
        " ",
        "https://x/" + "a" * 2000,
    ],
)
def test_address_that_may_not_be_called_is_refused(
    curator: TestClient, browser: TestClient, url: str
) -> None:
    assert curator.post(WEBHOOKS, json={"pilot": "spring", "url": url}).status_code == 422
    assert browser.post("/webhooks", data={"pilot": "spring", "url": url}).status_code == 422
    assert curator.get(WEBHOOKS).json() == []


def test_webhook_that_is_refused_is_asked_for_again_with_what_was_typed(
    rooms: Rooms, curator: TestClient
) -> None:
    here, beside = rooms.field.pilot(), rooms.field.pilot("summer")
    rooms.field.pilot("autumn")
    both = rooms.field.account(Role.CURATOR, here)
    with rooms.database.write() as session:
        accounts.give_role(session, both.account_id or "", beside, Role.CURATOR, actor="test")
    browser = rooms.browser(both)

    def refused(status: int, at: str, pilot: str, url: str) -> None:
        typed = {"pilot": pilot, "url": url}
        answer = browser.post("/webhooks", data=typed)
        assert answer.status_code == status
        assert "<title>Error: Webhooks" in answer.text
        assert f'<a href="#{at}">' in answer.text
        assert f'id="{at}-error"' in answer.text
        (form,) = forms_of(answer.text, "/webhooks")
        assert form.fields["url"] == url
        assert form.fields["pilot"] == (pilot if pilot in ("spring", "summer") else form.choices["pilot"][0])
        program = browser.post("/webhooks", data=typed, headers={"Accept": "application/json"})
        assert program.status_code == status
        assert program.headers["content-type"] == "application/problem+json"

    for url in ("http://hooks.example/?a=<b>", "hooks.example", "https://x/" + "a" * 2000):
        refused(422, "url", "summer", url)
    for pilot, status in (("autumn", 403), ("nowhere", 404), ("no where", 404)):
        refused(status, "pilot", pilot, URL)
    for _ in range(webhooks.MOST_PER_PILOT):
        registered(curator)
    refused(409, "pilot", "spring", URL)
    assert browser.post("/webhooks").status_code == 404, "nothing was chosen"


def test_host_that_the_operator_allows_may_be_inside(rooms: Rooms, curator: TestClient) -> None:
    inside = {"pilot": "spring", "url": "http://127.0.0.1:8080/"}
    assert curator.post(WEBHOOKS, json=inside).json()["code"] == "webhook-address-unfit"
    rooms.parts.settings.webhook_allowed_hosts = "hooks.intranet, 127.0.0.1"
    assert curator.post(WEBHOOKS, json=inside).status_code == 201


def test_another_pilots_curator_sees_and_does_nothing(rooms: Rooms, curator: TestClient) -> None:
    one = registered(curator)
    stranger = rooms.program(rooms.field.account(Role.CURATOR, rooms.field.pilot("autumn")))
    assert stranger.get(WEBHOOKS).json() == []
    assert stranger.get(f"{WEBHOOKS}/{one}").status_code == 404
    assert stranger.post(f"{WEBHOOKS}/{one}/test").status_code == 404
    assert stranger.delete(f"{WEBHOOKS}/{one}").status_code == 404
    assert stranger.post(WEBHOOKS, json={"pilot": "spring", "url": URL}).status_code == 403
    assert stranger.post(WEBHOOKS, json={"pilot": "nowhere", "url": URL}).status_code == 404


def test_webhooks_are_for_curators_with_the_scope(rooms: Rooms) -> None:
    pilot = rooms.field.pilot()
    team = rooms.program(rooms.field.account(Role.PILOT_TEAM, pilot))
    reads = rooms.program(rooms.field.account(Role.CURATOR, pilot), Scope.COLLECTIONS_READ)
    assert rooms.program().get(WEBHOOKS).status_code == 401
    assert team.get(WEBHOOKS).status_code == 403
    assert reads.get(WEBHOOKS).status_code == 200
    assert reads.post(WEBHOOKS, json={"pilot": "spring", "url": URL}).json()["code"] == "scope-missing"


def test_pilot_has_no_more_webhooks_than_it_can_need(curator: TestClient) -> None:
    for _ in range(webhooks.MOST_PER_PILOT):
        registered(curator)
    answer = curator.post(WEBHOOKS, json={"pilot": "spring", "url": URL})
    assert (answer.status_code, answer.json()["code"]) == (409, "too-many-webhooks")


def test_what_was_given_up_is_delivered_again_and_nothing_else(
    rooms: Rooms, curator: TestClient, browser: TestClient
) -> None:
    one = registered(curator)
    sent = curator.post(f"{WEBHOOKS}/{one}/test").json()["id"]
    again = f"/webhooks/{one}/deliveries/{sent}/again"
    assert browser.post(again).status_code == 409, "it is still on its way"
    with rooms.database.write() as session:
        delivery = session.get_one(Delivery, sent)
        delivery.tries, delivery.failure, delivery.next_try_at = 7, "refused", None
    assert again in browser.get("/webhooks").text
    stranger = rooms.browser(rooms.field.account(Role.CURATOR, rooms.field.pilot("autumn")))
    assert stranger.post(again).status_code == 404
    other = registered(curator)
    assert browser.post(f"/webhooks/{other}/deliveries/{sent}/again").status_code == 404
    assert browser.post(again).status_code == 303
    with rooms.database.read() as session:
        assert [each.id for each in webhooks.due(session, utc_now())] == [sent]
        assert session.get_one(Delivery, sent).tries == 0
