"""Imports in processes of their own, begun in milliseconds, killed when told; a program for the fault tests.

Started once, it has imported everything; then it reads one order a line and answers with one line each:

    {"home": DIR, "url": URL, "items": FILE, "interactions": FILE, "jobs": 1, "after": 2, "delay_s": 0.013,
     "victim": "importer"}
    {"accepted": [400, 400], "first_s": 0.09, "ended": ["killed"]}

Each job is a fork that runs the real `import csv`, in small chunks. Once `after` chunks with new events are
committed, and delay_s after that, the victim (the importer, or the database server) is killed with -9; after
0 nobody is killed. accepted: new events of each committed chunk; first_s: from the fork to the first of them;
ended: of each job "done", "killed", or the error it gave.
"""

import importlib
import inspect
import json
import os
import signal
import struct
import sys
import time
from pathlib import Path
from typing import Any

from learnloop import schemas
from learnloop.collect import tables as read_tables
from learnloop.errors import LearnloopError
from learnloop.settings import Settings
from learnloop.store import embedded, loading
from learnloop.workflow.context import Loop
from learnloop.workflow.importing import import_csv

CHUNK_ROWS = 400


def job(order: dict[str, Any], mouth: int) -> None:
    """The import; tells `mouth` the new events of each committed chunk."""
    load_cleaned, read = loading.load_cleaned, read_tables.read

    def telling(*given: Any, **named: Any) -> Any:
        loaded = load_cleaned(*given, **named)
        new = loaded["interactions"].inserted if "interactions" in loaded else 0
        os.write(mouth, struct.pack("i", new))
        return loaded

    def small(*given: Any, **named: Any) -> Any:
        asked = inspect.signature(read).bind(*given, **named)
        asked.arguments["chunk_rows"] = CHUNK_ROWS
        return read(*asked.args, **asked.kwargs)

    loading.load_cleaned, read_tables.read = telling, small
    loop = Loop(Settings(home=Path(order["home"]), database_url=order["url"]))
    import_csv(loop, items=Path(order["items"]), interactions=Path(order["interactions"]), source="school")
    loop.close()


def forked(order: dict[str, Any], mouth: int, errors: int) -> int:
    child = os.fork()
    if child:
        return child
    status = 0
    try:
        job(order, mouth)
    except LearnloopError as error:
        os.write(errors, f"{type(error).__name__}: {error}\n".encode())
        status = 1
    except BaseException as error:
        os.write(errors, f"unexpected {type(error).__name__}: {str(error).splitlines()[:1]}\n".encode())
        status = 1
    os._exit(status)


def served(order: dict[str, Any]) -> dict[str, Any]:
    started, first_s, accepted, news = time.perf_counter(), None, [], 0
    ear, mouth = os.pipe()
    told, errors = os.pipe()
    children = [forked(order, mouth, errors) for _ in range(order["jobs"])]
    os.close(mouth)
    os.close(errors)
    while message := os.read(ear, 4):
        new = struct.unpack("i", message)[0]
        if new:
            accepted.append(new)
            first_s = first_s or time.perf_counter() - started
            news += 1
            if news == order["after"]:
                time.sleep(order["delay_s"])
                if order["victim"] == "importer":
                    os.kill(children[0], signal.SIGKILL)
                else:
                    os.kill(embedded.status(Path(order["home"]))["pid"], signal.SIGKILL)
    ended = []
    texts = os.read(told, 65_536).decode().splitlines()
    for child in children:
        _, status = os.waitpid(child, 0)
        ended.append("killed" if os.WIFSIGNALED(status) else "done" if status == 0 else texts.pop(0))
    os.close(ear)
    os.close(told)
    return {"accepted": accepted, "first_s": first_s, "ended": ended}


# What a start would import late: alembic for the migrations, and half of pandas for the first check.
importlib.import_module("alembic.command")
for contract in (schemas.INTERACTIONS, schemas.ITEMS, schemas.LEARNERS):
    schemas.empty(contract)
for line in sys.stdin:
    print(json.dumps(served(json.loads(line))), flush=True)
