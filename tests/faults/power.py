"""The whole service in processes of its own, and the power cut: kill −9 of everything that it runs, at once."""

from __future__ import annotations

import signal
import time
import urllib.error
import urllib.request
from contextlib import suppress
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import psutil

from storage.embedded import process as store_process
from tests.faults.warm import start

UP_SECONDS = 60.0


class Running:
    """A service that is started, and killed, as often as one likes."""

    def __init__(self, settings: dict[str, Any], log: Path, clock: Path | None = None) -> None:
        self._settings, self._log, self._clock = settings, log, clock
        self._process: BaseProcess | None = None
        self.starts = 0

    def start(self) -> None:
        clock = str(self._clock) if self._clock else None
        self._process = start("serve", {"settings": self._settings, "log": str(self._log), "clock": clock})
        self.starts += 1

    def cut(self) -> int:
        """Kill all of it; how many processes that were."""
        assert self._process is not None
        assert self._process.is_alive(), f"it ended by itself\n{self.log()}"
        first = psutil.Process(self._process.pid)
        with suppress(psutil.NoSuchProcess):
            # So that it starts nothing while we look what it has started.
            first.send_signal(signal.SIGSTOP)
        doomed = [first, *first.children(recursive=True)]
        for each in doomed:
            with suppress(psutil.NoSuchProcess):
                each.kill()
        self._process.join(30)
        deadline = time.monotonic() + 10
        while any(_lives(each) for each in doomed) and time.monotonic() < deadline:
            time.sleep(0.01)
        return len(doomed)

    def cut_store(self) -> None:
        """Kill the embedded store alone, if it runs at this moment."""
        pid = store_process.running_pid(Path(self._settings["data"]) / "objects")
        if pid is not None:
            with suppress(psutil.NoSuchProcess):
                psutil.Process(pid).kill()

    def is_ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self._settings['port']}/readyz", timeout=5):
                return True
        except (urllib.error.URLError, OSError):
            return False

    def wait_until_ready(self) -> float:
        """Until everything answers; how long that took, in seconds."""
        began = time.monotonic()
        while not self.is_ready():
            assert self._process is not None
            assert self._process.is_alive(), self.log()
            assert time.monotonic() - began < UP_SECONDS, self.log()
            time.sleep(0.05)
        return time.monotonic() - began

    def stop(self) -> None:
        if self._process is not None and self._process.is_alive():
            self.cut()

    def log(self) -> str:
        return self._log.read_text(errors="replace")[-4000:] if self._log.exists() else ""


def _lives(process: psutil.Process) -> bool:
    # Whoever inherits the dead may be slow to bury them.
    with suppress(psutil.NoSuchProcess):
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    return False
