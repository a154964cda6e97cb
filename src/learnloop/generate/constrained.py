"""JSON that fits a schema, or nothing: a mask over the next token while decoding, and a check after it.

A schema in, and out comes text such as `{"question":"What is a cell?"}`. While a local model decodes,
llguidance says at each step which tokens keep the answer inside the schema (an Earley parser over a lexer
of derivatives); a remote model is asked for the same schema. Both answers are checked here once more.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from learnloop.errors import ModelUnavailable

Schema = Mapping[str, Any]


def conforming(text: str, schema: Schema) -> str:
    """`text` as compact JSON where it is one document that fits `schema`, else "".

    NaN, infinities and halves of surrogate pairs are no JSON that a database can hold: refused.
    """
    from jsonschema import Draft202012Validator

    try:
        value = json.loads(text, parse_constant=_refuse)
        compact = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
        compact.encode()
        fits = Draft202012Validator(dict(schema)).is_valid(value)
    except (ValueError, RecursionError):
        return ""
    return compact if fits else ""


def _refuse(constant: str) -> float:
    raise ValueError(f"{constant} is not JSON")


@dataclass(frozen=True)
class Tokens:
    """A tokenizer's vocabulary as llguidance reads it, and the tokens that end an answer."""

    table: Any
    size: int
    ends: tuple[int, ...]

    @classmethod
    def of(cls, tokenizer: Any, size: int, ends: int | Sequence[int]) -> "Tokens":
        """`size`: columns of the model's logits, at least the tokens there are. Raises ModelUnavailable."""
        from llguidance.hf import from_tokenizer

        ends = (ends,) if isinstance(ends, int) else tuple(ends)
        try:
            return cls(from_tokenizer(tokenizer, n_vocab=size, eos_token=list(ends)), size, ends)
        except ValueError as error:
            raise ModelUnavailable(
                f"this model's tokenizer cannot be held to a schema ({error})",
                "export LEARNLOOP_LLM=embedded",
            ) from error


@dataclass(frozen=True)
class Grammar:
    """A schema compiled for one vocabulary; without white space between the parts of the JSON."""

    text: str
    tokens: Tokens

    @classmethod
    def of(cls, schema: Schema, tokens: Tokens, known: "dict[str, Grammar]") -> "Grammar":
        """From `known`, or compiled and put there. Raises ValueError on a schema llguidance refuses."""
        from llguidance import LLMatcher

        written = json.dumps(schema)
        if written not in known:
            text = LLMatcher.grammar_from_json_schema(written, overrides={"whitespace_flexible": False})
            failed, messages = LLMatcher.validate_grammar_with_warnings(text, tokens.table)
            if failed:
                raise ValueError(f"the schema cannot be followed: {'; '.join(messages)}")
            known[written] = cls(text, tokens)
        return known[written]

    def mask(self, rows: int) -> "Mask":
        """For one batch of `rows` answers, each from its beginning."""
        from llguidance import LLMatcher

        return Mask([LLMatcher(self.tokens.table, self.text, log_level=0) for _ in range(rows)], self.tokens)


class Mask:
    """A transformers logits processor: what would leave the schema gets minus infinity.

    The end of the answer is allowed only where the JSON is whole.
    """

    def __init__(self, matchers: Sequence[Any], tokens: Tokens) -> None:
        self._matchers = matchers
        self._tokens = tokens
        self._begun = False

    def __call__(self, input_ids: Any, scores: Any) -> Any:
        """input_ids: (rows, tokens so far); scores: (rows, vocabulary)."""
        import torch

        masked = torch.full_like(scores, -torch.inf)
        for row, matcher in enumerate(self._matchers):
            if self._begun and not matcher.is_stopped():
                matcher.consume_token(int(input_ids[row, -1]))
            if matcher.is_stopped():  # whole, or stuck in a limit: nothing can follow
                allowed = torch.tensor(self._tokens.ends)
            else:
                bits = np.frombuffer(matcher.compute_bitmask(), dtype=np.uint8)
                allowed = torch.from_numpy(np.flatnonzero(np.unpackbits(bits, bitorder="little")))
                allowed = allowed[allowed < self._tokens.size]
            masked[row, allowed] = scores[row, allowed]
        self._begun = True
        return masked

    def whole(self, last: Sequence[int]) -> list[bool]:
        """For each row, whether its JSON is whole after `last`, the newest token, which no step has read."""
        for matcher, token in zip(self._matchers, last, strict=True):
            if not matcher.is_stopped():
                matcher.consume_token(token)
        return [matcher.is_stopped() for matcher in self._matchers]
