"""Weights are what they say, byte for byte, and are made ready once."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from models.errors import Unavailable
from pipeline.transcription import weights

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def folder() -> Path:
    return weights.ensure(ROOT / "data" / "cache")


@pytest.fixture
def packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The data packages once more, in front of those that are installed: the folders of their files."""
    copies = []
    for name in weights.PARTS:
        real = weights._data_of(name)
        copy = tmp_path / "packages" / name / "data"
        copy.mkdir(parents=True)
        (copy.parent / "__init__.py").touch()
        for file in real.iterdir():
            (copy / file.name).symlink_to(file)
        copies.append(copy)
    monkeypatch.syspath_prepend(tmp_path / "packages")
    assert weights._data_of(weights.PARTS[0]) == copies[0]
    return copies


def change_a_byte(path: Path) -> None:
    """Of a copy: what a link leads to stays as it is."""
    if path.is_symlink():
        real = path.resolve()
        path.unlink()
        shutil.copyfile(real, path)
    with path.open("r+b") as file:
        file.seek(path.stat().st_size // 2)
        (byte,) = file.read(1)
        file.seek(-1, os.SEEK_CUR)
        file.write(bytes([byte ^ 1]))


def test_weights_are_upstreams_byte_for_byte(folder: Path) -> None:
    assert weights.verify(folder)
    assert weights.name_of(folder) == "base"
    assert {"model.bin", *weights.SMALL_FILES} <= {file.name for file in folder.iterdir()}


@pytest.mark.parametrize("part", [0, 1])
def test_changed_byte_is_refused(packages: list[Path], tmp_path: Path, part: int) -> None:
    change_a_byte(packages[part] / f"model.bin.part{part + 1}")
    with pytest.raises(Unavailable) as refused:
        weights.ensure(tmp_path / "cache")
    assert refused.value.code == "weights-changed"
    assert not (tmp_path / "cache" / "whisper-base").exists()


def test_parts_in_the_wrong_order_are_refused(packages: list[Path], tmp_path: Path) -> None:
    first, second = packages[0] / "model.bin.part1", packages[1] / "model.bin.part2"
    one, two = first.resolve(), second.resolve()
    for link, target in ((first, two), (second, one)):
        link.unlink()
        link.symlink_to(target)
    with pytest.raises(Unavailable):
        weights.ensure(tmp_path / "cache")


def test_joined_once_and_then_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = weights.ensure(tmp_path)
    assert weights.verify(made)
    before = (made / "model.bin").stat().st_ino
    # Not even the packages are needed again.
    monkeypatch.setattr(weights, "PARTS", ("no_such_package",))
    assert weights.ensure(tmp_path) == made == weights.ensure(tmp_path, "base")
    assert (made / "model.bin").stat().st_ino == before
    assert [file.name for file in tmp_path.iterdir()] == ["whisper-base"]


def test_byte_that_changes_after_joining_is_found(folder: Path, tmp_path: Path) -> None:
    shutil.copyfile(folder / "model.bin", tmp_path / "model.bin")
    assert weights.verify(tmp_path)
    change_a_byte(tmp_path / "model.bin")
    assert not weights.verify(tmp_path)
    (tmp_path / "model.bin").unlink()
    assert not weights.verify(tmp_path)


def test_what_a_killed_join_left_does_no_harm(tmp_path: Path) -> None:
    half = tmp_path / "whisper-base"
    # In a container a process that starts again often has the number that it had before.
    same_process = tmp_path / f"whisper-base.{os.getpid()}"
    for left in (half, same_process):
        left.mkdir()
        (left / "model.bin").write_bytes(b"half")
    assert weights.verify(weights.ensure(tmp_path))
    assert [file.name for file in tmp_path.iterdir()] == ["whisper-base"]


def test_two_processes_that_join_at_once_agree(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from pipeline.transcription import weights\n"
        "print(weights.ensure(Path(sys.argv[1])))"
    )
    joining = [
        subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE)
        for _ in range(2)
    ]
    said = [process.communicate(timeout=120)[0].decode().strip() for process in joining]
    assert [process.returncode for process in joining] == [0, 0]
    assert set(said) == {str(tmp_path / "whisper-base")}
    assert weights.verify(tmp_path / "whisper-base")
    assert [file.name for file in tmp_path.iterdir()] == ["whisper-base"]


def test_slower_of_two_leaves_the_quicker_ones_folder(tmp_path: Path) -> None:
    quicker = weights.ensure(tmp_path)
    before = (quicker / "model.bin").stat().st_ino
    # The slower one had looked before the quicker one was done.
    weights._join(quicker)
    assert (quicker / "model.bin").stat().st_ino == before
    assert [file.name for file in tmp_path.iterdir()] == ["whisper-base"]


def test_missing_package_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights, "PARTS", ("no_such_package", "nor_this"))
    with pytest.raises(Unavailable) as missing:
        weights.ensure(tmp_path)
    assert (missing.value.code, missing.value.parameters) == (
        "weights-missing",
        {"package": "no-such-package"},
    )


def test_folder_that_the_settings_name_is_taken_as_it_is(tmp_path: Path) -> None:
    mine = tmp_path / "whisper-small"
    mine.mkdir()
    assert weights.ensure(tmp_path, str(mine)) == mine
    assert weights.name_of(mine) == "small"


def test_weights_that_the_hub_does_not_give_are_named(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from pipeline.transcription import weights\n"
        "from models.errors import Unavailable\n"
        "try: weights.ensure(Path(sys.argv[1]), 'small')\n"
        "except Unavailable as error: print(error.code, error.parameters['package'])"
    )
    offline = {**os.environ, "HF_HUB_OFFLINE": "1"}
    command = [sys.executable, "-c", code, str(tmp_path)]
    said = subprocess.run(command, cwd=ROOT, env=offline, capture_output=True, timeout=120, check=True)
    assert said.stdout.decode().split() == ["weights-missing", "small"]


def test_arrays_of_the_model_can_be_read(folder: Path) -> None:
    arrays = weights.read_ctranslate2(folder / "model.bin")
    assert arrays["encoder/conv1/weight"].shape == (512, 80, 3)
    assert arrays["decoder/embeddings/weight"].shape == (51_865, 512)
    assert arrays["decoder/embeddings/weight"].dtype == np.float16


def test_model_of_another_making_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "model.bin").write_bytes((5).to_bytes(4, "little") + bytes(100))
    with pytest.raises(Unavailable):
        weights.read_ctranslate2(tmp_path / "model.bin")
