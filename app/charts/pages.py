"""Charts for people who work with stories: each bar leads to the stories and moments behind it."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from app.access import PilotTeam
from app.charts import counting, drawing, making
from app.parts import House
from app.web.rendering import render
from app.web.translation import translator_for
from models.base import utc_now
from models.roles import Role

router = APIRouter()


@router.get("/charts")
def charts(request: Request, parts: House, reader: PilotTeam) -> Response:
    _, today = translator_for(request), utc_now().date()
    labels = {theme.id: theme.label(_.language) for theme in parts.codebook.themes}
    with parts.database.read() as session:
        by_pilot = making.themes_by_pilot(session, reader, labels, _)
        over_time = making.themes_over_time(session, reader, labels, today, _)
        covered = making.coverage(session, reader, _)
        queue = making.queue(session, reader, today, _) if reader.pilots_as(Role.CURATOR) else []
        total = counting.readable(session, reader)
    return render(
        request,
        "charts.html",
        total=total,
        by_pilot=by_pilot,
        over_time=over_time,
        covered=covered,
        queue=queue,
        rows=drawing.rows,
        columns=drawing.columns,
    )
