from pathlib import Path

import pytest

from learnloop.collect import mapping
from learnloop.collect.tables import COLUMNS, Form, read
from learnloop.errors import BadInput
from learnloop.prepare.tables import INPUT
from learnloop.schemas import ITEMS


def test_the_columns_that_can_be_mapped_are_those_that_are_read() -> None:
    assert set(COLUMNS["interactions"]) == set(INPUT)
    made = {"source", "attributes"}  # ours alone
    assert set(COLUMNS["items"]) == set(ITEMS.columns) - made | {"concepts", "prerequisites", "created_at"}


def test_a_command_line_and_a_file_say_the_same(tmp_path: Path) -> None:
    (tmp_path / "map.toml").write_text(
        'item_id = "Exercise"\n[interactions]\nlearner_id = "Student, name"\n[items]\ntitle = "Name"\n'
    )
    text = 'item_id=Exercise, "interactions.learner_id=Student, name",items.title = Name'
    assert mapping.from_toml(tmp_path / "map.toml", COLUMNS) == mapping.from_text(text, COLUMNS)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("learner_id", "'learner_id' is not ours=theirs"),
        ("learner_id=A,learner_id=B", "names 'learner_id' twice"),
        ("learnerid=A", "no column 'learnerid'.*use 'learner_id'"),
        ("items.learner_id=A", "no column 'items.learner_id'"),
        ("logs.item_id=A", "no column 'logs.item_id'"),
    ],
)
def test_what_cannot_be_meant_is_refused(text: str, told: str) -> None:
    with pytest.raises(BadInput, match=told):
        mapping.from_text(text, COLUMNS)


@pytest.mark.parametrize(
    ("toml", "told"),
    [
        ("item_id =", "is no TOML"),
        ("item_id = 3", "item_id is not a column's name"),
        ('x = "A"', "no column 'x'"),
    ],
)
def test_a_mapping_file_that_is_wrong(toml: str, told: str, tmp_path: Path) -> None:
    (tmp_path / "map.toml").write_text(toml)
    with pytest.raises(BadInput, match=told):
        Form.of(file=tmp_path / "map.toml")


@pytest.mark.parametrize("delimiter", ["ab", '"', "\n"])
def test_what_is_no_delimiter(delimiter: str) -> None:
    with pytest.raises(BadInput, match="is no delimiter"):
        Form.of(delimiter=delimiter)


def rows(folder: Path, text: str, form: Form) -> list[dict[str, str]]:
    (folder / "log.csv").write_text(text)
    (chunk,) = read(None, folder / "log.csv", form=form)
    assert list(chunk.frame.columns[-3:]) == ["line", "damage", "raw"]
    return chunk.frame.drop(columns=["line", "damage", "raw"]).to_dict("records")


@pytest.mark.parametrize("mark", [",", ";", "\t", "|"])
def test_the_delimiter_is_found_out(mark: str, tmp_path: Path) -> None:
    text = mark.join(["learner_id", "item_id", "note"]) + "\n" + mark.join(["7", '"lo,o;p|s"', "x"]) + "\n"
    assert rows(tmp_path, text, Form()) == [{"learner_id": "7", "item_id": "lo,o;p|s", "note": "x"}]


def test_a_delimiter_that_is_given_is_used(tmp_path: Path) -> None:
    text = "learner_id~item_id,x\n7~loops,1\n"
    with pytest.raises(BadInput, match="lacks column 'item_id'; it has learner_id, item_id,x"):
        rows(tmp_path, text, Form.of(delimiter="~"))
    own = Form.of('"item_id=item_id,x"', delimiter="~")
    assert rows(tmp_path, text, own) == [{"item_id": "loops,1", "learner_id": "7"}]


def test_one_column_may_fill_several_of_ours_and_ours_goes_before_the_files_own(tmp_path: Path) -> None:
    text = "learner_id,Student,Exercise,item_id\nrow 1,ana,loops,99\n"
    form = Form.of("learner_id=Student,item_id=Exercise,event_id=Exercise")
    assert rows(tmp_path, text, form) == [{"learner_id": "ana", "item_id": "loops", "event_id": "loops"}]


def test_a_column_that_no_file_has_is_named_with_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(BadInput) as refusal:
        rows(tmp_path, "Student,Exercise\nana,loops\n", Form.of("learner_id=Studnt,item_id=Exercise"))
    assert "has no column 'Studnt'; it has Student, Exercise" in refusal.value.problem
    assert refusal.value.next_step == '--map "learner_id=Student"'
    with pytest.raises(BadInput) as refusal:
        rows(tmp_path, "Learner,Exercise\nana,loops\n", Form.of("item_id=Exercise"))
    assert "lacks column 'learner_id'; it has Learner, Exercise" in refusal.value.problem
    assert refusal.value.next_step == '--map "learner_id=Learner"'
