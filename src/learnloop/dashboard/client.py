"""The API as the dashboard sees it: one method a question, an error a person can read."""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

import httpx

from learnloop.errors import LearnloopError

SECONDS, SLOW_SECONDS = 10.0, 60.0  # until an answer; what reads all that was ever handed in takes longer


class ApiError(LearnloopError):
    """`status` is the HTTP status, 0 where nobody answered; `problem` says `next_step`, too."""

    def __init__(self, problem: str, status: int, next_step: str = "") -> None:
        super().__init__(problem)
        self.status, self.next_step = status, next_step


class Client:
    """Asks with one key, in one language."""

    def __init__(
        self, url: str, key: str, language: str, transport: httpx.BaseTransport | None = None
    ) -> None:
        self._http = httpx.Client(
            base_url=url,
            headers={"Authorization": f"Bearer {key}", "Accept-Language": language},
            timeout=SECONDS,
            transport=transport,
        )

    def me(self) -> dict[str, Any]:
        return self._get("/v1/me")

    def learners(self, limit: int = 200) -> list[dict[str, Any]]:
        return list(self._get("/v1/learners", {"limit": limit})["learners"])

    def recommendations(
        self, learner_id: str, k: int = 5, max_duration_s: int | None = None
    ) -> dict[str, Any]:
        wishes = {"k": k, **({"max_duration_s": max_duration_s} if max_duration_s else {})}
        return self._get(f"/v1/learners/{learner_id}/recommendations", wishes)

    def hide(self, learner_id: str, item_id: str) -> None:
        """The learner does not want to see the item again."""
        self._ask("POST", f"/v1/learners/{learner_id}/hidden/{quote(item_id)}")

    def unhide_all(self, learner_id: str) -> None:
        for item_id in self.hidden(learner_id):
            self._ask("DELETE", f"/v1/learners/{learner_id}/hidden/{quote(item_id)}")

    def hidden(self, learner_id: str) -> list[str]:
        return list(self._get(f"/v1/learners/{learner_id}/hidden")["item_ids"])

    def mastery(self, learner_id: str) -> dict[str, Any]:
        return dict(self._get(f"/v1/learners/{learner_id}/mastery"))

    def reviews(self, learner_id: str) -> dict[str, Any]:
        return self._get(f"/v1/learners/{learner_id}/reviews")

    def progress(self, learner_id: str) -> dict[str, Any]:
        return self._get(f"/v1/learners/{learner_id}/progress")

    def courses(self) -> list[dict[str, Any]]:
        """Those that are under way today."""
        return list(self._get("/v1/courses")["courses"])

    def at_risk(self, course: str, limit: int = 1000) -> dict[str, Any]:
        return self._ask(
            "GET", f"/v1/courses/{quote(course)}/at-risk", {"limit": limit}, seconds=SLOW_SECONDS
        )

    def questions(
        self, status: str, kind: str, origin: str, limit: int, flagged_first: bool = False
    ) -> list[dict[str, Any]]:
        """kind, origin: "" for any."""
        order = "flagged" if flagged_first else ""
        wanted = {"status": status, "kind": kind, "origin": origin, "limit": limit, "order": order}
        return list(self._get("/v1/questions", {n: v for n, v in wanted.items() if v})["questions"])

    def question(self, question_id: str) -> dict[str, Any]:
        return self._get(f"/v1/questions/{quote(question_id)}")

    def set_question_status(self, question_id: str, status: str, why: str, version: int, was: str) -> None:
        """version, was: what the reader saw of it; 409 where it is another by now."""
        body = {"status": status, "why": why, "version": version, "was": was}
        self._ask("POST", f"/v1/questions/{quote(question_id)}/status", body=body)

    def lessons_to_ask_about(self, words: str, language: str, limit: int) -> list[dict[str, Any]]:
        """Lessons that questions can be made of; words: a part of the title; "" for any."""
        wanted = {"words": words, "language": language, "limit": limit}
        found = self._get("/v1/generations/lessons", {n: v for n, v in wanted.items() if v})
        return list(found["lessons"])

    def generate(self, item_id: str, count: int, kinds: Sequence[str]) -> None:
        """Begins a job that makes questions; kinds: none for all."""
        self._ask("POST", "/v1/generations", body={"item_ids": [item_id], "count": count, "kinds": [*kinds]})

    def generations(self, limit: int) -> list[dict[str, Any]]:
        """Jobs, the newest first."""
        return list(self._get("/v1/generations", {"limit": limit})["jobs"])

    def cancel_generation(self, job_id: str) -> None:
        self._ask("DELETE", f"/v1/generations/{job_id}")

    def practice_lessons(self) -> list[dict[str, Any]]:
        return list(self._get("/v1/practice")["lessons"])

    def practice(self, lesson: str, limit: int) -> dict[str, Any]:
        """Questions of a lesson, without their keys."""
        return self._get(f"/v1/practice/{quote(lesson)}", {"limit": limit})

    def answer(self, question_id: str, body: Mapping[str, Any]) -> dict[str, Any]:
        return self._ask("POST", f"/v1/questions/{quote(question_id)}/answers", body=body)

    def answers_to_grade(self, limit: int) -> list[dict[str, Any]]:
        """Those that wait for a teacher, the oldest first."""
        return list(self._get("/v1/answers", {"ungraded": "true", "limit": limit})["answers"])

    def answers(self, which: str, question_id: str, words: str, limit: int) -> list[dict[str, Any]]:
        """which: graded, teacher, machine; the last answered first. question_id, words: "" for any."""
        wanted = {"which": which, "question_id": question_id, "words": words, "limit": limit}
        return list(self._get("/v1/answers", {n: v for n, v in wanted.items() if v})["answers"])

    def answered_questions(self) -> list[dict[str, Any]]:
        """Questions with how many of their answers wait, and how many are graded by whom."""
        return list(self._get("/v1/answers/by-question")["questions"])

    def answer_to_grade(self, event_id: str) -> dict[str, Any]:
        """With all that helps to grade it."""
        return self._get(f"/v1/answers/{quote(event_id)}")

    def grade(self, event_id: str, score: float, comment: str, was: float | None) -> dict[str, Any]:
        """was: the score that this one puts right; None of an answer that waits."""
        body = {"score": score, "comment": comment, **({} if was is None else {"was": was})}
        return self._ask("POST", f"/v1/answers/{quote(event_id)}/grade", body=body)

    def own_answers(self, learner_id: str, which: str, limit: int) -> dict[str, Any]:
        """A learner's; which: new, graded, waiting, all."""
        return self._get(f"/v1/learners/{learner_id}/answers", {"which": which, "limit": limit})

    def see_answers(self, learner_id: str, until: str) -> None:
        """The learner has seen what was graded until then."""
        self._ask("POST", f"/v1/learners/{learner_id}/answers/seen", body={"until": until})

    def report(self, question_id: str, reason: str, comment: str, version: int) -> None:
        """What a learner says is wrong with a question."""
        body = {"reason": reason, "comment": comment, "version": version}
        self._ask("POST", f"/v1/questions/{quote(question_id)}/reports", body=body)

    def operations(self) -> dict[str, Any]:
        return self._get("/v1/operations")

    def _get(self, path: str, params: Mapping[str, Any] | None = None) -> dict[str, Any]:
        return self._ask("GET", path, params)

    def _ask(
        self,
        method: str,
        path: str,
        params: Mapping[str, Any] | None = None,
        body: Mapping[str, Any] | None = None,
        seconds: float = SECONDS,
    ) -> dict[str, Any]:
        try:
            response = self._http.request(method, path, params=dict(params or {}), json=body, timeout=seconds)
        except httpx.HTTPError as error:
            raise ApiError(f"the API at {self._http.base_url} does not answer: {error}", 0) from error
        if response.is_error:
            try:
                told = dict(response.json())
            except (TypeError, ValueError):
                told = {}
            problem = str(told.get("detail") or response.reason_phrase)
            raise ApiError(problem, response.status_code, str(told.get("next_step") or ""))
        found: dict[str, Any] = response.json()
        return found
