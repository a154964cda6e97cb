"""Training of the question adapter: examples in; LoRA weights with the least validation loss out.

Loss on the question's tokens only, cross-entropy per token. Everything that decides the result is in the
arguments: the same examples, recipe and seed give the same weights on one thread, also when the process is
killed in between and goes on from its last checkpoint. The clock decides only when a checkpoint is due.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from math import cos, pi
from pathlib import Path
from typing import Any

import numpy as np

from learnloop.errors import NothingToDo
from learnloop.generate import adapters
from learnloop.generate.question_prompt import PROMPT_VERSION, prompt_of, tokens
from learnloop.generate.training_bank import Example

ATTENTION = ("q_proj", "k_proj", "v_proj", "o_proj")
IGNORED = -100  # the label of a token that is no part of the question


@dataclass(frozen=True)
class Recipe:
    """What is trained and how. learning_rate is the highest: linear warm-up, then half a cosine to 0."""

    rank: int = 16
    alpha: int = 32
    targets: tuple[str, ...] = ATTENTION
    learning_rate: float = 5e-4
    weight_decay: float = 0.01
    batch_size: int = 8
    epochs: int = 3
    warmup_share: float = 0.06
    clip: float = 1.0  # of the gradient's norm
    most_tokens: int = 160  # longer examples are left out
    most_validation: int = 48  # examples; they cost a third of as many in training
    validate_every: int = 30  # steps
    patience: int = 3  # validations in a row without a new best
    seed: int = 0


@dataclass(frozen=True)
class Encoded:
    """Tokens of one example, prompt then question; `answer` counts those of the question with its end."""

    ids: tuple[int, ...]
    answer: int


@dataclass
class State:
    """How far a training is. `history`: a dict a validation (step, training, validation losses)."""

    step: int = 0
    best_step: int = 0
    best_loss: float = float("inf")
    without_gain: int = 0
    losses: list[float] = field(default_factory=list)  # of the steps since the last validation
    history: list[dict[str, float]] = field(default_factory=list)


@dataclass(frozen=True)
class Trained:
    """`weights` of the best validation; `ended` is epochs, patience or stopped."""

    weights: Mapping[str, Any]
    state: State
    ended: str
    steps: int
    resumed_at: int


Told = Callable[[State, int, float | None], None]  # the state, all steps, seconds so far of this run


def encode(tokenizer: Any, examples: Sequence[Example], most_tokens: int) -> list[Encoded]:
    """A question ends with the tokenizer's end token; examples that are too long are left out."""
    found = []
    for example in examples:
        prompt = prompt_of(example.passage, example.start, example.key)
        begin, rest = tokens(tokenizer, prompt), tokens(tokenizer, f" {example.question}")
        ids = (*begin, *rest, tokenizer.eos_token_id)
        if len(ids) <= most_tokens:
            found.append(Encoded(ids, len(rest) + 1))
    return found


def batches(examples: Sequence[Encoded], size: int, seed: int, epoch: int) -> list[list[Encoded]]:
    """Batches of similar length in random order: sorted by length within chunks of 16 batches."""
    rng = np.random.default_rng([seed, epoch])
    order = rng.permutation(len(examples))
    chunk = 16 * size
    parts = []
    for begin in range(0, len(order), chunk):
        some = sorted(order[begin : begin + chunk], key=lambda index: len(examples[index].ids))
        parts += [[examples[index] for index in some[at : at + size]] for at in range(0, len(some), size)]
    return [parts[index] for index in rng.permutation(len(parts))]


def loss_of(model: Any, batch: Sequence[Encoded]) -> Any:
    """Mean cross-entropy of the questions' tokens, a scalar tensor.

    Padded on the left, so that every question stands at the right edge and the vocabulary's logits, a
    third of the arithmetic, are computed for the longest question's positions only.
    """
    import torch
    from torch.nn.functional import cross_entropy

    widest, kept = max(len(one.ids) for one in batch), max(one.answer for one in batch)
    ids = torch.tensor([[0] * (widest - len(one.ids)) + list(one.ids) for one in batch])
    mask = torch.tensor([[0] * (widest - len(one.ids)) + [1] * len(one.ids) for one in batch])
    labels = torch.tensor([[IGNORED] * (kept - one.answer) + list(one.ids[-one.answer :]) for one in batch])
    out = model(
        input_ids=ids,
        attention_mask=mask,
        position_ids=(mask.cumsum(dim=1) - 1).clamp(min=0),
        logits_to_keep=kept + 1,
        use_cache=False,
    )
    logits = out.logits[:, :-1]  # a position tells the next token
    return cross_entropy(logits.reshape(-1, logits.shape[-1]), labels.reshape(-1), ignore_index=IGNORED)


def rate(step: int, steps: int, recipe: Recipe) -> float:
    """The learning rate of step `step` (from 0) of `steps`."""
    warm = max(1, round(recipe.warmup_share * steps))
    if step < warm:
        return recipe.learning_rate * (step + 1) / warm
    return recipe.learning_rate * 0.5 * (1 + cos(pi * (step - warm) / max(1, steps - warm)))


def train(
    model: Any,
    training: Sequence[Encoded],
    validation: Sequence[Encoded],
    recipe: Recipe,
    folder: Path,
    facts: Mapping[str, Any],
    *,
    clock: Callable[[], float],
    checkpoint_every: float = 120.0,
    most_seconds: float | None = None,
    told: Told | None = None,
) -> Trained:
    """Trains the adapter attached to `model`; checkpoints go into `folder`, and an earlier one is taken up.

    facts: what else decides the result (hashes of base and bank); a checkpoint with other ones is left
    alone. clock: seconds; a checkpoint is written after each validation and when `checkpoint_every` of them
    have passed, and the training stops, keeping the best so far, after `most_seconds` of this run. Raises
    NothingToDo.
    """
    import torch

    if not training or not validation:
        raise NothingToDo(
            "there are too few examples to train and validate on", "learnloop import openstax DIR"
        )
    about = {**facts, "recipe": asdict(recipe), "prompt": PROMPT_VERSION}
    validation = validation[:: -(-len(validation) // recipe.most_validation)]
    parameters = {name: weight for name, weight in model.named_parameters() if weight.requires_grad}
    optimizer = torch.optim.AdamW(parameters.values(), weight_decay=recipe.weight_decay)
    state, best = _resume(folder, about, model, parameters, optimizer)
    resumed_at, begun, saved = state.step, clock(), clock()
    steps = recipe.epochs * len(batches(training, recipe.batch_size, recipe.seed, 0))
    ended = "epochs"
    if not state.history:  # what the base says, so that the curve has a beginning
        _validated(model, validation, recipe, state)
        best = adapters.weights(model)
    for batch in _from_step(training, recipe, state.step, steps):
        if state.without_gain >= recipe.patience:
            ended = "patience"
            break
        if most_seconds is not None and clock() - begun > most_seconds:
            ended = "stopped"
            break
        state.losses.append(_step(model, batch, optimizer, rate(state.step, steps, recipe), recipe.clip))
        state.step += 1
        validated = state.step % recipe.validate_every == 0 or state.step == steps
        if validated and _validated(model, validation, recipe, state):
            best = adapters.weights(model)
        if validated or clock() - saved > checkpoint_every:
            _checkpoint(folder, about, state, adapters.weights(model), best, parameters, optimizer)
            saved = clock()
        if told:
            told(state, steps, clock() - begun if validated else None)
    if state.losses and _validated(model, validation, recipe, state):
        best = adapters.weights(model)
    _checkpoint(folder, about, state, adapters.weights(model), best, parameters, optimizer)
    adapters.put(model, best)
    return Trained(best, state, ended, steps, resumed_at)


def _from_step(training: Sequence[Encoded], recipe: Recipe, step: int, steps: int) -> Iterator[list[Encoded]]:
    per_epoch = steps // recipe.epochs
    for epoch in range(step // per_epoch, recipe.epochs):
        found = batches(training, recipe.batch_size, recipe.seed, epoch)
        yield from found[step - epoch * per_epoch if epoch == step // per_epoch else 0 :]


def _step(model: Any, batch: Sequence[Encoded], optimizer: Any, learning_rate: float, clip: float) -> float:
    import torch

    for group in optimizer.param_groups:
        group["lr"] = learning_rate
    model.train()
    loss = loss_of(model, batch)
    loss.backward()
    torch.nn.utils.clip_grad_norm_([w for w in model.parameters() if w.requires_grad], clip)
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    return float(loss.detach())


def validation_loss(model: Any, examples: Sequence[Encoded], size: int) -> float:
    """Mean cross-entropy per token of all questions, whatever the batches."""
    import torch

    model.eval()
    total = tokens = 0.0
    ordered = sorted(examples, key=lambda one: len(one.ids))
    with torch.inference_mode():
        for at in range(0, len(ordered), size):
            batch = ordered[at : at + size]
            count = sum(one.answer for one in batch)
            total += float(loss_of(model, batch)) * count
            tokens += count
    return total / tokens


def _validated(model: Any, validation: Sequence[Encoded], recipe: Recipe, state: State) -> bool:
    """Adds to the history; True where the loss is the least so far."""
    loss = validation_loss(model, validation, recipe.batch_size)
    row = {"step": state.step, "validation": loss}
    if state.losses:
        row["training"] = float(np.mean(state.losses))
    state.history.append(row)
    state.losses = []
    if loss < state.best_loss:
        state.best_loss, state.best_step, state.without_gain = loss, state.step, 0
        return True
    state.without_gain += 1
    return False


# ---- checkpoints ----

_TENSORS, _STATE = "state.safetensors", "state.json"


def _checkpoint(
    folder: Path,
    about: Mapping[str, Any],
    state: State,
    now: Mapping[str, Any],
    best: Mapping[str, Any],
    parameters: Mapping[str, Any],
    optimizer: Any,
) -> None:
    """A folder `checkpoint-STEP`, made beside its place and renamed; the former ones go after that."""
    from safetensors.torch import save_file

    tensors = {f"now/{name}": tensor for name, tensor in now.items()}
    tensors |= {f"best/{name}": tensor for name, tensor in best.items()}
    for name, weight in parameters.items():
        kept = optimizer.state.get(weight, {})
        tensors |= {f"{part}/{name}": tensor.clone() for part, tensor in kept.items()}
    folder.mkdir(parents=True, exist_ok=True)
    for left in folder.glob(".checkpoint-*"):
        shutil.rmtree(left, ignore_errors=True)
    fresh = folder / f".checkpoint-{os.getpid()}"
    fresh.mkdir()
    save_file(tensors, fresh / _TENSORS)
    document = {"about": about, "state": asdict(state), "sha256": _sha256(fresh / _TENSORS)}
    (fresh / _STATE).write_text(json.dumps(document, indent=2), encoding="utf-8")
    for name in (_TENSORS, _STATE):
        with open(fresh / name, "rb") as file:
            os.fsync(file.fileno())
    place = folder / f"checkpoint-{state.step:06d}"
    if place.exists():  # the last step's, written again at the end
        shutil.rmtree(place)
    fresh.rename(place)
    for old in folder.glob("checkpoint-*"):
        if old != place:
            shutil.rmtree(old, ignore_errors=True)


def _resume(
    folder: Path, about: Mapping[str, Any], model: Any, parameters: Mapping[str, Any], optimizer: Any
) -> tuple[State, dict[str, Any]]:
    """The newest whole checkpoint about the same thing, put into model and optimizer; else a beginning."""
    from safetensors.torch import load_file

    wanted = json.loads(json.dumps(about))
    for place in sorted(folder.glob("checkpoint-*"), reverse=True):
        try:
            document = json.loads((place / _STATE).read_text(encoding="utf-8"))
            whole = document["sha256"] == _sha256(place / _TENSORS)
        except (OSError, ValueError, KeyError):
            continue
        if not whole or document["about"] != wanted:
            continue
        tensors = load_file(place / _TENSORS)
        adapters.put(model, _under(tensors, "now/"))
        parts = sorted({name.split("/")[0] for name in tensors} - {"now", "best"})
        for name, weight in parameters.items():
            kept = {part: tensors[f"{part}/{name}"] for part in parts if f"{part}/{name}" in tensors}
            if kept:
                optimizer.state[weight] = kept
        return State(**document["state"]), _under(tensors, "best/")
    return State(), {}


def reached(folder: Path) -> int:
    """The step of the newest checkpoint in `folder`, 0 without one."""
    steps = [int(place.name.removeprefix("checkpoint-")) for place in folder.glob("checkpoint-*")]
    return max(steps, default=0)


def _under(tensors: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    return {name[len(prefix) :]: tensor for name, tensor in tensors.items() if name.startswith(prefix)}


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
