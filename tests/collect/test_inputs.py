import gzip
import hashlib
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from learnloop.collect import inputs
from learnloop.errors import BadInput

TEXT = b"learner_id,item_id\n7,loops\n8,vari\xc3\xa1veis\n"


def plain(folder: Path, content: bytes) -> Path:
    path = folder / "log.csv"
    path.write_bytes(content)
    return path


def gzipped(folder: Path, content: bytes) -> Path:
    path = folder / "log.csv.gz"
    path.write_bytes(gzip.compress(content, mtime=0))
    return path


def zipped(folder: Path, content: bytes) -> Path:
    path = folder / "log.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("data/log.csv", content)
        archive.writestr("__MACOSX/._log.csv", b"resource fork")
    return path


WRITERS = pytest.mark.parametrize("write", [plain, gzipped, zipped])


@WRITERS
def test_a_file_reads_the_same_however_it_is_packed(
    write: Callable[[Path, bytes], Path], tmp_path: Path
) -> None:
    path = write(tmp_path, TEXT)
    seen: list[float] = []
    found = inputs.inspect(path, advance=seen.append)
    assert (found.lines, found.unpacked_bytes) == (3, len(TEXT))
    assert found.packed_bytes == sum(seen) == path.stat().st_size
    assert found.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    with inputs.open_bytes(path) as file:
        assert file.read() == TEXT
        assert 0 < file.consumed <= path.stat().st_size


def refused(path: Path, **options: object) -> BadInput:
    with pytest.raises(BadInput) as refusal:
        inputs.inspect(path, **options)  # type: ignore[arg-type]
    assert path.name in refusal.value.problem
    assert refusal.value.next_step
    return refusal.value


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "is empty"),
        ("learner_id\n7\n".encode("utf-16"), "line 1: this is UTF-16"),
        ("learner_id\n7\n".encode("utf-32"), "line 1: this is UTF-32"),
        ("learner_id,item\n7,loops\n".encode("utf-16-le"), "line 1 is no UTF-8 text: 50%"),
        (b"id\n1\n" + "año\n".encode("latin1") * 3, "line 3 and 2 more are not UTF-8"),
        (b"id\n" + b"1\n" * 20 + b"2\0\n" * 21, "line 22 and 20 more hold NUL bytes"),
        (b"PAR1" + bytes(range(256)), "the file is Parquet"),
        (gzip.compress(gzip.compress(TEXT)), "packed twice"),
        (gzip.compress(TEXT)[:-9], "is cut or damaged"),
        (gzip.compress(TEXT)[:-8] + b"12345678", "is cut or damaged"),
    ],
)
def test_what_damns_a_whole_file_is_said_with_its_line(content: bytes, told: str, tmp_path: Path) -> None:
    assert told in refused(plain(tmp_path, content)).problem


def test_rows_that_can_be_refused_one_by_one_do_not_damn_the_file(tmp_path: Path) -> None:
    few = b"id\n" + b"1\0\n" * inputs.FEW_NULS + "año\n".encode("latin1") * 2 + "año\n".encode() * 9
    assert inputs.inspect(plain(tmp_path, few)).lines == 1 + inputs.FEW_NULS + 11


@WRITERS
def test_a_line_without_end_is_refused_in_little_memory(
    write: Callable[[Path, bytes], Path], tmp_path: Path
) -> None:
    path = write(tmp_path, b"id\n" + b"abcd" * (5 << 20))  # 20 MiB
    tracemalloc.start()
    told = refused(path).problem
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert "line 2 is longer than 16 MiB" in told
    assert peak < 3 * inputs.LONGEST_LINE


@pytest.mark.parametrize("fill", [b"\0", b"7,loops\n"])
@pytest.mark.parametrize("write", [gzipped, zipped])
def test_a_bomb_is_refused_before_it_has_unpacked(
    write: Callable[[Path, bytes], Path], fill: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inputs, "UNPACKED_FREE", 4 << 20)
    content = b"learner_id,item_id\n" + fill * ((15 << 20) // len(fill))
    path = write(tmp_path, content)
    assert "unpacks to more than 200 times its size" in refused(path).problem
    with inputs.open_bytes(path) as file, pytest.raises(BadInput, match="unpacks to more"):
        file.read()


def test_zips_that_are_not_one_sound_deflated_file(tmp_path: Path) -> None:
    path = tmp_path / "log.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.csv", TEXT)
        archive.writestr("b.csv", TEXT)
    assert "holds 2 files" in refused(path).problem
    with zipfile.ZipFile(path, "w", zipfile.ZIP_BZIP2) as archive:
        archive.writestr("a.csv", TEXT)
    assert "not packed by deflate" in refused(path).problem
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("xl/sheet1.xml", "<sheet/>")
    assert "office document" in refused(path).problem
    whole = zipped(tmp_path, TEXT * 100).read_bytes()
    path.write_bytes(whole[:-40])
    assert "damaged zip" in refused(path).problem
    path.write_bytes(whole[:60] + b"\xff\xff" + whole[62:])
    assert "cut or damaged" in refused(path).problem


def test_no_file_and_a_folder(tmp_path: Path) -> None:
    assert "there is no file" in refused(tmp_path / "log.csv").problem
    assert "is a folder" in refused(tmp_path).problem
    with pytest.raises(BadInput, match="is a folder"):
        inputs.open_bytes(tmp_path)


def test_a_last_line_that_is_no_whole_record_means_a_cut(tmp_path: Path) -> None:
    asked: list[str] = []

    def complete(line: str) -> bool:
        asked.append(line)
        return line.count(",") == 1

    assert inputs.inspect(plain(tmp_path, TEXT), complete=complete).lines == 3
    assert inputs.inspect(plain(tmp_path, TEXT[:-1]), complete=complete).lines == 3
    assert "line 3 is cut in the middle" in refused(plain(tmp_path, TEXT[:-12]), complete=complete).problem
    assert asked == ["8,variáveis", "8"]


@pytest.mark.parametrize("letter", ["é", "€", "😀"])
def test_an_end_inside_a_letter_means_a_cut(letter: str, tmp_path: Path) -> None:
    whole = b"id\n1," + letter.encode()
    assert inputs.inspect(plain(tmp_path, whole)).lines == 2
    for missing in range(1, len(letter.encode())):
        assert "line 2 is cut in the middle" in refused(plain(tmp_path, whole[:-missing])).problem


def test_bytes_that_are_no_text_are_only_hashed(tmp_path: Path) -> None:
    path = plain(tmp_path, bytes(range(256)) * 10)
    found = inputs.inspect(path, text=False)
    assert (found.lines, found.unpacked_bytes) == (0, 2560)
    assert found.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert "is empty" in refused(plain(tmp_path, b""), text=False).problem


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\r\n\0"), max_size=40), max_size=30),
    st.integers(1, 50),
)
def test_lines_are_counted_whatever_the_blocks(lines: list[str], block: int) -> None:
    text = "".join(f"{line}\n" for line in ["id", *lines]).encode()
    scan = inputs._Scan("log.csv")
    for start in range(0, len(text), block):
        scan.feed(text[start : start + block])
    assert scan.finish() == b""
    assert scan.lines == len(lines) + 1
    assert scan.foreign == sum(not line.isascii() for line in lines)
