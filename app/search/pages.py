"""The library for people: one form, links that play a moment, and a story to listen to; no script is needed."""

from __future__ import annotations

from datetime import date
from functools import partial
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Form, Query, Request, Response
from fastapi.responses import RedirectResponse
from markupsafe import Markup

from app.access import Anyone, PilotTeam, scope
from app.labels import label_of
from app.often import SEARCHES, at_most
from app.parts import House, Parts
from app.search.schemas import MomentOut, SearchIn
from app.search.service import PURPOSES, USES, look_for
from app.stories.hearing import RecordingId, Seconds, Start, StoryHeard, story_heard
from app.web.rendering import render
from app.web.translation import N_, Translator, translator_for
from models.curation import State
from models.roles import ANYONE, Action, Principal, Scope
from models.stories import Purpose
from pipeline.transcription.languages import PILOT_LANGUAGES, language_names
from storage import collections, gate, pilots

router = APIRouter(prefix="/search")

MAY_READ = [Depends(scope(Scope.STORIES_READ))]
# As far as a page counts: whoever has more than this to choose from narrows it down.
COUNTED = 200
NARROWED = {
    "pilot": N_("pilot: {value}"),
    "language": N_("told in {value}"),
    "theme": N_("theme: {value}"),
    "purpose": N_("gathered: {value}"),
    "use": N_("may be used: {value}"),
    "state": N_("state: {value}"),
    "year": N_("sent in {value}"),
    "from_date": N_("sent from {value}"),
    "to_date": N_("sent until {value}"),
}


@router.get("", dependencies=[*MAY_READ, at_most(SEARCHES)])
def search(request: Request, parts: House, reader: Anyone, asked: Annotated[SearchIn, Query()]) -> Response:
    _ = translator_for(request)
    with parts.database.read() as session:
        found = look_for(session, reader, asked, parts.codebook, language=_.language, count_up_to=COUNTED)
        mine = pilots.of_ids(session, list(reader.roles))
    names = language_names()
    purposes = {each.value: _(says) for each, says in PURPOSES.items()}
    states = {state.value: _(label_of(state)) for state in State}
    choices = {
        "pilot": [(pilot.code, pilot.name) for pilot in mine],
        "language": [(code, names[code]) for code in dict.fromkeys([*PILOT_LANGUAGES, *names])],
        "theme": _themes(parts, _.language),
        "purpose": [(each.value, purposes[each]) for each in (Purpose.INPUT, Purpose.CO_EVALUATION)],
        "use": [(each.value, _(says)) for each, says in USES.items()],
        "state": [(each, says) for each, says in states.items() if each != State.WITHDRAWN],
    }
    narrowed = _narrowed(asked, choices, _)
    return render(
        request,
        "search.html",
        asked=asked,
        found=found,
        counted=COUNTED,
        choices=choices,
        narrowed=narrowed,
        purposes=purposes,
        states=states,
        language_names=names,
        link=partial(_link, asked),
        collecting=_collecting(asked, reader) if found.total and (asked.q or narrowed) else "",
        place_of=_place_of,
    )


@router.get("/stories/{story_id}", dependencies=MAY_READ)
def listen(
    request: Request,
    parts: House,
    reader: Anyone,
    story_id: str,
    t: Seconds = None,
    r: RecordingId = None,
) -> Response:
    """A story, to be listened to from second ``t`` of its recording ``r``."""
    language = translator_for(request).language
    with parts.database.read() as session:
        story = gate.may(session, reader, Action.LISTEN, story_id)
        heard = story_heard(session, story, parts.codebook, language)
        mine = collections.that_may_take(session, reader, story_id)
        return render(
            request,
            "library-story.html",
            story=heard,
            start=Start(r, t) if t else None,
            language_names=language_names(),
            collections=mine,
            holding=collections.holding(session, mine, story_id),
            is_public=not gate.may_not(session, ANYONE, Action.LISTEN, story_id),
            cares=not gate.may_not(session, reader, Action.RECORD_CONSENT, story_id),
            embedding=_embedding(parts.settings.base_url, heard),
        )


@router.post("/stories/{story_id}/collect", dependencies=[Depends(scope(Scope.COLLECTIONS_WRITE))])
def collect(
    parts: House, member: PilotTeam, story_id: str, collection_id: Annotated[str, Form(max_length=40)]
) -> Response:
    """Put a story at the end of a collection, and stay with the story."""
    with parts.database.write() as session:
        collection = collections.within_reach(session, member, collection_id)
        collections.add(session, member, collection, story_id, actor=member.account_id or "")
    return RedirectResponse(f"/search/stories/{story_id}#collect", 303)


def _place_of(moment: MomentOut) -> str:
    """What follows a story's address, so that it is played from a moment."""
    return f"?r={moment.recording_id}&t={moment.start_seconds:.2f}"


def _embedding(base_url: str, story: StoryHeard) -> str:
    """What plays a published story within another page, to be copied as text."""
    framed = Markup(
        '<iframe src="{}/listen/embed/{}" title="{}" width="560" height="420" allowfullscreen loading="lazy"></iframe>'
    )
    return str(framed.format(base_url, story.id, story.title))


def _themes(parts: Parts, language: str) -> list[tuple[str, str]]:
    return sorted(
        ((each.id, each.label(language)) for each in parts.codebook.themes), key=lambda each: each[1]
    )


def _narrowed(
    asked: SearchIn, choices: dict[str, list[tuple[str, str]]], _: Translator
) -> list[tuple[str, str]]:
    """The filters that are on, in words, by the name that takes each out of the address."""
    chosen = asked.model_dump(exclude_defaults=True, exclude={"q", "limit", "cursor"})
    return [
        (
            name,
            _(
                NARROWED[name],
                value=_.day(value) if isinstance(value, date) else _chosen(choices, name, value),
            ),
        )
        for name, value in chosen.items()
    ]


def _chosen(choices: dict[str, list[tuple[str, str]]], name: str, value: object) -> str:
    return dict(choices.get(name, [])).get(str(value), str(value))


def _collecting(asked: SearchIn, reader: Principal) -> str:
    """The form that makes a collection, filled with what was asked here; nothing for those who make none."""
    if not reader.pilots_as(*collections.WORKS_WITH_COLLECTIONS):
        return ""
    first, last = asked.from_date, asked.to_date
    if asked.year:
        first = max(first or date.min, date(asked.year, 1, 1))
        last = min(last or date.max, date(asked.year, 12, 31))
    filled = {
        "how": "query",
        "q": asked.q,
        "theme": asked.theme,
        "language": asked.language,
        "told_for": asked.purpose,
        "pilot": asked.pilot,
        "other_pilot": asked.pilot,
        "from_date": first,
        "to_date": last,
    }
    return (
        "/collections?" + urlencode({name: str(value) for name, value in filled.items() if value}) + "#make"
    )


def _link(asked: SearchIn, **changes: str | None) -> str:
    """The address of the same search with something changed; from its first page, unless that is changed."""
    now = asked.model_dump(mode="json", exclude_defaults=True, exclude={"cursor"}) | changes
    return "/search?" + urlencode({name: value for name, value in now.items() if value is not None})
