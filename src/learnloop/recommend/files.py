"""A recommender on disk: `model.json` (name, settings, item_ids) and `arrays.safetensors`."""

import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from learnloop.errors import ModelUnavailable

SCHEMA_VERSION = 1
MANIFEST, ARRAYS = "model.json", "arrays.safetensors"


def save_model(
    folder: Path,
    name: str,
    item_ids: np.ndarray,
    settings: Mapping[str, Any],
    arrays: Mapping[str, np.ndarray],
) -> None:
    """Writes both files; the arrays first, so that a manifest never names arrays that are not there."""
    save_file({key: np.ascontiguousarray(array) for key, array in arrays.items()}, folder / ARRAYS)
    manifest = {
        "schema_version": SCHEMA_VERSION,
        "name": name,
        "settings": dict(settings),
        "item_ids": list(item_ids),
    }
    (folder / MANIFEST).write_text(json.dumps(manifest, ensure_ascii=False), encoding="utf-8")


def load_model(
    folder: Path, name: str, settings: Collection[str], arrays: Collection[str]
) -> tuple[np.ndarray, dict[str, Any], dict[str, np.ndarray]]:
    """(item_ids, settings, arrays), with exactly the names wanted of each; arrays named `item_…` have a
    row an item. Raises ModelUnavailable: missing, another model's, or damaged.
    """
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        found, version = manifest["name"], manifest["schema_version"]
        item_ids, values = np.asarray(manifest["item_ids"], dtype=object), dict(manifest["settings"])
        loaded = load_file(folder / ARRAYS)
    except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
        raise ModelUnavailable(
            f"no readable {name} recommender in {folder}: {error}", "learnloop train"
        ) from error
    if found != name or version != SCHEMA_VERSION:
        raise ModelUnavailable(
            f"{folder} holds {found} version {version}, not {name} version {SCHEMA_VERSION}",
            "learnloop train",
        )
    per_item = [array for key, array in loaded.items() if key.startswith("item_")]
    if (
        set(values) != set(settings)
        or set(loaded) != set(arrays)
        or any(array.ndim == 0 or len(array) != len(item_ids) for array in per_item)
    ):
        raise ModelUnavailable(f"{folder}: the arrays do not match {MANIFEST}", "learnloop train")
    return item_ids, values, loaded
