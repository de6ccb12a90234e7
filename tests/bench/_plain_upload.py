"""What the upload of a recording is compared with: a route that writes the bytes that come, and hashes them.

    python -m tests.bench._plain_upload PORT FOLDER

It keeps one digest for each name in memory, syncs the file at the end of each request, and knows nothing of accounts,
limits, offsets in a database, newer requests, checksums, or an object store.
"""

from __future__ import annotations

import hashlib
import os
import sys
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

FOLDER = Path(sys.argv[2] if len(sys.argv) > 2 else ".")
_digests: dict[str, hashlib._Hash] = {}


async def write(request: Request) -> Response:
    """Append a body to a file. The answer has the SHA-256 of all that came for it so far."""
    name = request.path_params["name"]
    digest = _digests.setdefault(name, hashlib.sha256())
    with (FOLDER / name).open("ab", buffering=0) as file:
        async for chunk in request.stream():
            file.write(chunk)
            digest.update(chunk)
        os.fsync(file.fileno())
    return Response(digest.hexdigest(), 200)


app = Starlette(
    routes=[Route("/{name:str}", write, methods=["PATCH"]), Route("/", lambda _: Response("here"))]
)

if __name__ == "__main__":
    uvicorn.run(app, port=int(sys.argv[1]), log_level="critical", access_log=False)
