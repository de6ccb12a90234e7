"""What the page on recalls says of signatures, run against a delivery."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from models.base import utc_now
from models.webhooks import TRIED_AGAIN_AFTER, Delivery, Webhook
from pipeline.webhooks import body_of, headers_of

PAGE = Path(__file__).resolve().parent.parent.parent / "docs" / "reference" / "recalls.md"
TRIED = re.compile(r"<!-- tried -->\n```sh\n(.*?)```", re.DOTALL)


def test_page_verifies_a_signature(tmp_path: Path) -> None:
    if missing := [each for each in ("bash", "openssl", "od", "base64") if shutil.which(each) is None]:
        pytest.skip(f"needs {', '.join(missing)}")
    (command,) = TRIED.findall(PAGE.read_text())
    webhook = Webhook(secret="7f" * 31 + "00")
    delivery = Delivery(id="a" * 32, event="recall", body={"reason": "withdrawn"}, made_at=utc_now())
    body = body_of(delivery)
    headers = headers_of(delivery.id, body, webhook.secret, utc_now())
    (tmp_path / "body.json").write_bytes(body)
    given = {
        "SECRET": webhook.shown_secret,
        "WEBHOOK_ID": headers["Webhook-Id"],
        "WEBHOOK_TIMESTAMP": headers["Webhook-Timestamp"],
    }
    printed = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", command],
        cwd=tmp_path,
        env=os.environ | given,
        capture_output=True,
        text=True,
        check=True,
    )
    assert printed.stdout.strip() == headers["Webhook-Signature"]


def test_page_names_as_many_waits_as_there_are() -> None:
    said = "10 seconds, a\nminute, ten minutes, an hour, six hours and a day"
    assert said in PAGE.read_text()
    assert len(TRIED_AGAIN_AFTER) == 6
