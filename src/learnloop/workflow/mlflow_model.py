"""How MLflow loads a release ("models from code"): `mlflow models serve -m models:/learnloop@champion`.

In: histories, each the item_ids a learner has done joined by `~`. Out, in the same order: the
ten item_ids to recommend, joined by `~`. Prerequisites and reasons are the API's: they need the catalogue.
"""

from pathlib import Path
from typing import Any

import mlflow
from mlflow.pyfunc import PythonModel

TOP = 10


class ReleaseModel(PythonModel):
    def load_context(self, context: Any) -> None:
        from learnloop.workflow.candidate import Models

        self.models = Models.load(Path(context.artifacts["release"]))

    def predict(
        self, context: Any, model_input: list[str], params: dict[str, Any] | None = None
    ) -> list[str]:
        from learnloop.recommend.ranking import recommend

        found = []
        for text in model_input:
            history = [item_id for item_id in text.split("~") if item_id]
            model = self.models.ranker if history else self.models.popularity
            found.append("~".join(item_id for item_id, _ in recommend(model, [history], TOP)[0]))
        return found


mlflow.models.set_model(ReleaseModel())
