"""Arrays and vocabularies in, one model folder out, and back: safetensors and JSON, never pickle."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from learnloop.errors import ModelUnavailable

VERSION = 2  # 1: what a slope meant was another thing


def save(folder: Path, kind: str, arrays: Mapping[str, np.ndarray], about: Mapping[str, Any]) -> None:
    """Writes `tracer.safetensors` and `tracer.json` (which names the former's sha256) into `folder`."""
    from safetensors.numpy import save as to_bytes

    weights = to_bytes({name: np.ascontiguousarray(array) for name, array in arrays.items()})
    digest = hashlib.sha256(weights).hexdigest()
    manifest = {"kind": kind, "version": VERSION, "sha256": digest, **about}
    (folder / "tracer.safetensors").write_bytes(weights)
    (folder / "tracer.json").write_text(json.dumps(manifest, ensure_ascii=False), encoding="utf-8")


def load(folder: Path, kind: str) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """The arrays and the manifest of `folder`. Raises ModelUnavailable where they do not match."""
    from safetensors.numpy import load as from_bytes

    try:
        manifest = json.loads((folder / "tracer.json").read_text(encoding="utf-8"))
        weights = (folder / "tracer.safetensors").read_bytes()
    except (OSError, ValueError) as error:
        raise ModelUnavailable(f"no tracer in {folder}: {error}", "learnloop train") from error
    if not isinstance(manifest, dict):
        raise ModelUnavailable(f"{folder / 'tracer.json'} is not a manifest", "learnloop train")
    if (manifest.get("kind"), manifest.get("version")) != (kind, VERSION):
        found = f"{manifest.get('kind')} version {manifest.get('version')}"
        raise ModelUnavailable(
            f"{folder} holds a tracer of kind {found}, not {kind} version {VERSION}", "learnloop train"
        )
    if hashlib.sha256(weights).hexdigest() != manifest.get("sha256"):
        raise ModelUnavailable(f"the weights in {folder} do not match their sha256", "learnloop train")
    return from_bytes(weights), manifest
