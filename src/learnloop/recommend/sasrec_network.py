"""The PyTorch side of SASRec: the network, its loss and its training. Imported only while fitting.

    training windows in (columns of items, oldest first), parameters as float32 arrays out

Serving does not come here: `sasrec.encode` is the same forward pass in NumPy, checked equal by a test.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn
from torch.nn import functional

PAD = -1
NOISE = 0.02  # standard deviation of what an array starts from
HOPELESS = -1e9  # a logit for what must not be chosen; finite, so that a gradient stays a number


@dataclass(frozen=True)
class Plan:
    """How to train: see SASRec for the meaning of each number."""

    factors: int
    blocks: int
    heads: int
    length: int
    dropout: float
    learning_rate: float
    epochs: int
    patience: int
    batch: int
    negatives: int
    windows: int


class Network(nn.Module):
    """Causal self-attention over the last `length` items; pre-norm blocks; position 0 is the newest."""

    def __init__(self, start: np.ndarray, log_share: np.ndarray, plan: Plan) -> None:
        super().__init__()
        d = plan.factors
        self.plan = plan
        # A little noise, so that no direction that the start leaves at 0 stays there.
        self.item_vectors = nn.Parameter(torch.from_numpy(start) + torch.randn(len(start), d) * NOISE)
        self.item_bias = nn.Parameter(torch.tensor(log_share))
        self.positions = nn.Parameter(torch.randn(plan.length, d) * NOISE)
        plain = torch.stack([torch.ones(d), torch.zeros(d)])  # gain and offset of a norm
        self.attention_norm = nn.Parameter(plain.repeat(plan.blocks, 1, 1))
        self.feed_norm = nn.Parameter(plain.repeat(plan.blocks, 1, 1))
        self.last_norm = nn.Parameter(plain.clone())
        scale = d**-0.5
        # query, key, value, output; then the two layers of the feed-forward part
        self.attention = nn.Parameter(torch.randn(plan.blocks, 4, d, d) * scale)
        self.feed = nn.Parameter(torch.randn(plan.blocks, 2, d, d) * scale)
        self.feed_bias = nn.Parameter(torch.zeros(plan.blocks, 2, d))

    def forward(self, windows: torch.Tensor) -> torch.Tensor:
        """windows: (n, L) columns, PAD on the left. Returns the states, (n, L, factors)."""
        length, d = windows.shape[1], self.plan.factors
        real = windows != PAD
        # sqrt(d), as in the paper: an item's vector is short, so that its dot products are small
        state = functional.embedding(windows.clamp(min=0), self.item_vectors) * d**0.5
        state = self._dropped(state + self.positions[:length].flip(0)) * real[..., None]
        order = torch.arange(length)
        # An older place, and never padding; a padded place looks at itself, so that its softmax exists.
        seen = (order[:, None] >= order[None, :]) & real[:, None, :] | torch.eye(length, dtype=torch.bool)
        closed = torch.zeros(seen.shape).masked_fill(~seen, HOPELESS)[:, None]
        for block in range(self.plan.blocks):
            normed = functional.layer_norm(state, (d,), *self.attention_norm[block])
            state = state + self._dropped(self._attended(normed, closed, block))
            normed = functional.layer_norm(state, (d,), *self.feed_norm[block])
            hidden = torch.relu(normed @ self.feed[block, 0] + self.feed_bias[block, 0])
            state = state + self._dropped(hidden @ self.feed[block, 1] + self.feed_bias[block, 1])
        return functional.layer_norm(state, (d,), *self.last_norm)

    def _attended(self, normed: torch.Tensor, closed: torch.Tensor, block: int) -> torch.Tensor:
        (n, length, d), heads = normed.shape, self.plan.heads
        query, key, value, out = self.attention[block]
        q, k, v = (
            (normed @ by).view(n, length, heads, d // heads).transpose(1, 2) for by in (query, key, value)
        )
        odds = torch.softmax(q @ k.transpose(2, 3) * (d // heads) ** -0.5 + closed, dim=-1)
        return (odds @ v).transpose(1, 2).reshape(n, length, d) @ out

    def _dropped(self, values: torch.Tensor) -> torch.Tensor:
        return functional.dropout(values, self.plan.dropout, self.training)


def softmax_loss(
    network: Network, states: torch.Tensor, wanted: torch.Tensor, negatives: torch.Tensor | None
) -> torch.Tensor:
    """Cross-entropy of the next item over the catalogue, or over it and `negatives` shared by a batch."""
    if negatives is None:
        return functional.cross_entropy(states @ network.item_vectors.T + network.item_bias, wanted)
    right = (states * network.item_vectors[wanted]).sum(1) + network.item_bias[wanted]
    wrong = states @ network.item_vectors[negatives].T + network.item_bias[negatives]
    wrong = wrong.masked_fill(wanted[:, None] == negatives[None, :], HOPELESS)
    return functional.cross_entropy(
        torch.cat([right[:, None], wrong], 1), torch.zeros(len(wanted), dtype=torch.long)
    )


def windows_of(
    sequences: Sequence[np.ndarray], length: int, most: int, rng: np.random.Generator
) -> np.ndarray:
    """(n, length + 1) columns, PAD on the left: each sequence cut into pieces from a random place on.

    A piece and the next share one item, so that every item but a sequence's first is foreseen once. At
    most `most` pieces, drawn without replacement.
    """
    sizes = np.array([len(sequence) for sequence in sequences])
    first = np.where(
        sizes > length + 1, rng.integers(2, length + 2, len(sizes)), sizes
    )  # end of a first piece
    pieces = 1 + -(-(sizes - first) // length)
    owners = np.repeat(np.arange(len(sizes)), pieces)
    nth = np.arange(len(owners)) - np.repeat(np.cumsum(pieces) - pieces, pieces)
    ends = np.minimum(first[owners] + nth * length, sizes[owners])
    chosen = rng.permutation(len(ends))[:most]
    found = np.full((len(chosen), length + 1), PAD, dtype=np.int64)
    for row, place in enumerate(chosen):
        start = first[owners[place]] + (nth[place] - 1) * length - 1 if nth[place] else 0
        piece = sequences[owners[place]][start : ends[place]]
        found[row, length + 1 - len(piece) :] = piece
    return found


def train(
    sequences: Sequence[np.ndarray],
    validation: Sequence[np.ndarray],
    start: np.ndarray,
    log_share: np.ndarray,
    plan: Plan,
    rng: np.random.Generator,
) -> dict[str, np.ndarray]:
    """The weights that rank the last item of `validation` best, or those of the last epoch without any.

    start: (n_items, factors), item vectors to begin with; log_share: (n_items,), biases to begin with.
    PyTorch's own random numbers and number of threads are as before when it returns.
    """
    longer = [sequence for sequence in sequences if len(sequence) > 1]
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # two threads waiting for one busy core took ten times as long
    try:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(int(rng.integers(2**31)))
            network = Network(start, log_share, plan)
            best, best_score, since = _copied(network), validate(network, validation), 0
            optimizer = torch.optim.Adam(network.parameters(), lr=plan.learning_rate, betas=(0.9, 0.98))
            for _ in range(plan.epochs if longer else 0):
                _epoch(network, optimizer, windows_of(longer, plan.length, plan.windows, rng), rng)
                score = validate(network, validation)
                since = 0 if score > best_score or not validation else since + 1
                if since == 0:
                    best, best_score = _copied(network), score
                elif since == plan.patience:
                    break
    finally:
        torch.set_num_threads(threads)
    return best


def _copied(network: Network) -> dict[str, np.ndarray]:
    return {name: values.numpy().copy() for name, values in network.state_dict().items()}


def _epoch(
    network: Network, optimizer: torch.optim.Optimizer, windows: np.ndarray, rng: np.random.Generator
) -> None:
    network.train()
    n_items, wanted_negatives = len(network.item_bias), network.plan.negatives
    for batch in torch.from_numpy(windows).split(network.plan.batch):
        width = int((batch != PAD).sum(1).max())
        inputs, targets = batch[:, -width:-1], batch[:, -width + 1 :]
        real = inputs != PAD
        negatives = None
        if wanted_negatives < n_items:
            negatives = torch.from_numpy(np.unique(rng.integers(0, n_items, wanted_negatives)))
        loss = softmax_loss(network, network(inputs)[real], targets[real], negatives)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


@torch.no_grad()
def validate(network: Network, validation: Sequence[np.ndarray]) -> float:
    """NDCG, without a cut, of the last item of each sequence among those not before it (0 without any).

    A cut at 10 makes most learners 0, and whether the rest went up a matter of chance. Of the items that
    score as the wanted one does, half stand above it: weights that tell no item from another win nothing.
    """
    network.eval()
    length, gains = network.plan.length, [0.0]
    for first in range(0, len(validation), 256):
        part = validation[first : first + 256]
        inputs = np.full((len(part), length), PAD, dtype=np.int64)
        for row, sequence in enumerate(part):
            recent = sequence[:-1][-length:]
            inputs[row, length - len(recent) :] = recent
        states = network(torch.from_numpy(inputs))[:, -1]
        scores = states @ network.item_vectors.T + network.item_bias
        for row, sequence in enumerate(part):
            scores[row, sequence[:-1]] = HOPELESS
            wanted = scores[row, sequence[-1]]
            above, ties = int((scores[row] > wanted).sum()), int((scores[row] == wanted).sum()) - 1
            gains.append(1 / np.log2(above + ties / 2 + 2))
    return float(np.sum(gains)) / max(len(validation), 1)
