"""Commands on answers: grade them, train and judge a grader, and feedback on an essay."""

from pathlib import Path
from typing import Annotated

import typer

from learnloop.cli.recommenders import evaluate_app
from learnloop.cli.shell import Json, Seed, app, call, guard, report, show, with_loop

Language = Annotated[str, typer.Option(help="Of the answers: two letters.")]
Trust = Annotated[
    float,
    typer.Option(
        min=0.5, max=1.0, help="Share of its grades that should be right; the rest is the teacher's."
    ),
]


@app.command()
def grade(
    question: Annotated[str, typer.Option(help="A JSON file with one question, or a question_id.")],
    answer: Annotated[str | None, typer.Option(help="The answer.")] = None,
    answers: Annotated[Path | None, typer.Option(help="A CSV file with a column `answer`.")] = None,
    language: Annotated[str, typer.Option(help="Of the feedback; default: the question's.")] = "",
    json_: Json = False,
) -> None:
    """Grade answers to a question, with feedback; what nothing here is sure of is left to the teacher.

    Example: learnloop grade --question q.json --answer "9,81 m/s^2" --json
    """

    def work() -> None:
        result = with_loop(
            lambda loop: call(
                "grading.grade_answers",
                loop,
                question=question,
                answer=answer,
                answers=answers,
                language=language,
            )
        )
        show(result if json_ else call("grading.brief_grades", result), json_)

    guard(work)


@app.command("train-grader")
def train_grader(
    data: Annotated[Path, typer.Option(help="CSV: question_id, question, reference, answer, correct.")],
    language: Language = "en",
    trust: Trust = 0.8,
    seed: Seed = 0,
    json_: Json = False,
) -> None:
    """Train a grader of short answers on answers that your teachers have graded.

    Example: learnloop train-grader --data graded.csv --trust 0.9
    """
    report("grading.train_grader", json_, data=data, language=language, trust=trust, seed=seed)


@evaluate_app.command("grading")
def evaluate_grading(
    data: Annotated[Path, typer.Option(help="CSV: question_id, question, reference, answer, correct.")],
    test: Annotated[Path | None, typer.Option(help="Judge on these; default: by question, in folds.")] = None,
    language: Language = "en",
    folds: Annotated[int, typer.Option(min=2, help="Parts of the questions, where there is no --test.")] = 3,
    trust: Trust = 0.8,
    bootstrap: Annotated[int, typer.Option(min=0, help="Resamples of every interval.")] = 200,
    seed: Seed = 0,
    json_: Json = False,
) -> None:
    """How well a grader trained on graded answers grades what it has not seen. Needs no database.

    Several references stand in one cell with || between, or in several rows of the question.

    Example: learnloop evaluate grading --data graded.csv --test other.csv --json
    """

    def work() -> None:
        result = call(
            "evaluate_grading.evaluate_grading", data,
            test=test, language=language, folds=folds, trust=trust, n_bootstrap=bootstrap, seed=seed,
        )  # fmt: skip
        show(result if json_ else call("evaluate_grading.brief", result), json_)

    guard(work)


@app.command()
def essay(
    text: Annotated[Path, typer.Option(help="A text file, UTF-8.")],
    language: Annotated[str, typer.Option(help="Of the essay: en, es, fr or de.")] = "en",
    years: Annotated[float | None, typer.Option(min=0, help="Years of school it is written for.")] = None,
    said_in: Annotated[str, typer.Option(help="Language of the feedback; default: the essay's.")] = "",
    json_: Json = False,
) -> None:
    """Feedback on the form of an essay, by rules: structure, sentences, repetition, links, level. No score.

    Example: learnloop essay --text essay.txt --language es --years 9
    """

    def work() -> None:
        result = call("grading.essay", text=text, language=language, years=years, said_in=said_in)
        show(result if json_ else call("grading.brief_essay", result), json_)

    guard(work)
