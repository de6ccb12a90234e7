"""Content warnings, labels and terms stand in every format, and break none."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import replace

import pytest
import webvtt as vtt_reader
from hypothesis import given
from hypothesis import strategies as some

from app.exchange.captions import captions_of, subrip, webvtt
from app.exchange.manifest import manifest
from app.exchange.marks import NO_MARKS, Marks
from app.exchange.readme import readme
from app.exchange.transcripts import as_json, plain_text
from models.collections import Collection, Release
from models.pilots import Pilot
from models.transcripts import Transcript
from storage.communities import Community
from storage.release_entries import PulledEntry
from storage.releases import Pulled
from tests.app.exchange.conftest import segment
from tests.app.exchange.test_manifest import UNTIL, content

Make = Callable[..., Transcript]
LABEL = {"code": "TK-A", "text": "Name the valley", "uri": "https://localcontexts.example/tk-a"}
SPRING = Community("spring", "Spring", (LABEL,), "Not for sale.\nAsk first.")
AUTUMN = Community("autumn", "Autumn", (), "Only in winter.")
MARKS = Marks("prison", (SPRING, AUTUMN))
SAID = (
    "prison",
    "TK-A",
    "Name the valley",
    "https://localcontexts.example/tk-a",
    "Not for sale. Ask first.",
    "winter",
)


@pytest.mark.parametrize("format", ["vtt", "txt", "json"])
def test_every_format_says_it_all(transcript: Make, format: str) -> None:
    made = transcript(segment(0, 2, "Hm."))
    written = {
        "vtt": webvtt(made, MARKS),
        "txt": plain_text([made], MARKS),
        "json": as_json([made], MARKS),
    }[format]
    for each in SAID:
        assert each in written.replace("\\n", " "), each
    assert "Written by a machine" in written or json.loads(written)["transcripts"][0]["is_machine_made"]


def test_subrip_warns_before_it_begins_and_names_the_terms(transcript: Make) -> None:
    written = subrip(transcript(segment(5, 7, "Hm."), is_approved=True), MARKS)
    assert written.index("prison") < written.index("TK-A") < written.index("Terms of Spring apply.")
    assert written.index("Terms of Autumn apply.") < written.index("Hm.")
    assert "Not for sale" not in written


def test_without_marks_nothing_is_added(transcript: Make) -> None:
    made = transcript(segment(0, 2, "Hm."), is_approved=True)
    assert webvtt(made, NO_MARKS) == webvtt(made)
    assert "NOTE" not in webvtt(made)
    assert plain_text([made]) == "Hm.\n"


def test_mark_cannot_break_out_of_its_note(transcript: Make) -> None:
    evil = Marks(
        "a --> b\n\n00:00.000 --> 00:09.000\nforged", (replace(SPRING, terms="x\n\nSTYLE\n::cue{}"),)
    )
    made = transcript(segment(0, 2, "Hm."), is_approved=True)
    written = webvtt(made, evil)
    assert len(list(vtt_reader.from_buffer(io.StringIO(written)))) == 1
    assert "\nSTYLE" not in written
    assert sum("-->" in line for line in written.splitlines()) == 1
    assert sum("-->" in line for line in subrip(made, evil).splitlines()) == len(evil.short_lines) + 1


@given(warning=some.text(max_size=80), terms=some.text(max_size=80), text=some.text(max_size=20))
def test_whatever_they_say_captions_can_be_read_back(warning: str, terms: str, text: str) -> None:
    label = {"code": "L", "text": text or "x"}
    marks = Marks(warning, (Community("spring", "Spring", (label,), terms),))
    made = Transcript(language="pl", is_machine_made=False, approved_at=None, segments=[segment(0, 2, "Hm.")])
    cues = list(vtt_reader.from_buffer(io.StringIO(webvtt(made, marks))))
    assert len(cues) == len(captions_of(made))


def pulled(*entries: PulledEntry, **of_pilot: object) -> Pulled:
    return Pulled(
        collection=Collection(id="f" * 32, title="Benches", purpose="", pilot_id="p"),
        pilot=Pilot(id="p", code="spring", name="Spring", **of_pilot),
        release=Release(number=3, root_digest="r" * 64, released_at=UNTIL),
        entries=entries,
        left_out={},
    )


ENTRY = PulledEntry(
    2, "1" * 64, "b" * 32, "salt", content(), content_warning="prison", communities=(SPRING, AUTUMN)
)


def test_manifest_has_the_pilots_word_and_that_of_each_storys_communities() -> None:
    made = manifest(pulled(ENTRY, labels=[LABEL], terms="Not for sale."), {}, place="path")
    assert made["pilot"] == {"code": "spring", "name": "Spring", "labels": [LABEL], "terms": "Not for sale."}
    assert [each["code"] for each in made["entries"][0]["communities"]] == ["spring", "autumn"]
    silent = manifest(pulled(PulledEntry(1, "2" * 64)), {}, place="path")
    assert (silent["pilot"]["labels"], silent["pilot"]["terms"]) == ([], "")
    assert "communities" not in silent["entries"][0]


def test_readme_has_them_too() -> None:
    written = readme(pulled(ENTRY, labels=[LABEL], terms="Not for {sale}.\nAsk first."))
    for each in ("- TK-A: Name the valley https", "  Not for {sale}.\n  Ask first.", "- 002: prison"):
        assert each in written
    assert "Autumn, for 002:\n  Only in winter." in written
    silent = readme(pulled(PulledEntry(1, "2" * 64)))
    assert "LABELS" not in silent
    assert "CONTENT WARNINGS" not in silent
    assert "\n\n\n" not in silent + written
