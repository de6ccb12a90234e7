"""The doctor's last look at everything, kept beside the data: whoever opens the page need not wait for a new one."""

from __future__ import annotations

import json
import threading
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from app.operations.doctor import examine
from app.operations.doctor.findings import Finding
from app.parts import Parts
from models.base import utc_now
from storage import journal
from storage.backup_sets import write_whole

JOURNAL = "journal"

# Looking takes long on a large service: who asks meanwhile is shown what the one before them finds.
_looking = threading.Lock()


@dataclass(frozen=True)
class Examination:
    """What was found, and when. ``journal_at``: when the chain was last followed to its end."""

    at: datetime
    findings: list[Finding]
    journal_at: datetime

    @property
    def wanting(self) -> list[Finding]:
        """What is not well, failures before warnings."""
        found = [each for each in self.findings if not each.is_well]
        return sorted(found, key=lambda each: each.is_warning)

    @property
    def journal(self) -> Finding | None:
        return next((each for each in self.findings if each.what == JOURNAL), None)


def look(parts: Parts) -> bool:
    """Look at everything and keep what was found; False if somebody is just looking."""
    if not _looking.acquire(blocking=False):
        return False
    try:
        now = utc_now()
        keep(parts.settings.data, Examination(now, list(examine(parts)), now))
    finally:
        _looking.release()
    return True


def look_at_journal(parts: Parts) -> Finding:
    """Follow the journal's chain to its end now; what was found of the rest stays as it is."""
    with parts.database.read() as session:
        broken = journal.verify(session)
    says = "unbroken" if broken is None else f"broken at entry {broken}"
    mend = "Compare with a backup: somebody changed the database."
    found, before = Finding(JOURNAL, broken is None, says, mend), last(parts.settings.data)
    others = [each for each in before.findings if each.what != JOURNAL] if before else []
    now = utc_now()
    keep(parts.settings.data, Examination(before.at if before else now, [*others, found], now))
    return found


def keep(data: Path, examination: Examination) -> None:
    """Beside the data, for its owner's eyes alone."""
    said = asdict(examination)
    for name in ("at", "journal_at"):
        said[name] = said[name].isoformat()
    write_whole(_kept_at(data), json.dumps(said).encode())


def last(data: Path) -> Examination | None:
    """What :func:`keep` kept; None if nobody has looked yet."""
    try:
        said = json.loads(_kept_at(data).read_bytes())
        at, journal_at = (datetime.fromisoformat(said[name]) for name in ("at", "journal_at"))
        return Examination(at, [Finding(**each) for each in said["findings"]], journal_at)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _kept_at(data: Path) -> Path:
    return data.resolve() / "last-examination.json"
