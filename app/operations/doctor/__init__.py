"""The doctor: looks at every part, says what is wrong, and how to mend it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from app.operations.comparing import compare_and_mend
from app.operations.doctor import going_on, keeping, machine
from app.operations.doctor.findings import Finding, unanswered
from app.parts import Parts
from models.errors import StoryError
from storage import outliving

# Cheapest first.
LOOKS = (*machine.LOOKS, *keeping.LOOKS, *going_on.LOOKS)


def examine(parts: Parts) -> Iterator[Finding]:
    """Look at everything."""
    for look in LOOKS:
        try:
            yield from look(parts)
        except StoryError as error:
            yield replace(unanswered(error), what=look.__name__.strip("_"))
        except Exception as error:
            yield Finding(
                look.__name__.strip("_"), False, type(error).__name__, "See the log, and try again."
            )


def mend_what_is_safe(parts: Parts) -> Iterator[str]:
    """Mend what takes no decision: what stands in the second place is written and obeyed, and what it covers erased.
    Nothing else is deleted, and no object without a row is adopted: nobody knows what its people allowed."""
    folder = parts.settings.tombstones_folder
    written, again = outliving.write_missing(parts.database, folder), outliving.apply(parts.database, folder)
    yield f"{written.tombstones} tombstones written"
    yield f"{len(again.withdrawn)} stories withdrawn again"
    yield f"{written.narrowings} narrowings of consent written"
    yield f"{len(again.narrowed)} stories narrowed again"
    yield f"{written.holds} embargoes and flags written"
    yield f"{len(again.held)} stories held again"
    yield f"{compare_and_mend(parts).erased} objects of withdrawn stories erased"
