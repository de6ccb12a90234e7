"""The service as it is served, but that it looks for what to forget every two seconds, and has no nights:
``python -m tests.erasure.service serve``. What the tests ask for, they ask for themselves."""

from __future__ import annotations

from models import erasure
from pipeline import lookout

lookout.LOOK_AT_ALL_EVERY_SECONDS = 2.0
erasure.NIGHT_HOURS = range(0)

if __name__ == "__main__":
    from app.cli import main

    main()
