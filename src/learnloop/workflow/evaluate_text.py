"""evaluate text: files of predictions and references in, scores beside copying and chance out.

Needs no database and no server, and writes nothing but the report it is asked for.
"""

import hashlib
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from learnloop.collect.texts import JSON_ENDINGS, TABLE_ENDINGS, read_texts
from learnloop.errors import BadInput
from learnloop.evaluate import text_systems
from learnloop.evaluate.text_rubric import rubric
from learnloop.workflow import paths
from learnloop.workflow.console import step

TOKENS = ("13a", "char", "intl", "zh", "none")  # of sacreBLEU's, those that need nothing from the network
SHOWN = ("bleu", "chrf", "rouge1", "rougeL", "alignment")


def evaluate_text(
    references: Path,
    predictions: Path,
    *,
    sources: Path | None = None,
    alignment: bool = True,
    tokenize: str = "",
    n_bootstrap: int = 500,
    seed: int = 0,
    mlflow: bool = False,
    report: Path | None = None,
) -> dict[str, Any]:
    """The result as docs/commands.md describes it. sources: with them, copying and random sentences are
    scored too, and the rubric. Raises BadInput (a file, ids that do not meet), NothingToDo."""
    if report is not None:
        from learnloop.evaluate.text_report import is_report

        paths.may_replace(report, is_report)
    if tokenize and tokenize not in TOKENS:
        fault = f"{tokenize!r} is not one of {', '.join(TOKENS)}"
        raise BadInput(fault, "--tokenize 13a, or leave it out", "tokenize")
    documents, data = _joined(references, predictions, sources)
    judged = None
    if sources is not None:
        judged = rubric(documents["prediction"].tolist(), documents["source"].tolist())
    align, aligned_by = _aligner() if alignment else (None, None)
    with step(f"scored {len(documents)} texts"):
        found = text_systems.compare(
            documents,
            align,
            None if judged is None else judged["score"].tolist(),
            n_bootstrap,
            seed,
            tokenize,
        )
    result = {
        "data": data,
        "seed": seed,
        "n_bootstrap": n_bootstrap,
        "signatures": _signatures(found["tokens"], aligned_by),
        "rubric": None if judged is None else {name: float(judged[name].mean()) for name in judged},
        **found,
        "notes": _notes(found, sources is not None),
    }
    if report is not None:
        _write(report, result)
    if mlflow:
        _log(result)
    return result


def _joined(references: Path, predictions: Path, sources: Path | None) -> tuple[pd.DataFrame, dict[str, Any]]:
    """(id, prediction, reference[, source][, score], what is to be told of the files)."""
    _as_long(references, predictions, *([sources] if sources is not None else []))
    told = read_texts(predictions, "prediction").rename(columns={"text": "prediction"})
    kept = [name for name in ("id", "prediction", "score") if name in told]
    wanted = read_texts(references, "reference")[["id", "text"]].rename(columns={"text": "reference"})
    both = told[kept].merge(wanted, on="id")
    files = {"references": references, "predictions": predictions}
    if sources is not None:
        of = read_texts(sources, "source")[["id", "text"]].rename(columns={"text": "source"})
        if lacking := sorted(set(both["id"]) - set(of["id"])):
            raise BadInput(f"{sources.name} has no text {lacking[0]!r}", "give each its source", "sources")
        both = both.merge(of, on="id")
        files["sources"] = sources
    if both.empty:
        fault = f"no id of {predictions.name} is in {references.name}"
        raise BadInput(fault, "give both the same ids, or lines in the same order", "id")
    if "score" in both:
        both["score"] = pd.to_numeric(both["score"], errors="coerce")
    data = {
        "documents": len(both),
        "predictions_without_reference": len(told) - len(both),
        "references_without_prediction": len(wanted) - len(both),
        **{
            name: {"file": path.name, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
            for name, path in files.items()
        },
    }
    return both, data


def _as_long(*paths: Path) -> None:
    """Raises BadInput where of two files of lines one is longer: a line left out would shift all others."""
    by_line = [path for path in paths if path.suffix.lower() not in (*TABLE_ENDINGS, *JSON_ENDINGS, ".json")]
    lengths = {path: len(read_texts(path)) for path in by_line}
    for path, length in lengths.items():
        if length != lengths[by_line[0]]:
            fault = f"{by_line[0].name} has {lengths[by_line[0]]:,} lines, {path.name} {length:,}"
            raise BadInput(fault, "a line a text in each, an empty one where there is none; or CSV with ids")


def _aligner() -> tuple[text_systems.Align, str]:
    from learnloop.generate import embeddings, token_vectors

    with step("loaded the embedder"):
        vectors = token_vectors.TokenVectors(embeddings.load())
    return partial(text_systems.greedy_alignment, vectors=vectors), vectors.name


def _signatures(tokens: str, aligned_by: str | None) -> dict[str, str]:
    """How each number was made, so that another tool can make it again."""
    from importlib.metadata import version

    from sacrebleu.metrics import BLEU, CHRF

    bleu, chrf = BLEU(tokenize=tokens), CHRF()
    bleu.corpus_score(["a"], [["a"]])
    chrf.corpus_score(["a"], [["a"]])
    found = {
        "bleu": str(bleu.get_signature()),
        "chrf": f"mean over documents of {chrf.get_signature()}",
        "rouge": f"F1, words of any alphabet, no stemming|version:{version('rouge-score')}",
    }
    if aligned_by:
        found["alignment"] = f"greedy F1 of token vectors, not BERTScore|{aligned_by}"
    return found


def _notes(found: dict[str, Any], with_sources: bool) -> list[str]:
    notes = []
    if not with_sources:
        notes.append("Without --sources nothing says what copying the source would score.")
    for name, of in found["differences"].items():
        level = [metric for metric, one in of.items() if one["low"] <= 0]
        if name in ("lead", "random") and level:
            notes.append(f"Not better than the {name} baseline beyond chance: {', '.join(level)}.")
    for judge, of in found["correlations"].items():
        weak = [metric for metric, one in of.items() if one["value"] is not None and one["low"] <= 0]
        if weak:
            notes.append(f"No correlation with the {judge} beyond chance: {', '.join(weak)}.")
    return notes


def _write(report: Path, result: dict[str, Any]) -> None:
    from learnloop.evaluate.text_report import text_page
    from learnloop.workflow.whole import write_whole

    with step(f"wrote {report}"):
        page = text_page(result)
        write_whole(report, lambda beside: beside.write_text(page, "utf-8"))


def _log(result: dict[str, Any]) -> None:
    """One MLflow run of the home: hashes, metrics of every system, the JSON with examples, the page."""
    from learnloop.evaluate.text_report import text_page
    from learnloop.workflow.context import Loop

    with step("logged to MLflow"), closing(Loop()) as loop:
        tags = {"data_sha256": result["data"]["predictions"]["sha256"]}
        with loop.registry.run("evaluate text", tags) as run:
            run.params({"seed": result["seed"], "documents": result["n"], "tokens": result["tokens"]})
            run.metrics(
                {
                    f"{system}_{metric}": one["value"]
                    for system, of in result["systems"].items()
                    for metric, one in of.items()
                }
            )
            run.document(result, "evaluation.json")
            run.document({"examples": result["examples"]}, "examples.json")
            run.text(text_page(result), "evaluation.html")


def brief(result: dict[str, Any]) -> dict[str, Any]:
    """What a person wants to see of it; everything is in --json and --report."""
    return {
        "documents": result["n"],
        "systems": {
            name: {metric: of[metric] for metric in SHOWN if metric in of}
            for name, of in result["systems"].items()
        },
        "prediction less baseline": {
            name: {metric: _signed(of[metric]) for metric in SHOWN if metric in of}
            for name, of in result["differences"].items()
        },
        "rubric": result["rubric"],
        "correlation of each metric": {
            judge: {metric: _signed(one) for metric, one in of.items()}
            for judge, of in result["correlations"].items()
        },
        "notes": result["notes"],
    }


def _signed(one: dict[str, Any]) -> str:
    if one["value"] is None:
        return "-"
    return f"{one['value']:+.3f}  [{one['low']:+.3f}, {one['high']:+.3f}]"
