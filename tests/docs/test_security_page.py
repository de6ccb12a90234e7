"""The page on security names tests as its proof: each is there, and each line of the checklist says what holds it."""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
DOCS = ROOT / "docs"
PAGE = DOCS / "security.md"
DECISION = DOCS / "decisions" / "0010-encryption-at-rest.md"
NAMED = re.compile(r"\b(tests/[\w/]+\.py)::(\w+)")
LINE = re.compile(r"^\| (\d+\.\d+\.\d+) L[123] \|.*\| (.+) \|$", re.MULTILINE)
LINK = re.compile(r"\]\(([^)\s]+)\)")


def functions_in(path: Path) -> set[str]:
    """The tests of a file; none if it is not there."""
    if not path.exists():
        return set()
    found = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    return {each.name for each in found if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef)}


def is_there(page: Path, link: str) -> bool:
    """Whether a link of a page leads to a file, and to a heading of it if it names one."""
    name, _, heading = link.partition("#")
    target = (page.parent / name).resolve() if name else page
    if not target.exists():
        return False
    titles = re.findall(r"^#+ (.+)$", target.read_text(encoding="utf-8"), re.MULTILINE) if heading else []
    return not heading or heading in {
        re.sub(r"[^\w -]", "", each).lower().replace(" ", "-") for each in titles
    }


def test_every_test_that_the_page_names_exists() -> None:
    named = NAMED.findall(PAGE.read_text(encoding="utf-8"))
    assert len(named) > 200, "the page was read"
    there = {path: functions_in(ROOT / path) for path, _ in named}
    assert [f"{path}::{test}" for path, test in named if test not in there[path]] == []
    assert [test for _, test in named if not test.startswith("test_")] == []


def test_every_line_of_the_checklist_says_once_what_holds_it() -> None:
    lines = LINE.findall(PAGE.read_text(encoding="utf-8"))
    assert len(lines) > 150, "the checklist was read"
    numbers = [number for number, _ in lines]
    assert sorted({each for each in numbers if numbers.count(each) > 1}) == []
    unheld = [
        number
        for number, held_by in lines
        if not NAMED.search(held_by) and not held_by.startswith(("paper: [", "exception: "))
    ]
    assert unheld == []
    unclosed = [
        number for number, held_by in lines if "exception: " in held_by and "Closes with: " not in held_by
    ]
    assert unclosed == [], "an exception says what would close it"


def test_links_of_both_pages_lead_somewhere() -> None:
    for page in (PAGE, DECISION):
        links = [each for each in LINK.findall(page.read_text(encoding="utf-8")) if "://" not in each]
        assert links
        assert [each for each in links if not is_there(page, each)] == [], page
