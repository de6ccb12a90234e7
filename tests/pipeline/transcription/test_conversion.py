"""The checkpoint for openai-whisper holds the verified weights, and gives the same text."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline.transcription import sound
from pipeline.transcription.conversion import convert_for_openai_whisper, dimensions_of, renamed
from pipeline.transcription.weights import read_ctranslate2
from pipeline.transcription.wer import normalised


@pytest.fixture(scope="module")
def arrays(base_weights: Path) -> dict[str, Any]:
    return read_ctranslate2(base_weights / "model.bin")


def test_no_array_of_the_weights_is_lost(arrays: dict[str, Any]) -> None:
    converted = dict(renamed(arrays))
    wanted = {name: values for name, values in arrays.items() if values.dtype == np.float16 and values.ndim}
    dropped = [
        values[size : 2 * size] if "self_attention" in name else values[:size]
        for name, values in wanted.items()
        if name.endswith(("self_attention/linear_0/bias", "/attention/linear_1/bias"))
        for size in [512]
    ]
    # Whisper's keys have no bias: what stands in their place must be nothing.
    assert dropped
    assert all(not part.any() for part in dropped)
    assert sum(each.size for each in converted.values()) == sum(each.size for each in wanted.values()) - sum(
        part.size for part in dropped
    )


def test_dimensions_are_those_of_base(arrays: dict[str, Any]) -> None:
    dimensions = dimensions_of(arrays)
    assert dimensions == {
        **{"n_mels": 80, "n_audio_ctx": 1500, "n_audio_state": 512, "n_audio_head": 8, "n_audio_layer": 6},
        **{"n_vocab": 51_865, "n_text_ctx": 448, "n_text_state": 512, "n_text_head": 8, "n_text_layer": 6},
    }


@pytest.mark.long
def test_converted_checkpoint_gives_the_same_text(base_weights: Path, tmp_path: Path, voice: Path) -> None:
    pytest.importorskip("whisper", reason="needs openai-whisper (the extra of that name, with torch)")
    import torch
    from faster_whisper import WhisperModel
    from whisper import log_mel_spectrogram, pad_or_trim

    from pipeline.transcription.openai_whisper_engine import load

    folder = tmp_path / "whisper-base"
    folder.mkdir()
    for file in base_weights.iterdir():
        if file.suffix != ".pt":
            (folder / file.name).symlink_to(file)
    made = convert_for_openai_whisper(folder, folder / "openai-whisper.pt")
    assert [file.name for file in folder.iterdir() if "openai" in file.name] == ["openai-whisper.pt"]
    kept = torch.load(made, weights_only=True)
    assert kept["alignment_heads"] == json.loads((folder / "config.json").read_text())["alignment_heads"]
    samples = sound.read(voice, 0.0, None)
    # Both in the same arithmetic and by the same search, so that only the weights could differ.
    plain = WhisperModel(str(folder), device="cpu", compute_type="float32", cpu_threads=2)
    torch.set_num_threads(2)
    reference = load(made)
    mel = log_mel_spectrogram(pad_or_trim(torch.from_numpy(samples)), 80)
    with torch.no_grad():
        encoded = reference.encoder(mel[None].float()).numpy()
    assert np.allclose(np.array(plain.encode(mel.numpy()[None])), encoded, atol=1e-2)
    segments, _ = plain.transcribe(samples, language="en", beam_size=1, temperature=0.0)
    ours = " ".join(segment.text for segment in segments)
    theirs = reference.transcribe(samples, language="en", temperature=0.0, fp16=False)["text"]
    assert normalised(ours) == normalised(theirs) != []
