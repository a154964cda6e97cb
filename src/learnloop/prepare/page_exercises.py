"""The questions on lesson pages in, items of kind exercise out."""

from collections.abc import Sequence

import pandas as pd

from learnloop.prepare.page_account import Account, Record, numbers
from learnloop.prepare.text import clean_text

TITLE_LENGTH = 80


def exercises_of(
    pages: pd.DataFrame, records: Sequence[Record], account: Account
) -> tuple[list[Record], dict[str, tuple[Record, int]]]:
    """ITEMS rows of the questions on lessons, and where each was found: (page, number)."""
    rows, found = [], {}
    for page, record in zip(pages.to_dict("records"), records, strict=True):
        for n in numbers(record):
            row, reason = _exercise(page, record["questions"][n - 1], n, account)
            if row is None:
                account.questions.append((record, n, reason))
            else:
                rows.append(row)
                found[row["item_id"]] = (record, n)
    return rows, found


def _exercise(page: Record, question: Record, n: int, account: Account) -> tuple[Record | None, str]:
    told = [str(question.get("text", "")), str(question.get("answer", "")), *question.get("options", [])]
    clean, repairs = clean_text(pd.Series(told, dtype="str"))
    text, answer, *options = clean
    if page["kind"] != "lesson":
        return None, "question outside a lesson"
    if not text:
        return None, "question without text"
    if not answer:
        return None, "question without answer"
    account.repairs(repairs)
    options = list(dict.fromkeys(filter(None, options)))
    if options and answer not in options:
        # sites list the wrong answers only; sorted, so that the place tells nothing
        options = sorted([*options, answer])
    inherited = {name: page[name] for name in ("source", "language", "subject", "level", "licence", "url")}
    return {
        **inherited,
        "item_id": f"{page['item_id']}#q{n}",
        "kind": "exercise",
        "parent_id": page["item_id"],
        "position": n,
        "title": text if len(text) <= TITLE_LENGTH else text[: TITLE_LENGTH - 1].rstrip() + "…",
        "text": text,
        "answer": answer,
        "attributes": {"options": options} if options else {},
    }, ""
