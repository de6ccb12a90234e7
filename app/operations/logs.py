"""The log: what happened, for whoever runs the service."""

from __future__ import annotations

import logging
import sys
import traceback

import structlog
from structlog.typing import EventDict, WrappedLogger

# Of an error the last places it passed; more would be the framework's own.
FRAMES = 40
# Whose messages never quote what people sent: why a port cannot be opened. Of others the place is said.
SAY_WHY = ("uvicorn",)
# Durable work prints on its own, tracebacks with their words too, unless somebody else writes for it already.
WRITES_BY_ITSELF = ("dbos",)


def configure_logging(*, is_quiet: bool = False) -> None:
    """Lines of JSON on standard error: ids, codes and times, never content, names or tokens.

    What libraries log by themselves goes the same way, from warnings on.
    """
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _without_words,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR if is_quiet else logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    for name in ("", *WRITES_BY_ITSELF):
        others = logging.getLogger(name)
        kept = others.handlers if name not in WRITES_BY_ITSELF else []
        others.handlers = [each for each in kept if not isinstance(each, _OneOfOurs)]
        others.addHandler(_OneOfOurs(logging.ERROR if is_quiet else logging.WARNING))
        others.propagate = False


def where_raised(error: BaseException) -> list[str]:
    """An error by its kind and the places it passed, and what it came from; not its words: they may be a person's."""
    found: list[str] = []
    seen: set[int] = set()
    cause: BaseException | None = error
    while cause is not None and id(cause) not in seen:
        seen.add(id(cause))
        found.append(type(cause).__name__)
        found += [
            f"{frame.filename}:{frame.lineno} {frame.name}"
            for frame in traceback.extract_tb(cause.__traceback__, limit=-FRAMES)
        ]
        cause = cause.__cause__ or (None if cause.__suppress_context__ else cause.__context__)
    return found


def _without_words(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    raised = event.pop("exc_info", None)
    if raised is True:
        raised = sys.exc_info()[1]
    if isinstance(raised, tuple):
        raised = raised[1]
    if isinstance(raised, BaseException):
        event["raised"] = where_raised(raised)
    return event


class _OneOfOurs(logging.Handler):
    """Writes what libraries log as the service writes its own lines."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            line: dict[str, object] = {"logger": record.name, "at": f"{record.module}:{record.lineno}"}
            if record.exc_info and record.exc_info[1] is not None:
                # The text may quote the error.
                line["raised"] = where_raised(record.exc_info[1])
            elif record.name.startswith(SAY_WHY):
                line["says"] = record.getMessage()
            structlog.get_logger().log(record.levelno, "library", **line)
        except Exception:
            self.handleError(record)
