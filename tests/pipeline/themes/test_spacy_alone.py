"""Themes do without torch, and leave it to whoever needs it."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec

import pytest

LOOK = """
import sys
from pipeline.themes.spacy_alone import spacy_alone
assert spacy_alone().blank("en")("two words")[1].text == "words"
assert "torch" not in sys.modules
import torch
assert torch.tensor([2]).item() == 2
"""


@pytest.mark.skipif(
    find_spec("torch") is None, reason="torch is not installed: there is nothing to leave out"
)
def test_spacy_leaves_torch_out_and_it_can_be_had_afterwards() -> None:
    subprocess.run([sys.executable, "-c", LOOK], check=True)
