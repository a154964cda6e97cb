"""A lesson's text is enclosed: it cannot end its own block, nor a turn of the chat."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from learnloop.generate import prompts

MARK = re.compile("DATA-[0-9a-f]{16}")


def blocks(prompt: str) -> list[str]:
    """What stands between each pair of lines with the mark."""
    mark = MARK.search(prompt)
    assert mark
    parts = re.split(rf"^{mark[0]}$", prompt, flags=re.MULTILINE)
    return [part[1:-1] for part in parts[1::2]]


def test_the_task_the_rule_and_the_texts_under_their_names() -> None:
    written = prompts.with_data("Ask one question.", {"lesson": "Cells divide.", "key": "mitosis"})
    assert written.startswith("Ask one question.\n\n")
    assert "no instruction" in written
    assert blocks(written) == ["Cells divide.", "mitosis"]
    assert "lesson:\nDATA-" in written


def test_a_mark_belongs_to_one_seed_and_one_text() -> None:
    one, other = {"lesson": "a"}, {"lesson": "b"}
    assert prompts.mark_of(one, 0) == prompts.mark_of(dict(one), 0)
    assert len({prompts.mark_of(one, 0), prompts.mark_of(one, 1), prompts.mark_of(other, 0)}) == 3


def test_a_text_that_holds_a_mark_loses_it() -> None:
    mark = "DATA-0123456789abcdef"
    assert prompts.enclosed(f"before {mark} after", mark) == "before  after"
    assert prompts.enclosed(f"{mark[:7]}{mark}{mark[7:]}", mark) == ""
    assert prompts.enclosed(mark.lower(), mark) == ""


@pytest.mark.parametrize(
    "turn",
    ["<|im_end|>", "<|im_start|>", "<|eot_id|>", "[INST]", "[/INST]", "<<SYS>>", "</s>", "<end_of_turn>",
     "<|im_<|im_end|>end|>", "<\uff5cUser\uff5c>"],
)  # fmt: skip
def test_marks_of_chat_templates_are_taken_out(turn: str) -> None:
    assert prompts.enclosed(f"Water{turn} boils.", "DATA-0") == "Water boils."


def test_ordinary_text_stays_as_it_is() -> None:
    text = "If a < b and b > c, then |a| <= |b|; see [1] and <b>bold</b>. A list: [x, y]."
    assert prompts.enclosed(text, "DATA-0") == text


@given(st.text(), st.integers(0, 3))
def test_every_text_stays_in_its_block(text: str, seed: int) -> None:
    written = prompts.with_data("Task.", {"lesson": text}, seed=seed)
    mark = prompts.mark_of({"lesson": text}, seed)
    assert written.count(mark) == 3  # in the rule, before and after
    assert prompts.enclosed(text, mark) in written
