"""SASRec: self-attention over the order of a learner's items (Kang & McAuley 2018), with a softmax loss.

    H = item_vectors[s] sqrt(d) + positions;   twice: H += Attention(norm(H)), H += FeedForward(norm(H))
    score_j = norm(H)_last . item_vectors_j + item_bias_j
    loss = -log softmax over {next item} and `negatives` items drawn for the batch

Full softmax, or one over a few hundred items, is what lifts SASRec above its binary loss (Klenitskiy &
Vasilev 2023, SASRec+; Petrov & Macdonald 2023, gSASRec). Ours differs from the paper in three ways: item
vectors start from the leading eigenvectors of what is done near what, biases from the log of popularity,
and a sequence is cut into windows, so that a long one is learnt from as a whole. Training is PyTorch;
scoring is the same network in NumPy, so serving never loads PyTorch.

The softmax was chosen after a short trial: on MovieLens latest-small gBCE, with the same 256 negatives and
from the same biases, which suit the softmax better, had not begun to rank after six epochs (NDCG@10 below
.01, the softmax .046). 1,024 negatives at half the learning rate reached .059 in nine epochs, 256 .052.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar, Self

import numpy as np
import pandas as pd
from scipy.sparse import csr_matrix, diags

from learnloop.errors import BadInput, ModelUnavailable
from learnloop.recommend.files import load_model, save_model
from learnloop.recommend.signals import matrix, sequences
from learnloop.schemas import ItemFeatures, Space, Span

SETTINGS = (
    "factors",
    "blocks",
    "heads",
    "length",
    "dropout",
    "learning_rate",
    "epochs",
    "patience",
    "batch",
    "negatives",
    "windows",
    "seed",
)
VALIDATED = 0.2, 1000  # share of the learners whose last item says when to stop, and how many at most
EPSILON = 1e-5  # of a layer norm, as in PyTorch
START = 0.3  # length of an item vector before training
REACH, FADE = 5, 0.7  # items so near each other, and what each place between them takes


class SASRec:
    """weights: the network's arrays, float32; item_vectors (n_items, factors) is the large one.

    factors, blocks, heads and length (items of a history that count, the newest) size the network. Training
    sees at most `windows` pieces of `length` items an epoch, drawn anew each time, so an epoch's cost is
    bounded for any number of rows; it ends after `epochs`, or when the held-out last items of a fifth of the
    learners have not been ranked better for `patience` epochs. It uses one thread and its own random
    numbers: equal signals in any row order give equal weights.
    """

    name = "sasrec"
    space: ClassVar[Space] = {
        "factors": (32, 64, 128),
        "blocks": (1, 2, 3),
        "length": (20, 50, 100),
        "dropout": Span(0.0, 0.6),
        "learning_rate": Span(5e-4, 1e-2, log=True),
        "negatives": (128, 256, 512, 1024),
    }

    def __init__(
        self,
        factors: int = 64,
        blocks: int = 2,
        heads: int = 1,
        length: int = 50,
        dropout: float = 0.3,
        learning_rate: float = 2e-3,
        epochs: int = 30,
        patience: int = 5,
        batch: int = 32,
        negatives: int = 512,
        windows: int = 10_000,
        seed: int = 0,
    ) -> None:
        """Raises BadInput where heads do not divide factors, or a number is out of range."""
        if factors % heads:
            raise BadInput(f"factors ({factors}) must be a multiple of heads ({heads})", field="heads")
        if min(factors, blocks, heads, length, epochs, patience, batch, negatives, windows) < 1:
            raise BadInput("sasrec: sizes and counts must be at least 1", field="factors")
        if not 0 <= dropout < 1:
            raise BadInput(f"dropout must be in [0, 1), not {dropout}", field="dropout")
        self.factors, self.blocks, self.heads, self.length = factors, blocks, heads, length
        self.dropout, self.learning_rate = dropout, learning_rate
        self.epochs, self.patience, self.batch = epochs, patience, batch
        self.negatives, self.windows, self.seed = negatives, windows, seed
        self.item_ids: np.ndarray = np.empty(0, dtype=object)
        self._take({name: np.zeros(shape, np.float32) for name, shape in self._shapes(0).items()})

    def _shapes(self, n_items: int) -> dict[str, tuple[int, ...]]:
        d, n = self.factors, self.blocks
        return {
            "item_vectors": (n_items, d),
            "item_bias": (n_items,),
            "item_share": (n_items,),
            "positions": (self.length, d),
            "attention_norm": (n, 2, d),
            "attention": (n, 4, d, d),
            "feed_norm": (n, 2, d),
            "feed": (n, 2, d, d),
            "feed_bias": (n, 2, d),
            "last_norm": (2, d),
        }

    def fit(self, signals: pd.DataFrame, features: ItemFeatures | None = None) -> Self:
        """Raises NothingToDo without signals, BadInput on bad weights."""
        from learnloop.recommend.sasrec_network import Plan, train

        done, learner_ids, self.item_ids = matrix(signals)
        log_share = np.log(done.getnnz(axis=0) / len(learner_ids)).astype(np.float32)
        rng = np.random.default_rng(self.seed)
        fitting, validation = _held_out(sequences(signals, self.item_ids), rng)
        plan = Plan(**{name: getattr(self, name) for name in SETTINGS if name != "seed"})
        start = starting_vectors(fitting, len(self.item_ids), self.factors)
        weights = train(fitting, validation, start, log_share, plan, rng)
        self._take(weights | {"item_share": log_share})
        return self

    def _take(self, weights: Mapping[str, np.ndarray]) -> None:
        self.weights = dict(weights)
        self._column = {item_id: column for column, item_id in enumerate(self.item_ids)}

    def scores(self, histories: Sequence[Sequence[str]]) -> np.ndarray:
        """(n_histories, n_items): logits of the next item; of a new learner, the log share of each item."""
        found = np.empty((len(histories), len(self.item_ids)), dtype=np.float32)
        known = [self._recent(history) for history in histories]
        by_length: dict[int, list[int]] = {}
        for row, columns in enumerate(known):
            by_length.setdefault(len(columns), []).append(row)
        for length, rows in by_length.items():
            if length == 0:
                found[rows] = self.weights["item_share"]
                continue
            for start in range(0, len(rows), 256):
                part = rows[start : start + 256]
                states = encode(self.weights, np.array([known[row] for row in part]), self.heads)
                # A product a row, not one of matrices: a batch then scores as one by one, to the bit.
                for row, state in zip(part, states, strict=True):
                    np.matmul(self.weights["item_vectors"], state, out=found[row])
                found[part] += self.weights["item_bias"]
        return found

    def _recent(self, history: Sequence[str]) -> list[int]:
        """Columns of the last `length` known items, oldest first; an item done twice counts at its last."""
        found: dict[int, None] = {}
        for item_id in reversed(history):
            column = self._column.get(item_id)
            if column is not None:
                found.setdefault(column)
                if len(found) == self.length:
                    break
        return list(found)[::-1]

    @property
    def nbytes(self) -> int:
        return int(sum(array.nbytes for array in self.weights.values()))

    def save(self, folder: Path) -> None:
        """The network; nothing of any learner."""
        settings = {name: getattr(self, name) for name in SETTINGS}
        save_model(folder, self.name, self.item_ids, settings, self.weights)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Raises ModelUnavailable."""
        item_ids, settings, arrays = load_model(folder, cls.name, SETTINGS, cls()._shapes(0))
        model = cls(**settings)
        if {name: array.shape for name, array in arrays.items()} != model._shapes(len(item_ids)):
            raise ModelUnavailable(f"{folder}: the weights do not have the shape they say", "learnloop train")
        model.item_ids = item_ids
        model._take(arrays)
        return model


def _held_out(
    sequences: Sequence[np.ndarray], rng: np.random.Generator
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """(sequences to fit, sequences whose last item is to be foreseen): the latter lack it in the former."""
    share, most = VALIDATED
    long = np.flatnonzero([len(sequence) >= 3 for sequence in sequences])
    chosen = set(rng.permutation(long)[: min(round(share * len(sequences)), most)].tolist())
    fitting = [sequence[:-1] if row in chosen else sequence for row, sequence in enumerate(sequences)]
    return fitting, [sequences[row] for row in sorted(chosen)]


def starting_vectors(sequences: Sequence[np.ndarray], n_items: int, factors: int) -> np.ndarray:
    """(n_items, factors) float32, each row of length START, or 0 where an item has no neighbours.

    The leading eigenvectors of D^-1/2 A D^-1/2, times the roots of their eigenvalues (0 for negative ones),
    with A_ij = sum FADE^(d - 1) over the places where i and j are d <= REACH apart in a sequence.
    """
    from scipy.sparse.linalg import eigsh
    from threadpoolctl import threadpool_limits

    found = np.zeros((n_items, factors), dtype=np.float32)
    near = _near(sequences, n_items)
    rank = min(factors, n_items - 1)
    if rank < 1 or near.nnz == 0:
        return found
    rng = np.random.default_rng(0)
    degrees = np.asarray(near.sum(axis=1)).ravel()
    scale = diags(1 / np.sqrt(np.where(degrees > 0, degrees, 1)))
    with threadpool_limits(1, "blas"):  # one order of adding up, on any machine
        values, vectors = eigsh(scale @ near @ scale, k=rank, which="LA", v0=rng.random(n_items), rng=rng)
    vectors = vectors * np.sqrt(np.maximum(values, 0))
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    found[:, :rank] = vectors * (START / np.where(lengths > 1e-9, lengths, np.inf))
    return found


def _near(sequences: Sequence[np.ndarray], n_items: int) -> csr_matrix:
    """A of `starting_vectors`, (n_items, n_items), symmetric."""
    columns = np.concatenate([np.asarray(sequence) for sequence in sequences])
    owners = np.repeat(np.arange(len(sequences)), [len(sequence) for sequence in sequences])
    found = csr_matrix((n_items, n_items))
    for distance in range(1, REACH + 1):
        one = np.flatnonzero(owners[:-distance] == owners[distance:])
        weights = np.full(len(one), FADE ** (distance - 1))
        found = found + csr_matrix((weights, (columns[one], columns[one + distance])), shape=found.shape)
    return (found + found.T).tocsr()


def encode(weights: Mapping[str, np.ndarray], windows: np.ndarray, heads: int) -> np.ndarray:
    """windows: (n, L) columns, oldest first, none missing. Returns the state of each newest place, (n, d).

    Each product is one of a window's own matrices, so a window's state is the same in any batch. Only the
    newest place is asked for in the last block.
    """
    (n, length), d = windows.shape, weights["item_vectors"].shape[1]
    scale = np.float32(d**0.5)
    state = weights["item_vectors"][windows] * scale + weights["positions"][:length][::-1]
    blocks = len(weights["attention"])
    closed = np.triu(np.full((length, length), -1e9, dtype=np.float32), k=1)  # what is newer
    for block in range(blocks):
        asked = slice(-1, None) if block == blocks - 1 else slice(None)
        normed = _norm(state, weights["attention_norm"][block])
        query, key, value, out = weights["attention"][block]
        q, k, v = (
            (part @ by).reshape(n, -1, heads, d // heads).transpose(0, 2, 1, 3)
            for part, by in ((normed[:, asked], query), (normed, key), (normed, value))
        )
        logits = q @ k.transpose(0, 1, 3, 2) * np.float32((d // heads) ** -0.5) + closed[asked]
        odds = np.exp(logits - logits.max(axis=-1, keepdims=True))
        mixed = (odds / odds.sum(axis=-1, keepdims=True)) @ v
        state = state[:, asked] + mixed.transpose(0, 2, 1, 3).reshape(n, -1, d) @ out
        normed = _norm(state, weights["feed_norm"][block])
        (first, second), (first_bias, second_bias) = weights["feed"][block], weights["feed_bias"][block]
        state = state + np.maximum(normed @ first + first_bias, 0) @ second + second_bias
    return _norm(state, weights["last_norm"])[:, -1]


def _norm(state: np.ndarray, parameters: np.ndarray) -> np.ndarray:
    """gain (x - mean) / sqrt(variance + EPSILON) + offset, over the last axis."""
    centred = state - state.mean(axis=-1, keepdims=True)
    variance = np.mean(centred * centred, axis=-1, keepdims=True)
    return centred / np.sqrt(variance + np.float32(EPSILON)) * parameters[0] + parameters[1]
