"""The commands that judge texts and questions."""

from pathlib import Path
from typing import Annotated, Any

import typer

from learnloop.cli.recommenders import evaluate_app
from learnloop.cli.shell import Json, Seed, call, guard, show

Bootstrap = Annotated[int, typer.Option(min=50, help="Resamples of every interval.")]
ToMlflow = Annotated[bool, typer.Option(help="Log the run, JSON and report to the MLflow of this home.")]
ReportTo = Annotated[
    Path | None, typer.Option("--report", help="Write a page (HTML) here; only replaces its like.")
]


@evaluate_app.command("text")
def evaluate_text(
    references: Annotated[
        Path, typer.Option(help="What people wrote: lines (.txt), .csv or .jsonl with id and text.")
    ],
    predictions: Annotated[Path, typer.Option(help="What is judged, the same ids (or lines).")],
    sources: Annotated[
        Path | None, typer.Option(help="What the texts are about: adds the copy and random baselines.")
    ] = None,
    alignment: Annotated[bool, typer.Option(help="Also align token vectors (loads a small model).")] = True,
    tokenize: Annotated[
        str, typer.Option(help="sacreBLEU's tokens; default: 13a, or char where there are no spaces.")
    ] = "",
    bootstrap: Bootstrap = 500,
    mlflow: ToMlflow = False,
    seed: Seed = 0,
    json_: Json = False,
    report_to: ReportTo = None,
) -> None:
    """Score texts against references (BLEU, chrF, ROUGE, alignment), beside copying and chance. No database.

    Example: learnloop evaluate text --references refs.jsonl --predictions ours.jsonl --sources texts.jsonl
    """
    options: dict[str, Any] = {
        "sources": sources, "alignment": alignment, "tokenize": tokenize, "n_bootstrap": bootstrap,
        "mlflow": mlflow, "seed": seed, "report": report_to,
    }  # fmt: skip

    def work() -> None:
        result = call("evaluate_text.evaluate_text", references, predictions, **options)
        show(result if json_ else call("evaluate_text.brief", result), json_)

    guard(work)
