"""Recipes: every mistake is named with its file and key; what one says is what is followed and landed."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from crawl_site import Site, crawl, served
from hypothesis import given
from hypothesis import strategies as st

from learnloop.collect import json_api, recipes
from learnloop.collect.follow import Rules, listed, normal, place_of
from learnloop.collect.recipes import Recipe
from learnloop.errors import BadInput

GOOD = """
name = "school"
description = "A school"
site = "https://learn.example.org/"
start = ["/courses/"]
sitemaps = ["/sitemap.xml"]
feeds = ["/news.rss"]
hosts = ["files.example.org"]
items = ['/courses/[^/]+/$']
delay_s = 2
max_pages = 10
max_depth = 3
language = "en"

[follow]
allow = ['/courses/']
deny = ['\\.pdf$']

[fields]
title = "h1"

[api]
start = ["/api/?n=1"]
records = "results"
next = "next"
follow = ["{html}"]
[api.fields]
url = "html"
title = "name"
"""


def test_a_whole_recipe_is_read() -> None:
    recipe = recipes.parse(GOOD, "school.toml")
    assert recipe.seeds([]) == [
        "https://learn.example.org/courses/",
        "https://learn.example.org/sitemap.xml",
        "https://learn.example.org/news.rss",
        "https://learn.example.org/api/?n=1",
    ]
    assert recipe.seeds(["http://127.0.0.1:81/x/"])[0] == "http://127.0.0.1:81/courses/"
    assert (recipe.delay_s, recipe.max_pages, recipe.max_depth, recipe.language) == (2.0, 10, 3, "en")
    rules = recipe.rules(recipe.seeds([]), 3)
    assert rules.on_site("http://learn.example.org/a")
    assert rules.on_site("https://files.example.org/b")
    assert not rules.on_site("https://other.example.org/")
    assert Rules.from_dict(json.loads(json.dumps(rules.to_dict()))) == rules
    assert json.loads(json.dumps(recipe.to_dict()))["fields"] == {"title": "h1"}


@pytest.mark.parametrize(
    ("old", "new", "key", "message"),
    [
        ('name = "school"', "", "name", "has to be there"),
        ('name = "school"', 'name = "My School"', "name", "a-z"),
        ('site = "https://learn.example.org/"', 'site = "learn.example.org"', "site", "not an http"),
        ('start = ["/courses/"]', 'start = "/courses/"', "start", "not a list of texts"),
        ('start = ["/courses/"]', "start = [1]", "start", "not a list of texts"),
        ("delay_s = 2", "delay_s = -1", "delay_s", "of 0 or more"),
        ("delay_s = 2", "delay_s = nan", "delay_s", "of 0 or more"),
        ("delay_s = 2", "delay_s = true", "delay_s", "not a number"),
        ("max_pages = 10", 'max_pages = "many"', "max_pages", "whole number"),
        ("max_pages = 10", "max_pages = 1.5", "max_pages", "whole number"),
        ("max_depth = 3", "depth = 3", "depth", "is no key"),
        ("items = ['/courses/[^/]+/$']", "items = ['[']", "items", "no regular expression"),
        ("deny = ['\\.pdf$']", "deny = ['(']", "follow.deny", "no regular expression"),
        ("deny = ['\\.pdf$']", "refuse = ['x']", "follow.refuse", "is no key"),
        ('title = "h1"', 'titel = "h1"', "titel", "fields"),
        ('title = "h1"', 'title = "h1["', "title", "fields"),
        ('records = "results"', "", "api.records", "has to be there"),
        ('next = "next"', "next = 3", "api.next", "not a text"),
        ('next = "next"', 'next_param = "c"', "api.next_param", "no next"),
        ('url = "html"', "", "api.fields.url", "has to be there"),
        ('title = "name"', 'name = "name"', "api.fields.name", "is no key"),
        ('records = "results"', 'records = "results"\nkind = "book"', "api.kind", "course"),
        ("[fields]", "[fields", "recipe", "not TOML"),
    ],
)
def test_a_mistake_is_named_with_file_and_key(old: str, new: str, key: str, message: str) -> None:
    assert old in GOOD
    with pytest.raises(BadInput, match=message) as caught:
        recipes.parse(GOOD.replace(old, new, 1), "my.toml")
    assert caught.value.field == key
    assert "my.toml" in caught.value.problem
    assert caught.value.next_step


def test_every_shipped_recipe_is_sound_and_listed(tmp_path: Path) -> None:
    shipped = recipes.shipped()
    assert [recipe.name for recipe in shipped] == ["mit_ocw", "open_textbook_library", "openedx"]
    for recipe in shipped:
        assert recipes.read(recipe.name) == recipe
        assert recipe.description
    with pytest.raises(BadInput, match=r"no recipe .*neither one of mit_ocw"):
        recipes.read(str(tmp_path / "none.toml"))
    (tmp_path / "mine.toml").write_text(GOOD)
    assert recipes.read(str(tmp_path / "mine.toml")).name == "school"
    command = [sys.executable, "-m", "learnloop.cli", "collect", "recipes", "--json"]
    told = subprocess.run(command, capture_output=True, check=True, timeout=300)
    assert list(json.loads(told.stdout)) == [recipe.name for recipe in shipped]


SITEMAP = """<?xml version="1.0"?><urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">
<url><loc> /a </loc><lastmod>2026</lastmod></url><url><loc>https://x.org/b?c=1&amp;d=2</loc></url></urlset>"""
RSS = """<rss version="2.0"><channel><link>https://x.org/</link><item><title>t</title><link>/1</link></item>
<item><link>/2</link></item></channel></rss>"""
ATOM = """<feed xmlns="http://www.w3.org/2005/Atom"><link href="/self"/><entry><link rel="edit" href="/e"/>
<link href="/1"/></entry></feed>"""
RDF = """<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/">
<item><link>/1</link></item></rdf:RDF>"""


@pytest.mark.parametrize(
    ("body", "found"),
    [
        (SITEMAP, ("urlset", ["https://x.org/a", "https://x.org/b?c=1&d=2"])),
        ("\ufeff" + RSS, ("rss", ["https://x.org/1", "https://x.org/2"])),
        (ATOM, ("feed", ["https://x.org/1"])),
        (RDF, ("RDF", ["https://x.org/1"])),
        (SITEMAP[:-60], ("urlset", ["https://x.org/a"])),
        ("<html><body><item><link>/1</link></item></body></html>", None),
        ('<!DOCTYPE a [<!ENTITY b "c">]><urlset><url><loc>/&b;</loc></url></urlset>', None),
        ('{"a": 1}', None),
        ("", None),
    ],
)
def test_sitemaps_and_feeds_are_known_by_their_root(body: str, found: Any) -> None:
    assert listed(body.encode(), "https://x.org/") == found


@given(st.binary(max_size=300))
def test_no_bytes_are_too_odd_for_a_list_or_an_api(body: bytes) -> None:
    recipe = recipes.parse(GOOD, "school.toml").to_dict()
    for one in (body, b"<urlset>" + body, b'{"results": [' + body):
        listed(one, "https://x.org/")
        assert json_api.records_of(one, "https://x.org/", recipe)[0]["kind"] == "broken"
        json_api.further(one, "https://x.org/", recipe["api"])


@given(st.text(max_size=40))
def test_an_address_has_one_spelling(text: str) -> None:
    once = normal(text, "https://x.org/a/")
    assert not once or (normal(once) == once and re.match(r"https?://[^/@]+/", once))
    if once:
        place_of(once)


API: dict[str, Any] = {"records": "data.list", "kind": "lesson"}


def further(document: Any, **api: Any) -> tuple[list[str], list[str]]:
    return json_api.further(json.dumps(document).encode(), "https://x.org/api?q=1&page=2", {**API, **api})


def test_the_next_page_of_an_api_is_found_in_every_usual_way() -> None:
    records = {"data": {"list": [{"id": 1, "slug": "a b"}]}}
    assert further({**records, "next": "/api?page=3"}, next="next")[0] == ["https://x.org/api?page=3"]
    assert further({**records, "next": None}, next="next")[0] == []
    cursor = further({**records, "meta": {"c": "x=="}}, next="meta.c", next_param="after")[0]
    assert cursor == ["https://x.org/api?q=1&page=2&after=x%3D%3D"]
    assert further(records, page_param="page")[0] == ["https://x.org/api?q=1&page=3"]
    assert further({"data": {"list": []}}, page_param="page")[0] == []
    assert further(records, follow=["/lessons/{slug}"])[1] == ["https://x.org/lessons/a%20b"]


def test_records_of_an_api_have_the_shape_of_a_page() -> None:
    recipe = {
        "api": {
            **API,
            "fields": {
                "url": "/l/{id}",
                "title": "name",
                "text": "html",
                "teaches": "topics.name",
                "licence": "=CC BY 4.0",
                "level": "levels.0",
            },
        }
    }
    member = {
        "id": 3,
        "name": "Mean",
        "html": "<p>One <b>two</b>.</p><script>x()</script><p>Three &amp; four.</p>",
        "topics": [{"name": "Mean"}, {"name": "Median"}, {}],
        "levels": ["easy", "hard"],
    }
    body = json.dumps({"data": {"list": [member, {"name": "nowhere"}]}}).encode()
    good, bad = json_api.records_of(body, "https://x.org/api", recipe)
    assert good["url"] == "https://x.org/l/3"
    assert (good["kind"], good["title"], good["level"]) == ("lesson", "Mean", "easy")
    assert good["text"] == "One two.\n\nThree & four."
    assert [term["name"] for term in good["teaches"]] == ["Mean", "Median"]
    assert good["licence"] == "CC BY 4.0"
    assert bad["kind"] == "broken"
    assert "without an address" in bad["problem"]


def test_a_recipe_says_what_is_followed_and_what_is_landed() -> None:
    """A list of courses over two pages and a feed: the homes are landed, the forums not asked for."""
    site = Site()
    with served(site):
        site.add("/list", '<a href="/list?page=2">2</a><a href="/c/1/">1</a><a href="/login">in</a>')
        site.add("/list?page=2", '<a href="/c/2/">2</a><a href="/about">us</a>')
        for n in (1, 2, 3):
            site.add(
                f"/c/{n}/", f'<h1>Course {n}</h1><a href="/c/{n}/forum">talk</a><a href="/c/{n}/a.pdf">x</a>'
            )
        site.add(
            "/feed", RSS.replace("/1", "/c/3/").replace("/2", "/news"), Content_Type="application/rss+xml"
        )
        recipe = Recipe(
            "mine",
            start=("/list",),
            feeds=("/feed",),
            items=(r"/c/\d+/$",),
            allow=(r"/list\?page=\d+$",),
            deny=(r"\.pdf$",),
        )
        pages, report = crawl(site.url + "/", recipe=recipe)
    assert sorted(url.removeprefix(site.url) for url in pages) == ["/c/1/", "/c/2/", "/c/3/"]
    assert sorted(site.asked) == ["/c/1/", "/c/2/", "/c/3/", "/feed", "/list", "/list?page=2", "/robots.txt"]
    assert (report.pages, report.lists) == (3, 3)


def test_pages_of_one_sitemap_come_before_the_next_sitemap() -> None:
    site = Site()
    with served(site):
        site.add(
            "/s.xml",
            "<sitemapindex><sitemap><loc>/s1.xml</loc></sitemap><sitemap><loc>/s2.xml</loc></sitemap></sitemapindex>",
        )
        for n in (1, 2):
            entries = "".join(f"<url><loc>/{n}{letter}</loc></url>" for letter in "abcd")
            site.add(f"/s{n}.xml", f"<urlset>{entries}</urlset>", Content_Type="text/xml")
            for letter in "abcd":
                site.add(f"/{n}{letter}", "page")
        pages, report = crawl(site.url + "/s.xml", max_pages=4)
    landed = [url.removeprefix(site.url) for url in pages]
    assert landed == ["/1a", "/1b", "/1c", "/1d"]
    assert "/s.xml" not in landed
    assert report.pages == 4


def test_a_page_number_that_is_none_ends_the_list() -> None:
    api = {"records": "results", "page_param": "page"}
    following, _ = json_api.further(b'{"results": [{}]}', "https://x.org/?page=%C2%B2", api)
    assert following == []
    following, _ = json_api.further(b'{"results": [{}]}', "https://x.org/?page=2", api)
    assert following == ["https://x.org/?page=3"]
