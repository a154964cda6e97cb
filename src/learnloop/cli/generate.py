"""Making questions: for every lesson of the home, or for one text and nothing stored."""

from pathlib import Path
from typing import Annotated, Any

import typer

from learnloop.cli.shell import Json, Seed, app, call, guard, report, show, with_loop

generate_app = typer.Typer(invoke_without_command=True)
app.add_typer(generate_app, name="generate")


@generate_app.callback()
def generate(
    context: typer.Context,
    questions: Annotated[int, typer.Option(min=0, help="Questions to ask for, a lesson.")] = 3,
    item: Annotated[list[str] | None, typer.Option(help="Only these lessons.")] = None,
    kinds: Annotated[
        str, typer.Option(help="By commas, as below; default: all that can be graded without a teacher.")
    ] = "mc,cloze,true_false,ordering,matching",
    seed: Seed = 0,
    json_: Json = False,
) -> None:
    """Propose questions and summaries for the lessons, check them, and keep what passes.

    Example: learnloop generate --questions 5 --item demo:courses/python-foundations/loops
    """
    if context.invoked_subcommand is None:
        report(
            "generate.generate", json_, questions_per_lesson=questions, item_ids=item, kinds=kinds, seed=seed
        )


@generate_app.command("questions")
def generate_questions(
    text: Annotated[
        Path | None, typer.Option(help="A .txt, .md or .html file, or - for stdin: nothing is stored.")
    ] = None,
    item: Annotated[str, typer.Option(help="Or the item_id of a stored lesson.")] = "",
    count: Annotated[int, typer.Option(min=1, max=500, help="Questions, at most.")] = 10,
    kinds: Annotated[
        str,
        typer.Option(
            help="By commas: multiple_choice (mc), cloze, true_false (tf), short_answer (short), ordering, "
            "matching. Default: all."
        ),
    ] = "",
    language: Annotated[str, typer.Option(help="en, es, fr or de; default: detected.")] = "",
    seed: Seed = 0,
    out: Annotated[Path | None, typer.Option(help="Write the questions here: .json, .jsonl or .csv.")] = None,
    json_: Json = False,
) -> None:
    """Ask about one text: questions that passed every check, and why the other proposals did not.

    With --text it needs no database. Fewer than --count are given where the text does not carry more.

    Example: learnloop generate questions --text lesson.md --count 10 --kinds mc,cloze,short
    """
    options: dict[str, Any] = {
        "text": text, "item_id": item, "count": count, "kinds_wanted": kinds, "language": language,
        "seed": seed, "out": out,
    }  # fmt: skip

    def work() -> None:
        found = with_loop(lambda loop: call("generate_questions.questions", loop, **options))
        if json_:
            show(found, True)
            return
        for number, row in enumerate(found["questions"], 1):
            typer.echo("\n".join(_told(number, row)) + "\n")
        if len(found["questions"]) < count:
            given = len(found["questions"])
            why = found["counts"].get("stopped", "no more of what this text says passes the checks.")
            typer.echo(f"{given} of {count}: {why}\n")
        show(
            {name: found[name] for name in ("language", "counts", "models", "written") if name in found},
            False,
        )

    guard(work)


def _told(number: int, row: dict[str, Any]) -> list[str]:
    """A question for a person: stem, options with the key marked, and the passage it rests on."""
    lines = [f"{number}. [{row['kind']}] {row['stem']}"]
    lines += [f"   {'*' if option == row['key'] else '-'} {option}" for option in row["options"]]
    if row["key"] not in row["options"]:
        lines.append(f"   = {row['key']}")
    if corrected := (row["answer"] or {}).get("corrected"):
        lines.append(f"   = {corrected}")
    return [*lines, f"   “{' '.join(str(row['quote']).split())}”"]
