"""One recommender of another library: tuned on a validation fold, then trained and asked.

    python recommender_peers.py tune  NAME FOLDER OUT --trials 20 --seconds 120
    python recommender_peers.py final NAME FOLDER OUT

Started by recommenders.py with the Python of the peers' environment; nothing of ours is imported, and ours
are tuned by the same `tune`. FOLDER holds validation.npz and test.npz (recommender_data.py), OUT is a folder
of this model. `tune` keeps tuned.json up to date after each trial, so a search that is ended has its best;
`final` writes ranking.npz and final.json.
"""

import argparse
import contextlib
import json
import os
import resource
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix

K = 20  # items a learner
SEED = 0
BLOCK = 512

Recommend = Callable[[np.ndarray, int], np.ndarray]  # learners -> (n, k) items, -1 where there are fewer
Fit = Callable[["Fold", dict[str, Any]], Recommend]
Suggest = Callable[[Any], dict[str, Any]]  # an Optuna trial -> hyper-parameters


@dataclass(frozen=True)
class Fold:
    """Events in order of learner and time, and who is asked. Learners and items are numbers from 0."""

    user: np.ndarray
    item: np.ndarray
    at: np.ndarray
    asked: np.ndarray  # learners with a history
    relevant: csr_matrix  # (n_asked, n_items) of 0 and 1
    sizes: np.ndarray  # (n_asked,) relevant items, those that training does not know included
    shape: tuple[int, int]

    @property
    def counts(self) -> csr_matrix:
        """(n_learners, n_items): how often."""
        return csr_matrix((np.ones(len(self.user), np.float32), (self.user, self.item)), shape=self.shape)

    @property
    def weights(self) -> csr_matrix:
        """1 + log(count), as ours weigh repeats."""
        found = self.counts
        found.data = 1 + np.log(found.data)
        return found

    @property
    def seen(self) -> csr_matrix:
        found = self.counts
        found.data[:] = 1
        return found

    @property
    def popular(self) -> np.ndarray:
        """Items by how many learners did them, most first."""
        return np.argsort(-self.seen.getnnz(axis=0), kind="stable")


TRAINED: list[tuple[float, float]] = []  # seconds and CPU seconds of each training, data conversion left out


@contextlib.contextmanager
def training() -> Iterator[None]:
    began, cpu = time.perf_counter(), _cpu_seconds()
    yield
    TRAINED.append((time.perf_counter() - began, _cpu_seconds() - cpu))


def load(path: Path) -> Fold:
    held = np.load(path)
    shape = (int(held["shape"][0]), int(held["shape"][1]))
    n = len(held["asked"])
    relevant = csr_matrix(
        (np.ones(len(held["relevant_item"]), np.int8), (held["relevant_row"], held["relevant_item"])),
        shape=(n, shape[1]),
    )
    return Fold(held["user"], held["item"], held["at"], held["asked"], relevant, held["sizes"], shape)


def ndcg(ranked: np.ndarray, fold: Fold, k: int = 10) -> float:
    """Mean NDCG@k over the learners asked: what tuning maximises. The test is scored elsewhere."""
    top = ranked[:, :k]
    gains = np.zeros(top.shape)
    rows, places = np.nonzero(top >= 0)
    gains[rows, places] = np.asarray(fold.relevant[rows, top[rows, places]]).ravel()
    discounts = 1 / np.log2(np.arange(2, k + 2))
    ideal = np.cumsum(discounts)[np.minimum(fold.sizes, k) - 1]
    return float((gains @ discounts[: top.shape[1]] / ideal).mean())


def top(scores: np.ndarray, seen: csr_matrix, k: int) -> np.ndarray:
    """The k best unseen columns of each row; -1 where a score is not a number."""
    scores = np.where(np.isfinite(scores), scores, -np.inf).astype(np.float32)
    rows = np.repeat(np.arange(len(scores)), np.diff(seen.indptr))
    scores[rows, seen.indices] = -np.inf
    k = min(k, scores.shape[1])
    best = np.argpartition(-scores, k - 1, axis=1)[:, :k]
    found = np.take_along_axis(scores, best, axis=1)
    order = np.argsort(-found, axis=1, kind="stable")
    best, found = np.take_along_axis(best, order, axis=1), np.take_along_axis(found, order, axis=1)
    return np.where(np.isneginf(found), -1, best)


def in_blocks(score: Callable[[np.ndarray], np.ndarray], fold: Fold) -> Recommend:
    seen = fold.seen

    def recommend(users: np.ndarray, k: int) -> np.ndarray:
        parts = [users[start : start + BLOCK] for start in range(0, len(users), BLOCK)]
        return np.vstack([top(score(part), seen[part], k) for part in parts])

    return recommend


def filled(ranked: np.ndarray, users: np.ndarray, fold: Fold) -> np.ndarray:
    """Places a model left empty go to the most popular items that the learner has not seen."""
    seen, popular = fold.seen, fold.popular
    for row in np.flatnonzero((ranked < 0).any(axis=1)):
        own = ranked[row][ranked[row] >= 0]
        taken = np.concatenate([own, seen[users[row]].indices])
        more = popular[: len(taken) + ranked.shape[1]]
        more = more[~np.isin(more, taken)]
        whole = np.concatenate([own, more])[: ranked.shape[1]]
        ranked[row, : len(whole)] = whole
    return ranked


# implicit


def _implicit(model: Any, fold: Fold, matrix: csr_matrix) -> Recommend:
    def recommend(users: np.ndarray, k: int) -> np.ndarray:
        ids, scores = model.recommend(users, matrix[users], N=k)
        return np.where(scores > -1e30, ids, -1)

    return recommend


def implicit_als(fold: Fold, p: dict[str, Any]) -> Recommend:
    from implicit.als import AlternatingLeastSquares

    matrix = fold.weights
    model = AlternatingLeastSquares(**p, use_gpu=False, random_state=SEED)
    with training():
        model.fit(matrix, show_progress=False)
    return _implicit(model, fold, matrix)


def implicit_bpr(fold: Fold, p: dict[str, Any]) -> Recommend:
    from implicit.bpr import BayesianPersonalizedRanking

    matrix = fold.seen
    model = BayesianPersonalizedRanking(**p, use_gpu=False, random_state=SEED)
    with training():
        model.fit(matrix, show_progress=False)
    return _implicit(model, fold, matrix)


def implicit_item_item(fold: Fold, p: dict[str, Any]) -> Recommend:
    from implicit import nearest_neighbours as near

    kind = {
        "cosine": near.CosineRecommender,
        "tfidf": near.TFIDFRecommender,
        "bm25": lambda K: near.BM25Recommender(K=K, K1=p["K1"], B=p["B"]),
    }
    matrix = fold.weights.astype(np.float64)
    model = kind[p["similarity"]](K=p["K"])
    with training():
        model.fit(matrix, show_progress=False)
    return _implicit(model, fold, matrix)


# lenskit


def _lenskit(scorer: Any, fold: Fold) -> Recommend:
    """By the scorer itself, four times as fast as LensKit's pipeline a learner and equal in what it ranks."""
    import pandas as pd
    from lenskit.data import ItemList, RecQuery, from_interactions_df

    seen = fold.seen
    pairs = seen.tocoo()
    frame = pd.DataFrame({"user_id": pairs.row, "item_id": pairs.col})
    dataset = from_interactions_df(frame, class_name="done")
    with training():
        scorer.train(dataset)
    items = ItemList(item_ids=np.arange(fold.shape[1]))

    def score(users: np.ndarray) -> np.ndarray:
        asked = [
            RecQuery(user_id=int(user), user_items=ItemList(item_ids=seen[user].indices)) for user in users
        ]
        return np.array([scorer(query, items).scores() for query in asked])

    return in_blocks(score, fold)


def lenskit_item_knn(fold: Fold, p: dict[str, Any]) -> Recommend:
    from lenskit.knn import ItemKNNScorer

    return _lenskit(ItemKNNScorer(feedback="implicit", **p), fold)


def lenskit_implicit_mf(fold: Fold, p: dict[str, Any]) -> Recommend:
    from lenskit.als import ImplicitMFScorer

    return _lenskit(ImplicitMFScorer(**p), fold)


def lenskit_ease(fold: Fold, p: dict[str, Any]) -> Recommend:
    from lenskit.knn import EASEScorer

    return _lenskit(EASEScorer(**p), fold)


def lenskit_popular(fold: Fold, p: dict[str, Any]) -> Recommend:
    from lenskit.basic import PopScorer

    class Popular(PopScorer):
        def __call__(self, query: Any, items: Any) -> Any:  # the others are asked with a learner
            return super().__call__(items)

    return _lenskit(Popular(), fold)


# rectools


def _rectools(model: Any, fold: Fold) -> Recommend:
    import pandas as pd
    from rectools import Columns
    from rectools.dataset import Dataset

    frame = pd.DataFrame(
        {
            Columns.User: fold.user,
            Columns.Item: fold.item,
            Columns.Weight: 1.0,
            # a step a row keeps the order of one moment
            Columns.Datetime: pd.to_datetime(
                fold.at + 1e-3 * np.arange(len(fold.at)) / len(fold.at), unit="s"
            ),
        }
    )
    frame = frame.drop_duplicates([Columns.User, Columns.Item], keep="last")
    dataset = Dataset.construct(frame)
    with training():
        model.fit(dataset)

    def recommend(users: np.ndarray, k: int) -> np.ndarray:
        lists = model.recommend(users, dataset, k, filter_viewed=True, on_unsupported_targets="ignore")
        found = np.full((len(users), k), -1)
        row = {int(user): place for place, user in enumerate(users)}
        places = lists[Columns.User].map(row).to_numpy()
        found[places, lists[Columns.Rank].to_numpy() - 1] = lists[Columns.Item].to_numpy()
        return found

    return recommend


def rectools_ease(fold: Fold, p: dict[str, Any]) -> Recommend:
    from rectools.models import EASEModel

    return _rectools(EASEModel(**p), fold)


def rectools_popular(fold: Fold, p: dict[str, Any]) -> Recommend:
    from datetime import timedelta

    from rectools.models import PopularModel

    span = float(fold.at.max() - fold.at.min()) or 1.0
    share = p["period"]
    return _rectools(PopularModel(period=None if share is None else timedelta(seconds=share * span)), fold)


def rectools_svd(fold: Fold, p: dict[str, Any]) -> Recommend:
    from rectools.models import PureSVDModel

    return _rectools(PureSVDModel(**p), fold)


def rectools_sasrec(fold: Fold, p: dict[str, Any]) -> Recommend:
    import logging

    import torch
    from pytorch_lightning import Trainer
    from rectools.models import SASRecModel

    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
    torch.manual_seed(SEED)
    epochs = p["epochs"]

    def trainer() -> Any:
        return Trainer(
            max_epochs=epochs,
            accelerator="cpu",
            devices=1,
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
        )

    model = SASRecModel(
        **p,
        n_heads=1,
        session_max_len=50,
        loss="softmax",
        get_trainer_func=trainer,
        recommend_torch_device="cpu",
    )
    return _rectools(model, fold)


# cornac


def _cornac(model: Any, fold: Fold) -> Recommend:
    from cornac.data import Dataset

    pairs = fold.seen.tocoo()
    ones = np.ones(len(pairs.row))
    dataset = Dataset.build(
        zip(pairs.row.tolist(), pairs.col.tolist(), ones.tolist(), strict=True), seed=SEED
    )
    with contextlib.redirect_stdout(None), training():
        model.fit(dataset)
    # cornac numbers learners and items in order of arrival
    place = np.empty(len(dataset.iid_map), np.int64)
    for item, number in dataset.iid_map.items():
        place[number] = item
    uid = dataset.uid_map

    def score(users: np.ndarray) -> np.ndarray:
        found = np.full((len(users), fold.shape[1]), -np.inf, np.float32)
        for row, user in enumerate(users.tolist()):
            scores = np.asarray(model.score(uid[user])).ravel()
            found[row, place[: len(scores)]] = scores[: len(place)]
        return found

    return in_blocks(score, fold)


def cornac_bpr(fold: Fold, p: dict[str, Any]) -> Recommend:
    from cornac.models import BPR

    return _cornac(BPR(**p, seed=SEED), fold)


def cornac_ease(fold: Fold, p: dict[str, Any]) -> Recommend:
    from cornac.models import EASE

    return _cornac(EASE(**p, verbose=False), fold)


def cornac_vae(fold: Fold, p: dict[str, Any]) -> Recommend:
    from cornac.models import VAECF

    p = dict(p)
    hidden = p.pop("hidden")
    return _cornac(VAECF(**p, autoencoder_structure=[hidden], seed=SEED), fold)


@dataclass(frozen=True)
class Peer:
    environment: str
    fit: Fit
    default: dict[str, Any]  # the library's own, tried first
    suggest: Suggest


def _factors(t: Any) -> int:
    return t.suggest_categorical("factors", [32, 64, 128])


PEERS = {
    "implicit-als": Peer(
        "modern",
        implicit_als,
        {"factors": 64, "regularization": 0.01, "alpha": 1.0, "iterations": 15},
        lambda t: {
            "factors": _factors(t),
            "regularization": t.suggest_float("regularization", 0.01, 100.0, log=True),
            "alpha": t.suggest_float("alpha", 0.5, 50.0, log=True),
            "iterations": t.suggest_categorical("iterations", [10, 15, 20]),
        },
    ),
    "implicit-bpr": Peer(
        "modern",
        implicit_bpr,
        {"factors": 64, "learning_rate": 0.01, "regularization": 0.01, "iterations": 100},
        lambda t: {
            "factors": _factors(t),
            "learning_rate": t.suggest_float("learning_rate", 0.002, 0.2, log=True),
            "regularization": t.suggest_float("regularization", 1e-4, 0.2, log=True),
            "iterations": t.suggest_categorical("iterations", [50, 100, 200]),
        },
    ),
    "implicit-item-item": Peer(
        "modern",
        implicit_item_item,
        {"similarity": "cosine", "K": 20, "K1": 1.2, "B": 0.75},
        lambda t: {
            "similarity": t.suggest_categorical("similarity", ["cosine", "tfidf", "bm25"]),
            "K": t.suggest_categorical("K", [20, 50, 100, 200, 500]),
            "K1": t.suggest_float("K1", 0.1, 100.0, log=True),
            "B": t.suggest_float("B", 0.0, 1.0),
        },
    ),
    "lenskit-popular": Peer("modern", lenskit_popular, {}, lambda t: {}),
    "lenskit-item-knn": Peer(
        "modern",
        lenskit_item_knn,
        {"max_nbrs": 20},
        lambda t: {"max_nbrs": t.suggest_int("max_nbrs", 5, 500, log=True)},
    ),
    "lenskit-implicit-mf": Peer(
        "modern",
        lenskit_implicit_mf,
        {"embedding_size": 50, "epochs": 10, "regularization": 0.1, "weight": 40.0},
        lambda t: {
            "embedding_size": t.suggest_categorical("embedding_size", [32, 50, 64, 128]),
            "epochs": t.suggest_categorical("epochs", [10, 15, 20]),
            "regularization": t.suggest_float("regularization", 0.01, 100.0, log=True),
            "weight": t.suggest_float("weight", 0.5, 50.0, log=True),
        },
    ),
    "lenskit-ease": Peer(
        "modern",
        lenskit_ease,
        {"regularization": 1.0},
        lambda t: {"regularization": t.suggest_float("regularization", 1.0, 5000.0, log=True)},
    ),
    "rectools-popular": Peer(
        "classic",
        rectools_popular,
        {"period": None},
        lambda t: {"period": t.suggest_categorical("period", [None, 0.02, 0.05, 0.1, 0.25, 0.5])},
    ),
    "rectools-ease": Peer(
        "classic",
        rectools_ease,
        {"regularization": 500.0},
        lambda t: {"regularization": t.suggest_float("regularization", 1.0, 5000.0, log=True)},
    ),
    "rectools-svd": Peer(
        "classic",
        rectools_svd,
        {"factors": 10},
        lambda t: {"factors": t.suggest_int("factors", 5, 200, log=True)},
    ),
    "rectools-sasrec": Peer(
        "classic",
        rectools_sasrec,
        {"n_factors": 64, "n_blocks": 2, "dropout_rate": 0.2, "lr": 0.001, "epochs": 10},
        lambda t: {
            "n_factors": t.suggest_categorical("n_factors", [32, 64, 128]),
            "n_blocks": t.suggest_categorical("n_blocks", [1, 2]),
            "dropout_rate": t.suggest_float("dropout_rate", 0.0, 0.5),
            "lr": t.suggest_float("lr", 3e-4, 1e-2, log=True),
            "epochs": t.suggest_categorical("epochs", [5, 10, 20, 40]),
        },
    ),
    "cornac-bpr": Peer(
        "modern",
        cornac_bpr,
        {"k": 10, "max_iter": 100, "learning_rate": 0.001, "lambda_reg": 0.01},
        lambda t: {
            "k": t.suggest_categorical("k", [10, 32, 64, 128]),
            "max_iter": t.suggest_categorical("max_iter", [50, 100, 200]),
            "learning_rate": t.suggest_float("learning_rate", 0.001, 0.1, log=True),
            "lambda_reg": t.suggest_float("lambda_reg", 1e-4, 0.1, log=True),
        },
    ),
    "cornac-ease": Peer(
        "modern",
        cornac_ease,
        {"lamb": 500.0},
        lambda t: {"lamb": t.suggest_float("lamb", 1.0, 5000.0, log=True)},
    ),
    "cornac-vae": Peer(
        "modern",
        cornac_vae,
        {"k": 10, "hidden": 20, "n_epochs": 100, "learning_rate": 0.001, "beta": 1.0},
        lambda t: {
            "k": t.suggest_categorical("k", [10, 32, 64]),
            "hidden": t.suggest_categorical("hidden", [20, 64, 128]),
            "n_epochs": t.suggest_categorical("n_epochs", [20, 50, 100]),
            "learning_rate": t.suggest_float("learning_rate", 3e-4, 1e-2, log=True),
            "beta": t.suggest_float("beta", 0.05, 1.0),
        },
    ),
}


def tune(
    fit: Fit, default: dict[str, Any], suggest: Suggest, fold: Fold, trials: int, seconds: float, kept: Path
) -> None:
    """A seeded TPE search from the defaults on; no trial begins after `trials` or `seconds` of CPU."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    started, cpu = time.perf_counter(), _cpu_seconds()
    history: list[dict[str, Any]] = []

    def objective(trial: Any) -> float:
        params = suggest(trial)
        began = time.perf_counter()
        try:
            ranked = filled(fit(fold, params)(fold.asked, 10), fold.asked, fold)
            value = ndcg(ranked, fold)
        except Exception as error:  # a setting a library breaks on is a trial lost, not a search
            value = 0.0
            history.append({"error": f"{type(error).__name__}: {error}"[:300]})
        history.append({"params": params, "value": value, "seconds": time.perf_counter() - began})
        best = max((one for one in history if "params" in one), key=lambda one: one["value"])
        report = {
            "params": best["params"],
            "value": best["value"],
            "default_value": next(one["value"] for one in history if "params" in one),
            "trials": sum("params" in one for one in history),
            "seconds": time.perf_counter() - started,
            "cpu_seconds": _cpu_seconds() - cpu,
            "errors": [one["error"] for one in history if "error" in one],
        }
        write(kept, report)
        return value

    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=SEED))
    if default:
        study.enqueue_trial(default)

    def enough(study: Any, trial: Any) -> None:
        if _cpu_seconds() - cpu > seconds:
            study.stop()

    study.optimize(objective, n_trials=trials if default else 1, callbacks=[enough])


def final(fit: Fit, params: dict[str, Any], fold: Fold, out: Path) -> None:
    """Trained on all of training with `params`, and asked for K items a learner."""
    TRAINED.clear()
    recommend = fit(fold, params)
    began, cpu = time.perf_counter(), _cpu_seconds()
    ranked = recommend(fold.asked, K)
    asked, cpu_asked = time.perf_counter(), _cpu_seconds()
    # a new learner's list: ours rank an empty history themselves, peers are helped out by popularity
    new = getattr(recommend, "new", lambda k: fold.popular[:k])(K)
    np.savez(out / "ranking.npz", ranked=filled(ranked, fold.asked, fold), new=new)
    report = {
        "params": params,
        "train_seconds": TRAINED[-1][0],
        "train_cpu_seconds": TRAINED[-1][1],
        "recommend_seconds": asked - began,
        "recommend_cpu_seconds": cpu_asked - cpu,
        "load": os.getloadavg()[0],
    }
    write(out / "final.json", report)


def write(path: Path, value: dict[str, Any]) -> None:
    new = path.with_suffix(".new")
    new.write_text(json.dumps(value, indent=1))
    new.replace(path)


def _cpu_seconds() -> float:
    own = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in own)


def run(fit: Fit, default: dict[str, Any], suggest: Suggest, arguments: list[str] | None = None) -> None:
    """The command line, for a peer or for one of ours."""
    parser = argparse.ArgumentParser()
    parser.add_argument("step", choices=["tune", "final"])
    parser.add_argument("name")
    parser.add_argument("folder", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--trials", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=120)
    asked = parser.parse_args(arguments)
    kept = asked.out / "tuned.json"
    if asked.step == "tune":
        tune(fit, default, suggest, load(asked.folder / "validation.npz"), asked.trials, asked.seconds, kept)
    else:
        params = json.loads(kept.read_text())["params"] if kept.is_file() else default
        final(fit, params, load(asked.folder / "test.npz"), asked.out)


if __name__ == "__main__":
    import sys

    peer = PEERS[sys.argv[2]]
    run(peer.fit, peer.default, peer.suggest)
