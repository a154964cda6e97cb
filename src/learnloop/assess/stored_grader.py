"""A grader on disk: `grader.json` says what it is and the sha256 of `grader.safetensors`, which is numbers.

{"schema_version": 1, "about": {"language": "en", "embedder": "all-MiniLM-L6-v2", "answers": 4969, …},
 "idf": {"bulb": 4.1, …}, "parts": {"cold": {"platt": [0.1, 1.4], "cut": 0.47, "least": 0.61, …}}, …}
"""

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np

from learnloop.assess.answer_features import NAMES as FEATURES
from learnloop.assess.answer_features import AnswerFeatures, Embed
from learnloop.assess.forest import Forest
from learnloop.assess.graded_answers import NAMES as GRADED
from learnloop.assess.linear import Linear
from learnloop.assess.short_answers import Part, ShortAnswerGrader
from learnloop.errors import BadInput, ModelUnavailable

SCHEMA_VERSION = 1
MANIFEST, ARRAYS = "grader.json", "grader.safetensors"
AGAIN = "learnloop train-grader --data F"
_LINE = ("fill", "flagged", "mean", "scale", "weights")


def save(grader: ShortAnswerGrader, folder: Path) -> None:
    """Writes both files; the arrays first, so that a manifest never names arrays that are not there."""
    from safetensors.numpy import save_file

    folder.mkdir(parents=True, exist_ok=True)
    arrays: dict[str, np.ndarray[Any, Any]] = {}
    parts: dict[str, dict[str, Any]] = {}
    for name, part in (("cold", grader.cold), ("warm", grader.warm)):
        if part is None:
            continue
        told = {f"{name}.trees.{key}": array for key, array in part.trees.arrays().items()}
        told |= {f"{name}.line.{key}": getattr(part.line, key) for key in _LINE}
        arrays |= {key: np.ascontiguousarray(array) for key, array in told.items()}
        parts[name] = {
            "intercept": part.line.intercept,
            "platt": list(part.platt),
            "cut": part.cut,
            "least": part.least,
            "curve": part.curve,
        }
    save_file(arrays, folder / ARRAYS)
    manifest = {
        "schema_version": SCHEMA_VERSION,
        "features": [*FEATURES, *GRADED],
        "sha256": _sha256(folder / ARRAYS),
        "about": grader.about,
        "idf": dict(grader.features.idf),
        "unknown": grader.features.unknown,
        "parts": parts,
    }
    (folder / MANIFEST).write_text(json.dumps(manifest, ensure_ascii=False), encoding="utf-8")


def about(folder: Path) -> dict[str, Any]:
    """What the grader in `folder` was trained on. Raises ModelUnavailable."""
    return dict(_manifest(folder)["about"])


def load(folder: Path, embed: Embed) -> ShortAnswerGrader:
    """Back from `folder`; `embed` has to be the one it was trained with. Raises ModelUnavailable."""
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    manifest = _manifest(folder)
    try:
        if _sha256(folder / ARRAYS) != manifest["sha256"]:
            raise ModelUnavailable(f"{folder / ARRAYS} is not what {MANIFEST} says", AGAIN)
        arrays = load_file(folder / ARRAYS)
        features = AnswerFeatures(
            embed,
            str(manifest["about"]["language"]),
            {str(key): float(value) for key, value in manifest["idf"].items()},
            float(manifest["unknown"]),
        )
        found = {name: _part(name, told, arrays) for name, told in manifest["parts"].items()}
        return ShortAnswerGrader(features, found["cold"], found.get("warm"), dict(manifest["about"]))
    except (OSError, KeyError, TypeError, ValueError, SafetensorError, BadInput) as error:
        raise ModelUnavailable(f"the grader in {folder} cannot be read: {error}", AGAIN) from error


def _part(name: str, told: dict[str, Any], arrays: dict[str, Any]) -> Part:
    columns = len(FEATURES) + (len(GRADED) if name == "warm" else 0)
    trees = Forest.of(
        {key.split(".")[-1]: array for key, array in arrays.items() if key.startswith(f"{name}.trees.")},
        columns,
    )
    line = Linear.of({key: arrays[f"{name}.line.{key}"] for key in _LINE} | {"intercept": told["intercept"]})
    a, b = (float(one) for one in told["platt"])
    return Part(trees, line, (a, b), float(told["cut"]), float(told["least"]), list(told["curve"]))


def _manifest(folder: Path) -> dict[str, Any]:
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ModelUnavailable("no grader has been trained yet", AGAIN) from None
    except (OSError, ValueError) as error:
        raise ModelUnavailable(f"the grader in {folder} cannot be read: {error}", AGAIN) from error
    wanted = [*FEATURES, *GRADED]
    if not isinstance(manifest, dict) or manifest.get("schema_version") != SCHEMA_VERSION:
        raise ModelUnavailable(f"the grader in {folder} is of another version", AGAIN)
    if manifest.get("features") != wanted:
        raise ModelUnavailable(f"the grader in {folder} looks at other features", AGAIN)
    return manifest


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
