"""Passages and keys in; for each pair a question that the key answers, or "" where none is fit.

A small model writes one candidate in a row that is good by luck. So it writes several, each from another
likely first word, and a second reading chooses: of those that stand (`stands`), the one from which the key
can be read off best. The structural checks of the pipeline still decide.
"""

import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from learnloop.errors import ModelUnavailable
from learnloop.generate import adapters
from learnloop.generate.language_model import LanguageModel, quiet
from learnloop.generate.question_prompt import (
    OPENERS,
    PROMPT_VERSION,
    prompt_of,
    shots,
    tokens,
    verifying_prompt,
)
from learnloop.generate.training_bank import QUESTION_WORDS, tells, window

CANDIDATES = 4
MOST_NEW_TOKENS = 40
BATCH = 8  # prompts at a time; the cache of keys and values grows with it
FOLDER = "adapters"  # of home/language-models


class Proposer:
    """Writes questions with a local causal model. Nothing is sampled: same input, same output.

    shots: worked examples stand before the prompt, which a model without an adapter needs. candidates: 1 is
    the greedy question, more are ranked (see `ranked`).
    """

    def __init__(
        self,
        name: str,
        model: Any,
        tokenizer: Any,
        *,
        reader: Any = None,
        shots: bool = True,
        candidates: int = CANDIDATES,
    ) -> None:
        """reader: the model that reads what was written; default: the one that wrote it."""
        self.name = name
        self.candidates = candidates
        self._model, self._tokenizer, self._shots = model, tokenizer, shots
        self._reader = model if reader is None else reader

    @classmethod
    def of(
        cls, language_model: LanguageModel, candidates: int = CANDIDATES, shots: bool = True
    ) -> "Proposer":
        """The model as it is, by default shown worked examples."""
        name = f"{language_model.name}, {PROMPT_VERSION}{', shots' if shots else ''}, best of {candidates}"
        model, tokenizer = language_model._model, language_model._tokenizer
        return cls(name, model, tokenizer, shots=shots, candidates=candidates)

    @classmethod
    def with_adapter(
        cls, language_model: LanguageModel, folder: Path, candidates: int = CANDIDATES
    ) -> "Proposer":
        """The model with the adapter of `folder`. Raises ModelUnavailable where that is for another base."""
        base, tokenizer = language_model._model, language_model._tokenizer
        model, manifest = adapters.load(folder, base)
        if manifest.get("prompt") != PROMPT_VERSION:
            raise ModelUnavailable(
                f"the adapter {folder} was trained on prompt {manifest.get('prompt')}, not {PROMPT_VERSION}",
                adapters.TRAIN_AGAIN,
            )
        sha256 = manifest["files"][adapters.WEIGHTS][:12]
        name = f"{language_model.name}, {PROMPT_VERSION}, adapter {sha256}, best of {candidates}"
        return cls(name, model, tokenizer, reader=base, shots=False, candidates=candidates)

    def stems(self, passages: Sequence[str], keys: Sequence[str], language: str) -> list[str]:
        """(n,) questions, "" where none stands. The first place of each key in its passage is asked for."""
        asked = [""] * len(keys)
        found = [passage.find(key) for passage, key in zip(passages, keys, strict=True)]
        rows = [n for n, start in enumerate(found) if start >= 0 and keys[n].strip()]
        near = {n: window(passages[n], found[n], found[n] + len(keys[n]), language) for n in rows}
        rows.sort(key=lambda n: len(near[n][0]))  # prompts of like length share a batch
        for at in range(0, len(rows), BATCH):
            some = rows[at : at + BATCH]
            written = self.written([(*near[n], keys[n]) for n in some], language)
            for n, candidates in zip(some, written, strict=True):
                fit = [one for one in candidates if stands(one, keys[n], near[n][0], language)]
                if fit:
                    asked[n] = self.ranked(fit, (*near[n], keys[n]), language)[0]
        return asked

    def written(self, places: Sequence[tuple[str, int, str]], language: str) -> list[list[str]]:
        """The candidates for each (passage, start, key), as written, repeats left out."""
        lead = shots(language) if self._shots else ""
        prompts = [lead + prompt_of(*place) for place in places]
        if self.candidates == 1:
            return [[text] for text in self._continued(prompts)]
        openers = self._openers(prompts, language)
        texts = iter(
            self._continued(
                [f"{prompt} {word}" for prompt, words in zip(prompts, openers, strict=True) for word in words]
            )
        )
        return [list(dict.fromkeys(f"{word}{next(texts)}" for word in words)) for words in openers]

    def _openers(self, prompts: Sequence[str], language: str) -> list[list[str]]:
        """The likeliest first words of a question for each prompt, `candidates` of them."""
        import torch

        words = OPENERS.get(language, OPENERS["en"])
        first = [self._ids(f" {word}")[0] for word in words]
        with torch.inference_mode():
            batch = self._padded([self._ids(prompt) for prompt in prompts])
            logits = self._model(**batch, logits_to_keep=1).logits[:, -1]
        scores = logits[:, first].numpy()
        chosen = []
        for row in scores:
            best: dict[
                int, str
            ] = {}  # two words may share their first token: the earlier one stands for both
            for place in np.argsort(-row, kind="stable"):
                best.setdefault(first[place], words[place])
            chosen.append(list(best.values())[: self.candidates])
        return chosen

    def _continued(self, prompts: Sequence[str]) -> list[str]:
        """The greedy continuation of each prompt up to its end token or the end of the line."""
        import torch

        ends = {self._tokenizer.eos_token_id, *self._ids("\n")}
        found: list[str] = []
        for at in range(0, len(prompts), BATCH):
            some = [self._ids(prompt) for prompt in prompts[at : at + BATCH]]
            with quiet(), torch.inference_mode():
                batch = self._padded(some)
                batch.pop("position_ids")
                out = self._model.generate(
                    **batch,
                    max_new_tokens=MOST_NEW_TOKENS,
                    do_sample=False,
                    eos_token_id=sorted(ends),
                    pad_token_id=self._tokenizer.eos_token_id,
                )
            fresh = out[:, batch["input_ids"].shape[1] :]
            texts = self._tokenizer.batch_decode(fresh, skip_special_tokens=True)
            found += [text.split("\n")[0].rstrip() for text in texts]
        return found if self.candidates > 1 else [text.strip() for text in found]

    def ranked(self, candidates: Sequence[str], place: tuple[str, int, str], language: str) -> list[str]:
        """Best first, by log P(key | passage, question) + log P(question | passage, key), means per token.

        The first is read by the base model, without the adapter.
        """
        if len(candidates) < 2:
            return list(candidates)
        passage, _, key = place
        answered = self._log_probability(
            self._reader,
            [verifying_prompt(passage, question) for question in candidates],
            [f" {key}"] * len(candidates),
        )
        lead = (shots(language) if self._shots else "") + prompt_of(*place)
        fluent = self._log_probability(
            self._model, [lead] * len(candidates), [f" {one}" for one in candidates]
        )
        order = sorted(range(len(candidates)), key=lambda n: -(answered[n] + fluent[n]))
        return [candidates[n] for n in order]

    def _log_probability(
        self, model: Any, prompts: Sequence[str], continuations: Sequence[str]
    ) -> list[float]:
        """Mean log-probability per token of each continuation after its own prompt."""
        import torch

        begins = [self._ids(prompt) for prompt in prompts]
        ends = [self._ids(text) for text in continuations]
        kept = max(len(ids) for ids in ends)
        with torch.inference_mode():
            batch = self._padded([begin + end for begin, end in zip(begins, ends, strict=True)])
            logits = model(**batch, logits_to_keep=kept + 1).logits[:, :-1]
            scores = torch.log_softmax(logits, dim=-1)
        found = []
        for row, ids in zip(scores, ends, strict=True):
            places = torch.arange(kept - len(ids), kept)
            found.append(float(row[places, torch.tensor(ids)].mean()) if ids else -math.inf)
        return found

    def _ids(self, text: str) -> list[int]:
        return tokens(self._tokenizer, text)

    def _padded(self, rows: Sequence[Sequence[int]]) -> dict[str, Any]:
        """Padded on the left, so that all end at the right edge."""
        import torch

        widest = max(len(ids) for ids in rows)
        mask = torch.tensor([[0] * (widest - len(ids)) + [1] * len(ids) for ids in rows])
        return {
            "input_ids": torch.tensor([[0] * (widest - len(ids)) + list(ids) for ids in rows]),
            "attention_mask": mask,
            "position_ids": (mask.cumsum(dim=1) - 1).clamp(min=0),
        }


_FIGURE = re.compile(r"\d+(?:[.,]\d+)*")


def stands(question: str, key: str, passage: str, language: str) -> bool:
    """What a candidate must have before it is compared: it is one question, it does not give the key away,
    and its numbers are the passage's. Everything else is left to the pipeline's checks."""
    size = len(question.split())
    if not question.endswith("?") or question.count("?") > 1:
        return False
    if not QUESTION_WORDS[0] <= size <= QUESTION_WORDS[1]:
        return False
    figures = set(_FIGURE.findall(passage))
    return set(_FIGURE.findall(question)) <= figures and not tells(question, key, language)


def load(
    language_model: LanguageModel | None, adapter: str, models_dir: Path, candidates: int = CANDIDATES
) -> Proposer | None:
    """The proposer of a setting: `none`, `auto` or the folder of an adapter.

    `auto` takes the newest adapter in `models_dir/adapters` that stands (adapters.stands) and fits the
    model, and is None where there is none. A folder that is named has only to fit: raises ModelUnavailable.
    """
    if language_model is None or adapter == "none" or not hasattr(language_model, "_model"):
        return None
    if adapter != "auto":
        return Proposer.with_adapter(language_model, Path(adapter), candidates)
    for folder in found_in(models_dir):
        try:
            if adapters.stands(adapters.read_manifest(folder)):
                return Proposer.with_adapter(language_model, folder, candidates)
        except ModelUnavailable:
            continue
    return None


def found_in(models_dir: Path) -> list[Path]:
    """The folders of adapters, the one with the last name (they begin with their date) first."""
    parent = models_dir / FOLDER
    return sorted((p for p in parent.glob("*") if (p / adapters.MANIFEST).is_file()), reverse=True)
