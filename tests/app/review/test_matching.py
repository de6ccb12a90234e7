"""What the desk's search and replace finds: whole words in every alphabet, unless one asks for more."""

from __future__ import annotations

import json
import shutil
import subprocess

import pytest

from tests.conftest import ROOT

MATCHING = ROOT / "app" / "web" / "static" / "js" / "matching.js"
REPLACE = """
const { patternOf } = await import(process.argv[1]);
const cases = JSON.parse(process.argv[2]);
console.log(JSON.stringify(cases.map(([text, wanted, how]) => text.replace(patternOf(wanted, how), () => "#"))));
"""
PARTS, SAME_CASE = {"parts": True}, {"sameCase": True}
CASES: list[tuple[str, str, dict[str, bool], str]] = [
    ("With it, It and wit", "it", {}, "With #, # and wit"),
    ("With it, It and wit", "it", PARTS, "W#h #, # and w#"),
    ("With it, It and wit", "it", SAME_CASE, "With #, It and wit"),
    ("With it, It and wit", "It", PARTS | SAME_CASE, "With it, # and wit"),
    ("Żal mi, żal. Żalu.", "żal", {}, "# mi, #. Żalu."),
    ("Na łące i na łą", "łą", {}, "Na łące i na #"),
    ("Älä sinä itke, älä", "älä", {}, "# sinä itke, #"),
    ("Η Άννα και η ΆΝΝΑ, Άνναν", "άννα", {}, "Η # και η #, Άνναν"),
    ("ο δρόμος, ΔΡΌΜΟΣ", "δρόμος", {}, "ο #, #"),
    ("Ja u\u0301nica, u", "u", {}, "Ja u\u0301nica, #"),
    ("in 2019, 20 and 2020", "20", {}, "in 2019, # and 2020"),
    ("it's, its", "'s", {}, "it#, its"),
    ("What? (what.) what", "what.", {}, "What? (#) what"),
    ("two words, two wordsmiths", "two words", {}, "#, two wordsmiths"),
]


def test_whole_words_are_found_in_every_alphabet_unless_parts_are_asked_for() -> None:
    if shutil.which("node") is None:
        pytest.skip("there is no Node here")
    sent = json.dumps([case[:3] for case in CASES])
    command = ["node", "--input-type=module", "--eval", REPLACE, "--", MATCHING.as_uri(), sent]
    said = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout
    assert json.loads(said) == [case[3] for case in CASES]
