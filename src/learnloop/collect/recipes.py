r"""Recipes: a TOML file that says where a catalogue's pages are and what is on them, so that nobody codes.

name = "my_school"
description = "The course pages of my school"
site = "https://learn.example.org/"       what relative addresses are joined to; URLs given take its place
start = ["/courses/"]                     pages to begin at;   sitemaps, feeds = ["/sitemap.xml"] likewise
items = ['/courses/[^/]+/']               which addresses are landed; without it, all
delay_s = 1.0                             max_pages, max_depth, language, hosts: what else there is
[follow]
allow = ['/courses/', '\?page=\d+$']      links that are followed; without it, all on the site
deny = ['/login', '\.pdf$']               neither followed nor landed
[fields]
title = "h1.course-title"                 CSS selectors (selectors.py)
[api]
start = ["/api/courses?page_size=100"]    a JSON API instead of pages, or beside them
records = "results"                       the list (json_api.py says what a path is)
next = "pagination.next"                  the next page's address, or its cursor with next_param = "cursor";
kind = "course"                           or page_param = "page", counted up while there are records
follow = ["{html_url}"]                   addresses in a record that are crawled as well
[api.fields]
url = "/courses/{course_id}/about"        the one field that has to be there
title = "name"
"""

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

from learnloop.collect.follow import Rules, normal, place_of
from learnloop.collect.json_api import records_of
from learnloop.collect.selectors import FIELDS, KINDS, check_selectors
from learnloop.errors import BadInput

__all__ = ["Recipe", "read", "records_of", "shipped"]

_FOLDER = Path(__file__).with_name("recipes")
_TEXTS = ("name", "description", "site", "language")
_LISTS = ("start", "sitemaps", "feeds", "hosts")
_PATTERNS = ("items",)
_NUMBERS = {"delay_s": (float, 0), "max_pages": (int, 1), "max_depth": (int, 0)}
_TABLES = {"follow", "fields", "api"}
_API_TEXTS = ("records", "next", "next_param", "page_param", "kind")
_API_KINDS = ("course", "lesson")


@dataclass(frozen=True)
class Recipe:
    """A catalogue, as its file describes it. None and 0 pages: not said."""

    name: str = ""
    description: str = ""
    site: str = ""
    start: tuple[str, ...] = ()
    sitemaps: tuple[str, ...] = ()
    feeds: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    items: tuple[str, ...] | None = None
    allow: tuple[str, ...] | None = None
    deny: tuple[str, ...] = ()
    fields: Mapping[str, str] = field(default_factory=dict)
    api: Mapping[str, Any] = field(default_factory=dict)
    delay_s: float | None = None
    max_pages: int | None = None
    max_depth: int | None = None
    language: str = ""

    def seeds(self, urls: Sequence[str]) -> list[str]:
        """Where the crawl begins: the recipe's addresses, joined to each of `urls` or else to its site.

        Without any of its own it begins at `urls`. Raises BadInput where that leaves nothing to ask for.
        """
        told = (*self.start, *self.sitemaps, *self.feeds, *self.api.get("start", ()))
        bases = list(urls) or ([self.site] if self.site else [])
        if not bases and not (told and all("://" in url for url in told)):
            whose = f"the recipe {self.name} serves many sites and names none" if self.name else "no address"
            way = f" --recipe {self.name}" if self.name else ""
            raise BadInput(f"{whose} to crawl", f"learnloop collect web https://…{way}", field="urls")
        joined = [urljoin(base, url) for base in bases or [""] for url in told] if told else bases
        found = [normal(url) for url in joined]
        if not all(found):
            bad = joined[found.index("")]
            raise BadInput(
                f"{bad!r} is not an http or https address without a user name",
                "learnloop collect web https://…",
                field="urls",
            )
        return list(dict.fromkeys(found))

    def rules(self, seeds: Sequence[str], max_depth: int) -> Rules:
        """Links stay on the hosts (and ports) of the seeds and of `hosts`."""
        extra = [f"{scheme}://{host}" for host in self.hosts for scheme in ("http", "https")]
        return Rules(
            places=frozenset(place_of(url) for url in (*seeds, *extra)),
            allow=self.allow,
            deny=self.deny,
            items=self.items,
            max_depth=max_depth,
            api=self.api,
        )

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it, for the database."""
        return {
            name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()
        }


def shipped() -> list[Recipe]:
    """The recipes that come with us, by name."""
    return [parse(path.read_text("utf-8"), path.name) for path in sorted(_FOLDER.glob("*.toml"))]


def read(file_or_name: str) -> Recipe:
    """A recipe of ours by its name, or a file's. Raises BadInput naming file and key."""
    ours = {path.stem: path for path in _FOLDER.glob("*.toml")}
    path = ours.get(file_or_name, Path(file_or_name))
    try:
        return parse(path.read_text("utf-8"), str(path.name if file_or_name in ours else path))
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(
            f"no recipe {file_or_name!r}: it is neither one of {', '.join(sorted(ours))} nor a readable file",
            "learnloop collect recipes",
            field="recipe",
        ) from error


def parse(text: str, file: str) -> Recipe:
    """The recipe written in `text`. Raises BadInput naming `file`, the key and what to do."""
    try:
        told = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise BadInput(f"{file} is not TOML: {error}", "mend that line", field="recipe") from error
    check = _Check(file)
    check.known(told, "", {*_TEXTS, *_LISTS, *_PATTERNS, *_NUMBERS, *_TABLES})
    values: dict[str, Any] = {key: check.text(told, key) for key in _TEXTS if key in told}
    values |= {key: check.texts(told, key) for key in _LISTS if key in told}
    values |= {key: check.patterns(told, key) for key in _PATTERNS if key in told}
    values |= {key: check.number(told, key) for key in _NUMBERS if key in told}
    follow = check.table(told, "follow")
    check.known(follow, "follow.", {"allow", "deny"})
    values |= {key: check.patterns(follow, key, "follow.") for key in ("allow", "deny") if key in follow}
    if "fields" in told:
        values["fields"] = check.fields(check.table(told, "fields"))
    if "api" in told:
        values["api"] = check.api(check.table(told, "api"))
    if not re.fullmatch(r"[a-z0-9_]+", values.get("name", "")):
        check.refuse("name", "has to be there, of a-z, 0-9 and _", 'name = "my_school"')
    if values.get("site") and not normal(values["site"]):
        check.refuse("site", "is not an http or https address", 'site = "https://learn.example.org/"')
    return Recipe(**values)


class _Check:
    """One value after the other, each refusal naming the file and the key."""

    def __init__(self, file: str) -> None:
        self.file = file

    def refuse(self, key: str, problem: str, next_step: str) -> None:
        raise BadInput(f"{self.file}: {key} {problem}", next_step, field=key)

    def known(self, table: Mapping[str, Any], inside: str, names: set[str]) -> None:
        for key in table:
            if key not in names:
                self.refuse(f"{inside}{key}", "is no key of a recipe", f"use {', '.join(sorted(names))}")

    def text(self, table: Mapping[str, Any], key: str, inside: str = "") -> str:
        value = table[key]
        if not isinstance(value, str) or not value.strip():
            self.refuse(f"{inside}{key}", f"is {value!r}, not a text", f'{key} = "…"')
        return str(value)

    def texts(self, table: Mapping[str, Any], key: str, inside: str = "") -> tuple[str, ...]:
        value = table[key]
        if not isinstance(value, list) or not all(isinstance(one, str) and one.strip() for one in value):
            self.refuse(f"{inside}{key}", f"is {value!r}, not a list of texts", f'{key} = ["…"]')
        return tuple(value)

    def patterns(self, table: Mapping[str, Any], key: str, inside: str = "") -> tuple[str, ...]:
        values = self.texts(table, key, inside)
        for pattern in values:
            try:
                re.compile(pattern)
            except re.error as error:
                self.refuse(
                    f"{inside}{key}",
                    f"has {pattern!r}, which is no regular expression: {error}",
                    f"{key} = ['/courses/[^/]+/$'], in single quotes",
                )
        return values

    def number(self, table: Mapping[str, Any], key: str) -> float | int:
        kind, least = _NUMBERS[key]
        value = table[key]
        sound = isinstance(value, int) or (kind is float and isinstance(value, float))
        if isinstance(value, bool) or not sound or not value >= least:
            what = "a number" if kind is float else "a whole number"
            self.refuse(key, f"is {value!r}, not {what} of {least} or more", f"{key} = {max(least, 1)}")
        return kind(value)

    def table(self, table: Mapping[str, Any], key: str) -> dict[str, Any]:
        value = table.get(key, {})
        if not isinstance(value, dict):
            self.refuse(key, f"is {value!r}, not a table", f"[{key}] on a line of its own")
        return dict(value)

    def fields(self, table: Mapping[str, Any]) -> dict[str, str]:
        try:
            check_selectors(table)
        except BadInput as error:
            raise BadInput(f"{self.file}: fields.{error.problem}", error.next_step, error.field) from error
        return dict(table)

    def api(self, table: Mapping[str, Any]) -> dict[str, Any]:
        self.known(table, "api.", {"start", "follow", "fields", *_API_TEXTS})
        for key in ("start", "records", "fields"):
            if key not in table:
                self.refuse(
                    f"api.{key}", "has to be there", "see the recipes that ship: learnloop collect recipes"
                )
        api: dict[str, Any] = {key: self.text(table, key, "api.") for key in _API_TEXTS if key in table}
        api |= {key: list(self.texts(table, key, "api.")) for key in ("start", "follow") if key in table}
        if api.setdefault("kind", "course") not in _API_KINDS:
            self.refuse("api.kind", f"is {api['kind']!r}", f"one of {', '.join(_API_KINDS)}")
        if "next_param" in api and "next" not in api:
            self.refuse("api.next_param", "is where a cursor goes, and there is no next", 'next = "cursor"')
        fields = self.table(table, "fields")
        self.known(fields, "api.fields.", ({*FIELDS} - {*KINDS}) | {"url"})
        if "url" not in fields:
            self.refuse("api.fields.url", "has to be there", 'url = "html_url"')
        api["fields"] = {key: self.text(fields, key, "api.fields.") for key in fields}
        return api
