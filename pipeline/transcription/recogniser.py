"""Recognition in a process of its own: it can be killed in the middle, its memory is bounded, and it is caged.

The process stays warm between jobs, since loading takes as long as a short story; it ends when it was idle for a
while, when the work is called off, and when we do.
"""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from models.errors import StageFailed, Unavailable, WorkCancelled
from pipeline import cage
from pipeline.deadline import Deadline
from pipeline.transcription import engines
from pipeline.transcription.conversion import CHECKPOINT
from pipeline.transcription.engines import MEMORY
from pipeline.transcription.protocol import Transcription

ROOT = Path(__file__).resolve().parent.parent.parent
MIB = 1024 * 1024
IDLE_SECONDS = 300.0
LOOK_EVERY_SECONDS = 0.2
LOADING_SECONDS = 180.0
# A part is ten minutes at most; the slowest engine we know needs three times that on two cores.
PART_SECONDS = 3600.0


class Recogniser:
    """An engine behind a wall. One job at a time; safe to share between threads."""

    def __init__(
        self,
        weights: Path,
        *,
        others: Mapping[str, Path] | None = None,
        engine: str = "faster-whisper",
        threads: int = 2,
        memory_bytes: int | None = None,
        idle_seconds: float = IDLE_SECONDS,
    ) -> None:
        """
        :raises Unavailable: there is no such engine, or it is not installed
        """
        self._weights, self._others = weights, others or {}
        self._engine, self._threads = engine, threads
        engines.check(engine)
        self._memory_bytes = memory_bytes
        self._idle_seconds = idle_seconds
        self._lock = threading.Lock()
        self._child: subprocess.Popen[bytes] | None = None
        self._loaded: Path | None = None
        self._jobs: socket.socket | None = None
        self._buffer = b""
        self._idle: threading.Timer | None = None

    def transcribe(
        self,
        speech: Path,
        *,
        language: str | None,
        candidates: Sequence[str] = (),
        weights: str | None = None,
        start_seconds: float = 0.0,
        end_seconds: float | None = None,
        cancelled: Callable[[], bool] = lambda: False,
        progress: Callable[[float], None] = lambda fraction: None,
    ) -> Transcription:
        """What is said in a part of a speech rendition; see :class:`~pipeline.transcription.protocol.Transcriber`.

        :param weights: which of ``others`` to hear with; None, or what is not there any more: the ones it was made with
        :raises WorkCancelled: it was called off; the process is gone then
        :raises StageFailed: the process died or took too long, or the engine is not installed any more
        """
        job = {
            "language": language,
            "candidates": list(candidates),
            "start_seconds": start_seconds,
            "end_seconds": end_seconds,
        }
        with self._lock:
            self._stay_awake()
            try:
                self._ensure_child(self._others.get(weights or "", self._weights), cancelled)
                self._send(job, speech)
                answer = self._hear({"heard"}, PART_SECONDS, cancelled, progress)
                return Transcription.from_dict(answer["heard"])
            except BaseException:
                self._kill()
                raise
            finally:
                self._sleep_when_idle()

    def close(self) -> None:
        """End the process."""
        with self._lock:
            self._stay_awake()
            self._kill()

    @property
    def child_pid(self) -> int | None:
        """The process's id while it lives."""
        return self._child.pid if self._child and self._child.poll() is None else None

    def _ensure_child(self, weights: Path, cancelled: Callable[[], bool]) -> None:
        if self.child_pid is not None and self._loaded == weights:
            return
        # One at a time: two engines side by side would take the memory of both.
        self._kill()
        self._buffer, self._loaded = b"", weights
        if self._engine == "openai-whisper" and not (weights / CHECKPOINT).exists():
            # Not in the child, which may write nothing. What fails here is said by the engine.
            conversion = [sys.executable, "-m", "pipeline.transcription.conversion", str(weights)]
            self._start(conversion, subprocess.DEVNULL).communicate()
        command = [
            *(sys.executable, "-m", "pipeline.transcription.child"),
            *(self._engine, str(weights), str(self._threads)),
        ]
        # Each job as one message, with the file that it is about.
        self._jobs, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._child = self._start(
                cage.around(
                    command,
                    reads=[*_files_of(weights), ROOT / "models", ROOT / "pipeline"],
                    runs=[Path(sys.prefix), Path(sys.base_prefix)],
                    lists=[ROOT],
                    limits={
                        "data": self._memory_bytes or MEMORY[self._engine].limit_with(weights),
                        "core": 0,
                    },
                ),
                theirs.fileno(),
            )
        answer = self._hear({"ready", "failed"}, LOADING_SECONDS, cancelled, lambda fraction: None)
        if answer.get("failed") == "engine-not-installed":
            # It was there when this began. Whoever waits for it waits in vain, and is not told for what.
            raise StageFailed(answer["failed"], **answer["parameters"])
        if "failed" in answer:
            raise Unavailable(answer["failed"], **answer["parameters"])

    def _start(self, command: list[str], jobs: int) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            command,
            cwd=ROOT,
            stdin=jobs,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=_environment(self._threads),
            start_new_session=True,
        )

    def _send(self, job: dict[str, Any], speech: Path) -> None:
        assert self._jobs is not None
        try:
            with speech.open("rb") as file:
                socket.send_fds(self._jobs, [json.dumps(job).encode()], [file.fileno()])
        except OSError as error:
            raise StageFailed("recogniser-crashed") from error

    def _hear(
        self,
        wanted: set[str],
        patience_seconds: float,
        cancelled: Callable[[], bool],
        progress: Callable[[float], None],
    ) -> dict[str, Any]:
        deadline = Deadline(patience_seconds)
        while True:
            for answer in self._answers():
                if wanted & answer.keys():
                    return answer
                if "progress" in answer:
                    progress(answer["progress"])
            if cancelled():
                raise WorkCancelled("work-cancelled")
            if deadline.is_over():
                raise StageFailed("took-too-long")

    def _answers(self) -> list[dict[str, Any]]:
        """Whole lines that arrived within a moment."""
        assert self._child is not None
        assert self._child.stdout is not None
        with selectors.DefaultSelector() as selector:
            selector.register(self._child.stdout, selectors.EVENT_READ)
            if not selector.select(LOOK_EVERY_SECONDS):
                return []
        chunk = os.read(self._child.stdout.fileno(), MIB)
        if not chunk:
            raise StageFailed("recogniser-crashed", status=self._child.wait())
        *lines, self._buffer = (self._buffer + chunk).split(b"\n")
        return [json.loads(line) for line in lines if line]

    def _kill(self) -> None:
        child, self._child = self._child, None
        if child is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()
        for stream in (self._jobs, child.stdout):
            if stream is not None:
                stream.close()

    def _stay_awake(self) -> None:
        if self._idle is not None:
            self._idle.cancel()
            self._idle = None

    def _sleep_when_idle(self) -> None:
        self._idle = threading.Timer(self._idle_seconds, self.close)
        self._idle.daemon = True
        self._idle.start()


def _files_of(weights: Path) -> list[Path]:
    """The folder of weights, and where its files lie: the hub's cache has links in it."""
    return [weights.resolve(), *(file.resolve() for file in weights.glob("*") if file.is_symlink())]


def _environment(threads: int) -> dict[str, str]:
    """Few arenas and threads: each costs memory that the limit counts."""
    return {
        **{name: os.environ[name] for name in ("PATH", "HOME", "HF_HOME", "LANG") if name in os.environ},
        "PYTHONPATH": str(ROOT),
        "MALLOC_ARENA_MAX": "1",
        "OMP_NUM_THREADS": str(threads),
        # Beside the service on the same cores, threads that wait by running in circles take twice the time (torch).
        "OMP_WAIT_POLICY": "PASSIVE",
        "OPENBLAS_NUM_THREADS": "1",
        "HF_HUB_OFFLINE": "1",
        "TOKENIZERS_PARALLELISM": "false",
    }
