"""spaCy, imported without torch, and only by whoever looks for themes.

spaCy imports torch wherever it is installed, here for the second engine of recognition. Nothing in this package uses
it, and it would cost every process that looks for themes two seconds at its start and 200 MB. spaCy itself takes a
second and a half: a service that starts, and a command that looks for no theme, need not wait for it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from types import ModuleType
from typing import Any


@cache
def spacy_alone() -> ModuleType:
    """The package ``spacy`` with ``spacy.matcher`` and ``spacy.tokens``."""
    with _as_if_absent("torch"):
        import spacy.matcher
        import spacy.tokens

        return spacy


@contextmanager
def _as_if_absent(module: str) -> Iterator[None]:
    modules: dict[str, Any] = sys.modules
    if module in modules:  # somebody uses it already: there is nothing left to save
        yield
        return
    modules[module] = None  # what Python itself understands as "not installed"
    try:
        yield
    finally:
        modules.pop(module, None)
