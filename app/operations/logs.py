"""The log: what happened, for whoever runs the service."""

from __future__ import annotations

import logging
import sys

import structlog


def configure_logging(*, is_quiet: bool = False) -> None:
    """Lines of JSON on standard error: ids, codes and times, never content, names or tokens."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR if is_quiet else logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
