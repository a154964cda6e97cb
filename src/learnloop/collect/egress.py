"""Which addresses a crawl may reach: the public internet, and hosts that somebody allowed by name.

    93.184.216.34    public                     ::ffff:127.0.0.1  the loopback in another dress: refused
    169.254.169.254  a cloud's secrets: refused 64:ff9b::a00:1    10.0.0.1 behind a translator: refused

A page may name any address, and so may whoever answers for a host name. So the decision is made on the
address a connection is about to be opened to, after the name was looked up (connecting.py), and once
more on the name alone before anything is asked (`is_private_name`), because of a proxy that would do the
looking up for us. The lists are those of IANA's special-purpose address registries (RFC 6890).
"""

import ipaddress
import socket
import unicodedata
from collections.abc import Collection

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_REFUSED_4 = tuple(
    ipaddress.IPv4Network(network)
    for network in (
        "0.0.0.0/8",  # this host
        "10.0.0.0/8",
        "100.64.0.0/10",  # carrier-grade translation; some clouds keep their metadata here
        "127.0.0.0/8",
        "168.63.129.16/32",  # public by number, but inside one cloud it is the host's own agent
        "169.254.0.0/16",  # link-local, most clouds' metadata
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",  # documentation
        "192.88.99.0/24",  # relays of 6to4
        "192.168.0.0/16",
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, broadcast
    )
)
_GLOBAL_6 = ipaddress.IPv6Network("2000::/3")
_REFUSED_6 = tuple(
    ipaddress.IPv6Network(network)
    for network in (
        "2001::/23",  # protocols: Teredo, ORCHID, benchmarks
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4 is no more, and its addresses hold any IPv4 address (RFC 7526)
        "3fff::/20",
    )
)
_MAPPED = ipaddress.IPv6Network("::ffff:0:0/96")
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_ISATAP = (0x00005EFE, 0x02005EFE)
_INSIDE = ("localhost", "local", "internal", "intranet", "lan", "home", "corp", "localdomain", "arpa")


def is_public(address: str | Address) -> bool:
    """May a crawl open a connection to this address? What cannot be read is not public.

    >>> is_public("93.184.216.34"), is_public("::ffff:10.0.0.1")
    (True, False)
    """
    try:
        number = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(number, ipaddress.IPv4Address):
        return not any(number in network for network in _REFUSED_4)
    if number.scope_id:
        return False
    last_four = ipaddress.IPv4Address(int(number) & 0xFFFFFFFF)
    if number in _MAPPED or number in _NAT64:
        return is_public(last_four)
    if (int(number) >> 32) & 0xFFFFFFFF in _ISATAP and not is_public(last_four):
        return False
    return number in _GLOBAL_6 and not any(number in network for network in _REFUSED_6)


def number_of(host: str) -> Address | None:
    """The address a host means that is written as a number, in any form a system's resolver takes.

    >>> number_of("0x7f.1"), number_of("2130706433"), number_of("example.org")
    (IPv4Address('127.0.0.1'), IPv4Address('127.0.0.1'), None)
    """
    plain = same_host(host)
    try:
        return ipaddress.ip_address(plain)
    except ValueError:
        pass
    try:
        return ipaddress.IPv4Address(socket.inet_aton(plain))
    except (OSError, ValueError):  # UnicodeEncodeError is a ValueError
        return None


def same_host(host: str) -> str:
    """One spelling of a host: small letters, no brackets, no final dot, no full-width characters."""
    plain = unicodedata.normalize("NFKC", host).replace("\u3002", ".").lower()
    return plain.strip("[]").rstrip(".")


def is_private_name(host: str) -> bool:
    """Is this host private by its name alone: a private number, localhost, or a name without a domain?"""
    number = number_of(host)
    if number is not None:
        return not is_public(number)
    labels = same_host(host).split(".")
    return len(labels) < 2 or labels[-1] in _INSIDE


def allowed(host: str, names: Collection[str]) -> bool:
    """Did somebody allow this host by its name, as it is written in the address?"""
    return same_host(host) in {same_host(name) for name in names}
