"""MovieLens, the benchmark set of recommenders (Harper & Konstan 2015), from its folder of CSV files.

    movies.csv   1,Toy Story (1995),Adventure|Animation|Children|Comedy|Fantasy
    ratings.csv  1,31,2.5,1260759144

Films are no lessons: the set is here to compare a recommender with published figures, under a source of
its own. tags.csv and links.csv are not read.
"""

from collections.abc import Iterator
from pathlib import Path

from learnloop.collect.delimited import Layout, inspect_delimited, read_delimited
from learnloop.collect.inputs import Advance, Inspected
from learnloop.errors import BadInput
from learnloop.schemas import RawChunk

SOURCE = "movielens"
LAYOUTS = {
    "movies": Layout(("movieId", "title", "genres"), multiline=False),
    "ratings": Layout(("userId", "movieId", "rating", "timestamp"), multiline=False),
}


def files(folder: Path) -> dict[str, Path]:
    """movies.csv and ratings.csv, in reading order. Raises BadInput where one is lacking."""
    found = {kind: folder / f"{kind}.csv" for kind in LAYOUTS}
    lacking = [path.name for path in found.values() if not path.is_file()]
    if lacking:
        raise BadInput(f"{folder} lacks {' and '.join(lacking)}", "unpack the set and import its folder")
    return found


def size(folder: Path) -> int:
    """Bytes to read, the end of the scale of RawChunk.consumed."""
    return sum(path.stat().st_size for path in files(folder).values())


def inspect(folder: Path, advance: Advance | None = None) -> list[Inspected]:
    """Both files read through before either is imported. Raises BadInput."""
    return [inspect_delimited(path, LAYOUTS[kind], advance) for kind, path in files(folder).items()]


def read(folder: Path, chunk_rows: int = 50_000) -> Iterator[RawChunk]:
    """The films, then the ratings, in chunks of `chunk_rows`. Raises BadInput."""
    before = 0
    for kind, path in files(folder).items():
        yield from read_delimited(path, SOURCE, kind, LAYOUTS[kind], chunk_rows, before)
        before += path.stat().st_size
