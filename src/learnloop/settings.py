"""The only reader of the environment: every setting, its default and what it is for.

The edges (command line, workflow, API) call `load()` once and hand plain values on. An unsafe
value raises BadSettings. `docs/settings.md` documents each variable, and a test compares the two.
"""

import hmac
import os
import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from platformdirs import user_data_path

from learnloop.errors import BadSettings

PRECISIONS = ("auto", "float32", "bfloat16")
LOOPBACK = ("127.0.0.1", "::1", "localhost")


@dataclass(frozen=True)
class Settings:
    """Values after validation; field `x` is read from `LEARNLOOP_X`."""

    home: Path
    """Folder for everything Learnloop keeps: database, secrets, snapshots, models, logs."""
    database_url: str = ""
    """A PostgreSQL 15+ to use instead of the embedded one, `postgresql://user:password@host/db`."""
    tracking_uri: str = ""
    """An MLflow server to use instead of the embedded database, `http://host:5000`."""
    pseudonym_key: str = field(default="", repr=False)
    """At least 32 characters; made at first use and kept in `home/secrets` where unset."""
    llm: str = "embedded"
    """`embedded` (SmolLM2-135M-Instruct), `hf:PATH_OR_NAME`, `openai:BASE_URL#MODEL`, or `none`."""
    llm_propose: str = ""
    """Another model for what is proposed; "": the same."""
    llm_verify: str = ""
    """Another model for what is verified; "": the same."""
    llm_precision: str = "auto"
    """Of a local model: `float32`, `bfloat16`, or `auto`: the faster of the two on this processor."""
    llm_languages: tuple[str, ...] = ()
    """In which a model may veto questions; (): English for the embedded one, every language for others."""
    llm_key: str = field(default="", repr=False)
    """What an `openai:` server wants to see; better in a file."""
    llm_key_file: Path | None = None
    llm_timeout_s: float = 60.0
    """Seconds that an `openai:` server has for one answer."""
    llm_token_budget: int = 1_000_000
    """Tokens, in and out, that a run may use of `openai:` models; 0: no limit."""
    llm_cost_budget: float = 0.0
    """What a run may cost, in the currency of the two prices; 0: no limit."""
    llm_price_in: float = 0.0
    """Of a million tokens of prompts."""
    llm_price_out: float = 0.0
    """Of a million tokens of answers."""
    llm_allow_http: bool = False
    """Whether prompts and the key may leave this machine unencrypted."""
    embedder: str = "embedded"
    """`embedded` (all-MiniLM-L6-v2, English), `hf:PATH_OR_NAME` (every language), or `none`."""
    question_adapter: str = "auto"
    """Who writes whole questions: `none`, the folder of an adapter, or `auto`: the one that proved itself."""
    api_host: str = "127.0.0.1"
    """Address the API listens on. Anything beyond loopback has to be asked for here."""
    api_port: int = 8000
    dashboard_port: int = 8501
    mlflow_port: int = 5000
    api_url: str = "http://127.0.0.1:8000"
    """Where the dashboard finds the API."""
    api_key_file: Path | None = None
    """File with the key the dashboard presents to the API; default `home/secrets/api-dashboard.key`."""
    language: str = "en"
    """Language of what people read when they have not chosen one: `en` or `es`."""
    exploration: float = 0.0
    """Temperature of the softmax that draws recommendations; 0: always the best, in order."""
    diversity: float = 0.0
    """How much variety counts in a list against relevance, from 0 (not at all) to 1 (alone)."""
    decisions_days: int = 180
    """Days that logged decisions are kept; 0: for ever."""
    dask_scheduler: str = ""
    """A Dask scheduler that runs already, `tcp://host:8786` or `tls://…`; else a cluster of our own."""
    dask_memory: int = 3_000_000_000
    """Bytes that the workers of our own cluster may use in all, written `3GB` or `800MB`."""

    @property
    def proposer_llm(self) -> str:
        return self.llm_propose or self.llm

    @property
    def verifier_llm(self) -> str:
        return self.llm_verify or self.llm

    @property
    def secrets_dir(self) -> Path:
        return self.home / "secrets"

    @property
    def dashboard_key_file(self) -> Path:
        return self.api_key_file or self.secrets_dir / "api-dashboard.key"

    @property
    def snapshots_dir(self) -> Path:
        return self.home / "snapshots"

    @property
    def candidates_dir(self) -> Path:
        return self.home / "candidates"

    @property
    def artifacts_dir(self) -> Path:
        return self.home / "mlflow-artifacts"

    @property
    def models_dir(self) -> Path:
        """Language models converted from the wheels they come in."""
        return self.home / "language-models"

    @property
    def logs_dir(self) -> Path:
        return self.home / "logs"


def load(environment: Mapping[str, str] | None = None) -> Settings:
    """Settings from `environment` (default: the process environment). Raises BadSettings."""
    values = os.environ if environment is None else environment

    def text(name: str, default: str = "") -> str:
        return values.get(f"LEARNLOOP_{name}", default).strip()

    home = text("HOME")
    settings = Settings(
        home=Path(home).expanduser().absolute() if home else user_data_path("learnloop"),
        database_url=_database_url(text("DATABASE_URL")),
        tracking_uri=text("TRACKING_URI"),
        pseudonym_key=text("PSEUDONYM_KEY"),
        llm=_language_model("LLM", text("LLM", "embedded")),
        llm_propose=_language_model("LLM_PROPOSE", text("LLM_PROPOSE")),
        llm_verify=_language_model("LLM_VERIFY", text("LLM_VERIFY")),
        llm_precision=_one_of("LLM_PRECISION", text("LLM_PRECISION", "auto"), PRECISIONS),
        llm_languages=_codes("LLM_LANGUAGES", text("LLM_LANGUAGES")),
        llm_key=_header("LLM_KEY", text("LLM_KEY")),
        llm_key_file=Path(text("LLM_KEY_FILE")).expanduser() if text("LLM_KEY_FILE") else None,
        llm_timeout_s=_number("LLM_TIMEOUT_S", text("LLM_TIMEOUT_S", "60"), 3600.0, lowest=1.0),
        llm_token_budget=int(_number("LLM_TOKEN_BUDGET", text("LLM_TOKEN_BUDGET", "1000000"), 1e12)),
        llm_cost_budget=_number("LLM_COST_BUDGET", text("LLM_COST_BUDGET", "0"), 1e9),
        llm_price_in=_number("LLM_PRICE_IN", text("LLM_PRICE_IN", "0"), 1e9),
        llm_price_out=_number("LLM_PRICE_OUT", text("LLM_PRICE_OUT", "0"), 1e9),
        llm_allow_http=_yes("LLM_ALLOW_HTTP", text("LLM_ALLOW_HTTP", "0")),
        embedder=_embedder(text("EMBEDDER", "embedded")),
        question_adapter=text("QUESTION_ADAPTER", "auto") or "none",
        api_host=text("API_HOST", "127.0.0.1"),
        api_port=_port("API_PORT", text("API_PORT", "8000")),
        dashboard_port=_port("DASHBOARD_PORT", text("DASHBOARD_PORT", "8501")),
        mlflow_port=_port("MLFLOW_PORT", text("MLFLOW_PORT", "5000")),
        api_url=text("API_URL", "http://127.0.0.1:8000"),
        api_key_file=Path(text("API_KEY_FILE")).expanduser() if text("API_KEY_FILE") else None,
        language=text("LANGUAGE", "en"),
        exploration=_number("EXPLORATION", text("EXPLORATION", "0"), 100.0),
        diversity=_number("DIVERSITY", text("DIVERSITY", "0"), 1.0),
        decisions_days=_days("DECISIONS_DAYS", text("DECISIONS_DAYS", "180")),
        dask_scheduler=_scheduler(text("DASK_SCHEDULER")),
        dask_memory=_bytes("DASK_MEMORY", text("DASK_MEMORY", "3GB")),
    )
    if settings.pseudonym_key and len(settings.pseudonym_key) < 32:
        raise BadSettings(
            "LEARNLOOP_PSEUDONYM_KEY has fewer than 32 characters",
            "export LEARNLOOP_PSEUDONYM_KEY=$(openssl rand -hex 32)",
        )
    if settings.llm_cost_budget and not (settings.llm_price_in or settings.llm_price_out):
        raise BadSettings(
            "LEARNLOOP_LLM_COST_BUDGET cannot be kept without prices",
            "export LEARNLOOP_LLM_PRICE_IN=… LEARNLOOP_LLM_PRICE_OUT=… for a million tokens",
        )
    if settings.language not in ("en", "es"):
        raise BadSettings(
            f"LEARNLOOP_LANGUAGE={settings.language!r} is not one of en, es",
            "export LEARNLOOP_LANGUAGE=en",
        )
    return settings


def kept_secret(settings: Settings, name: str, make_bytes: int = 32) -> str:
    """The secret in `home/secrets/name` (mode 600), made from the system's randomness at first use.

    Two processes that race for the first use both get the one that was kept.
    """
    path = settings.secrets_dir / name
    settings.secrets_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not path.exists():
        fresh = path.with_name(f".{name}.{os.getpid()}.{secrets.token_hex(4)}")
        with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_hex(make_bytes))
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(fresh, path)  # fails where another process was first; then theirs counts
        except FileExistsError:
            pass
        finally:
            fresh.unlink()
    value = path.read_text().strip()
    if len(value) < 2 * make_bytes:
        raise BadSettings(f"the secret in {path} is empty or cut short", "restore that file from a backup")
    return value


def pseudonym_key(settings: Settings) -> bytes:
    """Key of the HMAC that turns outside ids into learner_ids.

    Another key would make every learner a stranger and double what is imported again, so a fingerprint
    of the first one is kept beside the secrets. Raises BadSettings where the key is gone or another.
    """
    mark = settings.home / "pseudonym.fingerprint"
    begun = mark.exists()  # asked first: whoever begins a home at this moment makes the key before the mark
    if begun and not settings.pseudonym_key and not (settings.secrets_dir / "pseudonym.key").exists():
        raise BadSettings(
            f"the pseudonym key is gone from {settings.secrets_dir}", "restore pseudonym.key from a backup"
        )
    key = (settings.pseudonym_key or kept_secret(settings, "pseudonym.key")).encode()
    fingerprint = hmac.new(key, b"learnloop pseudonym key", "sha256").hexdigest()[:16]
    if not mark.exists():
        settings.home.mkdir(parents=True, exist_ok=True)
        # Whole or not at all: another process may read it at once.
        fresh = mark.with_name(f".{mark.name}.{os.getpid()}.{secrets.token_hex(4)}")
        fresh.write_text(fingerprint)
        fresh.replace(mark)
    elif mark.read_text() != fingerprint:
        raise BadSettings(
            "the pseudonym key is not the one this home began with", "restore the former key from a backup"
        )
    return key


def known_pseudonym_key(settings: Settings) -> bytes | None:
    """The key this home began with, None where none is there yet. Makes nothing; raises BadSettings."""
    if not (settings.home / "pseudonym.fingerprint").exists():
        return settings.pseudonym_key.encode() or None
    return pseudonym_key(settings)


def language_model_key(settings: Settings) -> str:
    """What an `openai:` server wants to see, "" where nothing was set. Raises BadSettings."""
    if settings.llm_key_file is None:
        return settings.llm_key
    if settings.llm_key:
        raise BadSettings(
            "LEARNLOOP_LLM_KEY and LEARNLOOP_LLM_KEY_FILE are both set", "unset LEARNLOOP_LLM_KEY"
        )
    try:
        key = settings.llm_key_file.read_text().strip()
    except (OSError, UnicodeDecodeError):
        key = ""
    if not key:
        raise BadSettings(
            f"LEARNLOOP_LLM_KEY_FILE={str(settings.llm_key_file)!r} is no file with a key",
            "unset LEARNLOOP_LLM_KEY_FILE",
        )
    return _header("LLM_KEY_FILE", key)


def remote_access(settings: Settings) -> dict[str, Any]:
    """What `generate.remote_model.Access.within` takes. Raises BadSettings where the key's file is gone."""
    return {
        "key": language_model_key(settings),
        "timeout_s": settings.llm_timeout_s,
        "allow_http": settings.llm_allow_http,
        "tokens": settings.llm_token_budget,
        "cost": settings.llm_cost_budget,
        "price_in": settings.llm_price_in,
        "price_out": settings.llm_price_out,
    }


def _language_model(name: str, value: str) -> str:
    """A name of a model; "" is for the roles that say nothing of their own. No secret stands in one."""
    url = re.fullmatch(r"openai:https?://([^\s#?]+)#\S+", value)
    if not (
        value in ("embedded", "none")
        or (not value and name != "LLM")
        or (value.startswith("hf:") and len(value) > 3)
        or (url and "@" not in url[1])
    ):
        # Not repeated where it may hold a password or a key.
        shown = "openai:…" if value.startswith("openai:") else repr(value)
        raise BadSettings(
            f"LEARNLOOP_{name}={shown} is not one of embedded, none, hf:NAME, openai:URL#MODEL",
            f"export LEARNLOOP_{name}=embedded",
        )
    return value


def _embedder(value: str) -> str:
    if value not in ("embedded", "none") and not (value.startswith("hf:") and len(value) > 3):
        raise BadSettings(
            f"LEARNLOOP_EMBEDDER={value!r} is not one of embedded, none, hf:NAME",
            "export LEARNLOOP_EMBEDDER=embedded",
        )
    return value


def _codes(name: str, value: str) -> tuple[str, ...]:
    """ "en, fr" -> ("en", "fr")."""
    codes = tuple(value.replace(",", " ").lower().split())
    if not all(re.fullmatch(r"[a-z]{2,3}", code) for code in codes):
        raise BadSettings(
            f"LEARNLOOP_{name}={value!r} is no list of language codes", f"export LEARNLOOP_{name}=en,fr"
        )
    return codes


def _one_of(name: str, value: str, among: Sequence[str]) -> str:
    if value not in among:
        raise BadSettings(
            f"LEARNLOOP_{name}={value!r} is not one of {', '.join(among)}", f"unset LEARNLOOP_{name}"
        )
    return value


def _header(name: str, value: str) -> str:
    """A value that can stand in a header of a request; it is not shown where it cannot."""
    if not re.fullmatch(r"[!-~]*", value):
        raise BadSettings(
            f"LEARNLOOP_{name} has blanks or letters that no key has", f"unset LEARNLOOP_{name}"
        )
    return value


def _yes(name: str, value: str) -> bool:
    if value not in ("", "0", "1"):
        raise BadSettings(f"LEARNLOOP_{name}={value!r} is neither 0 nor 1", f"unset LEARNLOOP_{name}")
    return value == "1"


def _port(name: str, value: str) -> int:
    if not re.fullmatch(r"[0-9]{1,5}", value) or int(value) >= 65536:
        raise BadSettings(f"LEARNLOOP_{name}={value!r} is not a port", f"unset LEARNLOOP_{name}")
    return int(value)


def _number(name: str, value: str, highest: float, lowest: float = 0.0) -> float:
    """From `lowest` to `highest`."""
    try:
        number = float(value)
    except ValueError:
        number = -1.0
    if not lowest <= number <= highest:
        raise BadSettings(
            f"LEARNLOOP_{name}={value!r} is no number from {lowest:g} to {highest:.12g}",
            f"unset LEARNLOOP_{name}",
        )
    return number


def _days(name: str, value: str) -> int:
    if not re.fullmatch(r"[0-9]{1,5}", value, re.ASCII):
        raise BadSettings(f"LEARNLOOP_{name}={value!r} is no number of days", f"unset LEARNLOOP_{name}")
    return int(value)


def _scheduler(address: str) -> str:
    if address and not re.fullmatch(r"(tcp|tls)://\S+:\d+", address):
        raise BadSettings(
            f"LEARNLOOP_DASK_SCHEDULER={address!r} is not an address",
            "export LEARNLOOP_DASK_SCHEDULER=tcp://host:8786",
        )
    return address


def _bytes(name: str, value: str) -> int:
    """'3GB' -> 3,000,000,000; at least 200 MB, with which one worker does little else than start."""
    size = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(MB|MiB|GB|GiB)", value, re.IGNORECASE)
    unit = {"mb": 10**6, "mib": 2**20, "gb": 10**9, "gib": 2**30}
    number = int(float(size.group(1)) * unit[size.group(2).lower()]) if size else 0
    if number < 200_000_000:
        raise BadSettings(
            f"LEARNLOOP_{name}={value!r} is no size of at least 200MB", f"export LEARNLOOP_{name}=3GB"
        )
    return number


def _database_url(url: str) -> str:
    if url and not url.startswith(("postgresql://", "postgres://", "postgresql+psycopg://")):
        raise BadSettings(
            "LEARNLOOP_DATABASE_URL is not a PostgreSQL address",
            "export LEARNLOOP_DATABASE_URL=postgresql://user:password@host:5432/learnloop",
        )
    return url
