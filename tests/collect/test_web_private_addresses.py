"""No private address is reached: not by number in any form, not by name, redirect, robots.txt or rebinding.

The crawler runs as it does, in its own process, in a world in which every connection that is opened to
anything but the site reaches a canary instead (scripted_spider.py); the canary has to stay alone.
"""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from crawl_site import MemoryFrontier, Site, crawl, links, served

from learnloop.collect import egress, web
from learnloop.collect.follow import normal
from learnloop.collect.recipes import Recipe

# as a page could write them between http:// and the path
PRIVATE = (
    # loopback: dotted, short, decimal, octal, hexadecimal, mixed, elsewhere in the network
    *("127.0.0.1", "127.1", "127.0.1", "2130706433", "017700000001", "0x7f000001", "0x7f.1", "0177.0.0.1"),
    *("0x7f.0x0.0x0.0x1", "127.0.0.1.", "127.255.255.254", "127.0.1.1", "00177.0.0.01", "0x7F.0.0.0x1"),
    # this host, and all of them
    *("0.0.0.0", "0", "0x0", "0.0.0.1", "255.255.255.255", "4294967295"),  # noqa: S104
    # private networks
    *("10.0.0.1", "10.255.255.255", "0xa.0.0.1", "167772161", "012.0.0.1", "10.1", "172.16.0.1"),
    *("172.31.255.255", "0xac.0x10.0.1", "2886729729", "192.168.0.1", "192.168.255.255", "0300.0250.0.1"),
    *("3232235521", "192.168.1", "0xc0a80001"),
    # link-local, metadata of clouds
    *("169.254.169.254", "2852039166", "0xa9fea9fe", "0251.0376.0251.0376", "169.254.43518"),
    *("169.254.170.2", "169.254.0.1", "100.100.100.200", "192.0.0.192", "168.63.129.16", "100.64.0.1"),
    # documentation, benchmarks, multicast, reserved
    *("192.0.2.1", "198.51.100.1", "203.0.113.1", "198.18.0.1", "224.0.0.1", "239.255.255.250", "240.0.0.1"),
    # IPv6: loopback, unspecified, link-local, unique local (and a metadata address), site-local, multicast
    *("[::1]", "[0:0:0:0:0:0:0:1]", "[::]", "[fe80::1]", "[febf::1]", "[fc00::1]", "[fd00:ec2::254]"),
    *("[fd12:3456::1]", "[fec0::1]", "[ff02::1]", "[100::1]", "[2001:db8::1]", "[3fff::1]", "[5f00::1]"),
    # IPv4 in IPv6: mapped, compatible, translated, NAT64, 6to4, Teredo, ISATAP
    *("[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[0:0:0:0:0:ffff:10.0.0.1]", "[::ffff:169.254.169.254]"),
    *("[::127.0.0.1]", "[::ffff:0:127.0.0.1]", "[64:ff9b::127.0.0.1]", "[64:ff9b::a9fe:a9fe]"),
    *("[64:ff9b:1::10.0.0.1]", "[2002:7f00:1::]", "[2002:a00:1::1]", "[2001:0:a9fe:a9fe::1]"),
    *("[2001:4860::5efe:127.0.0.1]", "[2001:4860::200:5efe:a00:1]"),
    # letters that become digits
    *("１２７.０.０.１", "127。0。0。1", "①②⑦.⓪.⓪.①"),
    # names
    *(
        "localhost",
        "localhost.",
        "LOCALHOST",
        "printer",
        "db.internal",
        "metadata.google.internal",
        "nas.local",
    ),
)
ADDRESSES = tuple(dict.fromkeys(PRIVATE))


@dataclass
class World:
    """A site, a canary, and the crawler between them."""

    site: Site
    canary: Site
    folder: Path
    names: dict[str, list[list[str]]]
    public: tuple[str, ...] = ()
    door_open: bool = False
    unlocked: bool = False

    @property
    def log(self) -> list[str]:
        watch = self.folder / "watch"
        return watch.read_text().splitlines() if watch.exists() else []

    @contextmanager
    def run(self, monkeypatch: pytest.MonkeyPatch, at: str = "127.0.0.1") -> Iterator[None]:
        world = {
            "names": self.names,
            "site": [at, self.site.port],
            "canary": self.canary.port,
            "watch": str(self.folder / "watch"),
            "public": self.public,
            "unlocked": self.unlocked,
            "door_open": self.door_open,
        }
        (self.folder / "world.json").write_text(json.dumps(world))
        script = Path(__file__).with_name("scripted_spider.py")
        with monkeypatch.context() as patch:
            patch.setattr(web, "CHILD", [sys.executable, str(script), str(self.folder / "world.json")])
            yield


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    site, canary = Site(), Site()
    inside = {name: [["127.0.0.1"]] for name in ("localhost", "printer", "db.internal", "nas.local")}
    inside["metadata.google.internal"] = [["169.254.169.254"]]
    with served(site), served(canary):
        yield World(site, canary, tmp_path, inside)


def test_the_corpus_is_large_and_none_of_it_is_public() -> None:
    assert len(ADDRESSES) >= 60
    assert [host for host in ADDRESSES if not egress.is_private_name(host)] == []
    public = ("93.184.216.34", "0x5db8d822", "example.org", "[2606:2800:220:1:248:1893:25c8:1946]")
    assert [
        host for host in (*public, "[::ffff:93.184.216.34]", "8.8.8.8") if egress.is_private_name(host)
    ] == []


@pytest.mark.parametrize("door_open", [False, True], ids=["both locks", "the connection's lock alone"])
def test_no_address_of_the_corpus_is_reached_by_itself(
    world: World, monkeypatch: pytest.MonkeyPatch, door_open: bool
) -> None:
    world.door_open = door_open
    urls = [f"http://{host}:{world.canary.port}/" for host in ADDRESSES]
    asked = [url for url in urls if normal(url)]
    with world.run(monkeypatch):
        pages, report = crawl(*asked, allow_hosts=[])
    assert len(asked) >= 60
    assert pages == {}
    assert world.canary.asked == []
    assert not [line for line in world.log if line.startswith("connect")]
    assert sum(report.errors.values()) == len({normal(url) for url in asked})
    assert report.errors.get("private address", 0) >= 60


@pytest.mark.parametrize("door_open", [False, True], ids=["both locks", "the connection's lock alone"])
def test_no_address_of_the_corpus_is_reached_by_a_redirect(
    world: World, monkeypatch: pytest.MonkeyPatch, door_open: bool
) -> None:
    """Even where the recipe counts these hosts as its own, which is not to allow them."""
    site = Site()
    with served(site, "127.0.0.2"):
        world.site, world.public, world.door_open = site, ("127.0.0.2",), door_open
        world.names["site.example.org"] = [["127.0.0.2"]]
        targets = [f"http://{host}:{world.canary.port}/" for host in ADDRESSES]
        targets = [target for target in targets if normal(target)]
        site.add("/", links(*(f"/{i}" for i in range(len(targets)))))
        for i, target in enumerate(targets):
            site.add(f"/{i}", status=302, Location=target.encode().decode("latin-1"))
        recipe = Recipe("test", hosts=tuple(normal(target)[len("http://") : -1] for target in targets))
        with world.run(monkeypatch, at="127.0.0.2"):
            start = f"http://site.example.org:{site.port}/"
            _, report = crawl(start, recipe=recipe, max_pages=1000, allow_hosts=[])
    assert report.redirects == len(targets) >= 60
    assert world.canary.asked == []
    assert report.errors.get("private address", 0) >= 60


def test_no_address_of_the_corpus_is_reached_by_a_name(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    numbers = {str(number) for host in ADDRESSES if (number := egress.number_of(host)) is not None}
    world.names = {f"host{i}.example.org": [[number]] for i, number in enumerate(sorted(numbers))}
    # one good address beside a bad one is no better
    world.names |= {"mixed.example.org": [["93.184.216.34", "127.0.0.1"]]}
    with world.run(monkeypatch):
        _, report = crawl(*(f"http://{name}/" for name in world.names), allow_hosts=[])
    assert len(world.names) >= 50  # the numbers that the many spellings mean
    assert world.canary.asked == []
    assert report.errors == {"private address": len(world.names)}


def test_a_name_that_leads_elsewhere_the_second_time_is_not_followed_there(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """127.0.0.2 plays a public address; then the name means 127.0.0.1, where the canary is."""
    site = Site()
    with served(site, "127.0.0.2"):
        world.site, world.public = site, ("127.0.0.2",)
        site.add("/robots.txt", "", Connection="close")
        site.add("/", links("/1", "/2"), Connection="close")  # the next page needs a new connection
        world.names = {"rebind.example.org": [["127.0.0.2"], ["127.0.0.2"], ["127.0.0.1"]]}
        with world.run(monkeypatch, at="127.0.0.2"):
            pages, report = crawl(f"http://rebind.example.org:{site.port}/", allow_hosts=[])
    assert site.asked == ["/robots.txt", "/"]
    assert len(pages) == 1
    assert world.canary.asked == []
    assert report.errors == {"private address": 2}
    # each connection is one look-up, and what was judged is what is connected to
    lookups = [line for line in world.log if line == "look up rebind.example.org"]
    assert len(lookups) >= 3


def test_a_robots_txt_may_not_lead_inside(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.site.add("/robots.txt", status=302, Location=f"http://127.0.0.9:{world.canary.port}/robots.txt")
    world.site.add("/", "page")
    for world.door_open in (False, True):
        with world.run(monkeypatch):
            pages, report = crawl(world.site.url + "/")
        assert (pages, world.canary.asked) == ({}, [])
        assert sum(report.errors.values()) == 1
    assert set(world.site.asked) == {"/robots.txt"}


def test_the_watch_sees_a_leak_where_there_is_one(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.unlocked = True
    with world.run(monkeypatch):
        crawl(
            *(f"http://{host}/" for host in ("169.254.169.254", "0x7f.1", "[fd00:ec2::254]")), allow_hosts=[]
        )
    assert set(world.canary.asked) == {"/169.254.169.254", "/127.0.0.1", "/fd00:ec2::254"}


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_host_is_allowed_by_the_name_that_is_written(host: str) -> None:
    other = {"127.0.0.1": "localhost", "localhost": "127.0.0.1"}[host]
    site = Site()
    with served(site):
        site.add("/", "inside")
        start = [f"http://{name}:{site.port}/" for name in (host, other)]
        pages, report = crawl(*start, allow_hosts=[host.upper()])
    assert list(pages) == [start[0]]
    assert report.errors == {"private address": 1}


def test_through_a_proxy_private_names_and_numbers_are_refused_too(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A proxy looks names up itself, where we cannot see it; what is private by its name never gets there."""
    proxy = Site()
    with served(proxy):
        monkeypatch.setenv("http_proxy", proxy.url)
        monkeypatch.setenv("no_proxy", "")
        asked = [f"http://{host}/" for host in ("10.0.0.1", "0xa9fea9fe", "[fd00:ec2::254]", "db.internal")]
        _, report = crawl(*asked, "http://example.org/", allow_hosts=[])
    assert set(proxy.asked) == {"http://example.org/robots.txt", "http://example.org/"}
    assert report.errors == {"private address": 4}
    assert report.by_status == {404: 1}


def test_allowing_a_host_changes_no_other(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    frontier = MemoryFrontier()
    world.site.add("/", links(f"http://127.0.0.3:{world.site.port}/"))
    with world.run(monkeypatch):
        recipe = Recipe("test", hosts=(f"127.0.0.3:{world.site.port}",))
        _, report = crawl(world.site.url + "/", recipe=recipe, frontier=frontier)
    assert (report.pages, report.errors) == (1, {"private address": 1})
    assert world.canary.asked == []
