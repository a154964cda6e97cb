"""The client of a remote model against a real HTTP server on loopback, scripted by each test."""

import json
import logging
import re
import threading
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from chat_server import Answer, Server, failed, in_turn, said, serving
from generate_lessons import frame

from learnloop.errors import (
    BadInput,
    BadSettings,
    ChecksFailed,
    ModelUnavailable,
    UnknownThing,
)
from learnloop.generate import language_model, pipeline
from learnloop.generate.budget import Budget
from learnloop.generate.recorded import Recorder, Replayer
from learnloop.generate.remote_model import Access, RemoteModel

KEY = "sk-a-very-secret-key"
SCHEMA = {
    "type": "object",
    "properties": {"question": {"type": "string", "maxLength": 80}},
    "required": ["question"],
    "additionalProperties": False,
}
GOOD = '{"question":"What is a cell?"}'


def client(server: Server, waits: list[float] | None = None, **access: Any) -> RemoteModel:
    """Waits are noted, not waited for."""
    noted = waits if waits is not None else []
    loaded = language_model.load(
        f"openai:{server.url}#tiny", Path(), Access(sleep=noted.append, **{"key": KEY, **access})
    )
    assert isinstance(loaded, RemoteModel)
    return loaded


def test_prompts_are_answered_in_their_order() -> None:
    def echo(payload: dict[str, Any]) -> Answer:
        return said(payload["messages"][0]["content"].upper())

    with serving(echo) as server:
        model = client(server)
        assert model.generate([f"prompt {i}" for i in range(9)], 20) == [f"PROMPT {i}" for i in range(9)]
        assert model.generate([], 20) == []
        assert model.name == "tiny at 127.0.0.1"
        assert server.seen[0]["max_tokens"] == 20
        assert server.seen[0]["temperature"] == 0
        assert set(server.keys) == {f"Bearer {KEY}"}


def test_a_schema_is_asked_for_and_checked_here_too() -> None:
    answers = [
        (GOOD, GOOD),
        ('{ "question" : "What is a cell?" }', GOOD),
        ("```json\n" + GOOD + "\n```", GOOD),
        ('{"question":"What is a', ""),
        ('{"question":"What is a cell?","answer":"b"}', ""),
        ('{"question":7}', ""),
        ("Sure! " + GOOD, ""),
        ('{"question":"\\ud800"}', ""),
        ("[" * 100_000, ""),
        ("", ""),
    ]
    with serving(in_turn(*(said(text) for text, _ in answers))) as server:
        model = client(server, parallel=1)
        assert [model.generate(["Ask."], 50, SCHEMA)[0] for _ in answers] == [kept for _, kept in answers]
        asked = server.seen[0]["response_format"]
        assert asked["type"] == "json_schema"
        assert asked["json_schema"]["schema"] == SCHEMA


def test_an_answer_cut_by_the_limit_is_none_with_a_schema_and_short_without() -> None:
    with serving(in_turn(said("12", finish="length"))) as server:
        model = client(server)
        assert model.generate(["?"], 1, {"type": "integer"}) == [""]
        assert model.generate(["?"], 1) == ["12"]


@pytest.mark.parametrize(
    "body",
    [b"[]", b'{"choices":[]}', b'{"choices":[{"message":{"content":null}}]}', b'{"choices":[{"message":7}]}'],
)
def test_a_reply_without_an_answer_is_an_empty_one(body: bytes) -> None:
    with serving(in_turn(Answer(body=body))) as server:
        assert client(server).generate(["?"], 5) == [""]


def test_busy_servers_are_asked_again_when_they_say_so() -> None:
    dated = failed(503, Date="Thu, 26 Nov 2026 10:00:00 GMT", Retry_After="Thu, 26 Nov 2026 10:00:09 GMT")
    script = in_turn(failed(429, Retry_After="7"), failed(500), dated, failed(502), said("yes"))
    waits: list[float] = []
    with serving(script) as server:
        assert client(server, waits).generate(["?"], 5) == ["yes"]
    assert waits == [7, 1, 9, 4]  # 0.5 times 2 after the second failure, times 8 after the fourth


def test_a_server_that_stays_broken_is_given_up() -> None:
    waits: list[float] = []
    with serving(in_turn(failed(500))) as server:
        with pytest.raises(ModelUnavailable, match=r"tiny at 127\.0\.0\.1 answered 500, 5 times"):
            client(server, waits).generate(["?"], 5)
        assert len(server.seen) == 5
    assert waits == [0.5, 1.0, 2.0, 4.0]


def test_nobody_waits_an_hour_and_no_quota_comes_back_by_asking() -> None:
    with serving(in_turn(failed(429, Retry_After="3600"))) as server:
        with pytest.raises(ModelUnavailable, match="asks to wait 3600 seconds"):
            client(server).generate(["?"], 5)
        assert len(server.seen) == 1
    with serving(in_turn(failed(429, {"code": "insufficient_quota"}))) as server:
        with pytest.raises(ModelUnavailable, match=r"answered 429 \(insufficient_quota\)"):
            client(server).generate(["?"], 5)
        assert len(server.seen) == 1


def test_a_server_that_does_not_answer_in_time_is_given_up_and_counts() -> None:
    done = threading.Event()
    budget = Budget(tokens=100_000)
    with serving(lambda _: Answer(wait=done)) as server:
        try:
            with pytest.raises(ModelUnavailable, match=r"no answer within 0\.2 seconds, 2 times"):
                client(server, timeout_s=0.2, attempts=2, budget=budget).generate(["?"], 50)
        finally:
            done.set()
    assert budget.spent.calls == 2
    assert budget.spent.tokens_out == 100


def test_a_server_that_is_not_there_is_named() -> None:
    with serving(in_turn(said("yes"))) as server:
        model = client(server, attempts=2)
    with pytest.raises(ModelUnavailable, match=r"cannot be reached \(ConnectError\), 2 times"):
        model.generate(["?"], 5)


@pytest.mark.parametrize("body", [b"<html>busy</html>", b'{"choices"', b"{}" + b" " * 4_000_001])
def test_what_is_no_json_or_no_end_of_it_is_given_up(body: bytes) -> None:
    with serving(in_turn(Answer(body=body))) as server, pytest.raises(ModelUnavailable, match="no JSON"):
        client(server, attempts=2).generate(["?"], 5)


def test_a_redirect_is_refused_and_nothing_is_sent_there() -> None:
    with serving(in_turn(said("stolen"))) as other:
        there = f"{other.url.replace('127.0.0.1', 'localhost')}/chat/completions"
        for status in (301, 302, 307, 308):
            with serving(in_turn(Answer(status, headers={"Location": there}))) as server:
                with pytest.raises(ModelUnavailable, match="redirects to localhost"):
                    client(server).generate(["?"], 5)
                assert len(server.seen) == 1
        assert other.seen == []


def test_the_key_is_in_no_log_no_error_and_no_object(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    echo = {"message": f"Incorrect API key provided: {KEY}", "code": KEY, "type": "invalid_request_error"}
    cases: list[tuple[Callable[[dict[str, Any]], Answer], int]] = [
        (in_turn(failed(401, echo)), 1),
        (in_turn(failed(500, echo)), 2),
        (in_turn(Answer(body=KEY.encode())), 2),
    ]
    for script, attempts in cases:
        with serving(script) as server:
            model = client(server, attempts=attempts)
            with pytest.raises(ModelUnavailable) as caught:
                model.generate(["?"], 5)
            error: BaseException | None = caught.value
            while error is not None:  # what it was raised from, too
                assert KEY not in "".join(traceback.format_exception(error))
                assert getattr(error, "request", None) is None
                error = error.__cause__ or error.__context__
            assert KEY not in repr(model._access) + repr(model._client.headers)
            assert server.keys[0] == f"Bearer {KEY}"
    assert "chat/completions" in caplog.text, "nothing was logged: the test proves nothing"
    assert KEY not in caplog.text


def test_a_budget_stops_before_the_call_that_would_pass_it() -> None:
    budget = Budget(tokens=1_400)
    with serving(in_turn(said("yes", usage=(300, 100)))) as server:
        model = client(server, budget=budget)
        for _ in range(3):
            model.generate(["?"], 100)
        assert budget.spent.tokens == 1_200
        with pytest.raises(ChecksFailed, match=r"1,200 of 1,400 used.*LEARNLOOP_LLM_TOKEN_BUDGET"):
            model.generate(["?"], 100)
        assert len(server.seen) == 3
        assert budget.spent.tokens == 1_200


def test_a_budget_holds_for_calls_side_by_side() -> None:
    budget = Budget(tokens=2_000)
    with serving(in_turn(said("yes", usage=(50, 400)))) as server, pytest.raises(ChecksFailed):
        client(server, budget=budget, parallel=8).generate(["?"] * 40, 400)
    assert 0 < budget.spent.tokens <= 2_000
    assert budget.spent.calls == len(server.seen)


def test_a_cost_budget_counts_what_the_server_says_it_used() -> None:
    budget = Budget(cost=0.01, price_in=1.0, price_out=10.0)
    with serving(in_turn(said("yes", usage=(200, 100)))) as server:
        model = client(server, budget=budget)
        for _ in range(7):  # (200 x 1 + 100 x 10) / 1,000,000 = 0.0012 each
            model.generate(["?"], 100)
        assert budget.spent.cost == pytest.approx(7 * 0.0012)
        with pytest.raises(ChecksFailed, match="LEARNLOOP_LLM_COST_BUDGET"):
            model.generate(["?"] * 2, 100)


def test_a_reply_without_usage_counts_as_the_most_it_can_have_used() -> None:
    budget = Budget(tokens=100_000)
    with serving(in_turn(said("yes", usage=None))) as server:
        client(server, budget=budget).generate(["?"], 100)
    assert budget.spent.tokens_out == 100
    assert budget.spent.tokens_in > len("?")


def test_what_a_server_refuses_is_left_out_from_then_on() -> None:
    def picky(payload: dict[str, Any]) -> Answer:
        for name in ("max_tokens", "temperature", "response_format"):
            if name in payload:
                return failed(400, {"message": f"Unsupported parameter: '{name}'", "param": name})
        return said(GOOD)

    with serving(picky) as server:
        model = client(server)
        assert model.generate(["Ask."], 50, SCHEMA) == [GOOD]
        assert len(server.seen) == 4
        assert model.generate(["Ask."], 50, SCHEMA) == [GOOD]
        assert len(server.seen) == 5
        assert server.seen[-1]["max_completion_tokens"] == 50
        assert json.dumps(SCHEMA) in server.seen[-1]["messages"][0]["content"]


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (failed(401), r"answered 401.*LEARNLOOP_LLM_KEY_FILE"),
        (failed(404), r"answered 404.*URL#MODEL"),
        (failed(400, {"message": "too long", "code": "context_length_exceeded"}), "context_length_exceeded"),
    ],
)
def test_other_refusals_are_told_with_the_next_step(answer: Answer, told: str) -> None:
    with serving(in_turn(answer)) as server, pytest.raises(ModelUnavailable, match=told):
        client(server).generate(["?"], 5)
    assert len(server.seen) == 1


def test_an_option_is_picked_by_its_letter_and_no_answer_prefers_none() -> None:
    with serving(in_turn(said('{"option":"B"}'), said('{"option":"Z"}'))) as server:
        model = client(server)
        np.testing.assert_array_equal(model.choose("The sea is", ["dry", "wet", "square"]), [0, 1, 0])
        np.testing.assert_allclose(model.choose("The sea is", ["dry", "wet", "square"]), [1 / 3] * 3)
        assert model.choose("The sea is", []).shape == (0,)
        asked = server.seen[0]
        assert asked["response_format"]["json_schema"]["schema"]["properties"]["option"]["enum"] == [*"ABC"]
        assert "B. wet" in asked["messages"][0]["content"]


@pytest.mark.parametrize(
    ("address", "problem"),
    [
        ("openai:http://models.example.org/v1#m", "unencrypted"),
        ("openai:https://models.example.org/v1", "names no model"),
        ("openai:https://user:secret@models.example.org/v1#m", "no plain address"),
        ("openai:https://models.example.org/v1?key=secret#m", "no plain address"),
        ("openai:file:///etc/passwd#m", "no plain address"),
        ("openai:http://127.0.0.1.example.org/v1#m", "unencrypted"),
    ],
)
def test_an_address_that_is_not_safe_is_refused(address: str, problem: str) -> None:
    with pytest.raises(BadSettings, match=problem) as caught:
        language_model.load(address, Path(), Access())
    assert "secret" not in str(caught.value)


def test_unencrypted_is_possible_where_it_was_asked_for() -> None:
    loaded = language_model.load("openai:http://gpu.internal/v1#m", Path(), Access(allow_http=True))
    assert loaded is not None
    assert loaded.name == "m at gpu.internal"


def test_recorded_replies_answer_again_without_a_server(tmp_path: Path) -> None:
    path = tmp_path / "replies.jsonl"
    script = in_turn(failed(500), said("one"), said(f"two, and your key is {KEY}"))
    with serving(script) as server:
        model = client(server, transport=Recorder(path), parallel=1)
        first = model.generate(["a", "b"], 5)
    lines = path.read_text()
    assert KEY not in lines
    assert "authorization" not in lines.lower()
    assert "127.0.0.1" not in lines
    assert len(lines.splitlines()) == 2, "the failed try was kept, too"
    with serving(in_turn(failed(500))) as elsewhere:
        again = client(elsewhere, key="", transport=Replayer(path))
        assert again.generate(["b", "a"], 5) == [first[1].replace(KEY, "***"), first[0]]
        with pytest.raises(UnknownThing, match="has no reply to request"):
            again.generate(["c"], 5)
        assert elsewhere.seen == []


def test_a_damaged_recording_is_named(tmp_path: Path) -> None:
    path = tmp_path / "replies.jsonl"
    path.write_text('{"request": "a", "reply": {}}\n{"request"\n')
    with pytest.raises(BadInput, match="line 2"):
        Replayer(path)


def test_the_embedded_model_behind_the_server_says_what_it_says_here(
    model: language_model.LocalModel,
) -> None:
    def serve(payload: dict[str, Any]) -> Answer:
        shape = payload.get("response_format")
        schema = shape["json_schema"]["schema"] if shape else None
        prompt = payload["messages"][0]["content"]
        return said(model.generate([prompt], payload["max_tokens"], schema)[0])

    prompt = "Write a question about this: Mitochondria make the energy of a cell."
    with serving(serve) as server:
        remote = client(server, timeout_s=120.0)
        found = remote.generate([prompt], 40, SCHEMA)
        assert found == model.generate([prompt], 40, SCHEMA)
        assert "cell" in json.loads(found[0])["question"].lower() or found[0]
        picked = remote.choose("Passage: Water is wet.\nQuestion: What is water?\nAnswer:", ["wet", "dry"])
        assert sorted(picked.tolist()) == [0.0, 1.0]


def test_a_remote_model_vetoes_questions_and_no_pick_lets_none_pass() -> None:
    def reader(payload: dict[str, Any]) -> Answer:
        """Picks the first option that the exercise's own passage holds."""
        asked = payload["messages"][0]["content"]
        passage = asked.rpartition("Passage:")[2].partition("Question:")[0].lower()
        letters = {text.lower(): letter for letter, text in re.findall(r"^([A-Z])\. (.+)$", asked, re.M)}
        return said(json.dumps({"option": next((letters[text] for text in letters if text in passage), "A")}))

    lessons = frame()
    lessons = lessons[lessons["language"] == "en"]
    alone = pipeline.generate(lessons, model=None, embedder=None, summarise=False)
    assert alone.counts["questions"]["accepted"] > 2
    with serving(reader) as server:
        read = pipeline.generate(lessons, model=client(server), embedder=None, summarise=False)
    assert server.seen, "nobody asked the model"
    assert read.counts["questions"]["accepted"] > 2
    vetoed = [row for row in read.questions.to_dict("records") if row["options"]]
    assert {row["provenance"]["model"] for row in vetoed} == {"tiny at 127.0.0.1"}
    with serving(in_turn(said("I cannot say."))) as server:
        silent = pipeline.generate(lessons, model=client(server), embedder=None, summarise=False)
    assert silent.counts["questions"]["rejected"]["model_agrees"] > 2
    assert not any(row["options"] for row in silent.questions.to_dict("records"))


@pytest.mark.parametrize(("languages", "asked"), [((), True), (("es", "fr"), True), (("en",), False)])
def test_a_larger_model_vetoes_in_the_languages_it_has(languages: tuple[str, ...], asked: bool) -> None:
    text = (
        "Un glaciar es una masa de hielo que baja por un valle. Un embalse es un lago que se forma detrás de"
        " una presa. Un acuífero es una capa de roca que almacena agua. Una duna es una colina que el viento"
        " levanta con arena. Una bahía es una entrada del mar en la costa de un país."
    )
    row = {"item_id": "t:es", "parent_id": "t:c", "title": "El agua", "text": text, "language": "es"}
    spanish = pd.DataFrame([row])
    with serving(in_turn(said("I cannot say."))) as server:
        address = f"openai:{server.url}#tiny"
        model = language_model.load(
            address, Path(), Access(sleep=lambda _: None, key=KEY), languages=languages
        )
        made = pipeline.generate(spanish, model=model, embedder=None, summarise=False)
    assert bool(server.seen) == asked
    assert ("model_agrees" in made.counts["questions"]["rejected"]) == asked


def test_the_embedded_model_judges_english(model: language_model.LocalModel) -> None:
    assert model.languages == language_model.EMBEDDED_LANGUAGES == ("en",)
