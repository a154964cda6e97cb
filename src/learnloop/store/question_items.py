"""The items that questions of the bank are: an answer is an interaction with one of them.

question_id demo:9f86…  version 2  of demo:lesson/loops   ->   item_id question:demo:9f86…@2
                                                               kind question  parent demo:lesson/loops

Each version is an item of its own, so what a tracer learns of one never mixes with another wording; its
lesson holds it, so an answer counts for the lesson as an exercise's does. A question whose own item_id is an
exercise or a question, as importers bring them, is that item already.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

ASKED = ("exercise", "question")
PREFIX = "question:"
TITLE_LENGTH = 80

# A question about a text that is no lesson here becomes no item: it would be recommended by itself.
_ITEMS = sa.text(f"""
    INSERT INTO items (item_id, source, kind, parent_id, position, title, text, language, subject, level,
                       licence, answer, attributes)
    SELECT '{PREFIX}' || q.question_id || '@' || q.version, 'question', 'question', q.item_id, NULL,
           left(q.stem, {TITLE_LENGTH}), q.stem, q.language, i.subject, i.level, q.licence, q.key,
           jsonb_build_object('options', q.options, 'question_id', q.question_id, 'version', q.version)
    FROM questions q JOIN items i USING (item_id)
    WHERE q.question_id = ANY(:ids) AND i.kind NOT IN ('exercise', 'question')
      AND q.question_id ~ '^\\S[^\\x01-\\x1f\\x7f]*$'
    ORDER BY q.question_id ON CONFLICT DO NOTHING
""")  # noqa: S608 - our own names
# Without concepts that are known it has those of its lesson, as any item below one.
_CONCEPTS = sa.text(f"""
    INSERT INTO item_concepts (item_id, concept_id)
    SELECT DISTINCT '{PREFIX}' || q.question_id || '@' || q.version, c.concept_id
    FROM questions q
    CROSS JOIN LATERAL jsonb_array_elements_text(
        CASE WHEN jsonb_typeof(q.concept_ids) = 'array' THEN q.concept_ids ELSE '[]' END) told(concept_id)
    JOIN concepts c ON c.concept_id = told.concept_id
    JOIN items i ON i.item_id = '{PREFIX}' || q.question_id || '@' || q.version
    WHERE q.question_id = ANY(:ids) ORDER BY 1, 2 ON CONFLICT DO NOTHING
""")  # noqa: S608 - our own names


def register(connection: sa.Connection, question_ids: Sequence[str]) -> None:
    """Makes items of the present versions of these questions, where there are none yet."""
    ids = {"ids": sorted(set(question_ids))}
    connection.execute(_ITEMS, ids)
    connection.execute(_CONCEPTS, ids)


def item_of(question: Mapping[str, Any], kind: str | None) -> str:
    """The item_id of an answer to a question (its row); kind: of the item that the question is about."""
    if kind in ASKED:
        return str(question["item_id"])
    return f"{PREFIX}{question['question_id']}@{question['version']}"
