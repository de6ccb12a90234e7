"""Charts are drawn of numbers alone: to one measure, in words too, with nothing in them that a page forbids."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest

from app.charts.drawing import Bar, Chart, columns, length_of, rows

SVG = "{http://www.w3.org/2000/svg}"
BARS = (Bar("Work & <home>", 4, "/search?theme=work&pilot=a"), Bar("Health", 1, "/search?theme=health"))
NOTHING = Bar("None", 0, "/search?theme=none")


def drawn(chart: Chart) -> list[ET.Element]:
    """A chart, lying and standing, as its XML."""
    return [ET.fromstring(str(draw(chart))) for draw in (rows, columns)]


def test_each_bar_is_a_link_that_says_what_it_shows() -> None:
    for svg in drawn(Chart("c", "Themes", "Work: 4", BARS, 4)):
        links = {link.get("aria-label"): link.get("href") for link in svg.iter(f"{SVG}a")}
        assert links == {
            "Work & <home>: 4": "/search?theme=work&pilot=a",
            "Health: 1": "/search?theme=health",
        }
        assert [svg.findtext(f"{SVG}title"), svg.findtext(f"{SVG}desc")] == ["Themes", "Work: 4"]
        assert svg.get("aria-labelledby") == "c-title c-desc"


def test_bars_are_as_long_as_their_numbers_to_one_measure() -> None:
    lying, _ = drawn(Chart("c", "t", "s", BARS, 8))
    widths = [
        float(each.get("width", "")) for each in lying.iter(f"{SVG}rect") if each.get("fill") == "#14505c"
    ]
    assert widths == [199.0, 49.8]


def test_share_is_of_a_whole_that_is_hatched_and_not_only_of_another_colour() -> None:
    lying, _ = drawn(Chart("c", "t", "s", BARS, 8, share="{part} of {whole}"))
    assert [each.get("fill") for each in lying.iter(f"{SVG}rect")].count("url(#c-rest)") == len(BARS)
    assert "4 of 8" in "".join(lying.itertext())


def test_share_is_said_as_its_language_says_it() -> None:
    (lying, _) = drawn(Chart("c", "t", "s", BARS, 8, share="{whole}/{part}"))
    assert [link.get("aria-label") for link in lying.iter(f"{SVG}a")] == ["Work & <home>: 8/4", "Health: 8/1"]


def test_what_is_not_there_leads_nowhere() -> None:
    for svg in drawn(Chart("c", "t", "s", (NOTHING,), 0)):
        assert list(svg.iter(f"{SVG}a")) == []
        assert "None: 0" in "".join(svg.itertext())


def test_chart_of_nothing_is_drawn() -> None:
    assert all(svg.tag == f"{SVG}svg" for svg in drawn(Chart("c", "t", "Nothing to count yet.", (), 0)))


@pytest.mark.parametrize(("value", "length"), [(0, 0), (-1, 0), (1, 2), (500, 50), (1000, 100), (2000, 100)])
def test_little_is_seen_and_much_stays_inside(value: int, length: float) -> None:
    assert length_of(value, 1000, 100) == length
    assert length_of(value, 0, 100) == 0


def test_no_style_and_no_script_stands_in_a_chart() -> None:
    for draw in (rows, columns):
        text = str(draw(Chart("c", "t", "s", BARS, 4, share="{part} of {whole}")))
        assert "style" not in text
        assert "script" not in text
        assert " on" not in text
