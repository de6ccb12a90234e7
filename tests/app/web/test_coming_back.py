"""Signing in leads back to a page of ours that was wanted, and never anywhere else."""

from __future__ import annotations

from urllib.parse import urljoin, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.web.coming_back import MAX_CHARACTERS, NOT_BACK_TO, START, page_here
from tests.app.conftest import Rooms

HERE = "https://stories.example.org/sign-in"
# What addresses that lead elsewhere are made of.
SIGNS = (
    "/",
    "//",
    "\\",
    "\t",
    "\n",
    "\r",
    "\0",
    ":",
    "@",
    "?",
    "#",
    ".",
    "..",
    "%2f",
    "%5c",
    "%0a",
    " ",
    "\u2028",
    "%",
)
WORDS = ("evil.example", "http:", "https:", "javascript:", "stories", "sign-in", "teller", "enter", "q=1")
TRICKS = st.sampled_from(SIGNS + WORDS)
ADDRESSES = st.one_of(
    st.lists(TRICKS, max_size=8).map("".join), st.text(max_size=30).map(lambda rest: f"/{rest}")
)


@given(ADDRESSES)
def test_no_address_leads_to_another_site(address: str) -> None:
    kept = page_here(address)
    led = urlsplit(urljoin(HERE, kept))
    assert (led.scheme, led.netloc) == ("https", "stories.example.org")
    assert kept in (address, START)
    assert kept[:1] == "/"
    # Browsers read a backslash as a slash, and leave tabs and line ends out (WHATWG URL).
    assert kept[1:2] not in ("/", "\\")
    assert kept.isascii()
    assert kept.isprintable()
    assert "\\" not in kept
    assert not any(led.path == each or led.path.startswith(f"{each}/") for each in NOT_BACK_TO)
    assert page_here(kept) == kept


@pytest.mark.parametrize(
    "address",
    [
        "",
        "stories",
        "//evil.example",
        "///evil.example",
        "/\\evil.example",
        "/\t/evil.example",
        "/stories\r\nset-cookie: a=b",
        "/stories%0d%0aset-cookie:a",
        "/%2f/evil.example",
        "/%5cevil.example",
        "/.//evil.example",
        "/stories/../sign-out",
        "/stories/%2e%2e/teller",
        "https://evil.example/stories",
        "javascript:alert(1)",
        "/sign-in?next=/sign-in",
        "/come-in/secret",
        "/teller/enter/secret",
        "/api/v1/stories",
        f"/{'x' * MAX_CHARACTERS}",
    ],
)
def test_address_that_is_none_of_a_page_here_leads_to_the_start(address: str) -> None:
    assert page_here(address) == START


@pytest.mark.parametrize(
    "address",
    ["/stories/new", "/search?q=a+b%20c&page=2", "/review/0a1b", "/governance/nowa-wola", "/signing"],
)
def test_page_here_is_kept_as_it_is(address: str) -> None:
    assert page_here(address) == address


def test_only_what_can_be_opened_again_is_named(rooms: Rooms) -> None:
    browser = rooms.visitor()
    assert 'href="/sign-in?next=%2Freview%3Fstate%3Ddeclined"' in browser.get("/review?state=declined").text
    assert f'href="/sign-in?next=%2Fstories%2F{"0" * 32}"' in browser.get(f"/stories/{'0' * 32}").text
    refused = browser.post("/pilots", data={"code": "a", "name": "A", "language": "pl"})
    assert (refused.status_code, "next=" in refused.text) == (401, False), "a form that was sent is gone"
    assert "next=" not in browser.get("/").text
