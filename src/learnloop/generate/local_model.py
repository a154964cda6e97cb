"""A causal language model on this machine: it scores continuations and answers prompts, batched.

In goes text, out comes text or log-probabilities: `log_probability("The capital of France is", [" Paris",
" Rome"])` -> [-1.1, -7.5]. Nothing is sampled: the same call gives the same answer.
"""

import copy
import threading
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from learnloop.errors import ModelUnavailable
from learnloop.generate.constrained import Grammar, Tokens, conforming
from learnloop.generate.threads import quiet

BATCH = 8  # prompts that share a forward pass: six times the tokens a second of one, and little padding
PRECISIONS = ("auto", "float32", "bfloat16")
_PLACE = "\ue000the prompt\ue000"  # where the chat template puts what the user says


class LocalModel:
    """A causal model in eval mode with its tokenizer; safe to call from several threads.

    `languages`: the codes of those it may judge questions in; () for every one.
    """

    languages: tuple[str, ...] = ()

    def __init__(self, name: str, model: Any, tokenizer: Any) -> None:
        self.name = name
        self._model = model
        self._tokenizer = tokenizer
        self._shared: tuple[str, Any] | None = None  # the last shared text, and its keys and values
        self._lock = threading.Lock()
        self._grammars: dict[str, Grammar] = {}

    def log_probability(
        self, prompt: str, continuations: Sequence[str], shared: str = ""
    ) -> np.ndarray[Any, Any]:
        """Mean log-probability per token of each continuation after `shared + prompt`; (n,), all <= 0.

        `shared` is text that many calls begin with (an example): its keys and values are computed once.
        A continuation should bring its own leading space. Empty ones score minus infinity.
        """
        import torch

        tokens = [self._encode(text) for text in continuations]
        widest = max((len(ids) for ids in tokens), default=0)
        if not widest:
            return np.full(len(continuations), -np.inf)
        with torch.inference_mode():
            first, cache = self._read(prompt, shared)
            cache.batch_repeat_interleave(len(tokens))
            # Right padding is harmless: a causal model never looks to the right, and it is masked below.
            padded = torch.tensor([ids + [0] * (widest - len(ids)) for ids in tokens])
            inside = torch.tensor([[1.0] * len(ids) + [0.0] * (widest - len(ids)) for ids in tokens])
            logits = first.expand(len(tokens), 1, -1)
            if widest > 1:
                later = self._model(input_ids=padded[:, :-1], past_key_values=cache, use_cache=True).logits
                logits = torch.cat([logits, later], dim=1)
            scores = torch.log_softmax(logits.float(), dim=-1).gather(2, padded[:, :, None])[:, :, 0]
            total = (scores * inside).sum(dim=1).numpy()
        lengths = np.array([len(ids) for ids in tokens])
        return np.where(lengths > 0, total / np.maximum(lengths, 1), -np.inf)

    def choose(self, prompt: str, options: Sequence[str], shared: str = "") -> np.ndarray[Any, Any]:
        """P(option | prompt), (n,), summing to 1: softmax of the mean log-probabilities per token.

        p_i = exp(l_i) / sum_j exp(l_j), l_i = log_probability(prompt, " " + option_i)
        """
        if not options:
            return np.zeros(0)
        scores = self.log_probability(prompt, [f" {option}" for option in options], shared)
        weights = np.exp(scores - scores.max())
        return weights / weights.sum()

    def generate(
        self, prompts: Sequence[str], max_new_tokens: int, schema: Mapping[str, Any] | None = None
    ) -> list[str]:
        """The greedy answer to each prompt, as one turn of the chat template.

        With `schema` (a JSON schema) an answer is one JSON document that fits it, or "" where
        `max_new_tokens` cut it: never a part of one. Strings in a schema want a `maxLength`, or a small
        model may never close them. Raises ValueError on a schema that cannot be followed.
        """
        turns = [self._turn(prompt) for prompt in prompts]
        grammar = self._grammar(schema) if schema is not None else None
        answers = [""] * len(turns)
        order = sorted(range(len(turns)), key=lambda row: len(turns[row]))
        for begin in range(0, len(order), BATCH):
            rows = order[begin : begin + BATCH]
            for row, text in zip(
                rows, self._decode([turns[row] for row in rows], max_new_tokens, grammar), strict=True
            ):
                answers[row] = text.strip() if schema is None else conforming(text, schema)
        return answers

    def _decode(
        self, turns: Sequence[Sequence[int]], max_new_tokens: int, grammar: Grammar | None
    ) -> list[str]:
        """One batch, padded left, its keys and values kept from step to step."""
        import torch

        widest = max(len(ids) for ids in turns)
        padding = self._tokenizer.pad_token_id
        batch = torch.tensor([[padding] * (widest - len(ids)) + list(ids) for ids in turns])
        mask = torch.tensor([[0] * (widest - len(ids)) + [1] * len(ids) for ids in turns])
        only = grammar.mask(len(turns)) if grammar else None
        with quiet(), torch.inference_mode():
            answers = self._model.generate(
                input_ids=batch,
                attention_mask=mask,
                max_new_tokens=max_new_tokens,
                do_sample=False,
                pad_token_id=padding,
                logits_processor=[only] if only else None,
            )
        texts = list(self._tokenizer.batch_decode(answers[:, widest:], skip_special_tokens=True))
        whole = only.whole(answers[:, -1].tolist()) if only else [True] * len(texts)
        return [text if done else "" for text, done in zip(texts, whole, strict=True)]

    def _turn(self, prompt: str) -> list[int]:
        """`prompt` as what a user says, in tokens. '<|im_end|>' inside it stays text and ends no turn."""
        if not self._tokenizer.chat_template:
            return self._encode(prompt)
        before, _, after = self._template.partition(_PLACE)
        return [
            *self._tokenizer(before, add_special_tokens=False)["input_ids"],
            *self._encode(prompt),
            *self._tokenizer(after, add_special_tokens=False)["input_ids"],
        ]

    @cached_property
    def _template(self) -> str:
        return str(
            self._tokenizer.apply_chat_template(
                [{"role": "user", "content": _PLACE}], tokenize=False, add_generation_prompt=True
            )
        )

    def _encode(self, text: str) -> list[int]:
        return list(self._tokenizer(text, add_special_tokens=False, split_special_tokens=True)["input_ids"])

    def _grammar(self, schema: Mapping[str, Any]) -> Grammar:
        """Compiled once; the tokenizer's own table, a second's work, is made at the first schema."""
        with self._lock:
            return Grammar.of(schema, self._tokens, self._grammars)

    @cached_property
    def _tokens(self) -> Tokens:
        ends = self._model.generation_config.eos_token_id or self._tokenizer.eos_token_id
        return Tokens.of(self._tokenizer, self._model.config.get_text_config().vocab_size, ends)

    def _read(self, prompt: str, shared: str) -> tuple[Any, Any]:
        """Logits after the last token, (1, 1, vocabulary), and the keys and values of all of it."""
        import torch
        from transformers import DynamicCache

        cache = DynamicCache(config=self._model.config)
        if shared:
            kept = self._shared
            if kept is None or kept[0] != shared:  # two threads may both compute the same
                begin = torch.tensor([self._encode(shared)])
                self._model(input_ids=begin, past_key_values=cache, use_cache=True, logits_to_keep=1)
                kept = self._shared = (shared, cache)
            cache = copy.deepcopy(kept[1])  # a call adds its own keys and values to its copy
        ids = self._encode(prompt)
        if not ids:
            raise ValueError("the prompt is empty")
        out = self._model(
            input_ids=torch.tensor([ids]), past_key_values=cache, use_cache=True, logits_to_keep=1
        )
        return out.logits, out.past_key_values


def from_folder(name: str, path: str, local: bool, precision: str = "float32") -> LocalModel:
    """The model at `path`, a folder or a name on Hugging Face: safetensors only, no remote code.

    `local` keeps it off the network. `precision`: one of PRECISIONS. Raises ModelUnavailable.
    """
    import torch

    kind = fastest() if precision == "auto" else precision
    with quiet():
        from transformers import AutoModelForCausalLM, AutoTokenizer

        try:
            tokenizer = AutoTokenizer.from_pretrained(path, local_files_only=local)
            model = AutoModelForCausalLM.from_pretrained(
                path, dtype=getattr(torch, kind), local_files_only=local, use_safetensors=True
            )
        except (OSError, ValueError) as error:
            raise ModelUnavailable(
                f"the language model {path} cannot be loaded ({str(error).splitlines()[0]})",
                "export LEARNLOOP_LLM=embedded",
            ) from error
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    return LocalModel(name if kind == "float32" else f"{name}, {kind}", model.eval(), tokenizer)


def fastest() -> str:
    """`bfloat16` where the processor multiplies in it (AVX-512 BF16, AMX), else `float32`.

    With such units a prompt is read in 0.57 of the CPU seconds, and the picks were the same
    (benchmarks/language_models.py); without them float32 is the faster one. int8 is faster than both, but a
    third of its picks were others.
    """
    import torch

    probes = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    return "bfloat16" if any(getattr(torch.cpu, probe, bool)() for probe in probes) else "float32"
