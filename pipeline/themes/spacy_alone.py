"""spaCy's parts that themes need, imported without torch.

spaCy imports torch wherever it is installed, here for the second engine of recognition. Nothing in this package uses
it, and it would cost every process that looks for themes two seconds at its start and 200 MB.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

__all__ = ["Doc", "PhraseMatcher", "blank"]


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
        del modules[module]


with _as_if_absent("torch"):
    from spacy import blank
    from spacy.matcher import PhraseMatcher
    from spacy.tokens import Doc
