"""Deliveries: signed, tried again until they are taken, and by one worker at a time."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import ssl
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, update

from models.base import utc_now
from models.curation import State
from models.roles import Role
from models.stories import Story
from models.webhooks import TRIED_AGAIN_AFTER, Delivery, DeliveryState, Webhook, next_try
from pipeline import worker
from pipeline.calling import Caller
from pipeline.webhooks import deliver_due, forget_old, sign
from storage import collections, releases, webhooks, withdrawals
from storage.database import Database
from tests.pipeline.receiver import Receiver, certificate_for, receiving
from tests.plugins.stories import Field

HOST = "127.0.0.1"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as there:
        yield there


@pytest.fixture
def caller() -> Iterator[Caller]:
    calling = Caller([HOST], lasts_seconds=2.0)
    yield calling
    calling.close()


def registered(database: Database, field: Field, url: str) -> Webhook:
    curator = field.account(Role.CURATOR, field.pilot())
    with database.write() as session:
        return webhooks.register(session, field.pilot(), curator.account_id or "", url)


def enqueue(database: Database, field: Field, event: str = "release", **body: str) -> None:
    with database.write() as session:
        webhooks.enqueue(session, field.pilot(), event, body or {"release_id": "1"})


def deliveries(database: Database) -> list[Delivery]:
    with database.read() as session:
        return list(session.scalars(select(Delivery).order_by(Delivery.made_at, Delivery.id)))


def come(database: Database) -> None:
    """As if the time of every next try had come."""
    with database.write() as session:
        waiting = update(Delivery).where(Delivery.next_try_at.is_not(None))
        session.execute(waiting.values(next_try_at=utc_now()))


def verify(receiver: Receiver, number: int, shown_secret: str) -> dict[str, object]:
    """As a receiver's own program would, by what docs/reference/recalls.md says."""
    request = receiver.received[number]
    key = base64.b64decode(shown_secret.removeprefix("whsec_"))
    signed = (
        f"{request.headers['webhook-id']}.{request.headers['webhook-timestamp']}.".encode() + request.body
    )
    wanted = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    assert f"v1,{wanted}" in request.headers["webhook-signature"].split(" ")
    sent_at = int(request.headers["webhook-timestamp"])
    assert abs(sent_at - utc_now().timestamp()) < 60
    said: dict[str, object] = json.loads(request.body)
    return said


def test_event_is_delivered_once_and_its_signature_verifies(
    database: Database, field: Field, receiver: Receiver, caller: Caller
) -> None:
    webhook = registered(database, field, f"http://{HOST}:{receiver.port}/in")
    enqueue(database, field)
    assert deliver_due(database, caller) == 1
    assert deliver_due(database, caller) == 0
    said = verify(receiver, 0, webhook.shown_secret)
    assert (said["type"], said["data"]) == ("release", {"release_id": "1"})
    (delivery,) = deliveries(database)
    assert receiver.received[0].headers["webhook-id"] == delivery.id
    assert (delivery.state, delivery.status, delivery.tries) == (DeliveryState.DELIVERED, 200, 1)
    assert datetime.fromisoformat(str(said["timestamp"])) == delivery.made_at


def test_signature_is_the_one_of_the_standards_example() -> None:
    """The example that Standard Webhooks' own libraries are tested with."""
    secret = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").hex()
    signature = sign("msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", b'{"test": 2432232314}', secret)
    assert signature == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_release_and_recall_reach_the_receiver_without_a_word_of_the_story(
    database: Database, field: Field, receiver: Receiver, caller: Caller
) -> None:
    webhook = registered(database, field, f"http://{HOST}:{receiver.port}/")
    team = field.account(Role.PILOT_TEAM, field.pilot())
    story = field.story(state=State.CURATED, title="Canary", said=["Canary said"])
    actor = team.account_id or ""
    with database.write() as session:
        made = collections.create(session, team, field.pilot(), "Canary words", actor=actor)
        collections.add(session, team, made, story.id, actor=actor)
        release = releases.release(session, team, made, actor=actor)
        releases.note_disclosure(session, release, actor, "download.zip")
    with database.write() as session:
        withdrawals.withdraw(session, session.get_one(Story, story.id), actor="test")
    assert deliver_due(database, caller) == 2
    told = {
        str(said["type"]): said["data"]
        for said in (verify(receiver, n, webhook.shown_secret) for n in (0, 1))
    }
    assert set(told) == {"release", "recall"}
    assert told["recall"]["story_id"] == story.id  # type: ignore[index]
    assert not any(b"anary" in each.body for each in receiver.received)


def test_refused_then_taken_is_tried_again_under_the_same_id(
    database: Database, field: Field, receiver: Receiver, caller: Caller
) -> None:
    webhook = registered(database, field, f"http://{HOST}:{receiver.port}/")
    enqueue(database, field)
    receiver.answers = [500]
    assert deliver_due(database, caller) == 0
    (delivery,) = deliveries(database)
    assert (delivery.state, delivery.status, delivery.failure) == (DeliveryState.WAITING, 500, "refused")
    assert delivery.next_try_at is not None
    assert timedelta(seconds=5) < delivery.next_try_at - utc_now() <= TRIED_AGAIN_AFTER[0]
    assert deliver_due(database, caller) == 0, "not before its time"
    assert len(receiver.received) == 1
    come(database)
    assert deliver_due(database, caller) == 1
    (delivery,) = deliveries(database)
    assert (delivery.state, delivery.status, delivery.failure) == (DeliveryState.DELIVERED, 200, None)
    ids = {each.headers["webhook-id"] for each in receiver.received}
    assert (len(ids), len(receiver.received)) == (1, 2)
    assert receiver.received[0].body == receiver.received[1].body
    verify(receiver, 1, webhook.shown_secret)


def test_what_nobody_takes_is_given_up_and_said(
    database: Database, field: Field, receiver: Receiver, caller: Caller
) -> None:
    registered(database, field, f"http://{HOST}:{receiver.port}/")
    enqueue(database, field)
    tries = len(TRIED_AGAIN_AFTER) + 1
    receiver.answers = [503] * tries
    for _ in range(tries + 2):
        deliver_due(database, caller)
        come(database)
    assert len(receiver.received) == tries
    (delivery,) = deliveries(database)
    assert (delivery.state, delivery.tries, delivery.status) == (DeliveryState.FAILED, tries, 503)
    with database.read() as session:
        assert webhooks.given_up(session, utc_now() - timedelta(days=1)) == 1


def test_waits_grow_from_seconds_to_a_day() -> None:
    now = utc_now()
    waits = [next_try(tries, now) for tries in range(1, 8)]
    assert [each - now for each in waits if each] == list(TRIED_AGAIN_AFTER)
    assert waits[-1] is None
    assert list(TRIED_AGAIN_AFTER) == sorted(TRIED_AGAIN_AFTER)


def test_redirect_is_a_failure_and_is_not_followed(
    database: Database, field: Field, receiver: Receiver, caller: Caller
) -> None:
    registered(database, field, f"http://{HOST}:{receiver.port}/")
    enqueue(database, field)
    receiver.answers = [307]
    assert deliver_due(database, caller) == 0
    (delivery,) = deliveries(database)
    assert (delivery.failure, delivery.status) == ("redirected", 307)
    assert [each.path for each in receiver.received] == ["/"]


def test_address_inside_is_not_called_though_it_was_allowed_once(
    database: Database, field: Field, receiver: Receiver
) -> None:
    registered(database, field, f"http://{HOST}:{receiver.port}/")
    registered(database, field, "https://localhost/")
    enqueue(database, field)
    assert deliver_due(database, Caller()) == 0
    assert {each.failure for each in deliveries(database)} == {"address-refused"}
    assert receiver.received == []


def test_slow_receiver_holds_up_nobody_else(
    database: Database, field: Field, receiver: Receiver, caller: Caller
) -> None:
    with receiving() as slow:
        slow.manner = "silent"
        registered(database, field, f"http://{HOST}:{slow.port}/")
        registered(database, field, f"http://{HOST}:{receiver.port}/")
        for _ in range(3):
            enqueue(database, field)
        assert deliver_due(database, caller) == 3
        assert (len(slow.received), len(receiver.received)) == (1, 3)
    assert sorted(each.failure or "" for each in deliveries(database)) == ["", "", "", "", "", "timeout"]


def test_two_workers_at_once_deliver_once(
    database: Database, field: Field, receiver: Receiver, caller: Caller
) -> None:
    registered(database, field, f"http://{HOST}:{receiver.port}/")
    for number in range(8):
        enqueue(database, field, number=str(number))
    together = threading.Barrier(2)

    def work() -> int:
        together.wait()
        return sum(deliver_due(database, caller) for _ in range(4))

    with ThreadPoolExecutor(2) as pool:
        taken = sum(each.result() for each in [pool.submit(work), pool.submit(work)])
    ids = [each.headers["webhook-id"] for each in receiver.received]
    assert (len(ids), len(set(ids)), taken) == (8, 8, 8)


def test_worker_that_died_with_a_delivery_leaves_it_to_be_tried_again(
    database: Database, field: Field, receiver: Receiver, caller: Caller
) -> None:
    registered(database, field, f"http://{HOST}:{receiver.port}/")
    enqueue(database, field)
    with database.write() as session:
        (seen,) = webhooks.due(session, utc_now())
        dead = webhooks.claim(session, seen, utc_now())
        assert dead is not None
    assert deliver_due(database, caller) == 0, "it is in somebody's hands"
    with database.read() as session:
        assert len(webhooks.due(session, utc_now() + webhooks.CLAIM_LASTS)) == 1
    come(database)
    assert deliver_due(database, caller) == 1
    # The one that was thought dead writes nothing over it.
    with database.write() as session:
        webhooks.note_answer(session, dead[0], utc_now(), status=None, failure="timeout")
    assert deliveries(database)[0].state is DeliveryState.DELIVERED


def test_removed_webhook_is_told_nothing_more(
    database: Database, field: Field, receiver: Receiver, caller: Caller
) -> None:
    webhook = registered(database, field, f"http://{HOST}:{receiver.port}/")
    enqueue(database, field)
    with database.write() as session:
        webhooks.remove(session, session.get_one(Webhook, webhook.id), actor="test")
    enqueue(database, field)
    assert deliver_due(database, caller) == 0
    assert deliveries(database) == []
    assert receiver.received == []


def test_old_deliveries_are_forgotten_and_waiting_ones_are_not(
    database: Database, field: Field, receiver: Receiver, caller: Caller
) -> None:
    registered(database, field, f"http://{HOST}:{receiver.port}/")
    enqueue(database, field)
    assert deliver_due(database, caller) == 1
    enqueue(database, field)
    assert forget_old(database) == 0
    with database.write() as session:
        session.execute(update(Delivery).values(made_at=utc_now() - webhooks.KEPT_FOR - timedelta(days=1)))
    assert forget_old(database) == 1
    assert [each.state for each in deliveries(database)] == [DeliveryState.WAITING]


def test_receiver_over_https_is_told(database: Database, field: Field, tmp_path: Path) -> None:
    with receiving(certificate_for(tmp_path, "hooks.test")) as secure:
        tls = ssl.create_default_context(cafile=str(tmp_path / "certificate.pem"))
        calling = Caller(["hooks.test"], tls=tls, resolve=lambda host, port: [HOST])
        webhook = registered(database, field, f"https://hooks.test:{secure.port}/in")
        enqueue(database, field)
        assert deliver_due(database, calling) == 1
        verify(secure, 0, webhook.shown_secret)


def test_worker_delivers_by_itself_and_ends_with_its_slot(
    sqlite_database: Database, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "DELIVER_EVERY_SECONDS", 0.05)
    field = Field(sqlite_database)
    registered(sqlite_database, field, f"http://{HOST}:{receiver.port}/")
    slot = worker.Worker(
        sqlite_database, "sqlite://", lambda holder: pytest.fail("no story"), caller=Caller([HOST])
    )
    # The slot's own thread, without the durable work beside it.
    thread = threading.Thread(target=slot._deliver_webhooks)
    thread.start()
    try:
        enqueue(sqlite_database, field)
        until = time.monotonic() + 20
        while not receiver.received and time.monotonic() < until:
            time.sleep(0.05)
    finally:
        slot._stop.set()
        thread.join(timeout=20)
    assert not thread.is_alive()
    assert [each.state for each in deliveries(sqlite_database)] == [DeliveryState.DELIVERED]
