"""The embedded language model in float32, bfloat16 and int8: speed, memory, and whether its picks change.

    python benchmarks/language_models.py [--rounds 3] [--types float32,bfloat16,int8] [--threads 1,2]
                                         [--model embedded] [--out benchmarks/results/language_models.json]

Each type is loaded in a process of its own, one after the other, round after round, so that a busy spell
meets all of them; of the rounds the median is kept. On a machine that others use the wall clock mostly says
who else had the core: rates are tokens a CPU second, and only ratios in one run are to be trusted. int8 is
PyTorch's dynamic quantisation of the linear layers, a scale for all weights of a layer; int8-rows has a scale
for each row of weights and leaves the last layer, which scores the vocabulary, in float32.

`exercises`: the demo's own English multiple choice exercises, each after 60 words of its lesson; `right` is
the share of picks that are the author's key. `vetoes`: questions that the rules make of the demo's English
lessons and that passed every structural check; `right` is the share of keys that are the pick. `agree` is the
share of picks that equal float32's.
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from datetime import date
from pathlib import Path
from typing import Any

TYPES = ("float32", "bfloat16", "int8", "int8-rows")
PREFILL_TOKENS, NEW_TOKENS, BATCH = 512, 24, 8
Asked = tuple[str, list[str], str, str]  # prompt, options, key, what all prompts share


def measured(
    kind: str, threads: int, spec: str, cache_dir: Path, sets: dict[str, list[Asked]]
) -> dict[str, Any]:
    """One type in this process. Rates are tokens a CPU second; peak memory in MB."""
    import numpy as np
    import torch

    from learnloop.generate import language_model

    torch.set_num_threads(threads)
    began, cpu = time.perf_counter(), time.process_time()
    model = language_model.load(spec, cache_dir)
    assert isinstance(model, language_model.LocalModel), f"{spec} is no local model"
    _cast(model, kind)
    found: dict[str, Any] = {
        "load_s": time.perf_counter() - began,
        "load_cpu_s": time.process_time() - cpu,
    }
    rng = np.random.default_rng(0)
    tokens = torch.from_numpy(rng.integers(100, 20_000, size=(1, PREFILL_TOKENS)))
    raw = model._model
    with torch.inference_mode():
        raw(input_ids=tokens[:, :32])  # warm
        found |= _rates("prefill", PREFILL_TOKENS * 2, lambda: [raw(input_ids=tokens) for _ in range(2)])
        for rows in (1, BATCH):
            prompt = tokens[:, :64].expand(rows, -1).contiguous()

            def decode(prompt: Any = prompt) -> Any:
                return raw.generate(
                    input_ids=prompt,
                    attention_mask=torch.ones_like(prompt),
                    max_new_tokens=NEW_TOKENS,
                    min_new_tokens=NEW_TOKENS,
                    do_sample=False,
                    pad_token_id=0,
                )

            found |= _rates(f"decode_{rows}", rows * NEW_TOKENS, decode)
    for name, asked in sets.items():
        began = time.process_time()
        picks = [
            int(np.argmax(model.choose(prompt, options, shared))) for prompt, options, _, shared in asked
        ]
        keys = [options.index(key) for _, options, key, _ in asked]
        found[f"{name}_cpu_s"] = time.process_time() - began
        found[f"{name}_right"] = float(np.mean(np.equal(picks, keys)))
        found[f"{name}_picks"] = picks
    return found | {"peak_mb": _peak_mb()}


def _rates(name: str, tokens: int, call: Any) -> dict[str, float]:
    wall, cpu = time.perf_counter(), time.process_time()
    call()
    return {
        f"{name}_per_cpu_s": tokens / (time.process_time() - cpu),
        f"{name}_per_s": tokens / (time.perf_counter() - wall),
    }


def _cast(model: Any, kind: str) -> None:
    import torch

    if kind == "bfloat16":
        model._model = model._model.to(torch.bfloat16)
    if kind.startswith("int8"):
        quantization = torch.ao.quantization
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torchao takes its place one day
            if kind == "int8":
                quantization.quantize_dynamic(
                    model._model, {torch.nn.Linear}, dtype=torch.qint8, inplace=True
                )
            else:
                rows = {torch.nn.Linear: quantization.per_channel_dynamic_qconfig}
                quantization.quantize_dynamic(model._model.model, rows, dtype=torch.qint8, inplace=True)


def _exercises() -> list[Asked]:
    from learnloop.demo.authored import courses

    return [
        (
            f"Passage: {' '.join(lesson.text.split()[:60])}\nQuestion: {exercise.question}\nAnswer:",
            list(exercise.options),
            exercise.answer,
            "",
        )
        for course in courses()
        for lesson in (course.lessons if course.language == "en" else ())
        for exercise in lesson.exercises
        if len(exercise.options) > 2
    ]


def _vetoes() -> list[Asked]:
    import pandas as pd

    from learnloop.demo.authored import courses
    from learnloop.generate import embeddings, pipeline, round_trip

    lessons = pd.DataFrame(
        [
            {
                "item_id": f"demo:{course.slug}/{lesson.slug}",
                "parent_id": f"demo:{course.slug}",
                "title": lesson.title,
                "text": lesson.text,
                "language": course.language,
            }
            for course in courses()
            if course.language == "en"
            for lesson in course.lessons
        ]
    )
    made = pipeline.generate(
        lessons, model=None, embedder=embeddings.load(), questions_per_lesson=5, summarise=False
    )
    return [
        (
            round_trip.VETO_PROMPT.format(passage=" ".join(row["quote"].split()), stem=row["stem"]),
            list(row["options"]),
            row["key"],
            round_trip.VETO_EXAMPLE,
        )
        for row in made.questions.to_dict("records")
        if len(row["options"])
    ]


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def summary(runs: list[dict[str, Any]], reference: dict[str, Any]) -> dict[str, Any]:
    """The median of the rounds of one type."""
    found: dict[str, Any] = {
        name: round(statistics.median(run[name] for run in runs), 3)
        for name in runs[0]
        if not name.endswith("_picks")
    }
    for name in ("exercises", "vetoes"):
        pairs = list(zip(runs[0][f"{name}_picks"], reference[f"{name}_picks"], strict=True))
        found[name] = len(pairs)
        found[f"{name}_agree"] = round(sum(one == other for one, other in pairs) / len(pairs), 3)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--types", default=",".join(TYPES))
    parser.add_argument("--threads", default="1")
    parser.add_argument("--model", default="embedded")
    parser.add_argument(
        "--cache", type=Path, default=Path(tempfile.gettempdir()) / "learnloop-language-models"
    )
    parser.add_argument("--picks", type=int, default=1000, help="at most so many exercises and vetoes each")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args()
    if asked.one:
        kind, threads = asked.one.split(":")
        print(json.dumps(measured(kind, int(threads), asked.model, asked.cache, json.load(sys.stdin))))
        return
    sets = json.dumps({"exercises": _exercises()[: asked.picks], "vetoes": _vetoes()[: asked.picks]})
    names = [f"{kind}:{threads}" for threads in asked.threads.split(",") for kind in asked.types.split(",")]
    runs: dict[str, list[dict[str, Any]]] = {name: [] for name in names}
    loads = []
    for _ in range(asked.rounds):
        for name in names:
            loads.append(os.getloadavg()[0])
            command = [sys.executable, __file__, "--one", name, "--model", asked.model]
            done = subprocess.run(
                [*command, "--cache", str(asked.cache)],
                input=sets,
                stdout=subprocess.PIPE,
                text=True,
                check=True,
            )
            print(name, done.stdout[:400], file=sys.stderr)
            runs[name].append(json.loads(done.stdout))
    reference = runs[names[0]][0]
    report = {
        "date": date.today().isoformat(),
        "machine": f"{os.cpu_count()} cores, load average {min(loads):.1f} to {max(loads):.1f}",
        "model": asked.model,
        "rounds": asked.rounds,
        "types": {name: summary(found, reference) for name, found in runs.items()},
    }
    print(json.dumps(report, indent=2))
    if asked.out:
        asked.out.write_text(json.dumps(report, indent=2) + "\n")


if __name__ == "__main__":
    main()
