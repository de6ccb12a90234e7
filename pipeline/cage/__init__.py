"""A cage around a child that opens what strangers sent: what it may see, write, use and ask of the kernel.

Four walls, each where the kernel has it: no network, no capabilities, only the files that are named (Landlock, Linux
5.13), and no system calls that lead elsewhere (seccomp). Why these: docs/decisions/0012-the-cage-of-ffmpeg.md.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path

WALLS = Path(__file__).with_name("walls.py")
# Where the system's programs and libraries are. Nothing of ours is under these, and nobody's home.
SYSTEM = ("/usr", "/lib", "/lib64", "/bin")


def around(
    command: Sequence[str],
    *,
    reads: Iterable[Path] = (),
    runs: Iterable[Path] = (),
    lists: Iterable[Path] = (),
    writes: Iterable[Path] = (),
    limits: Mapping[str, int],
    dies_with: int | None = None,
) -> list[str]:
    """The command that runs another in the cage.

    :param command: a program by its absolute path, and its arguments
    :param reads: files, or folders with all that is in them, that it may read beside the system's
    :param runs: the same, of which it may also run what it reads
    :param lists: folders of which it may read the names of what is in them, and no more
    :param writes: files that are there, which it may write and read; it can make no other, and remove none
    :param limits: bytes of ``data``, address ``space``, a ``file`` and ``core``; ``cpu`` seconds; open ``files``
    :param dies_with: the process whose end is the child's end; the thread that starts the child has to live as long
    """
    walls = [
        *(f"read={path}" for path in reads),
        *(f"run={path}" for path in (*SYSTEM, *runs)),
        *(f"list={path}" for path in lists),
        *(f"write={path}" for path in writes),
        *(f"{name}={value}" for name, value in limits.items()),
        *([f"parent={dies_with}"] if dies_with is not None else []),
    ]
    return [sys.executable, "-I", "-S", str(WALLS), *walls, "--", *command]


@cache
def standing() -> frozenset[str]:
    """The walls that this kernel lets us build: of ``network``, ``files`` and ``calls``."""
    tried = subprocess.run(around([], limits={}), capture_output=True, text=True, check=False)
    return frozenset(tried.stdout.split()) if tried.returncode == 0 else frozenset()
