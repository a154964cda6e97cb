"""Passages and keys in; for each pair a question that the key answers, or "" where none is fit.

A small model writes what sounds right and is not said. So a question must be made of its passage's words
(`stands`), and where it is not, there is none. Several candidates may be written, each from another likely
first word, and ranked by a second reading; with the embedded model the first is as good, so that is the
default. The structural checks of the pipeline still decide.
"""

import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from learnloop.errors import ModelUnavailable
from learnloop.generate import adapters, grammar, lemmas
from learnloop.generate.language_model import LanguageModel, LocalModel
from learnloop.generate.question_prompt import (
    ASKING,
    MARKS,
    OPENERS,
    PROMPT_VERSION,
    prompt_of,
    shots,
    tokens,
    verifying_prompt,
)
from learnloop.generate.training_bank import QUESTION_WORDS, tells, window

CANDIDATES = 1  # best of 4: 1.1 times as many accepted, 2.3 times as many wrong among them
MOST_NEW_TOKENS = 40
BATCH = 8  # prompts at a time; the cache of keys and values grows with it
FOLDER = "adapters"  # of home/language-models


@dataclass(frozen=True)
class Candidate:
    """A question as written; `fluency` is its mean log-probability per token for the writer."""

    text: str
    fluency: float


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
        languages: Collection[str] | None = None,
    ) -> None:
        """reader: the model that reads what was written; default: the one that wrote it. languages: those
        it writes in; default: whatever it is asked for."""
        self.name = name
        self.candidates = candidates
        self._model, self._tokenizer, self._shots = model, tokenizer, shots
        self._reader = model if reader is None else reader
        self._languages = languages

    @classmethod
    def of(cls, language_model: LocalModel, candidates: int = CANDIDATES, shots: bool = True) -> "Proposer":
        """The model as it is, by default shown worked examples."""
        name = f"{language_model.name}, {PROMPT_VERSION}{', shots' if shots else ''}, best of {candidates}"
        model, tokenizer = language_model._model, language_model._tokenizer
        return cls(name, model, tokenizer, shots=shots, candidates=candidates)

    @classmethod
    def with_adapter(
        cls, language_model: LocalModel, folder: Path, candidates: int = CANDIDATES
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
        languages = manifest.get("bank", {}).get("languages")  # it was trained on these alone
        return cls(
            name, model, tokenizer, reader=base, shots=False, candidates=candidates, languages=languages
        )

    def stems(self, passages: Sequence[str], keys: Sequence[str], language: str) -> list[str]:
        """(n,) questions, "" where none stands. The first place of each key in its passage is asked for."""
        asked = [""] * len(keys)
        if self._languages is not None and language not in self._languages:
            return asked
        found = [passage.find(key) for passage, key in zip(passages, keys, strict=True)]
        rows = [n for n, start in enumerate(found) if start >= 0 and keys[n].strip()]
        near = {n: (*window(passages[n], found[n], found[n] + len(keys[n]), language), keys[n]) for n in rows}
        rows.sort(key=lambda n: len(near[n][0]))  # prompts of like length share a batch
        for at in range(0, len(rows), BATCH):
            some = rows[at : at + BATCH]
            for n, candidates in zip(some, self.written([near[n] for n in some], language), strict=True):
                passage, _, key = near[n]
                fit = [one for one in candidates if stands(one.text, key, passage, language)]
                asked[n] = self.ranked(fit, passage, key)[0].text if fit else ""
        return asked

    def written(self, places: Sequence[tuple[str, int, str]], language: str) -> list[list[Candidate]]:
        """The candidates for each (passage, start, key), as written, repeats left out.

        All candidates of one prompt share its keys and values, and all prompts those of the examples.
        """
        import torch

        mark = MARKS.get(language, "")
        tail = f" {mark}" if mark else ""
        prompts = [tokens(self._tokenizer, prompt_of(*place) + tail) for place in places]
        with torch.inference_mode():
            cache, lead = self._lead(shots(language) if self._shots else "", len(prompts))
            ids, mask = _padded(prompts)
            mask = torch.cat([torch.ones(len(prompts), lead, dtype=mask.dtype), mask], dim=1)
            logits = self._next(self._model, ids, mask, cache)
            first, of = self._first(logits, language, bool(mark))
            rows = torch.tensor(of)
            cache.batch_select_indices(rows)
            texts = self._continued(first, mask[rows], cache, logits[rows])
        found: list[list[Candidate]] = [[] for _ in places]
        for row, (text, fluency) in zip(of, texts, strict=True):
            whole = f"{mark}{text}" if mark else text
            if whole not in [one.text for one in found[row]]:
                found[row].append(Candidate(whole, fluency))
        return found

    def _lead(self, text: str, rows: int) -> tuple[Any, int]:
        """Keys and values of what all prompts begin with, `rows` times, and its length in tokens."""
        import torch
        from transformers import DynamicCache

        cache = DynamicCache(config=self._model.config)
        ids = tokens(self._tokenizer, text)
        if ids:
            self._model(
                input_ids=torch.tensor([ids]), past_key_values=cache, use_cache=True, logits_to_keep=1
            )
            cache.batch_repeat_interleave(rows)
        return cache, len(ids)

    def _first(self, logits: Any, language: str, marked: bool) -> tuple[list[int], list[int]]:
        """The first tokens to go on from, and the row of `logits` that each belongs to.

        The likeliest token where one candidate is wanted, else the likeliest openers of a question.
        """
        if self.candidates == 1:
            return logits.argmax(dim=-1).tolist(), list(range(len(logits)))
        words = OPENERS.get(language, OPENERS["en"])
        openers = sorted({tokens(self._tokenizer, word if marked else f" {word}")[0] for word in words})
        best = np.argsort(-logits[:, openers].numpy(), axis=1, kind="stable")[:, : self.candidates]
        pairs = [(openers[column], row) for row, columns in enumerate(best) for column in columns]
        return [token for token, _ in pairs], [row for _, row in pairs]

    def _continued(self, first: Sequence[int], mask: Any, cache: Any, logits: Any) -> list[tuple[str, float]]:
        """The greedy continuation of each row up to its end, and its mean log-probability per token."""
        import torch

        ends = {self._tokenizer.eos_token_id, *tokens(self._tokenizer, "\n")}
        rows = torch.arange(len(first))
        token = torch.tensor(first)
        written: list[list[int]] = [[] for _ in first]
        total, counted = torch.zeros(len(first)), torch.zeros(len(first))
        alive = torch.ones(len(first), dtype=torch.bool)
        for _ in range(MOST_NEW_TOKENS):
            total += torch.where(alive, logits.log_softmax(dim=-1)[rows, token], 0.0)
            counted += alive
            for row in torch.nonzero(alive).flatten().tolist():
                if int(token[row]) in ends:
                    alive[row] = False
                else:
                    written[row].append(int(token[row]))
            if not alive.any():
                break
            mask = torch.cat([mask, torch.ones(len(first), 1, dtype=mask.dtype)], dim=1)
            logits = self._next(self._model, token[:, None], mask, cache)
            token = logits.argmax(dim=-1)
        texts = self._tokenizer.batch_decode(written, skip_special_tokens=True)
        return [(text.strip(), float(mean)) for text, mean in zip(texts, total / counted, strict=True)]

    def ranked(self, candidates: Sequence[Candidate], passage: str, key: str) -> list[Candidate]:
        """Best first, by log P(key | passage, question) + log P(question | passage, key), means per token.

        The first is read by the base model, without the adapter that wrote the question.
        """
        if len(candidates) < 2:
            return list(candidates)
        answered = self._answered(passage, [one.text for one in candidates], key)
        order = sorted(range(len(candidates)), key=lambda n: (-(answered[n] + candidates[n].fluency), n))
        return [candidates[n] for n in order]

    def _answered(self, passage: str, questions: Sequence[str], key: str) -> list[float]:
        """(n,) mean log-probability per token of `key` after the passage and each question."""
        import torch
        from transformers import DynamicCache

        shared, rest = verifying_prompt(passage, questions)
        answer = tokens(self._tokenizer, f" {key}")
        with torch.inference_mode():
            cache = DynamicCache(config=self._reader.config)
            begin = torch.tensor([tokens(self._tokenizer, shared)])
            self._reader(input_ids=begin, past_key_values=cache, use_cache=True, logits_to_keep=1)
            cache.batch_repeat_interleave(len(questions))
            ids, mask = _padded([tokens(self._tokenizer, text) + answer for text in rest])
            mask = torch.cat([torch.ones(len(rest), begin.shape[1], dtype=mask.dtype), mask], dim=1)
            logits = self._next(self._reader, ids, mask, cache, len(answer) + 1)[:, :-1]
            scores = logits.log_softmax(dim=-1)[:, torch.arange(len(answer)), torch.tensor(answer)]
        return [float(score) for score in scores.mean(dim=1)]

    @staticmethod
    def _next(model: Any, ids: Any, mask: Any, cache: Any, kept: int = 1) -> Any:
        """Logits after the last `kept` of `ids`, (n, vocabulary) where it is one; `cache` takes them in."""
        places = (mask.cumsum(dim=1) - 1).clamp(min=0)[:, -ids.shape[1] :]
        out = model(
            input_ids=ids,
            attention_mask=mask,
            position_ids=places,
            past_key_values=cache,
            use_cache=True,
            logits_to_keep=kept,
        )
        return out.logits[:, -1] if kept == 1 else out.logits


def _padded(rows: Sequence[Sequence[int]]) -> tuple[Any, Any]:
    """(ids, mask), padded on the left, so that all end at the right edge."""
    import torch

    widest = max(len(ids) for ids in rows)
    return (
        torch.tensor([[0] * (widest - len(ids)) + list(ids) for ids in rows]),
        torch.tensor([[0] * (widest - len(ids)) + [1] * len(ids) for ids in rows]),
    )


def stands(question: str, key: str, passage: str, language: str) -> bool:
    """What a candidate must have before it is compared; everything else is left to the pipeline's checks.

    It is one question of a sane length, it does not give the key away, its numbers and words are the
    passage's, and it asks for a figure in the figure's own unit. The words matter most: of 76 questions that
    the checks accepted and a person read, those with a word from elsewhere were wrong 26 times of 37.
    """
    size = len(question.split())
    if not question.endswith("?") or question.count("?") > 1:
        return False
    if not QUESTION_WORDS[0] <= size <= QUESTION_WORDS[1] or tells(question, key, language):
        return False
    return not foreign_words(question, passage, language) and _in_its_unit(question, key, passage, language)


_FIGURE = re.compile(r"\d+(?:[.,]\d+)*")


def foreign_words(question: str, passage: str, language: str) -> list[str]:
    """Content words and figures of `question` that the passage has not, words of asking left out."""
    there = set(grammar.words(passage))
    figures = set(_FIGURE.findall(passage))
    asking = ASKING.get(language, frozenset())
    return [
        word
        for word in grammar.content_words(question, language)
        if word not in asking and not any(lemmas.same(word, other, language) for other in there)
    ] + [figure for figure in _FIGURE.findall(question) if figure not in figures]


def _in_its_unit(question: str, key: str, passage: str, language: str) -> bool:
    """ "3" of "3 billion pairs" answers "How many billion pairs …?", not "How many pairs …?"."""
    at = passage.find(key)
    unit = re.match(r"[ \u00a0]?([^\W\d_]+|[%°€$])", passage[at + len(key) :]) if at >= 0 else None
    if not _FIGURE.fullmatch(key) or unit is None:
        return True
    word = unit[1].lower()
    if word in grammar.FUNCTION_WORDS.get(language, frozenset()):
        return True
    return (
        word in question
        if not word[0].isalpha()
        else any(lemmas.same(word, other, language) for other in grammar.words(question))
    )


def chosen(adapter: str, models_dir: Path, model: Callable[[], LanguageModel | None]) -> Proposer | None:
    """The proposer of a setting, as `load`; the model is loaded only where one will write.

    Under `auto` a model that no adapter fits (of elsewhere, or not in float32) has none. Raises
    ModelUnavailable where the adapter is named.
    """
    if adapter == "none" or (adapter == "auto" and not proven(models_dir)):
        return None
    found = model()
    if isinstance(found, LocalModel) and str(found._model.dtype) == "torch.float32":
        return load(found, adapter, models_dir)
    if adapter == "auto":
        return None
    raise ModelUnavailable(
        f"the adapter {adapter} needs a model of this machine with the weights it was trained on",
        "export LEARNLOOP_LLM=embedded LEARNLOOP_LLM_PRECISION=float32",
    )


def load(
    language_model: LocalModel | None, adapter: str, models_dir: Path, candidates: int = CANDIDATES
) -> Proposer | None:
    """The proposer of a setting: `none`, `auto` or the folder of an adapter.

    `auto` takes the newest adapter in `models_dir/adapters` that stands (adapters.stands) and fits the
    model, and is None where there is none. A folder that is named has only to fit: raises ModelUnavailable.
    """
    if language_model is None or adapter == "none" or not hasattr(language_model, "_model"):
        return None
    if adapter != "auto":
        return Proposer.with_adapter(language_model, Path(adapter), candidates)
    for folder in proven(models_dir):
        try:
            return Proposer.with_adapter(language_model, folder, candidates)
        except ModelUnavailable:
            continue
    return None


def proven(models_dir: Path) -> list[Path]:
    """The whole adapters of `found_in` that stand."""
    proved = []
    for folder in found_in(models_dir):
        try:
            if adapters.stands(adapters.read_manifest(folder)):
                proved.append(folder)
        except ModelUnavailable:
            continue
    return proved


def found_in(models_dir: Path) -> list[Path]:
    """The folders of adapters, the one with the last name (they begin with their date) first."""
    parent = models_dir / FOLDER
    return sorted((p for p in parent.glob("*") if (p / adapters.MANIFEST).is_file()), reverse=True)
