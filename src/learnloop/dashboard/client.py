"""The API as the dashboard sees it: one method a question, an error a person can read."""

from collections.abc import Mapping
from typing import Any

import httpx

from learnloop.errors import LearnloopError


class ApiError(LearnloopError):
    """`status` is the HTTP status, 0 where nobody answered."""

    def __init__(self, problem: str, status: int) -> None:
        super().__init__(problem)
        self.status = status


class Client:
    """Reads with one key, in one language."""

    def __init__(
        self, url: str, key: str, language: str, transport: httpx.BaseTransport | None = None
    ) -> None:
        self._http = httpx.Client(
            base_url=url,
            headers={"Authorization": f"Bearer {key}", "Accept-Language": language},
            timeout=10.0,
            transport=transport,
        )

    def me(self) -> dict[str, Any]:
        return self._get("/v1/me")

    def learners(self, limit: int = 200) -> list[dict[str, Any]]:
        return list(self._get("/v1/learners", {"limit": limit})["learners"])

    def recommendations(self, learner_id: str, k: int = 5) -> dict[str, Any]:
        return self._get(f"/v1/learners/{learner_id}/recommendations", {"k": k})

    def mastery(self, learner_id: str) -> list[dict[str, Any]]:
        return list(self._get(f"/v1/learners/{learner_id}/mastery")["concepts"])

    def progress(self, learner_id: str) -> dict[str, Any]:
        return self._get(f"/v1/learners/{learner_id}/progress")

    def operations(self) -> dict[str, Any]:
        return self._get("/v1/operations")

    def _get(self, path: str, params: Mapping[str, Any] | None = None) -> dict[str, Any]:
        try:
            response = self._http.get(path, params=dict(params or {}))
        except httpx.HTTPError as error:
            raise ApiError(f"the API at {self._http.base_url} does not answer: {error}", 0) from error
        if response.is_error:
            try:
                problem = response.json().get("detail") or response.reason_phrase
            except ValueError:
                problem = response.reason_phrase
            raise ApiError(str(problem), response.status_code)
        found: dict[str, Any] = response.json()
        return found
