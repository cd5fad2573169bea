"""A file is whole or absent."""

import json
from pathlib import Path

import pytest

from asheard.errors import AsHeardError, CorpusError
from asheard.io.digests import content_digest
from asheard.io.files import read_json, read_jsonl, whole_file, whole_folder, write_json, write_jsonl


def test_whole_file_keeps_the_old_file_if_the_block_raises(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "file.txt"
    with whole_file(path) as part:
        part.write_text("old")

    def fail() -> None:
        with whole_file(path) as part:
            part.write_text("new")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert path.read_text() == "old"
    assert [entry.name for entry in path.parent.iterdir()] == ["file.txt"]


def test_jsonl_round_trip_with_line_numbers(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    write_jsonl(path, [{"phone": "ɝ"}, {"n": 1}])
    assert list(read_jsonl(path)) == [(1, {"phone": "ɝ"}), (2, {"n": 1})]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'{"a": 1}\n{"a": ', "line 2: not JSON"),
        (b"[1]\n", "line 1: expected one JSON object"),
        (b'{"a": "\xff"}\n', "not UTF-8"),
    ],
)
def test_read_jsonl_names_the_bad_line(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(content)
    with pytest.raises(CorpusError, match=message) as caught:
        list(read_jsonl(path))
    assert str(path) in str(caught.value)


def test_read_json_and_jsonl_of_missing_files(tmp_path: Path) -> None:
    for read in (read_json, lambda path: list(read_jsonl(path))):
        with pytest.raises(CorpusError, match="no such file"):
            read(tmp_path / "nothing")


def test_write_json_refuses_nan(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "file.json", {"a": float("nan")})
    assert not list(tmp_path.iterdir())


def test_write_json_keeps_letters(tmp_path: Path) -> None:
    write_json(tmp_path / "file.json", {"phone": "ŋ"})
    assert "ŋ" in (tmp_path / "file.json").read_text(encoding="utf-8")
    assert json.loads((tmp_path / "file.json").read_text(encoding="utf-8")) == {"phone": "ŋ"}


def test_content_digest_is_independent_of_the_place(tmp_path: Path) -> None:
    for name in ("one", "again", "other"):
        (tmp_path / name / "sub").mkdir(parents=True)
        (tmp_path / name / "sub" / "file").write_text(name[1])
    one, again, other = (content_digest(tmp_path / name) for name in ("one", "again", "other"))
    assert one != again
    (tmp_path / "again" / "sub" / "file").write_text("n")
    assert content_digest(tmp_path / "again") == one != other
    (tmp_path / "again" / "sub" / "file").rename(tmp_path / "again" / "file")
    assert content_digest(tmp_path / "again") != one
    assert content_digest("facebook/nowhere") == "facebook/nowhere"


def test_whole_folder_appears_when_the_block_succeeds(tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "model"
    with whole_folder(folder) as part:
        (part / "sub").mkdir()
        (part / "sub" / "file").write_text("x")
        assert not folder.exists()
    assert (folder / "sub" / "file").read_text() == "x"
    assert [entry.name for entry in folder.parent.iterdir()] == ["model"]
    assert folder.stat().st_mode & 0o777 == 0o755
    assert (folder / "sub" / "file").stat().st_mode & 0o777 == 0o644


def test_whole_folder_is_absent_when_the_block_raises(tmp_path: Path) -> None:
    def fail() -> None:
        with whole_folder(tmp_path / "model") as part:
            (part / "file").write_text("x")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert not list(tmp_path.iterdir())


def test_whole_folder_never_replaces_a_folder(tmp_path: Path) -> None:
    with pytest.raises(AsHeardError, match="exists already"), whole_folder(tmp_path):
        pass
