"""A server of chat completions for tests: real HTTP on loopback, every answer said beforehand."""

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Answer:
    """`body` is sent as it is; `wait` is an event that has to come first."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    wait: threading.Event | None = None


def said(text: str, *, usage: tuple[int, int] | None = (10, 5), finish: str = "stop") -> Answer:
    """A completion that says `text`."""
    reply: dict[str, Any] = {
        "choices": [{"message": {"role": "assistant", "content": text}, "finish_reason": finish}]
    }
    if usage:
        reply["usage"] = {"prompt_tokens": usage[0], "completion_tokens": usage[1]}
    return Answer(body=json.dumps(reply).encode())


def failed(status: int, error: Mapping[str, Any] | None = None, **headers: str) -> Answer:
    body = json.dumps({"error": dict(error or {})}).encode()
    return Answer(status, body, {name.replace("_", "-"): value for name, value in headers.items()})


@dataclass
class Server:
    """`script` gives the answer to each payload; `seen` are the requests there were."""

    script: Callable[[dict[str, Any]], Answer]
    port: int = 0
    seen: list[dict[str, Any]] = field(default_factory=list)
    keys: list[str | None] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"


@contextmanager
def serving(script: Callable[[dict[str, Any]], Answer]) -> Iterator[Server]:
    server = Server(script)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            payload = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            server.seen.append(payload)
            server.keys.append(self.headers["Authorization"])
            answer = script(payload) if self.path == "/v1/chat/completions" else Answer(404)
            if answer.wait:
                answer.wait.wait(10)
            try:
                self.send_response_only(answer.status)  # no Date but the script's
                for name, value in answer.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(answer.body)))
                self.end_headers()
                self.wfile.write(answer.body)
            except OSError:
                self.close_connection = True  # who asked has hung up

        def log_message(self, format: str, *args: Any) -> None:
            """Nothing on stderr."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        http.daemon_threads = True
        server.port = http.server_address[1]
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server
        finally:
            http.shutdown()
            thread.join()


def in_turn(*answers: Answer) -> Callable[[dict[str, Any]], Answer]:
    """One after the other; the last one for ever."""
    left = list(answers)
    lock = threading.Lock()

    def script(payload: dict[str, Any]) -> Answer:
        with lock:
            return left.pop(0) if len(left) > 1 else left[0]

    return script
