"""simulate --interactions: raw logs of any size as Parquet, without a database.

DIR/manifest.json        what was asked for
DIR/items.parquet        the catalogue
DIR/part-00000.parquet   about a million rows each, with their own truth in the file's metadata
DIR/truth.json           last: how many rows have which fault
"""

import json
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from learnloop.errors import BadInput
from learnloop.simulate.volume import Volume, items, part
from learnloop.workflow.console import bar
from learnloop.workflow.context import Loop
from learnloop.workflow.whole import forget_unfinished, write_json, write_whole

TRUTH = b"learnloop.truth"
FEW_VALUES = ["item_id", "verb", "correct", "score", "duration_s"]  # worth a dictionary


def simulate_volume(
    loop: Loop, *, interactions: int, out: Path, seed: int = 0, part_rows: int = Volume.part_rows
) -> dict[str, Any]:
    """Writes the parts that are not there yet, so a killed run goes on where it was.

    loop: not used; no database is started. Raises BadInput where `out` holds something else, or another
    simulation.
    """
    volume = Volume(interactions, seed, part_rows)
    manifest = {"simulation": volume.to_dict(), "parts": volume.parts}
    _claim(out, manifest)
    truth: dict[str, int] = {}
    with bar(f"wrote {interactions:,} interactions", volume.parts) as advance:
        write_whole(out / "items.parquet", lambda path: items().to_parquet(path, index=False))
        for index in range(volume.parts):
            path = out / f"part-{index:05d}.parquet"
            if not path.is_file():
                write_whole(path, partial(_write_part, volume, index))
            for name, count in _truth_of(path).items():
                truth[name] = truth.get(name, 0) + count
            advance(1)
    sound = truth.pop("")
    report = {**manifest, "rows": interactions, "sound": sound, "faults": truth}
    write_json(out / "truth.json", report)
    return {"out": str(out), **report}


def _claim(out: Path, manifest: dict[str, Any]) -> None:
    """`out` is empty or holds (part of) the same simulation."""
    path = out / "manifest.json"
    if path.is_file():
        if json.loads(path.read_text(encoding="utf-8")) != manifest:
            raise BadInput(f"{out} holds another simulation", "choose another --out", "out")
        forget_unfinished(out)
        return
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise BadInput(f"{out} is not empty and holds no simulation", "choose another --out", "out")
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadInput(f"{out} cannot be made: {error.strerror}", "choose another --out", "out") from error
    write_json(path, manifest)


def _write_part(volume: Volume, index: int, path: Path) -> None:
    table, truth = part(volume, index)
    table = table.replace_schema_metadata({TRUTH: json.dumps(truth)})
    pq.write_table(
        table,
        path,
        compression="zstd",
        compression_level=1,
        use_dictionary=FEW_VALUES,
        row_group_size=1 << 17,
    )


def _truth_of(path: Path) -> dict[str, int]:
    metadata = pq.read_schema(path).metadata or {}
    if TRUTH not in metadata:
        raise BadInput(f"{path} was not written by this simulation", "choose another --out", "out")
    return json.loads(metadata[TRUTH])
