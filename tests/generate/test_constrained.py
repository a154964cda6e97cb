"""JSON within a schema: from a random model that would never write it, from the embedded one, and checked."""

import json
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from learnloop.generate.constrained import conforming
from learnloop.generate.local_model import LocalModel

QUESTION = {
    "type": "object",
    "properties": {
        "question": {"type": "string", "minLength": 3, "maxLength": 24},
        "options": {
            "type": "array",
            "items": {"type": "string", "maxLength": 8},
            "minItems": 2,
            "maxItems": 3,
        },
        "bloom": {"type": "string", "enum": ["remember", "apply"]},
        "sure": {"type": "boolean"},
    },
    "required": ["question", "options", "bloom", "sure"],
    "additionalProperties": False,
}


@pytest.fixture(scope="module")
def babbler(model: LocalModel) -> LocalModel:
    """Two random layers with the embedded model's tokenizer: what it writes is noise."""
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    shape = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
    ends = {"eos_token_id": 2, "pad_token_id": 2, "bos_token_id": 1}
    random = LlamaForCausalLM(LlamaConfig(vocab_size=49152, **shape, **ends)).eval()
    return LocalModel("babbler", random, model._tokenizer)


def test_noise_becomes_documents_of_the_schema_or_nothing(babbler: LocalModel) -> None:
    prompts = [f"Write question {n}." for n in range(12)]
    free = babbler.generate(prompts, 20)
    assert not any(conforming(text, QUESTION) for text in free), (
        "the model needs no mask: this proves nothing"
    )
    written = babbler.generate(prompts, 400, QUESTION)
    assert sum(bool(text) for text in written) >= 6
    for text in filter(None, written):
        assert conforming(text, QUESTION) == text
        assert set(json.loads(text)) == set(QUESTION["properties"])  # type: ignore[arg-type]


@pytest.mark.parametrize("limit", [1, 2, 5, 9, 14, 22, 40])
def test_a_limit_gives_whole_documents_or_none(babbler: LocalModel, limit: int) -> None:
    prompts = ["One.", "Two, which is longer."]
    for text in babbler.generate(prompts, limit, QUESTION):
        assert text == "" or conforming(text, QUESTION) == text


def test_a_number_is_not_cut_short(babbler: LocalModel) -> None:
    """At the limit '12' may have been '125': digits that the end did not follow are no answer."""
    schema = {"type": "integer", "minimum": 10**9}
    whole = babbler.generate(["How many?"], 200, schema)[0]
    for limit in range(1, 12):
        assert babbler.generate(["How many?"], limit, schema)[0] in ("", whole)


def test_rows_of_a_batch_do_not_disturb_each_other(babbler: LocalModel) -> None:
    prompts = [f"Prompt {n} " * n for n in range(1, 6)]
    schema = {"type": "object", "properties": {"a": {"enum": ["x", "longer", "y"]}}, "required": ["a"]}
    together = babbler.generate(prompts, 60, schema)
    assert together == [babbler.generate([prompt], 60, schema)[0] for prompt in prompts]
    assert any(together)


def test_the_embedded_model_follows_a_schema_and_says_something(model: LocalModel) -> None:
    schema = {
        "type": "object",
        "properties": {"capital": {"type": "string", "enum": ["Paris", "Berlin", "Rome"]}},
        "required": ["capital"],
        "additionalProperties": False,
    }
    assert model.generate(["What is the capital of France?"], 20, schema) == ['{"capital":"Paris"}']


def test_a_schema_that_cannot_be_followed_is_told(model: LocalModel) -> None:
    with pytest.raises(ValueError, match="cannot be followed"):
        model.generate(["?"], 5, {"type": "nonsense"})


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        (' { "a" : 1.5 } ', '{"a":1.5}'),
        ('{"a":NaN}', ""),
        ('{"a":-Infinity}', ""),
        ('{"a":1e999}', ""),
        ('{"a":1}{"a":2}', ""),
        ('{"a":1,}', ""),
        ('{"a":"1"}', ""),
        ('{"a":1,"b":2}', ""),
        ("{}", ""),
        ("", ""),
        ("\u200b", ""),
    ],
)
def test_what_conforms(text: str, kept: str) -> None:
    schema = {
        "type": "object",
        "properties": {"a": {"type": "number"}},
        "required": ["a"],
        "additionalProperties": False,
    }
    assert conforming(text, schema) == kept


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(_VALUES)
def test_whole_documents_come_back_and_cut_ones_do_not(value: Any) -> None:
    text = json.dumps({"value": value})
    assert json.loads(conforming(text, {"type": "object"})) == {"value": value}
    assert conforming(text[:-1], {"type": "object"}) == ""
