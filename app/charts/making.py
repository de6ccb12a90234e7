"""The charts of one reader: what they compare, in words, and where each bar leads."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from urllib.parse import urlencode

from sqlalchemy.orm import Session

from app.charts import counting
from app.charts.counting import WAITS, Quarter
from app.charts.drawing import Bar, Chart
from models.consent import Use
from models.curation import State
from models.roles import Principal

THEMES_OF_A_PILOT, THEMES_OVER_TIME = 8, 4
USES = {
    Use.SHARING: "Shared with my pilots",
    Use.EXCERPTS: "Short parts may be used",
    Use.TRANSLATION: "May be translated",
    Use.RESEARCH: "Open to research",
    Use.PUBLICATION: "Published for everybody",
}
IN_THE_QUEUE = {
    State.SUBMITTED: "Wait to be taken up",
    State.RETURNED: "Sent back, wait for an answer",
    State.IN_REVIEW: "Somebody works on them",
}
LONG = ("Less than a week", "One to four weeks", "More than four weeks")


def themes_by_pilot(session: Session, principal: Principal, labels: Mapping[str, str]) -> list[Chart]:
    """One chart a pilot, all to the same measure."""
    counted = counting.themes_by_pilot(session, principal)
    most = max((count for each in counted.values() for count in each.values()), default=0)
    return [
        _chart(
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
    session: Session, principal: Principal, labels: Mapping[str, str], today: date
) -> list[Chart]:
    """One chart a theme, of those that most stories have; all to the same measure."""
    quarters = counting.quarters_until(today)
    counted = counting.themes_by_quarter(session, principal, quarters)
    chosen = [theme for theme, _ in _first({each: sum(of) for each, of in counted.items()}, THEMES_OVER_TIME)]
    most = max((count for theme in chosen for count in counted[theme]), default=0)
    return [
        _chart(
            f"time-{theme}",
            labels.get(theme, theme),
            [
                Bar(quarter.name, count, _in(quarter, theme), quarter.short)
                for quarter, count in zip(quarters, counted[theme], strict=True)
            ],
            most,
        )
        for theme in chosen
    ]


def coverage(session: Session, principal: Principal) -> Chart:
    """What the stories that a reader may read may be put to, of all of them."""
    counted = counting.by_use(session, principal, list(USES))
    bars = [Bar(says, counted[use], _search(use=use.value)) for use, says in USES.items()]
    return _chart(
        "consent", "What consent covers", bars, counting.readable(session, principal), is_share=True
    )


def queue(session: Session, principal: Principal, today: date) -> list[Chart]:
    """What waits for a curator, and for how long; none for who curates nothing."""
    states = counting.in_queue(session, principal)
    waits = counting.waiting(session, principal, today)
    by_state = [
        Bar(says, states.get(state, 0), f"/review?state={state}") for state, says in IN_THE_QUEUE.items()
    ]
    by_wait = [
        Bar(says, count, _waited(today, *wait)) for says, count, wait in zip(LONG, waits, WAITS, strict=True)
    ]
    return [
        _chart("queue", "What is in the queue", by_state, max(bar.value for bar in by_state)),
        _chart("waiting", "How long stories have waited to be taken up", by_wait, max(waits)),
    ]


def _chart(id: str, title: str, bars: Sequence[Bar], most: int, *, is_share: bool = False) -> Chart:
    of = f" of {most}" if is_share else ""
    says = "; ".join(f"{bar.label}: {bar.value}{of}" for bar in bars) or "Nothing to count yet."
    return Chart(id, title, says, tuple(bars), most, is_share)


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
