"""LoRA adapters on disk: safetensors and JSON with sha256 sums, bound to the one base model they fit.

    manifest.json  {"base": {"name": "SmolLM2-135M-Instruct (…)", "sha256": "3f…"}, "prompt": "question-1",
                    "bank": {"sha256": …, "kept": 873, …}, "recipe": {"rank": 16, …}, "training": {…},
                    "measured": {"accepted": {"before": 31.0, "after": 52.0}, …}, "audit": {"passed": true},
                    "files": {"adapter_model.safetensors": "9c…", "adapter_config.json": "ab…"}}

The weights lie as peft writes them (Hu et al. 2021, arXiv 2106.09685), so any program that reads peft's
adapters reads these. An adapter for another base is refused: its numbers would mean nothing there.
"""

import copy
import hashlib
import json
import os
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from learnloop.errors import ModelUnavailable

WEIGHTS = "adapter_model.safetensors"
CONFIG = "adapter_config.json"
MANIFEST = "manifest.json"
TRAIN_AGAIN = "learnloop finetune questions"


def fingerprint(model: Any) -> str:
    """sha256 of a causal model's own weights by name, before any adapter; tied weights count once."""
    digest = hashlib.sha256()
    for name, weight in sorted(model.named_parameters(), key=lambda pair: pair[0]):
        digest.update(f"{name} {tuple(weight.shape)} {weight.dtype}".encode())
        digest.update(weight.detach().contiguous().numpy().data)
    return digest.hexdigest()


def attach(model: Any, rank: int, alpha: int, targets: tuple[str, ...], seed: int) -> Any:
    """A twin of `model` with a fresh adapter that changes nothing yet: y = W x + (alpha / rank) B A x, B = 0.

    The same `seed` draws the same A, and the caller's random numbers stay where they were.
    """
    import torch
    from peft import LoraConfig, get_peft_model

    config = LoraConfig(
        r=rank, lora_alpha=alpha, target_modules=list(targets), lora_dropout=0.0, task_type="CAUSAL_LM"
    )
    with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # of transformers, about names that peft still uses
        torch.manual_seed(seed)
        return get_peft_model(_twin(model), config)


def _twin(model: Any) -> Any:
    """Modules of its own around the same weights: an adapter goes into the twin, `model` stays as it is."""
    shared = {id(tensor): tensor for tensor in (*model.parameters(), *model.buffers())}
    return copy.deepcopy(model, shared)


def weights(model: Any) -> dict[str, Any]:
    """A copy of the adapter's tensors, under peft's names."""
    from peft import get_peft_model_state_dict

    tensors = get_peft_model_state_dict(model, save_embedding_layers=False)
    return {name: tensor.detach().clone().contiguous() for name, tensor in tensors.items()}


def put(model: Any, tensors: Mapping[str, Any]) -> None:
    """Into an attached adapter, the tensors that `weights` took out."""
    from peft import set_peft_model_state_dict

    set_peft_model_state_dict(model, dict(tensors))


def save(folder: Path, model: Any, tensors: Mapping[str, Any], facts: Mapping[str, Any]) -> None:
    """Writes `tensors`, peft's configuration and the manifest with `facts`, the manifest last."""
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    save_file(dict(tensors), folder / WEIGHTS, metadata={"format": "pt"})
    settings = model.peft_config["default"].to_dict()
    settings["inference_mode"] = True
    text = json.dumps(settings, indent=2, sort_keys=True, default=_plain)
    (folder / CONFIG).write_text(text, encoding="utf-8")
    files = {name: _sha256(folder / name) for name in (WEIGHTS, CONFIG)}
    _write_manifest(folder, {**facts, "schema_version": 1, "files": files})


def note(folder: Path, **facts: Any) -> dict[str, Any]:
    """Adds `facts` (what was measured, what an audit said) to the manifest and returns it."""
    manifest = {**read_manifest(folder), **facts}
    _write_manifest(folder, manifest)
    return manifest


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest, after the files matched their sums. Raises ModelUnavailable."""
    try:
        manifest: dict[str, Any] = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        for name, expected in manifest["files"].items():
            if _sha256(folder / name) != expected:
                raise ModelUnavailable(f"{name} of the adapter {folder} is damaged", TRAIN_AGAIN)
        if not {WEIGHTS, CONFIG} <= set(manifest["files"]):
            raise ModelUnavailable(f"the adapter {folder} is not whole", TRAIN_AGAIN)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelUnavailable(f"there is no readable adapter in {folder} ({error})", TRAIN_AGAIN) from error
    return manifest


def load(folder: Path, model: Any) -> tuple[Any, dict[str, Any]]:
    """(a twin of `model` with the adapter of `folder`, its manifest).

    Raises ModelUnavailable where the adapter was trained on another base.
    """
    from peft import PeftModel

    manifest = read_manifest(folder)
    base = manifest.get("base", {})
    if base.get("sha256") != fingerprint(model):
        raise ModelUnavailable(
            f"the adapter {folder} was trained on {base.get('name')}, not on this model",
            "export LEARNLOOP_QUESTION_ADAPTER=none",
        )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        return PeftModel.from_pretrained(_twin(model), str(folder), local_files_only=True).eval(), manifest


def stands(manifest: Mapping[str, Any]) -> bool:
    """True where the adapter raised the accepted rate and a person's audit found its questions good.

    Neither alone will do: an adapter may learn to please the checks.
    """
    accepted = (manifest.get("measured") or {}).get("accepted") or {}
    before, after = accepted.get("before"), accepted.get("after")
    raised = before is not None and after is not None and after > before
    return bool(raised and (manifest.get("audit") or {}).get("passed") is True)


def _write_manifest(folder: Path, manifest: Mapping[str, Any]) -> None:
    beside = folder / f".{MANIFEST}.{os.getpid()}"
    text = json.dumps(manifest, indent=2, sort_keys=True, ensure_ascii=False)
    beside.write_text(text + "\n", encoding="utf-8")
    beside.replace(folder / MANIFEST)


def _plain(value: Any) -> Any:
    return sorted(value) if isinstance(value, (set, frozenset)) else str(value)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
