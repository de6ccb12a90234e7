"""``/healthz`` says that the process lives, without I/O; ``/readyz`` that its parts answer."""

from __future__ import annotations

import shutil
from datetime import timedelta

from fastapi import APIRouter, Response
from pydantic import BaseModel
from sqlalchemy import text
from sqlalchemy.orm import Session

from app.parts import House, Parts
from app.words import MENDS
from models.base import utc_now
from models.errors import StoryError
from pipeline import work_database
from storage import figures, leases

router = APIRouter(tags=["health"])

# How long work may wait before somebody is told that nobody does it.
PATIENCE = timedelta(minutes=10)


class Health(BaseModel):
    """``ok`` or what is wrong, part by part."""

    status: str
    parts: dict[str, str]


class Readiness(Health):
    """``mend`` says for each part that is not well what to do."""

    mend: dict[str, str]


@router.get("/healthz", summary="Does the process live?")
async def live() -> Health:
    return Health(status="ok", parts={})


@router.get("/readyz", summary="Do its parts answer?", responses={503: {"model": Readiness}})
def ready(parts: House, response: Response) -> Readiness:
    needed = ready_parts(parts)
    well = all(finding == "ok" for finding in needed.values())
    # Without a worker stories can still be sent: said, and no reason to send people away.
    findings = {**needed, "work": _work(parts) if needed["database"] == "ok" else "unknown"}
    response.status_code = 200 if well else 503
    mend = {part: MENDS[finding] for part, finding in findings.items() if finding in MENDS}
    return Readiness(status="ok" if well else "not ready", parts=findings, mend=mend)


def ready_parts(parts: Parts) -> dict[str, str]:
    """What has to answer before anything is served: ``ok``, or a code of what is wrong."""
    return {"database": _database(parts), "objects": _objects(parts), "disk": _disk(parts)}


def _database(parts: Parts) -> str:
    try:
        with parts.database.read() as session:
            session.execute(text("SELECT 1"))
    except StoryError as error:
        return error.code
    return "ok"


def _objects(parts: Parts) -> str:
    try:
        parts.objects.probe()
    except StoryError as error:
        return error.code
    return "ok"


def _disk(parts: Parts) -> str:
    free = shutil.disk_usage(parts.settings.data).free
    return "ok" if free >= parts.settings.min_free_bytes else "disk-nearly-full"


def _work(parts: Parts) -> str:
    settings = parts.settings
    # Where both are one, it has answered just now.
    if settings.workflow_url != settings.sql_url and not work_database.is_usable(settings.workflow_url):
        return "work-database-unusable"
    with parts.database.read() as session:
        return state_of_work(session)


def state_of_work(session: Session) -> str:
    """``ok``; or ``no-worker`` where work waits and nobody is there; or ``work-stands`` where they are and do none."""
    now = utc_now()
    if not leases.living(session):
        oldest = min((since for _, since in figures.open_work(session).values() if since), default=now)
        return "no-worker" if now - oldest > PATIENCE else "ok"
    waiting = min((each for each in figures.longest_waiting(session).values() if each), default=now)
    # A long queue is not one that stands: something of it is being done, or was just now.
    stands = now - waiting > PATIENCE and not figures.is_worked_on(session, now - PATIENCE)
    return "work-stands" if stands else "ok"
