"""Building the application: the parts once, then the rooms."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

from fastapi import APIRouter, FastAPI
from starlette.types import ASGIApp

from app import problems
from app.care import api as care_api
from app.care import pages as care_pages
from app.charts import pages as charts_pages
from app.collections import api as collections_api
from app.collections import making_pages as collections_making_pages
from app.collections import pages as collections_pages
from app.collections import release_pages as collections_release_pages
from app.collections import response_pages as collections_response_pages
from app.consents import api as consents_api
from app.consents import pages as consents_pages
from app.health import metrics
from app.health import routes as health
from app.health import state_pages as health_state_pages
from app.imports import pages as imports_pages
from app.notices import api as notices_api
from app.notices import pages as notices_pages
from app.parts import Parts
from app.people import account_pages as people_account_pages
from app.people import api as people_api
from app.people import kiosk as people_kiosk
from app.people import leaving as people_leaving
from app.people import office_api as people_office_api
from app.people import office_pages as people_office_pages
from app.people import pages as people_pages
from app.people import reporter_pages as people_reporter_pages
from app.pilots import api as pilots_api
from app.pilots import governance_pages as pilots_governance_pages
from app.pilots import invitation_pages as pilots_invitation_pages
from app.pilots import pages as pilots_pages
from app.pilots import program_pages as pilots_program_pages
from app.pilots import setting_pages as pilots_setting_pages
from app.pilots import wording_pages as pilots_wording_pages
from app.public import pages as public_pages
from app.review import api as review_api
from app.review import pages as review_pages
from app.review import progress as review_progress
from app.review import queue_pages as review_queue_pages
from app.review import transcript_pages as review_transcript_pages
from app.search import api as search_api
from app.search import pages as search_pages
from app.stories import api as stories_api
from app.stories import offline as stories_offline
from app.stories import pages as stories_pages
from app.stories import recording_pages as stories_recording_pages
from app.tellers import api as tellers_api
from app.tellers import pages as tellers_pages
from app.uploads import api as uploads_api
from app.uploads.answers import SpeaksTus
from app.uploads.service import Uploads
from app.web import attempts
from app.web.bodies import MAX_BODY_BYTES
from app.web.described import DescribedApi
from app.web.security import Guarded, TooLargeInWords
from app.web.static_files import StaticApp
from app.webhooks import api as webhooks_api
from app.webhooks import pages as webhooks_pages

API = "/api/v1"

# One entry a room: what answers programs, and what answers people. tests/access walks them all.
ROOMS_FOR_PROGRAMS: tuple[APIRouter, ...] = (
    people_api.router,
    people_office_api.router,
    pilots_api.router,
    stories_api.router,
    uploads_api.router,
    consents_api.router,
    care_api.router,
    notices_api.router,
    review_api.router,
    search_api.router,
    collections_api.router,
    webhooks_api.router,
    tellers_api.router,
)
ROOMS_FOR_PEOPLE: tuple[APIRouter, ...] = (
    people_pages.router,
    people_leaving.router,
    people_kiosk.router,
    people_account_pages.router,
    people_office_pages.router,
    people_reporter_pages.router,
    pilots_pages.router,
    pilots_governance_pages.router,
    pilots_setting_pages.router,
    pilots_wording_pages.router,
    pilots_program_pages.router,
    pilots_invitation_pages.router,
    stories_pages.router,
    imports_pages.router,
    stories_recording_pages.router,
    stories_offline.router,
    consents_pages.router,
    care_pages.router,
    notices_pages.router,
    review_queue_pages.router,
    review_pages.router,
    review_transcript_pages.router,
    review_progress.router,
    search_pages.router,
    collections_making_pages.router,
    collections_pages.router,
    collections_release_pages.router,
    collections_response_pages.router,
    webhooks_pages.router,
    health_state_pages.router,
    tellers_pages.router,
    public_pages.router,
    charts_pages.router,
)

Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]


def stand_on(app: FastAPI, parts: Parts) -> None:
    """Let an application work with these parts from now on."""
    app.state.parts, app.state.uploads, app.state.often = parts, Uploads(parts), attempts.counter()


class Application(DescribedApi):
    """What is served: described, and in our words to the last."""

    def build_middleware_stack(self) -> ASGIApp:
        return TooLargeInWords(super().build_middleware_stack())


def create_app(parts: Parts, *, lifespan: Lifespan | None = None) -> FastAPI:
    """The application over its parts. ``lifespan`` starts what runs beside it, such as workers."""
    app = Application(
        title="Community Reporting",
        version="1",
        summary="Gather, curate and mobilise people's own stories, governed by their consent.",
        openapi_url=f"{API}/openapi.json",
        # The packaged pages load scripts from elsewhere; nothing leaves this server.
        docs_url=None,
        redoc_url=None,
        max_body_size=MAX_BODY_BYTES,
        lifespan=lifespan,
    )
    stand_on(app, parts)
    app.add_middleware(Guarded)
    app.add_middleware(SpeaksTus)
    problems.install(app)
    app.include_router(health.router)
    app.include_router(metrics.router)
    for room in ROOMS_FOR_PROGRAMS:
        app.include_router(room, prefix=API)
    for room in ROOMS_FOR_PEOPLE:
        app.include_router(room, include_in_schema=False)
    app.mount("/static", StaticApp(), name="static")
    return app
