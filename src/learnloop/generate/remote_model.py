"""A language model behind an OpenAI-compatible address: chat completions over HTTPS, within a budget.

    openai:https://models.example.org/v1#small-model

It answers and it picks an option; log-probabilities of texts it has not written, it does not give. What it
says is checked against the schema here, whatever the server promised. Nothing but the prompt is sent.
"""

import json
import re
import string
import time
import weakref
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Any

import httpx
import numpy as np

from learnloop.errors import BadSettings, ModelUnavailable
from learnloop.generate import prompts
from learnloop.generate.budget import Budget
from learnloop.generate.constrained import conforming

LOOPBACK = ("127.0.0.1", "::1", "localhost")
MAX_REPLY = 4_000_000  # bytes
LONGEST_WAIT = 60.0  # seconds between two tries; who asks for more is not waited for
OVERHEAD = 64  # tokens of a chat template around a prompt, at most
CHOICE_TOKENS = 64
OPTIONAL = ("max_tokens", "temperature", "seed", "response_format")  # what some servers refuse


@dataclass(frozen=True)
class Access:
    """How to reach a remote model; `key` is sent to its server alone and shown nowhere.

    `transport` takes the place of the network (a recorder, a replayer); `sleep` waits between tries.
    """

    key: str = field(default="", repr=False)
    timeout_s: float = 60.0
    budget: Budget = field(default_factory=Budget)
    allow_http: bool = False
    attempts: int = 5
    parallel: int = 4
    transport: httpx.BaseTransport | None = None
    sleep: Callable[[float], None] = time.sleep

    @classmethod
    def within(
        cls,
        *,
        key: str,
        timeout_s: float,
        allow_http: bool,
        tokens: int,
        cost: float,
        price_in: float,
        price_out: float,
    ) -> "Access":
        """For one run, with a fresh budget: plain values, as the settings give them."""
        budget = Budget(tokens, cost, price_in, price_out)
        return cls(key=key, timeout_s=timeout_s, allow_http=allow_http, budget=budget)


class RemoteModel:
    """Safe to call from several threads. Raises ModelUnavailable, and BudgetSpent at the budget's end.

    `languages`: the codes of those it may judge questions in; () for every one.
    """

    languages: tuple[str, ...] = ()

    def __init__(self, base_url: str, model: str, access: Access) -> None:
        address = _checked(base_url, access.allow_http)
        self.name = f"{model} at {address.host}"
        self._model = model
        self._access = access
        self._url = f"{base_url.rstrip('/')}/chat/completions"
        self._refused: set[str] = set()  # of OPTIONAL, as the server has said
        self._client = httpx.Client(
            headers={"Authorization": f"Bearer {access.key}"} if access.key else {},
            timeout=httpx.Timeout(access.timeout_s, connect=min(10.0, access.timeout_s)),
            follow_redirects=False,
            trust_env=address.host not in LOOPBACK,  # a proxy is no way to this machine
            transport=access.transport,
        )
        weakref.finalize(self, self._client.close)

    def generate(
        self, prompts: Sequence[str], max_new_tokens: int, schema: Mapping[str, Any] | None = None
    ) -> list[str]:
        """The answer to each prompt at temperature 0, several at a time, in their order.

        With `schema` an answer is one JSON document that fits it, or "" where the model gave none.
        """
        with ThreadPoolExecutor(max(1, min(self._access.parallel, len(prompts)))) as workers:
            return list(workers.map(lambda prompt: self._answer(prompt, max_new_tokens, schema), prompts))

    def choose(self, prompt: str, options: Sequence[str], shared: str = "") -> np.ndarray[Any, Any]:
        """1 for the option the model picks and 0 for the others, (n,); all alike where it picked none."""
        letters = string.ascii_uppercase[: len(options)]
        if len(letters) < len(options):
            raise ValueError(f"{len(options)} options are more than there are letters")
        if not options:
            return np.zeros(0)
        listed = "\n".join(f"{letter}. {text}" for letter, text in zip(letters, options, strict=True))
        asked = prompts.with_data(prompts.CHOOSE_TASK, {"exercise": shared + prompt, "options": listed})
        schema = {
            "type": "object",
            "properties": {"option": {"type": "string", "enum": list(letters)}},
            "required": ["option"],
            "additionalProperties": False,
        }
        answer = self._answer(asked, CHOICE_TOKENS, schema)
        picked = letters.index(json.loads(answer)["option"]) if answer else None
        if picked is None:
            return np.full(len(options), 1 / len(options))
        return np.eye(len(options))[picked]

    def _answer(self, prompt: str, max_new_tokens: int, schema: Mapping[str, Any] | None) -> str:
        reply = self._reply(prompt, max_new_tokens, schema)
        try:
            choice = reply["choices"][0]
            text, cut = choice["message"].get("content") or "", choice.get("finish_reason") == "length"
        except (KeyError, IndexError, TypeError, AttributeError):
            text, cut = "", False
        if not isinstance(text, str):
            return ""
        if schema is None:
            return text.strip()
        return "" if cut else conforming(_unfenced(text), schema)

    def _reply(self, prompt: str, max_new_tokens: int, schema: Mapping[str, Any] | None) -> Any:
        """The server's JSON; without one of OPTIONAL where it has refused that before."""
        while True:
            known = set(self._refused)
            payload = self._payload(prompt, max_new_tokens, schema, known)
            status, reply = self._paid(payload)
            if status == 200:
                return reply
            error = reply.get("error") if isinstance(reply, dict) else None
            told = str(error)
            named = next((name for name in OPTIONAL if name in told and name not in known), None)
            if status not in (400, 422) or named is None:
                raise self._refusal(status, error)
            self._refused.add(named)

    def _payload(
        self, prompt: str, max_new_tokens: int, schema: Mapping[str, Any] | None, refused: set[str]
    ) -> dict[str, Any]:
        if schema is not None and "response_format" in refused:
            prompt += f"\n\nAnswer with one JSON document of this schema, nothing else:\n{json.dumps(schema)}"
        payload: dict[str, Any] = {
            "model": self._model,
            "messages": [{"role": "user", "content": prompt}],
            "temperature": 0,
            "seed": 0,
            "max_tokens": max_new_tokens,
        }
        if schema is not None:
            shape = {"name": "answer", "strict": True, "schema": dict(schema)}
            payload["response_format"] = {"type": "json_schema", "json_schema": shape}
        if "max_tokens" in refused:
            payload["max_completion_tokens"] = max_new_tokens
        return {name: value for name, value in payload.items() if name not in refused}

    def _paid(self, payload: dict[str, Any]) -> tuple[int, Any]:
        """The status and the JSON of one call, tried again where that may help."""
        from tenacity import Retrying, retry_if_exception_type, stop_after_attempt

        body = json.dumps(payload, ensure_ascii=False).encode("utf-8", "replace")
        # No token is shorter than a byte: the bytes sent bound the tokens read.
        most = (len(body) + OVERHEAD, payload.get("max_tokens") or payload["max_completion_tokens"])
        tries = Retrying(
            stop=stop_after_attempt(self._access.attempts),
            wait=_pause,
            retry=retry_if_exception_type(_TryAgain),
            sleep=self._access.sleep,
            reraise=True,
        )
        try:
            return tries(self._once, body, most)
        except _TryAgain as gave_up:
            problem = gave_up.problem
        # Raised out here: what httpx raised knows the request with its headers, and goes no further.
        raise self._unavailable(f"{problem}, {self._access.attempts} times", "learnloop doctor")

    def _once(self, body: bytes, most: tuple[int, int]) -> tuple[int, Any]:
        """One request. Its most is reserved in the budget; its real use is settled, a failed one's is none.

        A time-out counts whole, since the server may have worked for it, and so does a reply that does
        not say what it used.
        """
        self._access.budget.reserve(*most)
        used = most
        problem = ""
        try:
            with self._client.stream(
                "POST", self._url, content=body, headers={"Content-Type": "application/json"}
            ) as response:
                text = _text(response, time.monotonic() + self._access.timeout_s)
            reply = _json(text)
            used = _usage(reply, most) if response.status_code == 200 else (0, 0)
        except httpx.TimeoutException:
            problem = f"gave no answer within {self._access.timeout_s:g} seconds"
        except (httpx.RequestError, httpx.StreamError) as error:
            used = (0, 0)
            problem = f"cannot be reached ({type(error).__name__})"
        finally:
            self._access.budget.settle(most, used)
        if problem:
            raise _TryAgain(problem)
        return self._judged(response, reply)

    def _judged(self, response: httpx.Response, reply: Any) -> tuple[int, Any]:
        status = response.status_code
        if response.has_redirect_location or 300 <= status < 400:
            host = response.next_request.url.host if response.next_request else "somewhere else"
            raise self._unavailable(
                f"redirects to {host}; a prompt goes nowhere but to the address that was set",
                "export LEARNLOOP_LLM=openai:URL#MODEL with the address itself",
            )
        if status in (408, 409, 429) or status >= 500:
            error = reply.get("error") if isinstance(reply, dict) else None
            if isinstance(error, dict) and error.get("code") == "insufficient_quota":
                raise self._refusal(status, error)
            wait = _retry_after(response)
            if wait is not None and wait > LONGEST_WAIT:
                raise self._unavailable(f"answered {status} and asks to wait {wait:.0f} seconds", "wait")
            raise _TryAgain(f"answered {status}", wait)
        if status == 200 and reply is None:
            raise _TryAgain("answered with what is no JSON")
        return status, reply

    def _refusal(self, status: int, error: Any) -> ModelUnavailable:
        """Of what a server writes, only a plain code is repeated: the rest may hold the key or the text."""
        code = error.get("code") or error.get("type") if isinstance(error, dict) else None
        plain = isinstance(code, str) and re.fullmatch(r"[a-z_]{1,40}", code) and code != self._access.key
        step = "learnloop doctor"
        if status in (401, 403):
            step = "export LEARNLOOP_LLM_KEY_FILE=a file with the key"
        if status == 404:
            step = "export LEARNLOOP_LLM=openai:URL#MODEL with the names your server knows"
        return self._unavailable(f"answered {status}{f' ({code})' if plain else ''}", step)

    def _unavailable(self, problem: str, step: str) -> ModelUnavailable:
        return ModelUnavailable(f"the language model {self.name} {problem}", step)


class _TryAgain(Exception):
    def __init__(self, problem: str, wait: float | None = None) -> None:
        super().__init__(problem)
        self.problem = problem
        self.wait = wait


def from_address(address: str, access: Access) -> RemoteModel:
    """`address`: BASE_URL#MODEL. Raises BadSettings; nothing is sent before the first prompt."""
    base_url, _, model = address.partition("#")
    if not model or not base_url:
        raise BadSettings(
            "LEARNLOOP_LLM=openai:… names no model",
            "export LEARNLOOP_LLM=openai:https://host/v1#MODEL",
        )
    return RemoteModel(base_url, model, access)


def _checked(base_url: str, allow_http: bool) -> httpx.URL:
    """Prompts and the key leave this machine by HTTPS alone, unless that was asked for."""
    example = "export LEARNLOOP_LLM=openai:https://host/v1#MODEL"
    try:
        url = httpx.URL(base_url)
    except httpx.InvalidURL:
        url = httpx.URL("")
    if url.scheme not in ("http", "https") or not url.host or url.userinfo or url.query:
        raise BadSettings("LEARNLOOP_LLM has no plain address after openai:", example)
    if url.scheme == "http" and url.host not in LOOPBACK and not allow_http:
        raise BadSettings(
            f"LEARNLOOP_LLM would send lessons and the key to {url.host} unencrypted",
            f"{example}, or export LEARNLOOP_LLM_ALLOW_HTTP=1",
        )
    return url


def _pause(state: Any) -> float:
    """Seconds before the next try: what the server asked for, else 0.5, 1, 2, 4, … up to LONGEST_WAIT."""
    asked = state.outcome.exception().wait
    return asked if asked is not None else min(0.5 * 2 ** (state.attempt_number - 1), LONGEST_WAIT)


def _retry_after(response: httpx.Response) -> float | None:
    """Seconds; a date is read against the server's own clock (RFC 9110, 10.2.3)."""
    value = response.headers.get("retry-after", "").strip()
    if value.isascii() and value.isdigit():
        return float(value[:9])
    try:
        until, now = (parsedate_to_datetime(text) for text in (value, response.headers["date"]))
        return max(0.0, (until - now).total_seconds())
    except (KeyError, ValueError, TypeError):
        return None


def _text(response: httpx.Response, deadline: float) -> bytes:
    """The body, at most MAX_REPLY bytes of it, and none that drips in after the deadline."""
    content = bytearray()
    for part in response.iter_bytes():
        content += part
        if len(content) > MAX_REPLY:
            return b""
        if time.monotonic() > deadline:
            raise httpx.ReadTimeout("the reply takes too long")
    return bytes(content)


def _json(text: bytes) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _usage(reply: Any, most: tuple[int, int]) -> tuple[int, int]:
    try:
        used = (reply["usage"]["prompt_tokens"], reply["usage"]["completion_tokens"])
    except (KeyError, TypeError):
        return most
    return used if all(type(count) is int and count >= 0 for count in used) else most


def _unfenced(text: str) -> str:
    """Some models write JSON between ``` fences."""
    fenced = re.fullmatch(r"\s*```(?:json)?\s*(.*?)\s*```\s*", text, re.DOTALL)
    return fenced[1] if fenced else text
