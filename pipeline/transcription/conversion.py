"""The verified weights as a checkpoint for openai-whisper: the same arrays under the names of that model.

CTranslate2 fuses projections that work on one input: a layer's query, key and value lie in one array, and so do
the key and value of its attention to the encoder. Taken apart again, nothing is lost: both files hold float16.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from models.errors import Unavailable
from pipeline.transcription.weights import read_ctranslate2

Arrays = dict[str, Any]

LAYER_NORM = {"gamma": "weight", "beta": "bias"}
ALIGNMENT_HEADS = "alignment_heads"
# Where the engine looks for it, in the weights' folder.
CHECKPOINT = "openai-whisper.pt"


def convert_for_openai_whisper(folder: Path, to: Path) -> Path:
    """Write a folder's CTranslate2 weights as ``to``, a checkpoint that ``whisper.load_model`` reads.

    Beside what that expects, it names the attention heads whose words are aligned to the sound.

    :raises Unavailable: torch is not installed, or the weights are not ones that we can read
    """
    try:
        import torch
    except ImportError as error:
        raise Unavailable("engine-not-installed", engine="openai-whisper") from error
    arrays = read_ctranslate2(folder / "model.bin")
    config = json.loads((folder / "config.json").read_text())
    checkpoint = {
        "dims": dimensions_of(arrays),
        "model_state_dict": {name: torch.tensor(values) for name, values in renamed(arrays)},
        ALIGNMENT_HEADS: config[ALIGNMENT_HEADS],
    }
    making = to.with_name(f"{to.name}.{os.getpid()}")
    torch.save(checkpoint, making)
    making.replace(to)
    return to


def dimensions_of(arrays: Arrays) -> dict[str, int]:
    """The model's size, in the words of openai-whisper's ``ModelDimensions``."""
    audio_context, audio_state = arrays["encoder/position_encodings/encodings"].shape
    text_context, text_state = arrays["decoder/position_encodings/encodings"].shape
    return {
        "n_mels": arrays["encoder/conv1/weight"].shape[1],
        "n_audio_ctx": audio_context,
        "n_audio_state": audio_state,
        "n_audio_head": int(arrays["encoder/num_heads"]),
        "n_audio_layer": _layers(arrays, "encoder"),
        "n_vocab": arrays["decoder/embeddings/weight"].shape[0],
        "n_text_ctx": text_context,
        "n_text_state": text_state,
        "n_text_head": int(arrays["decoder/num_heads"]),
        "n_text_layer": _layers(arrays, "decoder"),
    }


def renamed(arrays: Arrays) -> Iterator[tuple[str, Any]]:
    """Every array of the model under openai-whisper's name, fused projections taken apart."""
    yield "encoder.positional_embedding", arrays["encoder/position_encodings/encodings"]
    yield "decoder.positional_embedding", arrays["decoder/position_encodings/encodings"]
    yield "decoder.token_embedding.weight", arrays["decoder/embeddings/weight"]
    for convolution in ("conv1", "conv2"):
        yield from _linear(arrays, f"encoder/{convolution}", f"encoder.{convolution}")
    yield from _norm(arrays, "encoder/layer_norm", "encoder.ln_post")
    yield from _norm(arrays, "decoder/layer_norm", "decoder.ln")
    for side in ("encoder", "decoder"):
        for number in range(_layers(arrays, side)):
            yield from _layer(arrays, f"{side}/layer_{number}", f"{side}.blocks.{number}")


def _layer(arrays: Arrays, here: str, there: str) -> Iterator[tuple[str, Any]]:
    yield from _norm(arrays, f"{here}/self_attention/layer_norm", f"{there}.attn_ln")
    yield from _apart(arrays, f"{here}/self_attention/linear_0", f"{there}.attn", ("query", "key", "value"))
    yield from _linear(arrays, f"{here}/self_attention/linear_1", f"{there}.attn.out")
    if f"{here}/attention/linear_0/weight" in arrays:
        yield from _norm(arrays, f"{here}/attention/layer_norm", f"{there}.cross_attn_ln")
        yield from _apart(arrays, f"{here}/attention/linear_0", f"{there}.cross_attn", ("query",))
        yield from _apart(arrays, f"{here}/attention/linear_1", f"{there}.cross_attn", ("key", "value"))
        yield from _linear(arrays, f"{here}/attention/linear_2", f"{there}.cross_attn.out")
    yield from _norm(arrays, f"{here}/ffn/layer_norm", f"{there}.mlp_ln")
    yield from _linear(arrays, f"{here}/ffn/linear_0", f"{there}.mlp.0")
    yield from _linear(arrays, f"{here}/ffn/linear_1", f"{there}.mlp.2")


def _apart(arrays: Arrays, here: str, there: str, projections: tuple[str, ...]) -> Iterator[tuple[str, Any]]:
    for kind in ("weight", "bias"):
        fused = arrays[f"{here}/{kind}"]
        size = fused.shape[0] // len(projections)
        for number, projection in enumerate(projections):
            # Whisper's keys have no bias; the fused array carries noughts in their place.
            if (projection, kind) != ("key", "bias"):
                yield f"{there}.{projection}.{kind}", fused[number * size : (number + 1) * size]


def _linear(arrays: Arrays, here: str, there: str) -> Iterator[tuple[str, Any]]:
    for kind in ("weight", "bias"):
        yield f"{there}.{kind}", arrays[f"{here}/{kind}"]


def _norm(arrays: Arrays, here: str, there: str) -> Iterator[tuple[str, Any]]:
    for kind, name in LAYER_NORM.items():
        yield f"{there}.{name}", arrays[f"{here}/{kind}"]


def _layers(arrays: Arrays, side: str) -> int:
    return sum(name.startswith(f"{side}/layer_") and name.endswith("/ffn/linear_0/weight") for name in arrays)


if __name__ == "__main__":
    convert_for_openai_whisper(Path(sys.argv[1]), Path(sys.argv[1]) / CHECKPOINT)
