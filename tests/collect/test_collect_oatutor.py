"""OATutor's archive: streamed, bounded, and refused where it is damaged."""

import io
import json
import tarfile
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest

from learnloop.collect import oatutor
from learnloop.errors import BadInput

MEMBERS = {
    "p1/p1.json": b'{"id": "p1"}',
    "p1/steps/p1a/p1a.json": b'{"id": "p1a"}',
    "p2/steps/p2a/p2a.json": b'{"id": "p2a"}',
    "p2/p2.json": '{"id": "p2", "title": "Äpfel"}'.encode(),
}


def pack(folder: Path, members: list[tuple[str, bytes]], compress: str = "zstd") -> Path:
    """plans beside pool.tar.zst, whose names stand as given."""
    (folder / "coursePlans.json").write_text("[]")
    (folder / "skillModel.json").write_text("{}")
    tar = io.BytesIO()
    with tarfile.open(fileobj=tar, mode="w") as archive:
        for name, text in members:
            info = tarfile.TarInfo(name)
            info.size = len(text)
            archive.addfile(info, io.BytesIO(text))
    with pa.CompressedOutputStream(str(folder / "pool.tar.zst"), compress) as stream:
        stream.write(tar.getvalue())
    return folder / "pool.tar.zst"


def in_pool(members: dict[str, bytes]) -> list[tuple[str, bytes]]:
    return [(f"./content-pool/{name}", text) for name, text in members.items()]


def content(folder: Path, **options: int) -> pd.DataFrame:
    chunks = [chunk for chunk in oatutor.read(folder, **options) if chunk.kind == "content"]
    return pd.concat([chunk.frame for chunk in chunks], ignore_index=True)


def test_members_come_as_they_stand_and_others_are_passed_over(tmp_path: Path) -> None:
    others = [("./README.md", b"#"), ("./bkt-params/a.json", b"{}"), ("./content-pool/p1/f.gif", b"GIF")]
    pack(tmp_path, [*others, *in_pool(MEMBERS)])
    frame = content(tmp_path)
    assert dict(zip(frame["member"], frame["record"], strict=True)) == {
        name: text.decode() for name, text in MEMBERS.items()
    }


def test_the_unpacked_folder_gives_what_the_archive_gives(tmp_path: Path) -> None:
    (packed := tmp_path / "packed").mkdir()
    (unpacked := tmp_path / "unpacked").mkdir()
    pack(packed, in_pool(MEMBERS))
    pack(unpacked, []).unlink()
    for name, text in MEMBERS.items():
        (unpacked / "content-pool" / name).parent.mkdir(parents=True, exist_ok=True)
        (unpacked / "content-pool" / name).write_bytes(text)
    (tmp_path / "secret.json").write_text("{}")
    (unpacked / "content-pool" / "p1" / "link.json").symlink_to(tmp_path / "secret.json")
    frames = [content(folder).sort_values("member", ignore_index=True) for folder in (packed, unpacked)]
    pd.testing.assert_frame_equal(*frames)


def test_a_problem_is_never_parted_over_chunks(tmp_path: Path) -> None:
    pack(tmp_path, in_pool(MEMBERS))
    chunks = [chunk for chunk in oatutor.read(tmp_path, chunk_rows=1) if chunk.kind == "content"]
    assert [len(chunk.frame) for chunk in chunks] == [2, 2]
    assert [chunk.last for chunk in chunks] == [False, True]


def test_a_problem_in_two_places_is_refused_with_what_to_do(tmp_path: Path) -> None:
    first, second, *rest = in_pool(MEMBERS)
    pack(tmp_path, [first, *rest, second])
    with pytest.raises(BadInput, match="'p1' do not stand together") as refusal:
        content(tmp_path)
    assert "unpack it" in refusal.value.next_step


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9, 0.99])
def test_a_cut_archive_is_refused(tmp_path: Path, share: float) -> None:
    path = pack(tmp_path, in_pool({f"p{n}/p{n}.json": json.dumps({"n": n}).encode() for n in range(400)}))
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(BadInput) as refusal:
        content(tmp_path)
    assert "pool.tar.zst" in refusal.value.problem
    assert refusal.value.next_step


def test_something_else_than_an_archive_is_refused(tmp_path: Path) -> None:
    pack(tmp_path, in_pool(MEMBERS)).write_bytes(b"<html>not found</html>" * 100)
    with pytest.raises(BadInput, match="damaged"):
        content(tmp_path)


def test_an_archive_that_unpacks_to_too_much_is_refused(tmp_path: Path) -> None:
    padding = ("./padding.bin", bytes(8 << 20))  # 8 MiB of zeros pack to less than a kilobyte
    path = pack(tmp_path, [padding, *in_pool(MEMBERS)])
    assert path.stat().st_size < 10_000
    with pytest.raises(BadInput, match="unpacks to more than 1,048,576 bytes"):
        content(tmp_path, unpacked_limit=1 << 20)
    assert len(content(tmp_path, unpacked_limit=16 << 20)) == 4


def test_a_member_that_is_too_large_is_refused(tmp_path: Path) -> None:
    pack(tmp_path, in_pool({"p1/p1.json": b" " * (oatutor.MEMBER_LIMIT + 1)}))
    with pytest.raises(BadInput, match=r"p1\.json has"):
        content(tmp_path)


def test_members_outside_the_pool_by_name_or_link_are_no_content(tmp_path: Path) -> None:
    pack(tmp_path, [("./content-pool/../../etc/p.json", b"{}"), *in_pool(MEMBERS)])
    assert set(content(tmp_path)["member"]) == set(MEMBERS)


def test_a_member_that_is_no_text_is_damaged_and_the_rest_stays(tmp_path: Path) -> None:
    pack(tmp_path, in_pool({**MEMBERS, "p3/p3.json": b"\xff\xfe", "p4/p4.json": b'{"id": "\0"}'}))
    damage = content(tmp_path).set_index("member")["damage"].dropna().to_dict()
    assert damage == {"p3/p3.json": "not UTF-8", "p4/p4.json": "NUL byte"}


@pytest.mark.parametrize(
    ("file", "text", "said"),
    [
        ("coursePlans.json", b'[{"courseName":\n "x",]', "coursePlans.json line 2"),
        ("coursePlans.json", b"{}", "not a JSON list"),
        ("skillModel.json", b"[]", "not a JSON object"),
        ("skillModel.json", b"\xff", "not UTF-8"),
        ("skillModel.json", b"[" * 100_000, "nests too deep"),
    ],
)
def test_plans_that_cannot_be_read_are_named(tmp_path: Path, file: str, text: bytes, said: str) -> None:
    pack(tmp_path, in_pool(MEMBERS))
    (tmp_path / file).write_bytes(text)
    with pytest.raises(BadInput, match=said):
        content(tmp_path)


def test_a_step_that_stands_twice_in_the_skill_model_is_two_records(tmp_path: Path) -> None:
    pack(tmp_path, in_pool(MEMBERS))
    (tmp_path / "skillModel.json").write_text('{"a": ["x"], "a": ["y"]}')
    skills = next(chunk for chunk in oatutor.read(tmp_path) if chunk.kind == "skills")
    assert skills.frame["step_id"].tolist() == ["a", "a"]
