"""finetune: approved questions in, an adapter that writes questions out; measured, audited, then used.

    home/language-models/training/0a1b2c3d4e5f/checkpoint-000120/…      while it trains
    home/language-models/adapters/2026-11-26-0a1b2c3d4e5f/manifest.json  when it is done

Killed, the same command goes on at its last checkpoint. An adapter is used by itself only where it raised
the accepted rate on lessons it was not trained on (`measure`) and a person found them good (`audit`).
"""

import csv
import hashlib
import json
import re
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd

from learnloop.errors import BadInput, ModelUnavailable, NothingToDo, UnknownThing
from learnloop.generate import adapters, embeddings, finetune, proposer, training_bank, trial
from learnloop.generate.finetune import Encoded, Recipe, State, Trained
from learnloop.generate.language_model import LocalModel, one_thread_each
from learnloop.generate.proposer import Proposer
from learnloop.generate.question_prompt import PROMPT_VERSION
from learnloop.generate.training_bank import Bank
from learnloop.settings import Settings
from learnloop.store import reading
from learnloop.workflow import language_models, paths
from learnloop.workflow.console import bar, stderr, step
from learnloop.workflow.context import Loop
from learnloop.workflow.whole import write_json, write_whole

LARGEST_BANK = 200_000_000  # bytes of a file
VALIDATION_SHARE = 0.1  # of the documents
VERDICTS = ("valid", "dull", "invalid")
LEAST_READ = 50  # questions that an audit must have read
MOST_DULL = 0.1  # the share of them that may be dull; none may be invalid


def questions(
    loop: Loop,
    *,
    bank: Sequence[Path] = (),
    languages: Sequence[str] = ("en",),
    hold_out: Sequence[str] = (),
    minutes: float = 60.0,
    epochs: int = 3,
    rank: int = 16,
    batch_size: int = 8,
    seed: int = 0,
) -> dict[str, Any]:
    """Trains an adapter on the approved questions of the store and the SQuAD files of `bank`.

    hold_out: beginnings of the names of lessons and articles to leave out, for a fair `measure`. minutes:
    of training in this call; the best so far is kept then. Raises NothingToDo, BadInput, ModelUnavailable.
    """
    recipe = Recipe(epochs=epochs, rank=rank, alpha=2 * rank, batch_size=batch_size, seed=seed)
    with step("gathered the examples"):
        found = _bank(loop, bank, languages)
        training, validation = training_bank.parted(found.examples, VALIDATION_SHARE, seed, hold_out)
    if not training or not validation:
        raise NothingToDo(
            f"{len(found.examples)} examples are too few to train and validate on",
            "learnloop finetune questions --bank FILE",
        )
    with step("loaded the language model"):
        model = _local_model(loop.settings)
        base = {"name": model.name, "sha256": adapters.fingerprint(model._model)}
    used = Bank([*training, *validation])
    facts = {"base": base["sha256"], "bank": used.sha256, "parted": [VALIDATION_SHARE, seed]}
    name = hashlib.sha256(json.dumps([facts, asdict(recipe), PROMPT_VERSION]).encode()).hexdigest()[:12]
    folder = loop.settings.models_dir / "training" / name
    run = _run(loop, folder, {**asdict(recipe), "base": base["name"], "examples": len(used.examples)})
    attached = adapters.attach(model._model, recipe.rank, recipe.alpha, recipe.targets, recipe.seed)
    parts = [finetune.encode(model._tokenizer, part, recipe.most_tokens) for part in (training, validation)]
    trained = _train(attached, parts[0], parts[1], recipe, folder, facts, 60 * minutes, run)
    made = datetime.now(UTC)
    place = loop.settings.models_dir / proposer.FOLDER / f"{made:%Y-%m-%d}-{name}"
    manifest = {
        "base": base,
        "prompt": PROMPT_VERSION,
        "recipe": asdict(recipe),
        "bank": {**found.report(), "sha256": used.sha256, "training": len(training)},
        "documents": sorted({example.document for example in used.examples}),
        "held_out": list(hold_out),
        "training": _account(trained),
        "made_at": made.isoformat(timespec="seconds"),
        "run_id": run.id,
    }
    adapters.save(place, attached, trained.weights, manifest)
    _record(run, trained, manifest)
    shutil.rmtree(folder)
    report = {key: manifest[key] for key in ("base", "bank", "training", "run_id")}
    return {"adapter": str(place), **report, "next": f"learnloop finetune measure {place.name}"}


def _bank(loop: Loop, files: Sequence[Path], languages: Sequence[str]) -> Bank:
    """The store's approved questions, then the files', in `languages`."""
    approved = reading.questions(loop.engine, status="approved")
    items = reading.items(loop.engine)
    found = training_bank.from_store(approved, items)
    for path in files:
        document = paths.document(path, "bank", LARGEST_BANK)
        for language in languages if len(languages) == 1 else [_language_of(path, languages)]:
            found.add(training_bank.from_squad(document, language, path.stem))
    found.examples = [one for one in found.examples if one.language in languages]
    return training_bank.without_repeats(found)


def _language_of(path: Path, languages: Sequence[str]) -> str:
    """squad.es.json is Spanish: among several languages a file's name has to say its own."""
    parts = set(re.split(r"[._-]", path.stem.lower()))
    named = [language for language in languages if language in parts]
    if len(named) != 1:
        raise BadInput(
            f"the name of {path.name} does not say which of {', '.join(languages)} it is in",
            f"learnloop finetune questions --bank {path} --languages en",
            field="bank",
        )
    return named[0]


def writer(settings: Settings) -> Proposer | None:
    """Who writes whole questions, by LEARNLOOP_QUESTION_ADAPTER; the model is loaded only where one will.

    Raises ModelUnavailable where a named adapter is missing or belongs to another model.
    """
    return proposer.chosen(
        settings.question_adapter,
        settings.models_dir,
        lambda: language_models.load(settings, verify=False).proposer,
    )


def _local_model(settings: Settings) -> LocalModel:
    """The model that proposes, where it runs here and as it was trained. Raises ModelUnavailable."""
    model = language_models.load(settings, verify=False).proposer
    if not isinstance(model, LocalModel):
        raise ModelUnavailable(
            f"{settings.proposer_llm} is no model that can be trained or adapted here",
            "export LEARNLOOP_LLM=embedded",
        )
    if str(model._model.dtype) != "torch.float32":
        raise ModelUnavailable(
            f"an adapter needs the weights as they were trained, not {settings.llm_precision}",
            "export LEARNLOOP_LLM_PRECISION=float32",
        )
    return model


def _run(loop: Loop, folder: Path, params: Mapping[str, Any]) -> Any:
    """The MLflow run of this training: the one it began with, where it goes on."""
    note = folder / "run.json"
    try:
        return loop.registry.resume(json.loads(note.read_text())["run_id"])
    except (OSError, ValueError, KeyError, ModelUnavailable):
        pass
    with loop.registry.run("finetune questions", {"prompt": PROMPT_VERSION}) as run:
        run.params({name: str(value) for name, value in params.items()})
    folder.mkdir(parents=True, exist_ok=True)
    write_json(note, {"run_id": run.id})
    return run


def _train(
    attached: Any,
    training: Sequence[Encoded],
    validation: Sequence[Encoded],
    recipe: Recipe,
    folder: Path,
    facts: Mapping[str, Any],
    most_seconds: float,
    run: Any,
) -> Trained:
    """`finetune.train` in sight of a person: a bar, a line a validation, and the curves in MLflow."""
    started = shown = finetune.reached(folder)

    def told(state: State, steps: int, seconds: float | None) -> None:
        nonlocal shown
        advance(state.step - shown, f"validation loss {state.best_loss:.3f} at best")
        shown = state.step
        if seconds is not None:
            last = state.history[-1]
            left = seconds / max(1, state.step - started) * (steps - state.step)
            curves = {f"{part}_loss": last[part] for part in ("training", "validation") if part in last}
            run.metrics(curves, state.step)
            stderr.print(
                f"step {state.step} of {steps}: loss {last.get('training', 0):.3f}, validation"
                f" {last['validation']:.3f}; {left:.0f} s left at most"
            )

    total = recipe.epochs * -(-len(training) // recipe.batch_size)
    with one_thread_each(), bar("trained the adapter", total) as advance:
        advance(started)
        return finetune.train(
            attached,
            training,
            validation,
            recipe,
            folder,
            facts,
            clock=time.monotonic,
            most_seconds=most_seconds,
            told=told,
        )


def _account(trained: Trained) -> dict[str, Any]:
    state = trained.state
    return {
        "steps": state.step,
        "of": trained.steps,
        "resumed_at": trained.resumed_at,
        "ended": trained.ended,
        "best_step": state.best_step,
        "validation_loss": {"before": state.history[0]["validation"], "after": state.best_loss},
    }


def _record(run: Any, trained: Trained, manifest: Mapping[str, Any]) -> None:
    """Results, a plot and the manifest, into MLflow; the curves are there already."""
    from learnloop.workflow.finetune_figures import losses

    loss = manifest["training"]["validation_loss"]
    run.metrics({f"validation_loss_{name}": value for name, value in loss.items()})
    run.figure(losses(trained.state.history, trained.state.best_step), "losses.png")
    run.document(dict(manifest), "adapter.json")


# ---- what it is worth ----


def measure(
    loop: Loop,
    *,
    adapter: str,
    most: int = 200,
    candidates: int = proposer.CANDIDATES,
    sheet: Path | None = None,
) -> dict[str, Any]:
    """Accepted of a hundred asked, without the adapter (worked examples instead) and with it.

    On the lessons of the store that it was not trained on, with the rules' own keys, at most `most`. The
    figures go into its manifest. sheet: a CSV of the accepted questions, to be read for `audit`.
    """
    if sheet is not None:
        paths.may_write(sheet, "sheet")
        if sheet.exists():
            raise BadInput(f"{sheet} is there", "give a sheet that is not: verdicts may be in it", "sheet")
    folder, manifest = _adapter(loop, adapter)
    lessons = _unseen(loop, manifest)
    model = _local_model(loop.settings)
    with step(f"read {len(lessons)} lessons"):
        sources = trial.sources_of(lessons, embeddings.load())
    outcomes = {}
    proposers = {
        "before": Proposer.of(model, candidates),
        "after": Proposer.with_adapter(model, folder, candidates),
    }
    for name, one in proposers.items():
        with one_thread_each(), bar(f"proposed and judged, {name}", most) as advance:
            outcomes[name] = trial.run(sources, one, most=most, told=advance)
    if not outcomes["after"].rows:
        raise NothingToDo("the rules find no key in the lessons it was not trained on", "learnloop prepare")
    found = {name: outcome.report() for name, outcome in outcomes.items()}
    rates = {name: report["accepted_of_100"] for name, report in found.items()}
    measured = {
        "accepted": rates,
        **found,
        "lessons": len(lessons),
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    stands = adapters.stands(adapters.note(folder, measured=measured))
    if sheet is not None:
        _write_sheet(sheet, outcomes["after"].accepted)
    return {"adapter": str(folder), **measured, "used_by_default": stands}


def _unseen(loop: Loop, manifest: Mapping[str, Any]) -> pd.DataFrame:
    """Lessons with text whose document was in neither part of the training."""
    items = reading.items(loop.engine, kinds=("lesson",))
    seen = set(manifest.get("documents", ()))
    told = items[items["text"] != ""]
    if told.empty:
        raise NothingToDo("there is no lesson with text to measure on", "learnloop prepare")
    lessons = told[~told["item_id"].isin(seen)]
    if lessons.empty:
        raise NothingToDo(
            "there is no lesson that the adapter was not trained on",
            "learnloop finetune questions --hold-out SOURCE:",
        )
    return lessons


_SHEET = ("lesson", "passage", "question", "key", "verdict")


def _write_sheet(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    def write(beside: Path) -> None:
        with beside.open("w", newline="", encoding="utf-8-sig") as file:
            writer = csv.DictWriter(file, _SHEET, extrasaction="ignore")
            writer.writeheader()
            writer.writerows({**row, "verdict": ""} for row in rows)

    write_whole(path, write)


def audit(loop: Loop, *, adapter: str, sheet: Path, by: str) -> dict[str, Any]:
    """What a person said of an adapter's questions, from the sheet of `measure` with its verdicts filled in.

    It passes with at least LEAST_READ read, none of them invalid, and at most MOST_DULL of them dull.
    """
    folder, _ = _adapter(loop, adapter)
    said = paths.table(sheet, ["verdict"], "sheet")["verdict"].str.strip().str.lower().tolist()
    if not any(said):
        fault = f"{sheet} has no verdict yet"
        raise NothingToDo(fault, f"write {', '.join(VERDICTS)} into its column verdict")
    if strangers := sorted(set(said) - {*VERDICTS, ""}):
        raise BadInput(f"{strangers[0]!r} is no verdict", f"write {', '.join(VERDICTS)}, or nothing", "sheet")
    counts = {verdict: said.count(verdict) for verdict in VERDICTS}
    read = sum(counts.values())
    passed = read >= LEAST_READ and not counts["invalid"] and counts["dull"] <= MOST_DULL * read
    found = {
        "passed": passed,
        "by": by,
        "read": read,
        **counts,
        "audited_at": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    manifest = adapters.note(folder, audit=found)
    return {"adapter": str(folder), **found, "used_by_default": adapters.stands(manifest)}


def listed(loop: Loop) -> dict[str, Any]:
    """The adapters of this home, the newest first, and what is known of each."""
    rows: list[dict[str, Any]] = []
    for folder in proposer.found_in(loop.settings.models_dir):
        try:
            manifest = adapters.read_manifest(folder)
        except ModelUnavailable as error:
            rows.append({"adapter": folder.name, "problem": error.problem})
            continue
        accepted = (manifest.get("measured") or {}).get("accepted") or {}
        rows.append(
            {
                "adapter": folder.name,
                "base": manifest["base"]["name"],
                "accepted_before": accepted.get("before"),
                "accepted_after": accepted.get("after"),
                "audit": (manifest.get("audit") or {}).get("passed"),
                "used_by_default": adapters.stands(manifest),
            }
        )
    return {"setting": loop.settings.question_adapter, "adapters": rows}


def _adapter(loop: Loop, name: str) -> tuple[Path, dict[str, Any]]:
    """A folder, or the name of one in this home. Raises UnknownThing."""
    for folder in (loop.settings.models_dir / proposer.FOLDER / name, Path(name)):
        if (folder / adapters.MANIFEST).is_file():
            return folder, adapters.read_manifest(folder)
    raise UnknownThing(f"there is no adapter {name!r}", "learnloop finetune adapters")
