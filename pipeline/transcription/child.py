"""The process in which an engine lives: jobs come as lines of JSON, progress and results go back the same way.

It ends when its standard input closes, so that it never outlives whoever started it.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any, TextIO

from models.errors import StoryError
from pipeline.transcription.engines import load


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
    for line in sys.stdin:
        job: dict[str, Any] = json.loads(line)
        heard = transcriber.transcribe(
            Path(job["speech"]),
            language=job["language"],
            candidates=job["candidates"],
            start_seconds=job["start_seconds"],
            end_seconds=job["end_seconds"],
            progress=lambda fraction: _say(out, {"progress": fraction}),
        )
        _say(out, {"heard": heard.to_dict()})


def _say(out: TextIO, what: dict[str, Any]) -> None:
    out.write(json.dumps(what) + "\n")
    out.flush()


if __name__ == "__main__":
    main()
