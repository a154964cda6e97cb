"""Every connection of the crawler: the name is looked up once, judged, and what was judged is connected to.

Two locks. The resolver hands Twisted only addresses that egress.py lets pass, and Twisted's endpoints
connect to exactly those: no second look-up in which a name could lead elsewhere. And the reactor opens
no connection to anything the resolver did not hand out, whoever asks for it.
"""

import socket
from collections.abc import Callable
from typing import Any, Self
from urllib.parse import urlsplit
from urllib.request import getproxies

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.error import ConnectError
from twisted.internet.interfaces import IHostnameResolver, IHostResolution
from twisted.internet.threads import deferToThreadPool
from twisted.python.failure import Failure
from zope.interface import implementer

from learnloop.collect import egress

Found = list[tuple[socket.AddressFamily, str]]


@implementer(IHostResolution)
class _Resolution:
    """A look-up under way. It cannot be cancelled: nobody waits for it any more, then."""

    def __init__(self, name: str) -> None:
        self.name = name

    def cancel(self) -> None:
        return


@implementer(IHostnameResolver)
class PublicResolver:
    """Scrapy's TWISTED_DNS_RESOLVER: numbers and names alike, since every connection comes by here."""

    def __init__(self, crawler: Any, reactor: Any) -> None:
        self.reactor = reactor
        # a proxy is chosen by whoever runs this, and is often inside; what it reaches, the Door judges
        self.proxies = {urlsplit(url).hostname or "" for url in getproxies().values()}
        self.allowed = {*crawler.settings.getlist("LEARNLOOP_ALLOW_HOSTS"), *self.proxies}
        self.handed_out: set[str] = set()
        self.refused: set[str] = set()  # hosts, for whoever tells why nothing came

    @classmethod
    def from_crawler(cls, crawler: Any, reactor: Any) -> Self:
        """crawler: Scrapy hands its process over, not the one crawler in it."""
        return cls(crawler, reactor)

    def install_on_reactor(self) -> None:
        self.reactor.installNameResolver(self)
        self.reactor.connectTCP = self._guarded(self.reactor.connectTCP)

    def _guarded(self, connect: Callable[..., Any]) -> Callable[..., Any]:
        def guarded(host: str, port: int, *args: Any, **kwargs: Any) -> Any:
            # the name of a proxy comes here before it is looked up; then it comes to us for that
            if host not in self.handed_out and host not in self.proxies:
                raise ConnectError(string=f"{host} was not looked up")
            return connect(host, port, *args, **kwargs)

        return guarded

    def resolveHostName(
        self,
        resolutionReceiver: Any,
        hostName: str,
        portNumber: int = 0,
        addressTypes: Any = None,
        transportSemantics: str = "TCP",
    ) -> _Resolution:
        resolution = _Resolution(hostName)
        resolutionReceiver.resolutionBegan(resolution)
        looked_up = deferToThreadPool(self.reactor, self.reactor.getThreadPool(), look_up, hostName)
        looked_up.addErrback(self._not_found)
        looked_up.addCallback(self._judge, hostName)

        def hand_out(addresses: Found) -> None:
            for family, address in addresses:
                self.handed_out.add(address)
                kind = IPv6Address if family == socket.AF_INET6 else IPv4Address
                resolutionReceiver.addressResolved(kind("TCP", address, portNumber))
            resolutionReceiver.resolutionComplete()

        looked_up.addCallback(hand_out)
        return resolution

    @staticmethod
    def _not_found(failure: Failure) -> Found:
        failure.trap(OSError, UnicodeError)
        return []

    def _judge(self, addresses: Found, host: str) -> Found:
        """All of them or none: a public site has no private address beside its public one."""
        if egress.allowed(host, self.allowed):
            return addresses
        if all(egress.is_public(address) for _, address in addresses):
            return addresses
        self.refused.add(egress.same_host(host))
        return []


def look_up(host: str) -> Found:
    """The addresses of a name, or of a number in whatever form. Raises OSError where there are none."""
    found = socket.getaddrinfo(host.strip("[]"), None, type=socket.SOCK_STREAM)
    return list(dict.fromkeys((family, str(where[0])) for family, _, _, _, where in found))
