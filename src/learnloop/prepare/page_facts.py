"""What a page says beside its text in, a lesson's or course's attributes and duration out.

One record, shortened, and what becomes of it:

    {"provider": "A school", "price": [{"amount": "49.90", "currency": "EUR"}, {"category": "free"}],
     "instances": [{"start": "2026-09-01", "mode": ["online"],
                    "schedule": {"duration": "PT3H", "count": "7"}}]}

    attributes  {"provider": "A school", "price": {"amount": 0.0, "currency": None},
                 "instances": [{"starts_at": "2026-09-01T00:00:00+00:00", "mode": ["online"],
                                "workload_s": 75600.0}]}
    duration    "PT75600S", since the record gives no other
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from learnloop.prepare.page_account import Account, Record
from learnloop.prepare.prices import price
from learnloop.prepare.text import RULES, repair
from learnloop.prepare.units import seconds, utc_time
from learnloop.prepare.workload import weekly_workload

_NUMBER = re.compile(r"\d{1,12}(?:\.\d{1,6})?")
_CURRENCY = re.compile(r"[A-Z]{3}")
_TEXTS = ("provider", "credential", "age_range")
_LISTS = {"resource_types": "resource_type", "educational_use": "educational_use"}


def facts_of(record: Record, account: Account) -> dict[str, Any]:
    """Attributes of a page's item that its columns have no place for; absent where nobody gave them."""
    facts: dict[str, Any] = {name: _clean(record.get(name)) for name in _TEXTS}
    facts |= {name: _texts(record.get(field)) for field, name in _LISTS.items()}
    offers = _offers(record.get("price"))
    facts["price"] = _price(offers, account)
    if facts["price"] is None:  # as it stands, for a person
        facts["price_text"] = [
            text for offer in offers if (text := " ".join(map(_clean, offer.values())).strip())
        ]
    facts["workload"] = [text for text in _texts(record.get("workload")) if seconds(text) is None]
    weekly = {span for text in facts["workload"] if (span := weekly_workload(text))}
    facts["workload_a_week_s"] = list(*weekly) if len(weekly) == 1 else []
    facts["instances"] = [told for one in record.get("instances", []) if (told := _instance(one, account))]
    facts["syllabus"] = [told for one in record.get("sections", []) if (told := _section(one))["title"]]
    return {name: value for name, value in facts.items() if value}


def duration_of(record: Record, account: Account) -> str | None:
    """The record's duration as found; where it has none, its workload or that of its offerings, if one.

    A workload a week is none of the whole, nor is one of two that differ.
    """
    told = record.get("duration")
    if told and str(told).strip():
        return str(told)
    found = {length for text in _texts(record.get("workload")) if (length := seconds(text))}
    if not found:
        found = {length for one in record.get("instances", []) if (length := _workload_s(one))}
    if len(found) != 1:
        return None
    account.repair("duration from the workload")
    return f"PT{found.pop():.0f}S"


def _clean(value: Any) -> str:
    return repair(value, RULES)[0] if isinstance(value, str) else ""


def _texts(values: Any) -> list[str]:
    listed = values if isinstance(values, list) else [values]
    return list(dict.fromkeys(text for value in listed if (text := _clean(value))))


def _offers(value: Any) -> list[Mapping[str, str]]:
    """Offers as pages have them ({"amount", "currency", "category"}); a bare text is an amount."""
    listed = value if isinstance(value, list) else [value]
    return [one if isinstance(one, dict) else {"amount": one} for one in listed if one]


def _price(offers: Sequence[Mapping[str, str]], account: Account) -> dict[str, Any] | None:
    """{"amount", "currency"} of the cheapest way in, of those in the currency that comes first.

    What costs nothing is free in every currency. None where no offer can be read.
    """
    read = [found for offer in offers if (found := _offer(offer))]
    account.repair("price unreadable: NA", int(bool(offers) and not read))
    if not read:
        return None
    amount, currency = min(
        (one for one in read if one[1] == read[0][1] or one[0] == 0.0), key=lambda one: one[0]
    )
    return {"amount": amount, "currency": currency}


def _offer(offer: Mapping[str, str]) -> tuple[float, str | None] | None:
    """schema.org's own form (a figure with a point, a code), else as people write prices."""
    amount, currency = _clean(offer.get("amount")), _clean(offer.get("currency")).upper()
    if _NUMBER.fullmatch(amount):
        return float(amount), currency if _CURRENCY.fullmatch(currency) else None
    read = price(f"{amount} {currency}".strip() if amount else _clean(offer.get("category")))
    return read if read is None or amount or read[0] == 0.0 else None


def _instance(instance: Mapping[str, Any], account: Account) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, given in (("starts_at", instance.get("start")), ("ends_at", instance.get("end"))):
        if text := _clean(given):
            when = utc_time(text)
            account.repair("date unreadable: NA", int(when is None))
            if when is not None:
                found[name] = when.isoformat()
    found["mode"] = [text.lower() for text in _texts(instance.get("mode"))]
    found["workload_s"] = _workload_s(instance)
    if found["workload_s"] is None:
        found["workload"] = _clean(instance.get("workload"))
    return {name: value for name, value in found.items() if value}


def _workload_s(instance: Mapping[str, Any]) -> float | None:
    """Seconds of the whole offering: its schedule's duration times its count, else its workload.

    A schedule that does not say how often it repeats has no whole.
    """
    schedule = instance.get("schedule") or {}
    each, count = seconds(_clean(schedule.get("duration"))), _clean(schedule.get("count"))
    if each and re.fullmatch(r"[1-9]\d{0,3}", count):
        return each * int(count)
    if each and schedule.get("frequency"):
        return None
    return seconds(_clean(instance.get("workload")))


def _section(section: Mapping[str, Any]) -> dict[str, Any]:
    told: dict[str, Any] = {"title": _clean(section.get("title"))}
    if length := seconds(_clean(section.get("duration"))):
        told["duration_s"] = length
    return told
