"""Replies of a remote model, kept once and given again: what tests of it run on without the model.

One JSON line a reply, under the hash of the request's body: no address, no key and no header is kept.

    {"request": "5f0c…", "model": "some-model", "reply": {"choices": [{"message": {"content": "Yes"}}]}}
"""

import hashlib
import json
import threading
from pathlib import Path
from typing import Any

import httpx

from learnloop.errors import BadInput, UnknownThing


def request_hash(body: bytes) -> str:
    """SHA-256 of the JSON in `body`, whatever the order of its names."""
    canonical = json.dumps(json.loads(body), sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


class Recorder(httpx.BaseTransport):
    """Passes requests on to `inner`, and appends each reply of status 200 to `path`."""

    def __init__(self, path: Path, inner: httpx.BaseTransport | None = None) -> None:
        self._path = path
        self._inner = inner or httpx.HTTPTransport()
        self._lock = threading.Lock()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        body = request.read()
        response = self._inner.handle_request(request)
        content = response.read()
        response.close()
        if response.status_code == 200:
            try:
                reply = json.loads(content)
            except ValueError:
                reply = None  # no JSON: nothing worth giving again
            if reply is not None:
                line = {
                    "request": request_hash(body),
                    "model": json.loads(body).get("model"),
                    "reply": reply,
                }
                written = json.dumps(line, ensure_ascii=True)
                key = request.headers.get("authorization", "").removeprefix("Bearer ")
                if key:  # a server may echo it
                    written = written.replace(key, "***")
                with self._lock, self._path.open("a", encoding="utf-8") as file:
                    file.write(written + "\n")
        headers = [(name, value) for name, value in response.headers.items() if name not in _ENCODED]
        return httpx.Response(response.status_code, headers=headers, content=content)

    def close(self) -> None:
        self._inner.close()


_ENCODED = ("content-encoding", "content-length", "transfer-encoding")  # `content` is read, and plain


class Replayer(httpx.BaseTransport):
    """Answers from the lines of `path`, never from a network. Raises BadInput on a damaged file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._replies: dict[str, Any] = {}
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
            try:
                kept = json.loads(line)
                self._replies[kept["request"]] = kept["reply"]
            except (ValueError, KeyError, TypeError) as error:
                raise BadInput(f"line {number} of {path} is no recorded reply", "record it again") from error

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Raises UnknownThing where the request was never recorded."""
        wanted = request_hash(request.read())
        if wanted not in self._replies:
            raise UnknownThing(f"{self._path} has no reply to request {wanted[:12]}", "record it again")
        return httpx.Response(200, json=self._replies[wanted])
