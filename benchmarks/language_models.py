"""The embedded language model in float32, bfloat16 and int8: speed, memory, and whether its picks change.

    python benchmarks/language_models.py [--rounds 3] [--types float32,bfloat16,int8] [--threads 1,2]
                                         [--model embedded] [--out benchmarks/results/language_models.json]

Each type is loaded in a process of its own, one after the other, round after round, so that a busy spell
meets all of them; of the rounds the median is kept. On a machine that others use the wall clock mostly says
who else had the core: rates are tokens a CPU second, and only ratios in one run are to be trusted. int8 is
PyTorch's dynamic quantisation of the linear layers (weights int8 by row, activations by batch).

Picks: the demo's own English multiple choice exercises, each after 120 words of its lesson: the option of the
highest mean log-probability. `right` is the share that is the author's key, `agrees` the share that equals
float32's.
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

TYPES = ("float32", "bfloat16", "int8")
PREFILL_TOKENS, NEW_TOKENS, BATCH = 512, 48, 8


def measured(kind: str, threads: int, spec: str, cache_dir: Path) -> dict[str, Any]:
    """One type in this process. Rates are tokens a CPU second; peak memory in MB."""
    import numpy as np
    import torch

    from learnloop.generate import language_model

    torch.set_num_threads(threads)
    before = _peak_mb()
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
        found |= _rates("prefill", PREFILL_TOKENS * 4, lambda: [raw(input_ids=tokens) for _ in range(4)])
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
    began = time.process_time()
    found["picks"], found["right"] = _picks(model)
    found["picks_cpu_s"] = time.process_time() - began
    return found | {"peak_mb": _peak_mb(), "start_mb": before}


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
    if kind == "int8":
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torchao takes its place one day
            model._model = torch.ao.quantization.quantize_dynamic(
                model._model, {torch.nn.Linear}, dtype=torch.qint8
            )


def _picks(model: Any) -> tuple[list[int], float]:
    import numpy as np

    from learnloop.demo.authored import courses

    picks, right = [], []
    for course in courses():
        for lesson in course.lessons if course.language == "en" else ():
            passage = " ".join(lesson.text.split()[:120])
            for exercise in lesson.exercises:
                if len(exercise.options) < 3:
                    continue
                prompt = f"Passage: {passage}\nQuestion: {exercise.question}\nAnswer:"
                pick = int(np.argmax(model.choose(prompt, list(exercise.options))))
                picks.append(pick)
                right.append(exercise.options[pick] == exercise.answer)
    return picks, float(np.mean(right))


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def summary(runs: list[dict[str, Any]], reference: list[int]) -> dict[str, Any]:
    """The median of the rounds of one type."""
    found = {
        name: round(statistics.median(run[name] for run in runs), 3)
        for name in runs[0]
        if name not in ("picks", "start_mb")
    }
    found["picks"] = len(reference)
    same = [one == other for one, other in zip(runs[0]["picks"], reference, strict=True)]
    return found | {"agrees": round(sum(same) / len(same), 3)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--types", default=",".join(TYPES))
    parser.add_argument("--threads", default="1")
    parser.add_argument("--model", default="embedded")
    parser.add_argument(
        "--cache", type=Path, default=Path(tempfile.gettempdir()) / "learnloop-language-models"
    )
    parser.add_argument("--one", help=argparse.SUPPRESS)
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args()
    if asked.one:
        kind, threads = asked.one.split(":")
        print(json.dumps(measured(kind, int(threads), asked.model, asked.cache)))
        return
    names = [f"{kind}:{threads}" for threads in asked.threads.split(",") for kind in asked.types.split(",")]
    runs: dict[str, list[dict[str, Any]]] = {name: [] for name in names}
    loads = []
    for _ in range(asked.rounds):
        for name in names:
            loads.append(os.getloadavg()[0])
            command = [sys.executable, __file__, "--one", name, "--model", asked.model]
            done = subprocess.run(
                [*command, "--cache", str(asked.cache)], stdout=subprocess.PIPE, text=True, check=True
            )
            runs[name].append(json.loads(done.stdout))
    reference = runs[names[0]][0]["picks"]
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
