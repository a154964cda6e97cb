"""The crawler's process with a world of the test's making: its names, and a watch on what it connects to.

    python scripted_spider.py WORLD.json

WORLD: {"names": {host: [[address, …], …]}, "site": [address, port], "canary": port, "watch": file,
"public": [address, …], "unlocked": false}. names: the answers to one look-up after the other, the last
again and again. Whatever is connected to but `site` is written to `watch` and reaches the canary in its
stead, so that a leak to 169.254.169.254 counts where there is no such machine. `public`: loopback
addresses that play the public internet. `unlocked`: without our checks, to show that the watch works.
"""

import errno
import ipaddress
import json
import socket
import sys
from pathlib import Path
from typing import Any

from learnloop.collect import egress, spider

WORLD = json.loads(Path(sys.argv[1]).read_text())
ANSWERS: dict[str, list[list[str]]] = WORLD["names"]
real_look_up, real_connect = socket.getaddrinfo, socket.socket.connect_ex


def look_up(host: Any, *args: Any, **kwargs: Any) -> Any:
    name = host.decode() if isinstance(host, bytes) else host
    with Path(WORLD["watch"]).open("a") as file:
        file.write(f"look up {name}\n")
    if name not in ANSWERS:
        # any form of number means what the system says; other names lead nowhere, and nobody is asked
        if len(args) < 5:  # else its flags are there already: Twisted asks for numbers only
            kwargs["flags"] = kwargs.get("flags", 0) | socket.AI_NUMERICHOST
        return real_look_up(host, *args, **kwargs)
    answers = ANSWERS[name]
    addresses = answers.pop(0) if len(answers) > 1 else answers[0]
    return [
        (
            socket.AF_INET6 if ":" in address else socket.AF_INET,
            socket.SOCK_STREAM,
            6,
            "",
            (address, 0, 0, 0) if ":" in address else (address, 0),
        )
        for address in addresses
    ]


def connect(self: socket.socket, address: Any) -> int:
    if [*address[:2]] == WORLD["site"]:
        return real_connect(self, address)
    with Path(WORLD["watch"]).open("a") as file:
        file.write(f"connect {address[0]}\n")
    with socket.create_connection(("127.0.0.1", WORLD["canary"])) as leak:
        leak.sendall(f"GET /{address[0]} HTTP/1.0\r\n\r\n".encode())
        leak.recv(1000)
    return errno.ECONNREFUSED


socket.getaddrinfo = look_up
socket.socket.connect_ex = connect  # type: ignore[method-assign]
socket.socket.connect = lambda self, address: real_connect(self, address)  # type: ignore[method-assign, assignment]

is_public, is_private_name = egress.is_public, egress.is_private_name
if WORLD["unlocked"]:
    egress.is_public = lambda address: True
    egress.is_private_name = lambda host: False
else:
    play = {ipaddress.ip_address(address) for address in WORLD["public"]}
    egress.is_public = lambda address: ipaddress.ip_address(address) in play or is_public(address)
if WORLD.get("door_open"):  # the resolver alone, as for a name that says nothing of itself
    egress.is_private_name = lambda host: False
spider.main()
