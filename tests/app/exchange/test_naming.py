"""Names of what leaves: no title can climb out of its folder, or be a name that a system cannot keep."""

from __future__ import annotations

import io
import re
import tempfile
import zipfile
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath, PureWindowsPath

from hypothesis import example, given
from hypothesis import strategies as some
from stream_zip import ZIP_AUTO, stream_zip

from app.exchange.naming import archive_name, folder_of, media_name, slug, text_name
from models.stories import RenditionKind
from storage.release_entries import MediaFile, PulledEntry

TITLES = some.one_of(
    some.text(max_size=400),
    some.sampled_from(
        ["", ".", "..", "../../etc/passwd", "C:\\x", "CON", "nul.txt", "a/b", "\u202e", "ı", "ﬀ", "Ω"]
    ),
)
SYSTEMS_OWN = {"con", "prn", "aux", "nul", *(f"{name}{n}" for name in ("com", "lpt") for n in range(10))}


def entry(title: str, position: int = 1, story_id: str = "a" * 32) -> PulledEntry:
    return PulledEntry(position, "digest", story_id, "salt", {"title": title})


def assert_safe(name: str) -> None:
    """One file or folder name that Windows, macOS, Linux and old cards keep as it is."""
    assert re.fullmatch(r"[a-z0-9][a-z0-9.-]*", name), name
    assert len(name) <= 100
    assert not name.endswith(".")
    assert PureWindowsPath(name).parts == PurePosixPath(name).parts == (name,)
    assert name.partition(".")[0] not in SYSTEMS_OWN


@given(TITLES)
@example("ZAŻÓŁĆ gęślą jaźń")
@example("CON")
def test_any_title_makes_a_folder_that_any_system_keeps(title: str) -> None:
    base, folder = folder_of(entry(title)).split("/")
    assert base == "stories"
    assert_safe(folder)
    assert folder.startswith("001-")
    assert folder.endswith("a" * 32), "recalls name stories by their id"


@given(TITLES, some.integers(1, 1_000_000))
@example("con", 1)
def test_any_title_makes_an_archive_name_that_any_system_keeps(title: str, number: int) -> None:
    name = archive_name(title, number)
    assert_safe(name)
    assert name.endswith(f"-release-{number}.zip")
    # It stands in a header between quotes.
    assert not set('"\\\r\n') & set(name)


def test_titles_keep_what_can_be_read_of_them() -> None:
    assert slug("Schody — 4. piętro!", "story") == "schody-4-pietro"
    assert slug("Ο κήπος", "story") == "story"
    assert len(slug("long " * 100, "story")) <= 40


@given(some.lists(TITLES, max_size=12))
def test_equal_titles_never_share_a_folder(titles: list[str]) -> None:
    ids = [f"{n:032x}" for n in range(len(titles))]
    folders = [
        folder_of(entry(title, n, story_id))
        for n, (title, story_id) in enumerate(zip(titles, ids, strict=True))
    ]
    assert len({folder.casefold() for folder in folders}) == len(titles)


def test_each_kind_of_file_has_a_name_of_its_own() -> None:
    kinds = [kind for kind in RenditionKind if kind is not RenditionKind.SPEECH]
    names = [media_name(MediaFile(2, "r", kind, "key", 1, "sha")) for kind in kinds]
    names += [text_name(2, ending) for ending in (".vtt", ".srt", ".txt", ".json")]
    assert len(set(names)) == len(names)
    for name in names:
        assert_safe(name)
        assert name.startswith("recording-2")


@given(some.lists(TITLES, min_size=1, max_size=4))
def test_archive_of_any_titles_unpacks_inside_its_folder(titles: list[str]) -> None:
    members = (
        (f"{folder_of(entry(title, n))}/x.txt", datetime.now(UTC), 0o100600, ZIP_AUTO(1), [b"x"])
        for n, title in enumerate(titles)
    )
    archive = zipfile.ZipFile(io.BytesIO(b"".join(stream_zip(members))))
    with tempfile.TemporaryDirectory() as folder:
        archive.extractall(folder)
        found = [path for path in Path(folder).rglob("*") if path.is_file()]
        assert len(found) == len(titles)
        assert {path.relative_to(folder).parts[0] for path in found} == {"stories"}
