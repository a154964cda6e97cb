"""The folder of OULAD: which files it needs, and in which order they come."""

from pathlib import Path

import pytest

from learnloop.collect import oulad
from learnloop.errors import BadInput


def write(folder: Path, *kinds: str) -> None:
    for kind in kinds:
        columns = oulad.LAYOUTS[kind.split("_")[0]].columns
        (folder / f"{kind}.csv").write_text(",".join(columns) + "\n" + ",".join("1" for _ in columns) + "\n")


def test_the_catalogue_comes_before_the_people_and_they_before_what_they_did(tmp_path: Path) -> None:
    write(tmp_path, *reversed(oulad.LAYOUTS))
    assert [chunk.kind for chunk in oulad.read(tmp_path)] == list(oulad.LAYOUTS)


def test_clicks_in_parts_are_all_read(tmp_path: Path) -> None:
    write(tmp_path, "courses", "studentInfo", "vle", "studentVle_0", "studentVle_1")
    read = [chunk.file for chunk in oulad.read(tmp_path) if chunk.kind == "studentVle"]
    assert read == ["studentVle_0.csv", "studentVle_1.csv"]
    assert oulad.files(tmp_path)["assessments"] == []
    assert oulad.size(tmp_path) == sum(path.stat().st_size for path in tmp_path.iterdir())


@pytest.mark.parametrize(
    ("there", "lacking"),
    [
        (["studentInfo"], "courses.csv"),
        (["courses"], "studentInfo.csv"),
        (["courses", "studentInfo", "studentAssessment"], "assessments.csv"),
        (["courses", "studentInfo", "studentVle"], "vle.csv"),
    ],
)
def test_a_file_that_another_needs_is_named_before_anything_is_read(
    tmp_path: Path, there: list[str], lacking: str
) -> None:
    write(tmp_path, *there)
    with pytest.raises(BadInput, match=f"lacks {lacking}"):
        next(oulad.read(tmp_path))


def test_a_folder_without_oulad_and_no_folder_are_refused(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(BadInput, match="no OULAD file"):
            next(oulad.read(folder))
