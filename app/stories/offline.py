"""What lets the page for recording open without a connection: a script that browsers run beside it.

It is served at the root, because a browser lets it look after nothing above its own address. In front of it stands
what it keeps, and a name made of that: whatever changes, browsers fetch it anew.
"""

from __future__ import annotations

import hashlib
import json
from functools import cache

from fastapi import APIRouter, Response

from app.web.rendering import STATIC

router = APIRouter()

SCRIPT = STATIC / "js" / "service-worker.js"
# All that the page for recording loads; nothing of any other page.
KEPT = (
    "brand.css",
    "recorder.css",
    "manifest.webmanifest",
    "icons/icon.svg",
    "icons/icon-180.png",
    "icons/icon-192.png",
    "icons/icon-512.png",
    "js/awake.js",
    "js/file-form.js",
    "js/files.js",
    "js/keeping.js",
    "js/kept-view.js",
    "js/kiosk.js",
    "js/leave.js",
    "js/level.js",
    "js/microphone.js",
    "js/pace.js",
    "js/recorder.js",
    "js/recording-view.js",
    "js/sending-view.js",
    "js/sending.js",
    "js/stories.js",
    "js/which-story.js",
    "js/page.js",
    "vendor/govuk-frontend.min.css",
    "vendor/tus.min.js",
)


@router.get("/sw.js")
def service_worker() -> Response:
    return Response(_worker(), media_type="text/javascript", headers={"Cache-Control": "no-cache"})


@cache
def _worker() -> str:
    digest = hashlib.sha256(SCRIPT.read_bytes())
    # What set-up has not put there yet is no reason to keep nothing.
    there = [name for name in KEPT if (STATIC / name).exists()]
    for name in there:
        digest.update((STATIC / name).read_bytes())
    kept = json.dumps([f"/static/{name}" for name in there])
    return (
        f'const NAME = "record-{digest.hexdigest()[:16]}";\nconst KEPT = {kept};\n{SCRIPT.read_text("utf-8")}'
    )
