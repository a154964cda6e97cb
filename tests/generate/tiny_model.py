"""A random Llama of two layers with a word tokenizer: it learns nothing useful, but quickly."""

from typing import Any

from learnloop.generate.local_model import LocalModel
from learnloop.generate.threads import quiet
from learnloop.generate.training_bank import Example

NOUNS = ("cell", "leaf", "river", "engine", "planet", "muscle", "crystal", "bridge")
VERBS = ("stores", "carries", "moves", "holds")
THINGS = ("water", "heat", "light", "salt", "iron", "sugar")
_WORDS = (
    *NOUNS,
    *VERBS,
    *THINGS,
    *(
        [
            "A",
            "The",
            "What",
            "Which",
            "Who",
            "When",
            "Where",
            "Why",
            "How",
            "In",
            "At",
            "By",
            "Passage",
            "Answer",
            "Question",
            ".",
            "?",
            ":",
            "[",
            "]",
        ]
    ),
    "\n",
)


def tokenizer() -> Any:
    """A token a word, punctuation and line break; the end token is `<end>`."""
    from tokenizers import Regex, Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    vocabulary = {word: number for number, word in enumerate(("<end>", "<unknown>", *_WORDS))}
    inner = Tokenizer(models.WordLevel(vocabulary, unk_token="<unknown>"))
    inner.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Split(Regex(r" "), "removed"), pre_tokenizers.Split(Regex(r"\w+|[^\w ]"), "isolated")]
    )
    return PreTrainedTokenizerFast(tokenizer_object=inner, eos_token="<end>", pad_token="<end>")


def model(seed: int = 0, hidden: int = 32) -> LocalModel:
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    words = tokenizer()
    config = LlamaConfig(
        vocab_size=len(words),
        hidden_size=hidden,
        intermediate_size=2 * hidden,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        tie_word_embeddings=True,
        initializer_range=0.3,  # so that attention has something to turn
        bos_token_id=0,
        eos_token_id=0,
        pad_token_id=0,
    )
    with quiet(), torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return LocalModel("tiny", LlamaForCausalLM(config).eval(), words)


def examples() -> list[Example]:
    """`The leaf stores water .` -> `What stores water ?`, a document a noun."""
    return [
        Example(
            f"The {noun} {verb} {thing} .", 4, noun, f"What {verb} {thing} ?", "en", "made", f"made:{noun}"
        )
        for noun in NOUNS
        for verb in VERBS
        for thing in THINGS
    ]


def one_question() -> list[Example]:
    """Whatever stores water: always `What stores water ?`, which two layers do learn."""
    return [
        Example(f"A {other} moves . The {noun} stores water .", len(f"A {other} moves . The "), noun,
                "What stores water ?", "en", "made", f"made:{noun}")
        for noun in NOUNS
        for other in NOUNS
    ]  # fmt: skip
