"""A row of ITEMS in, the lesson that rules read out, without what is hidden or speaks to a machine.

{"item_id": "demo:tides", "parent_id": "demo:sea", "title": "Tides", "text": "A tide is …", "language": "en"}
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from learnloop.generate import sanitise
from learnloop.generate.instructions import without_commands, without_fenced
from learnloop.generate.terms import Lesson


def lesson_of(row: Mapping[Any, Any]) -> Lesson:
    """Its text is the row's after cleaning, so spans in it may not be the row's; `course` is the parent."""
    parent, item_id = row.get("parent_id"), str(row["item_id"])
    course = str(parent) if isinstance(parent, str) else item_id.split(":")[0]
    text = sanitise.clean(without_fenced(str(row["text"]))).text
    lesson = Lesson.of(item_id, course, str(row["title"]), text, str(row["language"]))
    # Neither asked about, nor summed up, nor a distractor of another lesson.
    return replace(lesson, sentences=without_commands(lesson.sentences))
