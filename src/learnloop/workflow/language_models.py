"""The language models of a run, by the settings: one that proposes, one that verifies, and the embedder."""

from dataclasses import asdict, dataclass
from typing import Any

from learnloop import settings as configuration
from learnloop.generate import embeddings, language_model
from learnloop.generate.budget import Budget
from learnloop.generate.embeddings import SentenceModel
from learnloop.generate.language_model import LanguageModel
from learnloop.generate.remote_model import Access
from learnloop.settings import Settings


@dataclass(frozen=True)
class Models:
    """None where the settings say `none`. Roles of one name share one model; all share `budget`."""

    proposer: LanguageModel | None
    verifier: LanguageModel | None
    embedder: SentenceModel | None
    budget: Budget

    @property
    def names(self) -> dict[str, Any]:
        """For reports: who proposes, who verifies, and what remote models have used so far."""
        names = {
            "propose": self.proposer.name if self.proposer else None,
            "verify": self.verifier.name if self.verifier else None,
        }
        return names | ({"spent": asdict(self.budget.spent)} if self.budget.spent.calls else {})


def load(settings: Settings, *, propose: bool = True, verify: bool = True) -> Models:
    """Loads what the asked roles need, each model once. Raises BadSettings or ModelUnavailable."""
    access = Access.within(**configuration.remote_access(settings))
    wanted = {settings.proposer_llm: "propose"} if propose else {}
    if verify:
        wanted.setdefault(settings.verifier_llm, "verify")
    loaded = {}
    for spec, role in wanted.items():
        # An adapter belongs to the float32 weights it was trained on, so what proposes keeps them.
        exact = role == "propose" and settings.llm_precision == "auto"
        precision = "float32" if exact else settings.llm_precision
        loaded[spec] = language_model.load(
            spec, settings.models_dir, access, precision, settings.llm_languages
        )
    return Models(
        loaded[settings.proposer_llm] if propose else None,
        loaded[settings.verifier_llm] if verify else None,
        embeddings.load(settings.embedder),
        access.budget,
    )
