"""``/metrics``: what is going on, for Prometheus and whatever reads its text format (OpenMetrics' older sister).

Read from the database at each request, so every web process tells the same. Never an id, a name or a word.
"""

from __future__ import annotations

import hmac
import shutil
from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy.orm import Session

from app.access import bearer_token
from app.parts import House, Parts
from app.web.described import gives, may_end_in
from models.base import utc_now
from models.errors import NotFound, NotSignedIn
from storage import figures, fixity, leases

router = APIRouter(tags=["health"])

PREFIX = "community_reporting"
RECENTLY = timedelta(hours=1)


@router.get(
    "/metrics",
    summary="What is going on, in numbers",
    response_class=Response,
    responses=gives("text/plain") | may_end_in(401, 404),
)
def metrics(request: Request, parts: House) -> Response:
    """Gauges in Prometheus' text format, for whoever sends the token of the settings as a Bearer token."""
    _check_token(request, parts)
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    registry.register(_Figures(parts))
    return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)


def _check_token(request: Request, parts: Parts) -> None:
    """:raises NotFound: no token is set; :raises NotSignedIn: another one came."""
    expected = parts.settings.metrics_token
    if expected is None:
        raise NotFound("not-found")
    token = bearer_token(request.headers.get("authorization", ""))
    if token is None or not hmac.compare_digest(token.encode(), expected.get_secret_value().encode()):
        raise NotSignedIn("metrics-token-missing")


class _Figures(Collector):
    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def collect(self) -> Iterator[Metric]:
        with self._parts.database.read() as session:
            yield from _stories(session)
            yield from _work(session)
            yield from _originals(session)
        free = shutil.disk_usage(self._parts.settings.data).free
        yield _gauge("disk_free_bytes", "Free where the data folder lies.", [], [((), free)])


def _stories(session: Session) -> Iterator[Metric]:
    stories = {(state,): count for state, count in figures.stories_by_state(session).items()}
    yield _gauge("stories", "Stories by state.", ["state"], stories.items())
    recordings = {(state,): count for state, count in figures.recordings_by_state(session).items()}
    yield _gauge("recordings", "Recordings by state.", ["state"], recordings.items())
    failed = figures.failures_by_code(session)
    yield _gauge(
        "recordings_unusable", "Recordings that stand failed or refused.", ["state", "code"], failed.items()
    )


def _work(session: Session) -> Iterator[Metric]:
    now = utc_now()
    work = figures.open_work(session)
    waiting = {(kind,): count for kind, (count, _) in work.items()}
    yield _gauge("work_open", "Work that is not done yet.", ["kind"], waiting.items())
    ages = {(kind,): (now - since).total_seconds() if since else 0 for kind, (_, since) in work.items()}
    yield _gauge("work_oldest_seconds", "Age of the oldest of it; 0: there is none.", ["kind"], ages.items())
    waits = {
        (kind,): (now - since).total_seconds() if since else 0
        for kind, since in figures.longest_waiting(session).items()
    }
    yield _gauge(
        "work_waiting_seconds", "How long what nobody has begun has waited.", ["kind"], waits.items()
    )
    ended = figures.work_ended_since(session, now - RECENTLY)
    yield _gauge(
        "work_ended_last_hour", "Work that ended in the last hour.", ["kind", "outcome"], ended.items()
    )
    processed = figures.seconds_processed_since(session, now - RECENTLY) / RECENTLY.total_seconds()
    yield _gauge(
        "audio_seconds_per_second",
        "Sound processed, by wall clock, over the last hour.",
        [],
        [((), processed)],
    )
    workers = len(leases.living(session))
    yield _gauge("workers", "Workers that hold a slot.", [], [((), workers)])


def _originals(session: Session) -> Iterator[Metric]:
    found = fixity.figures(session)
    damaged = [((), found.damaged)]
    yield _gauge("originals_damaged", "Originals whose bytes are not those that were sent.", [], damaged)
    age = (utc_now() - found.oldest).total_seconds() if found.oldest else 0
    yield _gauge(
        "originals_oldest_check_seconds",
        "Since the look at an original that is longest ago.",
        [],
        [((), age)],
    )


def _gauge(
    name: str, says: str, labels: Sequence[str], values: Iterable[tuple[Sequence[str], float]]
) -> GaugeMetricFamily:
    """A figure, or one for each tuple of its labels' values."""
    family = GaugeMetricFamily(f"{PREFIX}_{name}", says, labels=labels)
    for of, value in values:
        family.add_metric([str(each) for each in of], value)
    return family
