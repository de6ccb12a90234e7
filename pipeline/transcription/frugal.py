"""Whisper within little memory: encoded and aligned one window after the other, whatever the batch.

A window of 30 seconds needs about 100 MB while it is encoded (attention of every moment to every other, in float32),
and as much while its words are aligned. On a processor several at once are no faster than one after the other,
so only the search for words is batched.
"""

from __future__ import annotations

from typing import Any

import ctranslate2
import numpy as np
from faster_whisper import WhisperModel

ENCODED_AT_ONCE = 1


class FrugalWhisper(WhisperModel):  # type: ignore[misc]
    """faster-whisper's model; what it gives is the same."""

    def encode(self, features: np.ndarray[Any, Any]) -> Any:
        """Windows of sound, (windows, bins, frames), as what the model makes of them."""
        if features.ndim == 2 or len(features) <= ENCODED_AT_ONCE:
            return super().encode(features)
        encoded = [
            np.array(super(FrugalWhisper, self).encode(features[at : at + ENCODED_AT_ONCE]))
            for at in range(0, len(features), ENCODED_AT_ONCE)
        ]
        return ctranslate2.StorageView.from_array(np.concatenate(encoded))

    def find_alignment(
        self, tokenizer: Any, text_tokens: list[Any], encoder_output: Any, num_frames: Any, *rest: Any
    ) -> list[Any]:
        """The times of words, a window at a time: ``text_tokens`` has one list of tokens a window."""
        if len(text_tokens) <= 1:
            found: list[Any] = super().find_alignment(
                tokenizer, text_tokens, encoder_output, num_frames, *rest
            )
            return found
        windows = np.array(encoder_output)
        frames = num_frames if isinstance(num_frames, list) else [num_frames] * len(text_tokens)
        return [
            aligned
            for at, tokens in enumerate(text_tokens)
            for aligned in super(FrugalWhisper, self).find_alignment(
                tokenizer,
                [tokens],
                ctranslate2.StorageView.from_array(windows[at : at + 1]),
                [frames[at]],
                *rest,
            )
        ]
