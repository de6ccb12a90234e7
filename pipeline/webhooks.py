"""Delivering webhooks: signed as Standard Webhooks say, tried again for a day and a half, and then given up.

Several workers look at the same table: who raises a delivery's count first has it. A worker that dies with one in
hand leaves it to be tried again, so that a receiver may see an event twice, under the same ``Webhook-Id``.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from itertools import groupby
from typing import Any

import structlog

from models.base import utc_now
from models.webhooks import Delivery
from pipeline.calling import Caller, CallFailed
from storage import webhooks
from storage.database import Database

log = structlog.get_logger()

AGENT = "community-reporting-webhooks/1"
AT_ONCE = 8


def deliver_due(
    database: Database, caller: Caller, *, is_stopping: Callable[[], bool] = lambda: False
) -> int:
    """Try every delivery whose time has come; how many were taken by their receivers.

    A receiver is tried with one delivery after the other, and with no more of them once one has failed; receivers
    beside each other, so that a slow one holds up nobody else.
    """
    with database.read() as session:
        due = webhooks.due(session, utc_now())
    if not due:
        return 0
    queues = [list(each) for _, each in groupby(due, lambda delivery: delivery.webhook_id)]

    def work_off(queue: list[Delivery]) -> int:
        taken = 0
        for delivery in queue:
            if is_stopping() or not _deliver(database, caller, delivery):
                break
            taken += 1
        return taken

    with ThreadPoolExecutor(min(AT_ONCE, len(queues)), thread_name_prefix="webhook") as pool:
        return sum(pool.map(work_off, queues))


def _deliver(database: Database, caller: Caller, seen: Delivery) -> bool:
    with database.write() as session:
        claimed = webhooks.claim(session, seen, utc_now())
    if claimed is None:
        return False
    delivery, webhook = claimed
    body = body_of(delivery)
    status, failure = None, None
    try:
        headers = headers_of(delivery.id, body, webhook.secret, utc_now())
        status = caller.post(webhook.url, headers, body)
        failure = None if 200 <= status < 300 else "redirected" if 300 <= status < 400 else "refused"
    except CallFailed as error:
        failure = error.code
    with database.write() as session:
        webhooks.note_answer(session, delivery, utc_now(), status=status, failure=failure)
    if failure:
        # No address: it may carry its receiver's secret.
        log.info("webhook", delivery=delivery.id, tries=delivery.tries, status=status, failure=failure)
    return failure is None


def body_of(delivery: Delivery) -> bytes:
    """What is sent: the same bytes each time that it is tried."""
    said: dict[str, Any] = {
        "type": delivery.event,
        "timestamp": delivery.made_at.isoformat(),
        "data": delivery.body,
    }
    return json.dumps(said, sort_keys=True, separators=(",", ":")).encode()


def headers_of(delivery_id: str, body: bytes, secret: str, now: datetime) -> dict[str, str]:
    """The headers of one try: who sends what, when, and the signature over all three."""
    timestamp = str(int(now.timestamp()))
    return {
        "Content-Type": "application/json",
        "User-Agent": AGENT,
        "Webhook-Id": delivery_id,
        "Webhook-Timestamp": timestamp,
        "Webhook-Signature": sign(delivery_id, timestamp, body, secret),
    }


def sign(delivery_id: str, timestamp: str, body: bytes, secret: str) -> str:
    """HMAC-SHA256 over id, time and body, as Standard Webhooks write it (https://www.standardwebhooks.com).

    :param secret: hexadecimal, as it is kept
    """
    signed = f"{delivery_id}.{timestamp}.".encode() + body
    digest = hmac.new(bytes.fromhex(secret), signed, hashlib.sha256).digest()
    return f"v1,{base64.b64encode(digest).decode()}"


def forget_old(database: Database) -> int:
    """Delete deliveries that ended a month ago; how many."""
    with database.write() as session:
        return webhooks.forget_ended(session, utc_now())
