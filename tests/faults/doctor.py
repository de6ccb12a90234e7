"""What the doctor says of an installation: while something is broken, and when it is over."""

from __future__ import annotations

from collections.abc import Iterator

from app.operations import doctor
from app.operations.doctor import going_on, keeping
from app.parts import Parts

# Rows, objects, journal and permissions: what is broken for good where something was lost or done twice.
LOOKED_OVER = (
    keeping._journal,
    keeping._permissions,
    keeping._objects_and_rows,
    keeping._tombstones,
    going_on._work,
    going_on._erasures,
)


def ills(parts: Parts) -> list[str]:
    """What is wrong with what is kept."""
    found = [each for look in LOOKED_OVER for each in look(parts)]
    return [f"{each.what}: {each.says}" for each in found if each.is_failure]


def mends(parts: Parts) -> Iterator[str]:
    """What whoever runs the service is told to do, one thing that is wrong after the other."""
    return (each.mend for each in doctor.examine(parts) if each.is_failure)
