"""Fixtures that every room's tests share."""

from __future__ import annotations

import gc
import os
from pathlib import Path

import pytest
from hypothesis import settings

ROOT = Path(__file__).resolve().parent.parent

# How long an example takes says nothing of it: others are tested beside it.
settings.register_profile("beside others", deadline=None)
settings.load_profile("beside others")

pytest_plugins = [
    "tests.plugins.compiled_once",
    "tests.plugins.databases",
    "tests.plugins.one_connection",
    "tests.plugins.one_loop",
    "tests.plugins.stories",
    "tests.plugins.objects",
    "tests.plugins.workshop",
    "tests.plugins.browser",
]


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Browsers first, so that one process opens one after the other: at the end, all would, and wait for each other."""
    items.sort(key=lambda item: ROOT / "tests" / "web" not in item.path.parents)


def pytest_collection_finish() -> None:
    """Vocabularies and schemas stay: looking through them for garbage, over and over, takes a fifth of the time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 50, 100)


@pytest.fixture(scope="session")
def shared_folder() -> Path:
    """Recordings and papers kept beside the checkout; tests that need them skip where they are absent."""
    folder = Path(os.environ.get("COMMUNITY_REPORTING_SHARED", ROOT.parent / "shared"))
    if not folder.is_dir():
        pytest.skip(f"needs the recordings folder beside the checkout ({folder.name}/), which is absent")
    return folder
