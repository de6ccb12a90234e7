"""The charts of one reader: what they compare, in words, and where each bar leads."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from urllib.parse import urlencode

from sqlalchemy.orm import Session

from app.charts import counting
from app.charts.counting import WAITS, Quarter
from app.charts.drawing import Bar, Chart
from app.web.translation import N_, Translator
from models.consent import Use
from models.curation import State
from models.roles import Principal

THEMES_OF_A_PILOT, THEMES_OVER_TIME = 8, 4
USES = {
    Use.SHARING: N_("Shared with my pilots"),
    Use.EXCERPTS: N_("Short parts may be used"),
    Use.TRANSLATION: N_("May be translated"),
    Use.RESEARCH: N_("Open to research"),
    Use.PUBLICATION: N_("Published for everybody"),
}
IN_THE_QUEUE = {
    State.SUBMITTED: N_("Wait to be taken up"),
    State.RETURNED: N_("Sent back, wait for an answer"),
    State.IN_REVIEW: N_("Somebody works on them"),
}
LONG = (N_("Less than a week"), N_("One to four weeks"), N_("More than four weeks"))
# Each is written beneath a column: there is room for eight characters.
QUARTER = N_("Q{number} {year}")
SHARE = N_("{part} of {whole}")
CONSENT = N_("What consent covers")
QUEUE, WAITING = N_("What is in the queue"), N_("How long stories have waited to be taken up")
NOTHING = N_("Nothing to count yet.")


def themes_by_pilot(
    session: Session, principal: Principal, labels: Mapping[str, str], _: Translator
) -> list[Chart]:
    """One chart a pilot, all to the same measure."""
    counted = counting.themes_by_pilot(session, principal)
    most = max((count for each in counted.values() for count in each.values()), default=0)
    return [
        _chart(
            _,
            f"pilot-{code}",
            name,
            [
                Bar(labels.get(theme, theme), count, _search(pilot=code, theme=theme))
                for theme, count in _first(each, THEMES_OF_A_PILOT)
            ],
            most,
        )
        for (code, name), each in counted.items()
    ]


def themes_over_time(
    session: Session, principal: Principal, labels: Mapping[str, str], today: date, _: Translator
) -> list[Chart]:
    """One chart a theme, of those that most stories have; all to the same measure."""
    quarters = counting.quarters_until(today)
    counted = counting.themes_by_quarter(session, principal, quarters)
    chosen = [
        theme for theme, of in _first({each: sum(of) for each, of in counted.items()}, THEMES_OVER_TIME)
    ]
    most = max((count for theme in chosen for count in counted[theme]), default=0)
    return [
        _chart(
            _,
            f"time-{theme}",
            labels.get(theme, theme),
            [
                Bar(_named(quarter, _), count, _in(quarter, theme), _named(quarter, _, is_short=True))
                for quarter, count in zip(quarters, counted[theme], strict=True)
            ],
            most,
        )
        for theme in chosen
    ]


def coverage(session: Session, principal: Principal, _: Translator) -> Chart:
    """What the stories that a reader may read may be put to, of all of them."""
    counted = counting.by_use(session, principal, list(USES))
    bars = [Bar(_(says), counted[use], _search(use=use.value)) for use, says in USES.items()]
    whole = counting.readable(session, principal)
    return _chart(_, "consent", _(CONSENT), bars, whole, share=_(SHARE))


def queue(session: Session, principal: Principal, today: date, _: Translator) -> list[Chart]:
    """What waits for a curator, and for how long; none for who curates nothing."""
    states = counting.in_queue(session, principal)
    waits = counting.waiting(session, principal, today)
    by_state = [
        Bar(_(says), states.get(state, 0), f"/review?state={state}") for state, says in IN_THE_QUEUE.items()
    ]
    by_wait = [
        Bar(_(says), count, _waited(today, *wait))
        for says, count, wait in zip(LONG, waits, WAITS, strict=True)
    ]
    return [
        _chart(_, "queue", _(QUEUE), by_state, max(bar.value for bar in by_state)),
        _chart(_, "waiting", _(WAITING), by_wait, max(waits)),
    ]


def _chart(
    _: Translator, id: str, title: str, bars: Sequence[Bar], most: int, *, share: str | None = None
) -> Chart:
    chart = Chart(id, title, "", tuple(bars), most, share)
    says = "; ".join(f"{bar.label}: {chart.number_of(bar)}" for bar in bars)
    return replace(chart, says=says or _(NOTHING))


def _named(quarter: Quarter, _: Translator, *, is_short: bool = False) -> str:
    year = quarter.first.year
    return _(QUARTER, number=quarter.number, year=f"{year % 100:02}" if is_short else year)


def _first(counted: Mapping[str, int], limit: int) -> list[tuple[str, int]]:
    return sorted(Counter(counted).items(), key=lambda each: (-each[1], each[0]))[:limit]


def _search(**filters: str) -> str:
    return "/search?" + urlencode(filters)


def _in(quarter: Quarter, theme: str) -> str:
    return _search(theme=theme, from_date=quarter.first.isoformat(), to_date=quarter.last.isoformat())


def _waited(today: date, least: int, most: int | None) -> str:
    days = {"to_date": (today - timedelta(days=least)).isoformat()}
    if most is not None:
        days["from_date"] = (today - timedelta(days=most - 1)).isoformat()
    return _search(state=State.SUBMITTED.value, **days)
