"""The door to a language model, wherever it runs: `load` gives one object with the same few calls.

The embedded default, SmolLM2-135M-Instruct, ranks and vetoes; what is accepted, structural checks decide.
With `none` there is no model, and everything else still works.
"""

from pathlib import Path

from learnloop.errors import BadSettings
from learnloop.generate import embedded_model
from learnloop.generate.local_model import LocalModel, from_folder
from learnloop.generate.threads import one_thread_each, quiet

__all__ = ["LanguageModel", "LocalModel", "load", "one_thread_each", "quiet"]

# `name`, `generate(prompts, max_new_tokens, schema)` and `choose(prompt, options)` of either;
# `log_probability` of a local one alone.
LanguageModel = LocalModel


def load(spec: str, cache_dir: Path) -> LanguageModel | None:
    """The model `spec` names: `embedded`, `hf:PATH_OR_NAME`, or `none` (None).

    `embedded` never uses the network; `hf:` loads a local folder, or what Hugging Face has under that
    name, in safetensors only and without remote code. Raises BadSettings or ModelUnavailable.
    """
    if spec == "none":
        return None
    if spec == "embedded":
        folder = embedded_model.ensure(cache_dir)
        name = f"{embedded_model.NAME} ({embedded_model.WHEEL} {embedded_model.wheel_version()})"
        return from_folder(name, str(folder), True)
    kind, _, name = spec.partition(":")
    if kind != "hf" or not name:
        raise BadSettings(
            f"{spec!r} is not a language model: embedded, hf:NAME or none", "export LEARNLOOP_LLM=embedded"
        )
    return from_folder(name, name, Path(name).is_dir())
