"""The commands that judge texts and questions."""

from pathlib import Path
from typing import Annotated, Any

import typer

from learnloop.cli.recommenders import evaluate_app
from learnloop.cli.shell import Bootstrap, Json, ReportTo, Seed, ToMlflow, call, guard, show


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
        str, typer.Option(help="13a, char, intl, zh or none; default: 13a, char where there are no spaces.")
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


@evaluate_app.command("questions")
def evaluate_questions(
    questions: Annotated[
        Path | None,
        typer.Option(help="CSV, JSON or JSON lines with stem and key; default: those of the home."),
    ] = None,
    texts: Annotated[
        Path | None, typer.Option(help="Lessons of a file's questions: id (the item_id) and text.")
    ] = None,
    status: Annotated[str, typer.Option(help="Of the home's questions, only these: draft, approved …")] = "",
    sheet: Annotated[
        Path | None, typer.Option(help="Write a sheet for raters here (CSV): blind and shuffled.")
    ] = None,
    sample: Annotated[int, typer.Option(min=0, help="Questions on the sheet; 0: all.")] = 0,
    ratings: Annotated[
        list[Path] | None, typer.Option(help="A sheet that a rater has filled in. Repeatable.")
    ] = None,
    bootstrap: Bootstrap = 500,
    mlflow: ToMlflow = False,
    seed: Seed = 0,
    json_: Json = False,
    report_to: ReportTo = None,
) -> None:
    """Score questions by a rubric, hand out a sheet for human raters, and take it back: Cohen's kappa.

    Example: learnloop evaluate questions --sheet sheet.csv --sample 50
    """
    options: dict[str, Any] = {
        "texts": texts, "status": status, "sheet": sheet, "sample": sample, "ratings": ratings or [],
        "n_bootstrap": bootstrap, "mlflow": mlflow, "seed": seed, "report": report_to,
    }  # fmt: skip

    def work() -> None:
        result = call("evaluate_questions.evaluate_questions", questions, **options)
        show(result if json_ else call("evaluate_questions.brief", result), json_)

    guard(work)
