"""The PyTorch side of the attention tracer: the network, its loss, its training. Imported only while fitting.

    a learner's answers in time order in, parameters as float32 arrays out

Serving does not come here: `attention_forward.residual` is the same forward pass in NumPy, checked equal by
a test.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from learnloop.trace.attention_additive import Inputs
from learnloop.trace.attention_rows import Rows

HOPELESS = -1e9  # a logit for what must not be looked at; finite, so that a gradient stays a number
NOISE = 0.1  # standard deviation of what an embedding starts from
UNSEEN = 0.05  # share of answers whose item is hidden in training, so that an unseen item is nothing new


@dataclass(frozen=True)
class Plan:
    """How to train: see Attention for the meaning of each number."""

    factors: int
    blocks: int
    heads: int
    length: int
    dropout: float
    learning_rate: float
    weight_decay: float
    vector_variance: float
    epochs: int
    patience: int
    batch: int
    most: int


@dataclass(frozen=True)
class Window:
    """Rows [start, end) of one learner; those from `first` on are asked, the others are only seen."""

    start: int
    first: int
    end: int


class Network(nn.Module):
    """See Attention for the formulas. Parameters are plain arrays, blocks stacked on the first axis."""

    def __init__(self, plan: Plan, n_items: int, n_concepts: int, n_features: int) -> None:
        super().__init__()
        d, n, h = plan.factors, plan.blocks, plan.heads
        self.plan = plan
        self.item_vectors = nn.Parameter(torch.zeros(n_items, d))
        self.concepts = nn.Parameter(torch.randn(n_concepts, d) * NOISE)
        self.variation = nn.Parameter(torch.randn(n_concepts, d) * NOISE)
        self.common_variation = nn.Parameter(torch.randn(d) * NOISE)
        self.features = nn.Parameter(torch.randn(n_features, d) * NOISE)
        self.outcome = nn.Parameter(torch.randn(2, d) * NOISE)
        self.outcome_variation = nn.Parameter(torch.randn(2, d) * NOISE)
        plain = torch.stack([torch.ones(d), torch.zeros(d)])  # gain and offset of a norm
        self.state_norm = nn.Parameter(plain.repeat(n, 1, 1))
        self.value_norm = nn.Parameter(plain.repeat(n, 1, 1))
        self.feed_norm = nn.Parameter(plain.repeat(n, 1, 1))
        self.last_norm = nn.Parameter(plain.clone())
        scale = d**-0.5
        self.attention = nn.Parameter(torch.randn(n, 4, d, d) * scale)  # query, key, value, output
        self.feed = nn.Parameter(torch.randn(n, 2, d, d) * scale)
        self.feed_bias = nn.Parameter(torch.zeros(n, 2, d))
        # the heads look back over different distances: half-lives of 2, 10, 50, ... answers
        steps = torch.log(torch.tensor(np.log(2) / (2 * 5.0 ** np.arange(h)), dtype=torch.float32))
        self.log_decay = nn.Parameter(steps.repeat(n, 1))
        self.log_fading = nn.Parameter(torch.full((n, h), -3.0))
        self.same_item = nn.Parameter(torch.zeros(n, h))
        self.same_concept = nn.Parameter(torch.ones(n, h))
        self.sink = nn.Parameter(torch.zeros(n, h))
        self.last = nn.Parameter(torch.zeros(d))  # so that training starts from the additive part alone

    def forward(self, rows: "Tensors", chosen: torch.Tensor, width: int) -> torch.Tensor:
        """chosen: (B, T) rows, -1 where there is none. Returns the logits of the last columns, (B, width)."""
        real = chosen >= 0
        at = chosen.clamp(min=0)
        kept = real.float()
        if self.training:
            kept = kept * (torch.rand(real.shape) >= UNSEEN)
        codes, shares, correct = rows.concepts[at], rows.shares[at][..., None], rows.correct[at]
        easiness = rows.easiness[at][..., None]
        concepts = (functional.embedding(codes, self.concepts) * shares).sum(-2)
        variation = (functional.embedding(codes, self.variation) * shares).sum(-2)
        state = concepts + easiness * (self.common_variation + variation)
        vectors = functional.embedding(rows.items[at], self.item_vectors)
        state = self._dropped(state + vectors * kept[..., None] + rows.features[at] @ self.features)
        outcome = self.outcome[correct] + easiness * self.outcome_variation[correct]
        asked = slice(0, None)
        terms, closed = self._terms(rows, at, real, 0 if self.plan.blocks > 1 else -width)
        for block in range(self.plan.blocks):
            if block == self.plan.blocks - 1:  # nobody looks at what the others become here
                asked = slice(-width, None)
                terms, closed = terms[:, asked], closed[:, asked]
            mixed = self._attended(state, outcome, terms, closed, asked, block)
            state = state[:, asked] + self._dropped(mixed)
            normed = functional.layer_norm(state, state.shape[-1:], *self.feed_norm[block])
            hidden = torch.relu(normed @ self.feed[block, 0] + self.feed_bias[block, 0])
            state = state + self._dropped(hidden @ self.feed[block, 1] + self.feed_bias[block, 1])
        normed = functional.layer_norm(state, state.shape[-1:], *self.last_norm)
        return rows.logits[at[:, -width:]] + normed @ self.last

    def _terms(
        self, rows: "Tensors", at: torch.Tensor, real: torch.Tensor, first: int
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """((B, T - first, T, 4) what the biases rest on, (B, T - first, T) what must not be looked at)."""
        mine = at[:, first:]
        apart = rows.before[mine][:, :, None] - rows.before[at][:, None, :]
        closed = (apart < 1) | (apart > self.plan.length) | ~real[:, None, :]
        gap = (rows.seconds[mine][:, :, None] - rows.seconds[at][:, None, :]).clamp(min=0)
        same_item = rows.items[mine][:, :, None] == rows.items[at][:, None, :]
        overlap = _overlap(rows, mine, at)
        terms = (-(apart - 1).clamp(min=0), -torch.log1p(gap / 60), same_item, overlap)
        return torch.stack([term.float() for term in terms], dim=-1), closed

    def _attended(
        self,
        state: torch.Tensor,
        outcome: torch.Tensor,
        terms: torch.Tensor,
        closed: torch.Tensor,
        asked: slice,
        block: int,
    ) -> torch.Tensor:
        (n, length, d), heads = state.shape, self.plan.heads
        query, key, value, out = self.attention[block]
        question = functional.layer_norm(state, (d,), *self.state_norm[block])
        told = functional.layer_norm(state + outcome, (d,), *self.value_norm[block])
        q, k, v = (
            (source @ by).view(n, -1, heads, d // heads).transpose(1, 2)
            for source, by in ((question[:, asked], query), (question, key), (told, value))
        )
        factors = (
            self.log_decay[block].exp(),
            self.log_fading[block].exp(),
            self.same_item[block],
            self.same_concept[block],
        )
        bias = (terms @ torch.stack(factors)).permute(0, 3, 1, 2)
        logits = q @ k.transpose(2, 3) * (d // heads) ** -0.5 + bias
        logits = logits.masked_fill(closed[:, None], HOPELESS)
        sink = self.sink[block][None, :, None, None].expand(n, heads, q.shape[2], 1)
        odds = torch.softmax(torch.cat([logits, sink], dim=-1), dim=-1)[..., :length]
        return (odds @ v).transpose(1, 2).reshape(n, -1, d) @ out

    def _dropped(self, values: torch.Tensor) -> torch.Tensor:
        return functional.dropout(values, self.plan.dropout, self.training)

    def prior(self) -> torch.Tensor:
        """-log of the normal priors of the embeddings, but for a constant."""
        return (self.item_vectors**2).sum() / (2 * self.plan.vector_variance)


def _overlap(rows: "Tensors", mine: torch.Tensor, others: torch.Tensor) -> torch.Tensor:
    """(B, T, U) share of the concepts of the rows `mine` (B, T) that each of `others` (B, U) has too."""
    found = torch.zeros(*mine.shape, others.shape[1])
    for one in range(rows.shares.shape[1]):
        for two in range(rows.shares.shape[1]):
            alike = rows.concepts[mine][:, :, None, one] == rows.concepts[others][:, None, :, two]
            real = rows.shares[others][:, None, :, two] > 0
            found = found + (alike & real) * rows.shares[mine][:, :, None, one]
    return found


class Tensors:
    """The arrays of Rows, for PyTorch."""

    def __init__(self, rows: Rows, told: Inputs) -> None:
        self.items = torch.as_tensor(rows.items)
        self.concepts = torch.as_tensor(np.maximum(rows.concepts, 0))
        self.shares = torch.as_tensor(rows.shares.astype(np.float32))
        self.correct = torch.as_tensor(rows.correct.astype(np.int64))
        self.before = torch.as_tensor(rows.before)
        self.seconds = torch.as_tensor(rows.seconds)
        self.logits = torch.as_tensor(told.logits.astype(np.float32))
        self.easiness = torch.as_tensor(told.easiness.astype(np.float32))
        self.features = torch.as_tensor(told.features.astype(np.float32))


def windows_of(rows: Rows, learners: np.ndarray, length: int) -> list[Window]:
    """Pieces of at most `length` asked answers, each with up to `length` answers before it to look at."""
    found = []
    for learner in learners.tolist():
        start, end = int(rows.starts[learner]), int(rows.starts[learner + 1])
        found += [
            Window(max(start, first - length), first, min(first + length, end))
            for first in range(start, end, length)
        ]
    return found


def batches(
    windows: list[Window], size: int, rng: np.random.Generator | None
) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """(chosen rows (B, T), -1 on the left; which of the last W are asked (B, W)); like lengths together.

    A batch has about `size` answers. With rng, equal lengths and the batches come in a random order.
    """
    lengths = np.array([window.end - window.start for window in windows])
    chance = rng.random(len(windows)) if rng is not None else np.zeros(len(windows))
    order = np.lexsort((chance, lengths))
    parts: list[list[int]] = [[]]
    for place in order.tolist():
        if parts[-1] and (len(parts[-1]) + 1) * lengths[place] > size:
            parts.append([])
        parts[-1].append(place)
    for which in rng.permutation(len(parts)) if rng is not None else range(len(parts)):
        part = [windows[place] for place in parts[which]]
        width = max(window.end - window.start for window in part)
        last = max(window.end - window.first for window in part)
        chosen = np.full((len(part), width), -1, dtype=np.int64)
        asked = np.zeros((len(part), last), dtype=bool)
        for row, window in enumerate(part):
            chosen[row, width - (window.end - window.start) :] = np.arange(window.start, window.end)
            asked[row, last - (window.end - window.first) :] = True
        yield torch.as_tensor(chosen), torch.as_tensor(asked)


def train(
    rows: Rows, told: Inputs, fitting: np.ndarray, validation: np.ndarray, plan: Plan, seed: int
) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """(weights, logits of the validation learners' rows): those of the epoch with the least log-loss there.

    fitting, validation: learners. Without validation learners, the weights after `patience` epochs.
    PyTorch's own random numbers and number of threads are as before when it returns.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # two threads waiting for one busy core took ten times as long
    try:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return _trained(rows, told, fitting, validation, plan, np.random.default_rng(seed))
    finally:
        torch.set_num_threads(threads)


def _trained(
    rows: Rows,
    told: Inputs,
    fitting: np.ndarray,
    validation: np.ndarray,
    plan: Plan,
    rng: np.random.Generator,
) -> tuple[dict[str, np.ndarray], np.ndarray]:
    network = Network(plan, rows.n_items, rows.n_concepts, told.features.shape[1])
    tensors, asked = Tensors(rows, told), windows_of(rows, fitting, plan.length)
    optimizer = _optimizer(network, plan)
    n_answers, truth = len(rows.of(fitting)), rows.correct[rows.of(validation)]
    held_out = windows_of(rows, validation, plan.length)
    best, best_logits, since = _copied(network), told.logits[rows.of(validation)], 0
    best_loss = log_loss(best_logits, truth)
    for _ in range(plan.epochs if len(validation) else plan.patience):
        _epoch(network, optimizer, tensors, asked, n_answers, rng)
        logits = predicted(network, tensors, held_out, plan.batch)
        loss = log_loss(logits, truth)
        since = 0 if loss < best_loss or not len(validation) else since + 1
        if since == 0:
            best, best_loss, best_logits = _copied(network), loss, logits
        elif since == plan.patience:
            break
    return best, best_logits


def _optimizer(network: Network, plan: Plan) -> torch.optim.Optimizer:
    """Weight decay for the matrices alone."""
    matrices = [p for p in network.parameters() if p.ndim >= 4]
    others = [p for p in network.parameters() if p.ndim < 4]
    groups = [
        {"params": others, "weight_decay": 0.0},
        {"params": matrices, "weight_decay": plan.weight_decay},
    ]
    return torch.optim.AdamW(groups, lr=plan.learning_rate)


def _epoch(
    network: Network,
    optimizer: torch.optim.Optimizer,
    tensors: Tensors,
    windows: list[Window],
    n_answers: int,
    rng: np.random.Generator,
) -> None:
    network.train()
    for chosen, asked in batches(_some(windows, network.plan.most, rng), network.plan.batch, rng):
        width = asked.shape[1]
        logits = network(tensors, chosen, width)[asked]
        truth = tensors.correct[chosen[:, -width:][asked]].float()
        loss = functional.binary_cross_entropy_with_logits(logits, truth)
        optimizer.zero_grad()
        (loss + network.prior() / n_answers).backward()
        optimizer.step()


def _some(windows: list[Window], most: int, rng: np.random.Generator) -> list[Window]:
    """Windows drawn until they ask about `most` answers, so that the cost of an epoch is bounded."""
    order = rng.permutation(len(windows))
    asked = np.cumsum([windows[place].end - windows[place].first for place in order])
    return [windows[place] for place in order[: np.searchsorted(asked, most) + 1]]


@torch.no_grad()
def predicted(network: Network, tensors: Tensors, windows: list[Window], size: int) -> np.ndarray:
    """Logits of the asked rows of `windows`, in the rows' order."""
    network.eval()
    rows, logits = [np.zeros(0, dtype=np.int64)], [np.zeros(0)]
    for chosen, asked in batches(windows, size, None):
        width = asked.shape[1]
        logits.append(network(tensors, chosen, width)[asked].double().cpu().numpy())
        rows.append(chosen[:, -width:][asked].cpu().numpy())
    return np.concatenate(logits)[np.argsort(np.concatenate(rows))]


def log_loss(logits: np.ndarray, correct: np.ndarray) -> float:
    # -log sigmoid(z) for a right answer, -log sigmoid(-z) for a wrong one
    signed = np.where(correct > 0, logits, -logits)
    return float(np.logaddexp(0, -signed).mean()) if len(signed) else 0.0


def _copied(network: Network) -> dict[str, np.ndarray]:
    return {name: values.cpu().numpy().copy() for name, values in network.state_dict().items()}
