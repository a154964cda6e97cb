"""RecBole's models in the words of recommender_peers.py: one training, and a ranking of everything.

    python recbole_peers.py tune|final NAME FOLDER OUT    as recommender_peers.py

RecBole reads a file and writes checkpoints: both live in a folder that is gone afterwards. It trains on all
events (no part of them is put away for its own early stopping: the epochs are searched instead, on the
validation fold, as for every model here), and it is asked by its own `full_sort_predict`.
"""

import tempfile
from pathlib import Path
from typing import Any

import numpy as np

import recommender_peers as peers
from recommender_peers import Fold, Recommend

LENGTH = 50  # items of a history that SASRec reads
BATCH = 2048
BLOCK = 256


def _trained(name: str, fold: Fold, params: dict[str, Any]) -> tuple[Any, Any]:
    """(model, dataset)."""
    from recbole.config import Config
    from recbole.data import create_dataset, data_preparation
    from recbole.utils import get_model, get_trainer, init_seed

    with tempfile.TemporaryDirectory() as held:
        folder = Path(held) / "log"
        folder.mkdir()
        rows = np.column_stack([fold.user, fold.item, fold.at])
        head = "user_id:token\titem_id:token\ttimestamp:float"
        np.savetxt(
            folder / "log.inter", rows, fmt=["%d", "%d", "%.0f"], delimiter="\t", header=head, comments=""
        )
        settings = {
            "data_path": held,
            "checkpoint_dir": held,
            "load_col": {"inter": ["user_id", "item_id", "timestamp"]},
            "eval_args": {"split": {"RS": [1, 0, 0]}, "order": "TO", "group_by": "user", "mode": "full"},
            "MAX_ITEM_LIST_LENGTH": LENGTH,
            "train_batch_size": BATCH,
            "use_gpu": False,
            "seed": peers.SEED,
            "reproducibility": True,
            "show_progress": False,
            "state": "ERROR",
            **params,
        }
        if name == "SASRec":  # all items are its negatives
            settings |= {"loss_type": "CE", "train_neg_sample_args": None}
        config = Config(model=name, dataset="log", config_dict=settings)
        init_seed(config["seed"], config["reproducibility"])
        dataset = create_dataset(config)
        train, _, _ = data_preparation(config, dataset)
        with peers.training():
            model = get_model(name)(config, train.dataset).to("cpu")
            get_trainer(config["MODEL_TYPE"], name)(config, model).fit(
                train, saved=False, show_progress=False
            )
    model.eval()
    return model, dataset


def _codes(dataset: Any, field: str, n: int) -> np.ndarray:
    """(n,) RecBole's number of each of ours; 0, its padding, where it has none."""
    known = dataset.field2token_id[field]
    return np.array([known.get(str(number), 0) for number in range(n)])


def _asked(model: Any, dataset: Any, fold: Fold, question: Any) -> Recommend:
    """question: (users, their codes) -> what full_sort_predict takes."""
    import torch

    users, items = (_codes(dataset, f, n) for f, n in zip(("user_id", "item_id"), fold.shape, strict=True))

    def score(asked: np.ndarray) -> np.ndarray:
        parts = []
        for start in range(0, len(asked), BLOCK):
            part = asked[start : start + BLOCK]
            with torch.no_grad():
                scores = model.full_sort_predict(question(part, users[part], items)).view(len(part), -1)
            parts.append(scores.numpy()[:, items])
        found = np.vstack(parts).astype(np.float32)
        found[:, items == 0] = np.nan
        return found

    return peers.in_blocks(score, fold)


def general(name: str) -> peers.Fit:
    """A model that is asked by learner."""

    def fit(fold: Fold, params: dict[str, Any]) -> Recommend:
        import torch
        from recbole.data.interaction import Interaction

        model, dataset = _trained(name, fold, params)
        return _asked(
            model, dataset, fold, lambda _, codes, __: Interaction({"user_id": torch.from_numpy(codes)})
        )

    return fit


def sequential(name: str) -> peers.Fit:
    """A model that is asked by the last items of a learner."""

    def fit(fold: Fold, params: dict[str, Any]) -> Recommend:
        import torch
        from recbole.data.interaction import Interaction

        model, dataset = _trained(name, fold, params)
        edges = np.searchsorted(fold.user, np.arange(fold.shape[0] + 1))

        def question(part: np.ndarray, _: np.ndarray, items: np.ndarray) -> Interaction:
            last = [items[fold.item[max(edges[u], edges[u + 1] - LENGTH) : edges[u + 1]]] for u in part]
            sequences = np.zeros((len(part), LENGTH), dtype=np.int64)
            for row, codes in enumerate(last):
                sequences[row, : len(codes)] = codes
            lengths = np.array([max(len(codes), 1) for codes in last])
            told = {"item_id_list": torch.from_numpy(sequences), "item_length": torch.from_numpy(lengths)}
            return Interaction(told)

        return _asked(model, dataset, fold, question)

    return fit


def _neural(t: Any) -> dict[str, Any]:
    return {
        "learning_rate": t.suggest_float("learning_rate", 3e-4, 1e-2, log=True),
        "epochs": t.suggest_categorical("epochs", [5, 10, 20, 40]),
    }


PEERS = {
    "recbole-ease": peers.Peer(
        "recbole",
        general("EASE"),
        {"reg_weight": 250.0},
        lambda t: {"reg_weight": t.suggest_float("reg_weight", 1.0, 5000.0, log=True)},
    ),
    "recbole-bpr": peers.Peer(
        "recbole",
        general("BPR"),
        {"embedding_size": 64, "learning_rate": 0.001, "epochs": 20},
        lambda t: _neural(t) | {"embedding_size": t.suggest_categorical("embedding_size", [32, 64, 128])},
    ),
    "recbole-lightgcn": peers.Peer(
        "recbole",
        general("LightGCN"),
        {"embedding_size": 64, "n_layers": 2, "learning_rate": 0.001, "epochs": 20, "reg_weight": 1e-5},
        lambda t: (
            _neural(t)
            | {
                "embedding_size": t.suggest_categorical("embedding_size", [32, 64, 128]),
                "n_layers": t.suggest_categorical("n_layers", [1, 2, 3]),
                "reg_weight": t.suggest_float("reg_weight", 1e-6, 1e-2, log=True),
            }
        ),
    ),
    "recbole-sasrec": peers.Peer(
        "recbole",
        sequential("SASRec"),
        {"hidden_size": 64, "inner_size": 256, "learning_rate": 0.001, "epochs": 20},
        lambda t: (
            _neural(t)
            | {
                "hidden_size": t.suggest_categorical("hidden_size", [32, 64]),
                "inner_size": 256,
                "hidden_dropout_prob": t.suggest_float("hidden_dropout_prob", 0.1, 0.6),
            }
        ),
    ),
}


if __name__ == "__main__":
    import sys

    peer = PEERS[sys.argv[2]]
    # RecBole reads the command line too, and is told nothing there
    command, sys.argv = sys.argv, sys.argv[:1]
    peers.run(peer.fit, peer.default, peer.suggest, command[1:])
