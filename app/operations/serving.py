"""Serving: the web application, with worker slots beside it or apart from it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import uvicorn
from fastapi import FastAPI
from starlette.concurrency import run_in_threadpool

from app.main import create_app
from app.operations.housekeeping import keep_house
from app.parts import Parts
from app.people.service import first_administrator_link
from app.settings import Settings
from models.addresses import is_loopback
from pipeline.calling import Caller
from pipeline.media.inspection import MediaLimits
from pipeline.transcription import engines, weights
from pipeline.transcription.recogniser import Recogniser
from pipeline.worker import Worker
from pipeline.workplace import Workplace
from storage import outliving
from storage.wishes import Holder


def keep_tables_in(settings: Settings) -> None:
    """Let the tagger and search find their word tables where the settings say: they ask the environment alone."""
    os.environ["COMMUNITY_REPORTING_CACHE"] = str(settings.cache_folder)


def refuse_missing_engine(settings: Settings) -> None:
    """Before anything is opened, where work will be done: without its engine no story gets any further.

    :raises Unavailable: there is no such engine, or it is not installed
    """
    engines.check(settings.engine)


def make_recogniser(settings: Settings) -> Recogniser:
    """The engine that the settings name, with its weights made ready."""
    folder = weights.ensure(settings.cache_folder, settings.weights)
    others = {
        name: weights.ensure(settings.cache_folder, wanted)
        for name, wanted in settings.offered_weights.items()
    }
    return Recogniser(folder, others=others, engine=settings.engine, threads=settings.threads)


def make_worker(parts: Parts) -> Worker:
    """A worker slot over the service's parts."""
    settings = parts.settings

    def workplace(holder: Holder) -> Workplace:
        folder = settings.data.resolve() / "work"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return Workplace(
            database=parts.database,
            objects=parts.objects,
            folder=folder,
            recogniser=make_recogniser(settings),
            media_limits=MediaLimits(max_seconds=settings.max_recording_seconds, threads=settings.threads),
            holder=holder,
        )

    caller = Caller(settings.webhook_hosts)
    return Worker(parts.database, settings.workflow_url, workplace, caller=caller)


def withdraw_again(parts: Parts) -> None:
    """Before anything is served or worked on: what has a tombstone is withdrawn, and what was narrowed is narrow,
    whatever the database says.

    :raises StoryError: that could not be made sure, so nothing may be served
    """
    place = parts.settings.tombstones_folder
    outliving.apply(parts.database, place)
    outliving.write_missing(parts.database, place)


def application(parts: Parts) -> FastAPI:
    """The web application; with ``workers`` in the settings, a worker slot runs in its process."""
    return create_app(parts, lifespan=_beside_it)


@asynccontextmanager
async def _beside_it(app: FastAPI) -> AsyncIterator[None]:
    parts: Parts = app.state.parts
    await run_in_threadpool(withdraw_again, parts)
    worker = make_worker(parts) if parts.settings.workers else None
    if worker:
        await run_in_threadpool(worker.start)
    housekeeping = asyncio.create_task(keep_house(parts))
    yield
    housekeeping.cancel()
    if worker:
        await run_in_threadpool(worker.stop)


def server(
    parts: Parts, *, app: FastAPI | None = None, tls_cert: Path | None = None, tls_key: Path | None = None
) -> uvicorn.Server:
    """A web server over the parts, on the host and port that the settings name.

    :param app: their :func:`application`, if it is made already
    """
    settings = parts.settings
    config = uvicorn.Config(
        app or application(parts),
        host=settings.host,
        port=settings.port,
        # What it logs goes the way of everything else: as JSON, and without the words of errors.
        log_config=None,
        log_level="warning",
        # Addresses may carry a one-time token, so requests are not logged by address.
        access_log=False,
        proxy_headers=True,
        forwarded_allow_ips=settings.trusted_proxies,
        server_header=False,
        ssl_certfile=tls_cert,
        ssl_keyfile=tls_key,
        timeout_graceful_shutdown=20,
    )
    return uvicorn.Server(config)


def openness(settings: Settings, *, is_tls: bool) -> str | None:
    """What to tell whoever serves others without TLS, their own or a proxy's; None where nobody can listen in."""
    if is_tls or is_loopback(settings.host) or settings.base_url.startswith("https:"):
        return None
    return (
        f"Others reach this at {settings.host}, and by plain HTTP: on the way anybody reads passwords and stories, and "
        "phones do not record. Give it --tls-cert and --tls-key, or put a proxy in front and say its address by "
        "COMMUNITY_REPORTING_PUBLIC_URL=https://… (docs/deploy/tls-and-proxies.md)."
    )


def invite_first_administrator(parts: Parts) -> str | None:
    """The address at which whoever installs the service becomes its administrator; None once there is one."""
    with parts.database.write() as session:
        token = first_administrator_link(session)
    return f"{parts.settings.base_url}/come-in/{token}" if token else None
