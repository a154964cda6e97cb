"""A bound on request bodies, counted as they arrive: what a sender says of its length is not believed."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from learnloop.serve.problems import Refusal, respond

BODY_BYTES = 1 << 20

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]


class BodyLimit:
    """Holds a body back until it is whole, at most `limit` bytes; answers 413 to a longer one."""

    def __init__(self, app: App, limit: int = BODY_BYTES) -> None:
        self.app, self.limit = app, limit

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] in ("GET", "HEAD", "OPTIONS"):
            await self.app(scope, receive, send)
            return
        parts: list[bytes] = []
        length, more = 0, True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            parts.append(message.get("body", b""))
            length, more = length + len(parts[-1]), message.get("more_body", False)
            if length > self.limit:
                refusal = Refusal(
                    413, "too-large", f"a body has at most {self.limit:,} bytes; send less at once"
                )
                # The rest of the body is unread, so the connection is of no further use.
                await respond_closing(refusal, scope, receive, send)
                return
        body: bytes | None = b"".join(parts)

        async def whole() -> Message:
            nonlocal body
            if body is None:
                return await receive()
            given, body = body, None
            return {"type": "http.request", "body": given, "more_body": False}

        await self.app(scope, whole, send)


async def respond_closing(refusal: Refusal, scope: Message, receive: Receive, send: Send) -> None:
    response = respond(refusal)
    response.headers["Connection"] = "close"
    await response(scope, receive, send)
