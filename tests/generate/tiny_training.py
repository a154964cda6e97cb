"""Trains the tiny model's adapter in FOLDER, a checkpoint a step; `--slowly` so that it can be killed.

Says each finished step on stdout. Run: python tiny_training.py FOLDER [--slowly]
"""

import sys
import time
from pathlib import Path
from typing import Any

import tiny_model

from learnloop.generate import adapters, finetune
from learnloop.generate.finetune import Recipe, Trained
from learnloop.generate.threads import one_thread_each
from learnloop.generate.training_bank import parted

RECIPE = Recipe(rank=4, alpha=8, learning_rate=0.03, epochs=2, validate_every=6, most_validation=12)


def train(folder: Path, recipe: Recipe = RECIPE, slowly: bool = False, **options: Any) -> Trained:
    language_model = tiny_model.model()
    training, validation = parted(options.pop("examples", tiny_model.examples()), 0.3, seed=0)
    tokenizer = language_model._tokenizer
    model = adapters.attach(language_model._model, recipe.rank, recipe.alpha, recipe.targets, recipe.seed)

    def told(state: finetune.State, steps: int, seconds: float | None) -> None:
        if slowly:
            print(state.step, flush=True)
            time.sleep(0.1)

    with one_thread_each():
        return finetune.train(
            model,
            finetune.encode(tokenizer, training, recipe.most_tokens),
            finetune.encode(tokenizer, validation, recipe.most_tokens),
            recipe,
            folder,
            options.pop("facts", {"base": "tiny"}),
            clock=options.pop("clock", time.monotonic),
            checkpoint_every=options.pop("checkpoint_every", -1.0),
            told=told,
            **options,
        )


if __name__ == "__main__":
    train(Path(sys.argv[1]), slowly="--slowly" in sys.argv)
