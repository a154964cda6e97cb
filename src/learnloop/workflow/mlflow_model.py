"""How MLflow loads a release ("models from code"): `mlflow models serve -m models:/learnloop@champion`.

In: a frame with `history`, the item_ids a learner has done joined by `~`, and `k`. Out, a row each: the
item_ids to recommend, joined by `~`. Prerequisites and reasons are the API's: they need the catalogue.
"""

from pathlib import Path
from typing import Any

import mlflow
import pandas as pd
from mlflow.pyfunc import PythonModel


class ReleaseModel(PythonModel):
    def load_context(self, context: Any) -> None:
        from learnloop.workflow.candidate import Models

        self.models = Models.load(Path(context.artifacts["release"]))

    def predict(self, context: Any, model_input: Any, params: dict[str, Any] | None = None) -> list[str]:
        from learnloop.recommend.ranking import recommend

        frame = pd.DataFrame(model_input)
        limits = frame["k"].fillna(10).astype(int).tolist() if "k" in frame else [10] * len(frame)
        histories = [[part for part in str(text or "").split("~") if part] for text in frame["history"]]
        found = []
        for history, k in zip(histories, limits, strict=True):
            model = self.models.ials if history else self.models.popularity
            found.append("~".join(item_id for item_id, _ in recommend(model, [history], k)[0]))
        return found


mlflow.models.set_model(ReleaseModel())
