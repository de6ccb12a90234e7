"""``/metrics``: what is going on, for Prometheus and whatever reads its text format (OpenMetrics' older sister).

Read from the database at each request, so every web process tells the same. Never an id, a name or a word.
"""

from __future__ import annotations

import hmac
import shutil
from collections.abc import Iterator
from datetime import timedelta

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy.orm import Session

from app.parts import House, Parts
from models.base import utc_now
from models.errors import NotFound, NotSignedIn
from storage import figures

router = APIRouter(tags=["health"])

PREFIX = "community_reporting"
RECENTLY = timedelta(hours=1)


@router.get("/metrics", summary="What is going on, in numbers", response_class=Response)
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
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    is_right = hmac.compare_digest(token.strip().encode(), expected.get_secret_value().encode())
    if scheme.lower() != "bearer" or not is_right:
        raise NotSignedIn("metrics-token-missing")


class _Figures(Collector):
    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def collect(self) -> Iterator[Metric]:
        with self._parts.database.read() as session:
            yield from _stories(session)
            yield from _work(session)
        free = shutil.disk_usage(self._parts.settings.data).free
        yield GaugeMetricFamily(f"{PREFIX}_disk_free_bytes", "Free where the data folder lies.", free)


def _stories(session: Session) -> Iterator[Metric]:
    stories = GaugeMetricFamily(f"{PREFIX}_stories", "Stories by state.", labels=["state"])
    for state, count in figures.stories_by_state(session).items():
        stories.add_metric([state.value], count)
    yield stories
    recordings = GaugeMetricFamily(f"{PREFIX}_recordings", "Recordings by state.", labels=["state"])
    for recording_state, count in figures.recordings_by_state(session).items():
        recordings.add_metric([recording_state.value], count)
    yield recordings
    failed = GaugeMetricFamily(
        f"{PREFIX}_recordings_unusable", "Recordings that stand failed or refused.", labels=["state", "code"]
    )
    for (recording_state, code), count in figures.failures_by_code(session).items():
        failed.add_metric([recording_state.value, code], count)
    yield failed


def _work(session: Session) -> Iterator[Metric]:
    now = utc_now()
    waiting = GaugeMetricFamily(f"{PREFIX}_work_open", "Work that is not done yet.", labels=["kind"])
    oldest = GaugeMetricFamily(
        f"{PREFIX}_work_oldest_seconds", "Age of the oldest of it; 0: there is none.", labels=["kind"]
    )
    for kind, (count, since) in figures.open_work(session).items():
        waiting.add_metric([kind.value], count)
        oldest.add_metric([kind.value], (now - since).total_seconds() if since else 0)
    yield waiting
    yield oldest
    ended = GaugeMetricFamily(
        f"{PREFIX}_work_ended_last_hour", "Work that ended in the last hour.", labels=["kind", "outcome"]
    )
    for (kind, outcome), count in figures.work_ended_since(session, now - RECENTLY).items():
        ended.add_metric([kind.value, outcome.value], count)
    yield ended
    processed = figures.seconds_processed_since(session, now - RECENTLY) / RECENTLY.total_seconds()
    yield GaugeMetricFamily(
        f"{PREFIX}_audio_seconds_per_second", "Sound processed, by wall clock, over the last hour.", processed
    )
    workers = figures.living_workers(session, now)
    yield GaugeMetricFamily(f"{PREFIX}_workers", "Workers that hold a slot.", workers)
