"""A file is whole or absent."""

import ctypes
import errno
import json
import os
import resource
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from stat import S_IMODE
from threading import Thread

import pytest

from asheard.errors import AsHeardError, CorpusError, OutputError
from asheard.io.digests import content_digest
from asheard.io.files import (
    make_folder,
    read_json,
    read_jsonl,
    read_text,
    reading,
    whole_file,
    whole_folder,
    write_json,
    write_jsonl,
    writing,
)
from asheard.io.table import table_rows
from asheard.io.textgrid import read_tiers


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


def test_read_json_with_byte_order_mark(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(b'\xef\xbb\xbf{"a": 1}')
    assert read_json(tmp_path / "a.json") == {"a": 1}


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


# What an existing file, a link, or the umask decides.


@contextmanager
def umask(mask: int) -> Iterator[None]:
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


@pytest.mark.parametrize("mask", [0o000, 0o022, 0o027, 0o077])
def test_permissions_are_those_of_the_umask(tmp_path: Path, mask: int) -> None:
    with umask(mask):
        write_json(tmp_path / "file.json", 1)
        with whole_folder(tmp_path / "model") as part:
            (part / "sub").mkdir()
            (part / "sub" / "file").touch(mode=0o600)  # as safetensors does
            part.chmod(0o555)  # as a copy of a folder that is read-only does
    assert S_IMODE((tmp_path / "file.json").stat().st_mode) == 0o666 & ~mask
    for path, mode in (("model", 0o777), ("model/sub", 0o777), ("model/sub/file", 0o666)):
        assert S_IMODE((tmp_path / path).stat().st_mode) == mode & ~mask


def test_whole_file_keeps_permissions_of_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "file.json"
    write_json(path, 1)
    path.chmod(0o640)
    write_json(path, 2)
    assert (S_IMODE(path.stat().st_mode), read_json(path)) == (0o640, 2)


def test_whole_file_replaces_what_a_link_leads_to(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    for name in ("there.json", "new.json"):
        (tmp_path / name).symlink_to(Path("real", name))
    write_json(tmp_path / "real" / "there.json", 1)
    for name in ("there.json", "new.json"):
        write_json(tmp_path / name, 2)
        assert (tmp_path / name).is_symlink()
        assert read_json(tmp_path / "real" / name) == 2
    assert sorted(path.name for path in (tmp_path / "real").iterdir()) == ["new.json", "there.json"]


# Outputs that are no files.


def test_whole_file_writes_to_a_pipe(tmp_path: Path) -> None:
    pipe, read = tmp_path / "pipe.json", []
    os.mkfifo(pipe)
    reader = Thread(target=lambda: read.append(pipe.read_text()), daemon=True)
    reader.start()
    write_json(pipe, {"phone": "ŋ"})
    reader.join(20)
    assert json.loads(read[0]) == {"phone": "ŋ"}
    assert [path.name for path in tmp_path.iterdir()] == ["pipe.json"]
    assert pipe.is_fifo()


def test_whole_file_writes_to_an_open_stream(tmp_path: Path) -> None:
    """As bash passes `--out >(gzip)`. A file gets the bytes at the place where the stream stands."""
    with (tmp_path / "log").open("wb", buffering=0) as stream:
        stream.write(b"before ")
        write_json(f"/dev/fd/{stream.fileno()}", 1)
        write_json(f"/proc/self/fd/{stream.fileno()}", 2)
        stream.write(b"after")
    assert (tmp_path / "log").read_bytes() == b"before 1\n2\nafter"


def test_whole_file_writes_to_standard_output(capfd: pytest.CaptureFixture[str]) -> None:
    print("before")
    write_json("/dev/stdout", 1)
    write_json("/dev/stderr", 2)
    assert capfd.readouterr() == ("before\n1\n", "2\n")


def test_whole_file_writes_to_a_device(tmp_path: Path) -> None:
    """A link to the device, so that a wrong version replaces the link and not the device."""
    (tmp_path / "null").symlink_to("/dev/null")
    (tmp_path / "full").symlink_to("/dev/full")
    write_json(tmp_path / "null", 1)
    with pytest.raises(OutputError, match=r"full: cannot be written \(No space left on device\); make room"):
        write_json(tmp_path / "full", 1)
    assert (tmp_path / "null").is_symlink()
    assert Path("/dev/null").is_char_device()


def test_whole_file_leaves_a_closed_pipe_to_the_caller() -> None:
    read, write = os.pipe()
    os.close(read)
    with pytest.raises(BrokenPipeError):
        write_json(f"/dev/fd/{write}", 1)
    os.close(write)


# Errors of the operating system.


def write_folder(path: Path) -> None:
    with whole_folder(path) as part:
        (part / "file").write_text("x" * 10_000)


def write_rows(path: Path) -> None:
    write_jsonl(path, [{"n": "x" * 10_000}])


WRITERS = (lambda path: write_json(path, "x" * 10_000), write_rows, write_folder, make_folder)


@pytest.mark.parametrize("write", WRITERS)
@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("file/out", r"(File exists|Not a directory)\); a part of the path is a file"),
        ("file/deep/out", r"(File exists|Not a directory)\); a part of the path is a file"),
        ("x" * 300, r"File name too long\); choose a shorter name"),
        ("loop/out", r"(Too many levels of symbolic links|File exists)\); "),
    ],
)
def test_writers_name_file_and_remedy(tmp_path: Path, write: Callable[[Path], None], name: str, reason: str) -> None:
    (tmp_path / "file").write_text("mine")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    with pytest.raises(OutputError, match=rf"^{tmp_path / name}: cannot be written \({reason}"):
        write(tmp_path / name)
    assert (tmp_path / "file").read_text() == "mine"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "loop"]


def test_whole_file_refuses_a_folder(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=rf"^{tmp_path}: cannot be written \(Is a directory\); name a file in this"):
        write_json(tmp_path, 1)
    assert not list(tmp_path.iterdir())


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 64 kB, nearly full."""
    libc, disk = ctypes.CDLL(None, use_errno=True), tmp_path / "disk"
    disk.mkdir()
    if libc.mount(b"none", str(disk).encode(), b"tmpfs", 0, b"size=64k"):
        pytest.skip("mounting a file system needs root")
    try:
        (disk / "filler").write_bytes(bytes(2**16 - 2**12))
        yield disk
    finally:
        libc.umount(str(disk).encode())


@pytest.mark.parametrize("write", WRITERS[:3])
def test_writers_on_a_full_disk(small_disk: Path, write: Callable[[Path], None]) -> None:
    out = small_disk / "out"
    with pytest.raises(OutputError, match=rf"^{out}: cannot be written \(No space left on device\); make room on the"):
        write(out)
    assert [path.name for path in small_disk.iterdir()] == ["filler"]


@pytest.mark.parametrize("write", WRITERS[:3])
def test_writers_with_a_limit_of_file_sizes(tmp_path: Path, write: Callable[[Path], None]) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    try:
        with pytest.raises(OutputError, match=r"out: cannot be written \(File too large\); raise the limit"):
            write(tmp_path / "out")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("code", "remedy"),
    [
        (errno.EACCES, "change its permissions or those of its folder, or name another place"),
        (errno.EROFS, "the disk is read-only; name another place"),
        (errno.EMFILE, "close other files, or raise the limit of open files (ulimit -n)"),
        (errno.EXDEV, "it is mounted by itself, so it cannot be replaced; mount its folder, and name a file in it"),
        (errno.EBUSY, "it is mounted by itself, so it cannot be replaced; mount its folder, and name a file in it"),
        (errno.ESTALE, "name another place, or run the same command again"),
    ],
)
def test_whole_file_names_other_errors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, remedy: str) -> None:
    def fail(self: Path, target: Path) -> None:
        raise OSError(code, os.strerror(code), str(self), None, str(target))

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(OutputError) as caught:
        write_json(tmp_path / "out", 1)
    assert str(caught.value) == f"{tmp_path / 'out'}: cannot be written ({os.strerror(code)}); {remedy}"
    assert not list(tmp_path.iterdir())


def read_rows(path: Path) -> list[object]:
    return list(read_jsonl(path))


def read_table_rows(path: Path) -> list[object]:
    return list(table_rows(path, ("utt",)))


READERS = (read_json, read_rows, read_text, read_table_rows, read_tiers)


@pytest.mark.parametrize("read", READERS)
@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("nothing", "no such file; check the path"),
        (".", r"cannot be read \(Is a directory\); name a file in this folder"),
        ("file/x", r"cannot be read \(Not a directory\); a part of the path is a file"),
        ("x" * 300, r"cannot be read \(File name too long\); choose a shorter name"),
    ],
)
def test_readers_name_file_and_remedy(tmp_path: Path, read: Callable[[Path], object], name: str, reason: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(CorpusError, match=rf"^{tmp_path / name}: {reason}"):
        read(tmp_path / name)


@pytest.mark.parametrize("read", [*READERS, content_digest])
def test_readers_refuse_pipes(tmp_path: Path, read: Callable[[Path], object]) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", Path("/dev/fd/63"), Path("/dev/null")):
        if path.exists():
            with pytest.raises(CorpusError, match=rf"^{path} is a pipe or device; save what it gives to a file"):
                read(path)


def test_errors_without_a_number_keep_their_text(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"^out: cannot be written \(of another kind\); "), writing("out"):
        raise OSError("of another kind")
    with pytest.raises(CorpusError, match=r"^in: cannot be read \(of another kind\); "), reading("in"):
        raise OSError("of another kind")
