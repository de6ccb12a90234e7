"""A browser opens the pages: with and without JavaScript, as whoever is signed in."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from models.roles import Role
from tests.plugins.browser import PHONE, WIDE, expected
from tests.plugins.served import Served
from tests.plugins.stories import Field

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext


@pytest.mark.parametrize("has_scripts", [True, False])
@pytest.mark.parametrize("screen", [PHONE, WIDE])
def test_whoever_is_signed_in_is_known(
    visit: Callable[..., BrowserContext], served: Served, screen: dict[str, int], has_scripts: bool
) -> None:
    field = Field(served.parts.database)
    reporter = field.account(Role.REPORTER, field.pilot())
    page = visit(served, reporter, viewport=screen, java_script_enabled=has_scripts).new_page()
    answer = page.goto("/stories")
    assert answer is not None
    assert answer.status == 200
    expected(page.get_by_role("button", name="Sign out")).to_be_visible()
