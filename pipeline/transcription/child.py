"""The process in which an engine lives: jobs come as messages of JSON, progress and results go back as lines of it.

Each job brings the recording's speech as an open file: of all that lies on the disk the process may read its weights
and its code (``pipeline/cage``). Its standard input is a socket; it ends when the other end is closed, so that it
never outlives whoever started it.
"""

from __future__ import annotations

import json
import os
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO

from models.errors import StoryError
from pipeline.transcription.engines import load

MOST_OF_A_JOB = 64 * 1024


def main() -> None:
    """Load the engine that the arguments name, say so, and work until there is no more."""
    engine, weights, threads = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    # Libraries print; what we say goes out on a descriptor of its own.
    out = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    try:
        transcriber = load(engine, weights, threads=threads)
    except StoryError as error:
        _say(out, {"failed": error.code, "parameters": error.parameters})
        return
    _say(out, {"ready": True})
    for job, speech in _jobs():
        heard = transcriber.transcribe(
            speech,
            language=job["language"],
            candidates=job["candidates"],
            start_seconds=job["start_seconds"],
            end_seconds=job["end_seconds"],
            progress=lambda fraction: _say(out, {"progress": fraction}),
        )
        _say(out, {"heard": heard.to_dict()})


def _jobs() -> Iterator[tuple[dict[str, Any], int]]:
    """Each job, and the descriptor of its speech."""
    with socket.socket(fileno=0) as jobs:
        while True:
            message, descriptors, _, _ = socket.recv_fds(jobs, MOST_OF_A_JOB, 1)
            if not message:
                return
            yield json.loads(message), descriptors[0]


def _say(out: TextIO, what: dict[str, Any]) -> None:
    out.write(json.dumps(what) + "\n")
    out.flush()


if __name__ == "__main__":
    main()
