"""Summing up one text: nothing is stored."""

from pathlib import Path
from typing import Annotated, Any

import typer

from learnloop.cli.generate import generate_app
from learnloop.cli.shell import Json, call, guard, show, with_loop


@generate_app.command("summaries")
def generate_summaries(
    text: Annotated[
        Path | None, typer.Option(help="A .txt, .md or .html file, or - for stdin: nothing is stored.")
    ] = None,
    item: Annotated[str, typer.Option(help="Or the item_id of a stored lesson.")] = "",
    sentences: Annotated[int | None, typer.Option(min=1, max=50, help="At most; default: 2.")] = None,
    words: Annotated[
        int | None, typer.Option(min=6, help="At most, in whole sentences; default: 60.")
    ] = None,
    level: Annotated[
        float | None, typer.Option(min=0, max=20, help="Years of school: easier sentences are preferred.")
    ] = None,
    rewrite: Annotated[
        bool, typer.Option("--rewrite", help="Plainer words by the model, where every claim survives.")
    ] = False,
    language: Annotated[str, typer.Option(help="en, es, fr or de; default: detected.")] = "",
    json_: Json = False,
) -> None:
    """Sum up one text in sentences of its own, in its language and order, each with its place in it.

    Example: learnloop generate summaries --text lesson.md --sentences 3 --json
    """
    options: dict[str, Any] = {
        "text": text, "item_id": item, "sentences": sentences, "words": words, "level": level,
        "rewrite": rewrite, "language": language,
    }  # fmt: skip

    def work() -> None:
        found = with_loop(lambda loop: call("summarise.summary", loop, **options))
        if json_:
            show(found, True)
            return
        typer.echo(found["text"])
        shown = ("language", "words", "reading_level", "reading_level_of_the_text", "method", "rewriting")
        show({name: found[name] for name in shown if name in found}, False)

    guard(work)
