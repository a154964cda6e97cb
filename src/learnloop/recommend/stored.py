"""The recommenders of one release in their folder, the chosen one loaded by the name in its manifest."""

import json
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from learnloop.errors import ModelUnavailable
from learnloop.recommend.als import IALS
from learnloop.recommend.files import MANIFEST, load_model, save_model
from learnloop.recommend.popularity import Popularity
from learnloop.recommend.reasons import Companions
from learnloop.schemas import ItemFeatures, Recommender

# Name -> module and class, imported when one is wanted: some bring PyTorch with them.
ORIGINS = {
    "random": ("random_ranking", "RandomRanking"),
    "popularity": ("popularity", "Popularity"),
    "neighbours": ("neighbours", "ItemNeighbours"),
    "ease": ("ease", "EASE"),
    "ials": ("als", "IALS"),
    "bpr": ("bpr", "BPR"),
    "sasrec": ("sasrec", "SASRec"),
    "blend": ("blend", "Blend"),
    "hybrid": ("hybrid", "Hybrid"),
}


def kind(name: str) -> type:
    """The class of the recommender called `name`. Raises ModelUnavailable."""
    if name not in ORIGINS:
        raise ModelUnavailable(f"no recommender is called {name!r}", "learnloop train")
    module, of = ORIGINS[name]
    found: type = getattr(import_module(f"learnloop.recommend.{module}"), of)
    return found


def load(folder: Path) -> Recommender:
    """The recommender in `folder`, whatever its class. Raises ModelUnavailable."""
    try:
        name = str(json.loads((folder / MANIFEST).read_text(encoding="utf-8"))["name"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelUnavailable(f"no readable recommender in {folder}: {error}", "learnloop train") from error
    model: Recommender = kind(name).load(folder)  # type: ignore[attr-defined]
    return model


@dataclass(frozen=True)
class Recommenders:
    """`ranker` makes the recommendations; iALS knows what is alike, `companions` who did both of two items,
    `texts` what says the like.

    On disk: ials/, popularity/, ranker/ where the ranker is another model than iALS, companions/ and
    texts/. A release made before there was a choice has the first two alone.
    """

    ranker: Recommender
    ials: IALS
    popularity: Popularity
    companions: Companions | None = None
    texts: ItemFeatures | None = None

    def save(self, folder: Path) -> None:
        parts: dict[str, Recommender | Companions] = {"ials": self.ials, "popularity": self.popularity}
        if self.ranker is not self.ials:
            parts["ranker"] = self.ranker
        if self.companions is not None:
            parts["companions"] = self.companions
        for name, part in parts.items():
            (folder / name).mkdir(parents=True)
            part.save(folder / name)
        if self.texts is not None:
            (folder / "texts").mkdir(parents=True)
            settings, arrays = {"basis": self.texts.basis}, {"item_vectors": self.texts.matrix}
            save_model(folder / "texts", "texts", self.texts.item_ids, settings, arrays)

    @classmethod
    def load(cls, folder: Path) -> "Recommenders":
        """Raises ModelUnavailable."""
        ials = IALS.load(folder / "ials")
        ranker, companions = folder / "ranker", folder / "companions"
        return cls(
            ranker=load(ranker) if ranker.exists() else ials,
            ials=ials,
            popularity=Popularity.load(folder / "popularity"),
            companions=Companions.load(companions) if companions.exists() else None,
            texts=_texts(folder / "texts") if (folder / "texts").exists() else None,
        )


def _texts(folder: Path) -> ItemFeatures:
    item_ids, settings, arrays = load_model(folder, "texts", {"basis"}, {"item_vectors"})
    return ItemFeatures(item_ids, arrays["item_vectors"], str(settings["basis"]))
