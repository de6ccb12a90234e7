"""Charts as SVG, made of numbers alone: each bar is a link, and says in words what it shows.

Nothing depends on colour: bars carry their numbers, and what is missing to the whole is hatched. Presentation
attributes only, since the pages' policy allows no style in them; they print as they are shown.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

WIDTH = 400
INK, PAPER, BAR, LINE = "#0b0c0c", "#ffffff", "#14505c", "#505a5f"
LETTER, LINE_HEIGHT = 16, 48
COLUMN_HEIGHT, FOOT = 120, 28


@dataclass(frozen=True)
class Bar:
    """One number: what it counts, and where the stories behind it are. ``short`` is what fits beneath a column."""

    label: str
    value: int
    href: str
    short: str = ""


@dataclass(frozen=True)
class Chart:
    """Bars that are compared with each other. ``most`` is the number that fills the whole length.

    ``id`` names it within its page; ``says`` is the text alternative; ``share`` is how a part of ``most`` is said, as
    "{part} of {whole}", or None where the bars are no parts of it. All words are in the reader's language.
    """

    id: str
    title: str
    says: str
    bars: tuple[Bar, ...]
    most: int
    share: str | None = None

    @property
    def is_share(self) -> bool:
        return self.share is not None

    def number_of(self, bar: Bar) -> str:
        """A bar's number as it is written beside it."""
        return self.share.format(part=bar.value, whole=self.most) if self.share else str(bar.value)


def rows(chart: Chart) -> Markup:
    """A chart of lying bars, each under its label: readable on a phone without turning it."""
    drawn = [_row(chart, bar, n * LINE_HEIGHT) for n, bar in enumerate(chart.bars)]
    return _whole(chart, len(chart.bars) * LINE_HEIGHT, drawn)


def columns(chart: Chart) -> Markup:
    """A chart of standing bars, in the order of time."""
    step = WIDTH / max(1, len(chart.bars))
    drawn = [_column(chart, bar, n * step, step) for n, bar in enumerate(chart.bars)]
    ground = Markup('<line x1="0" y1="{y}" x2="{x}" y2="{y}" stroke="{line}"/>').format(
        x=WIDTH, y=COLUMN_HEIGHT + LETTER + 4, line=LINE
    )
    return _whole(chart, COLUMN_HEIGHT + LETTER + 4 + FOOT, [ground, *drawn])


def length_of(value: int, most: int, whole: float) -> float:
    """How long a bar is; whatever is there is seen, however little it is."""
    if value <= 0 or most <= 0:
        return 0.0
    return max(2.0, round(whole * min(value, most) / most, 1))


def _whole(chart: Chart, height: int, drawn: Sequence[Markup]) -> Markup:
    # A group, and no image: whoever hears the page reaches each bar's link within it.
    return Markup(
        '<svg class="cr-chart" role="group" viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg" '
        'aria-labelledby="{id}-title {id}-desc"><title id="{id}-title">{title}</title>'
        '<desc id="{id}-desc">{says}</desc>{hatched}{drawn}</svg>'
    ).format(
        width=WIDTH,
        height=height,
        id=chart.id,
        title=chart.title,
        says=chart.says,
        hatched=_hatched(chart.id) if chart.is_share else Markup(),
        drawn=Markup().join(drawn),
    )


def _hatched(chart_id: str) -> Markup:
    return Markup(
        '<defs><pattern id="{id}-rest" width="8" height="8" patternUnits="userSpaceOnUse" '
        'patternTransform="rotate(45)"><rect width="8" height="8" fill="{paper}"/>'
        '<line x1="0" y1="0" x2="0" y2="8" stroke="{line}" stroke-width="2"/></pattern></defs>'
    ).format(id=chart_id, paper=PAPER, line=LINE)


def _row(chart: Chart, bar: Bar, y: int) -> Markup:
    number = chart.number_of(bar)
    length = length_of(bar.value, chart.most, WIDTH - 2)
    parts = [
        # The whole row can be pressed, not only what is drawn of it.
        _rect(0, y, WIDTH, LINE_HEIGHT, "transparent"),
        _text(0, y + LETTER, bar.label, "start"),
        _text(WIDTH, y + LETTER, number, "end", is_bold=True),
    ]
    if chart.is_share:
        parts.append(_rect(1, y + 22, WIDTH - 2, 16, f"url(#{chart.id}-rest)", LINE))
    parts.append(_rect(1, y + 22, length, 16, BAR))
    return _link(bar, f"{bar.label}: {number}", parts)


def _column(chart: Chart, bar: Bar, x: float, step: float) -> Markup:
    height = length_of(bar.value, chart.most, COLUMN_HEIGHT)
    foot, middle = COLUMN_HEIGHT + LETTER + 4, x + step / 2
    parts = [
        _rect(x, 0, step, foot + FOOT, "transparent"),
        _rect(x + step * 0.15, foot - height, step * 0.7, height, BAR),
        _text(middle, foot + LETTER + 2, bar.short or bar.label, "middle", size=13),
        _text(middle, foot - height - 4, str(bar.value), "middle", is_bold=True),
    ]
    return _link(bar, f"{bar.short or bar.label}: {bar.value}", parts)


def _link(bar: Bar, says: str, parts: Sequence[Markup]) -> Markup:
    # What is seen stands in the link's name, word for word: whoever speaks to their device says it (WCAG 2.5.3).
    inside = Markup(" ").join(parts)
    if not bar.value:
        # Nothing lies behind it: a link would lead nowhere.
        return Markup("<g><title>{says}</title>{inside}</g>").format(says=says, inside=inside)
    return Markup('<a href="{href}" aria-label="{says}">{inside}</a>').format(
        href=bar.href, says=says, inside=inside
    )


def _rect(x: float, y: float, width: float, height: float, fill: str, stroke: str = "none") -> Markup:
    return Markup('<rect x="{}" y="{}" width="{}" height="{}" fill="{}" stroke="{}"/>').format(
        *(_short(each) for each in (x, y, width, height)), fill, stroke
    )


def _text(x: float, y: float, says: str, anchor: str, *, is_bold: bool = False, size: int = LETTER) -> Markup:
    weight = Markup(' font-weight="700"') if is_bold else Markup()
    return Markup('<text x="{}" y="{}" text-anchor="{}" font-size="{}" fill="{}"{}>{}</text>').format(
        _short(x), _short(y), anchor, size, INK, weight, escape(says)
    )


def _short(number: float) -> str:
    return f"{number:.1f}".removesuffix(".0")
