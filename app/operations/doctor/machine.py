"""The machine and what stands on it: programs, the cage, the recogniser, the disk, the address."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from urllib.parse import urlsplit

from app.operations.doctor.findings import Finding, Look
from app.parts import Parts
from app.words import say
from models.addresses import is_loopback
from models.errors import Unavailable
from pipeline import cage
from pipeline.themes import lemmas
from pipeline.transcription import engines, weights
from pipeline.transcription.languages import PILOT_LANGUAGES, quality_note

PROGRAMS = {"ffmpeg": "ffmpeg", "ffprobe": "ffmpeg", "setpriv": "util-linux"}
WALLS = {
    "network": "Let the service make network namespaces. Sockets are refused all the same where calls are.",
    "files": "Use Linux 5.13 or newer with Landlock on. Until then ffmpeg can read what the service can.",
    "calls": "Use a kernel with seccomp, on x86-64 or 64-bit ARM.",
}


def _programs(parts: Parts) -> Iterator[Finding]:
    for program, package in PROGRAMS.items():
        found = shutil.which(program) is not None
        yield Finding(program, found, "found" if found else "missing", f"apt-get install {package}")


def _cage(parts: Parts) -> Iterator[Finding]:
    """What keeps children in that open strangers' files. Without a wall the work goes on, behind those that stand."""
    for wall, mend in WALLS.items():
        stands = wall in cage.standing()
        says = "closed" if stands else "open: this kernel, or the container, does not let us close it"
        yield Finding(f"cage: {wall}", stands, says, mend, is_warning=True)


def _engine(parts: Parts) -> Iterator[Finding]:
    mend = "Install it, or name another by COMMUNITY_REPORTING_ENGINE: no story gets any further without."
    try:
        engines.check(parts.settings.engine)
        yield Finding("engine", True, f"{parts.settings.engine}, installed")
    except Unavailable as error:
        yield Finding("engine", False, say(error.code, dict(error.parameters)), mend)


def _weights(parts: Parts) -> Iterator[Finding]:
    folder = weights.ensure(parts.settings.cache_folder, parts.settings.weights)
    if parts.settings.weights:
        yield Finding("weights", True, f"{parts.settings.weights}")
    else:
        well = weights.verify(folder)
        yield Finding(
            "weights", well, "base, verified" if well else "changed", f"Delete {folder} and run again."
        )
    for name, wanted in parts.settings.offered_weights.items():
        weights.ensure(parts.settings.cache_folder, wanted)
        yield Finding(f"weights: {name}", True, "offered to pilots")
    weak = [code for code in PILOT_LANGUAGES if quality_note(code, weights.name_of(folder))]
    if weak:
        mend = "Set COMMUNITY_REPORTING_WEIGHTS to small or large-v3-turbo."
        yield Finding("languages", False, f"weak in {', '.join(weak)}", mend, is_warning=True)


def _lemmas(parts: Parts) -> Iterator[Finding]:
    missing = lemmas.check(lemmas.lemma_folder(parts.settings.cache_folder))
    says = f"missing: {', '.join(missing)}" if missing else "ten languages"
    yield Finding("lemma tables", not missing, says, "Run make set-up.")


def _disk(parts: Parts) -> Iterator[Finding]:
    free = shutil.disk_usage(parts.settings.data).free
    well = free >= parts.settings.min_free_bytes
    yield Finding("disk", well, f"{free / 1e9:.1f} GB free", "Make room: uploads are refused until then.")


def _rights(parts: Parts) -> Iterator[Finding]:
    """The folder whose reader reads every story; what it is made with is ours, what it is given later is not."""
    folder = parts.settings.data.resolve()
    rights = folder.stat().st_mode & 0o777
    mend = f"chmod 700 {folder}: whoever reads it can read every story."
    yield Finding("data folder", not rights & 0o077, f"mode {rights:o}", mend, is_warning=True)


def _address(parts: Parts) -> Iterator[Finding]:
    address = urlsplit(parts.settings.base_url)
    well = address.scheme == "https" or is_loopback(address.hostname or "")
    mend = "Serve by TLS: phones record only over HTTPS (docs/deploy)."
    yield Finding("address", well, parts.settings.base_url, mend, is_warning=True)


LOOKS: tuple[Look, ...] = (
    _programs,
    _cage,
    _engine,
    _weights,
    _lemmas,
    _disk,
    _rights,
    _address,
)
