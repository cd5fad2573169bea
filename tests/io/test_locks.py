"""One command at a time writes a file or folder."""

import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from asheard.errors import OutputError
from asheard.io.locks import locked_file, locked_folder
from asheard.io.resume import resumable_rows

HOLD = """
import sys, time
from pathlib import Path
from asheard.io.resume import resumable_rows
with resumable_rows(Path(sys.argv[1]), ["job"]) as rows:
    rows.append([{"n": 1}])
    print("holds", flush=True)
    time.sleep(600)
"""


def test_locks_refuse_a_second_writer_and_leave_nothing(tmp_path: Path) -> None:
    out, folder = tmp_path / "out.jsonl", tmp_path / "run"
    with locked_file(out), locked_folder(folder):
        refused = rf"^{re.escape(str(out))}: another command is writing it \(process \d+ on .*\); wait until it ends"
        with pytest.raises(OutputError, match=refused), locked_file(out):
            pass
        with pytest.raises(OutputError, match="wait until it ends, or name another output"), locked_folder(folder):
            pass
        with locked_file(out.with_name("other.jsonl")):
            pass
    for _ in range(2):
        with locked_file(out), locked_folder(folder):
            pass
    assert not list(tmp_path.iterdir())


def test_locks_end_with_an_error(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), locked_folder(tmp_path):
        raise KeyboardInterrupt
    with locked_folder(tmp_path):
        pass


def test_lock_on_a_file_system_without_locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def flock(*_: object) -> None:
        raise OSError("Function not implemented")

    monkeypatch.setattr("fcntl.flock", flock)
    with locked_file(tmp_path / "out"):
        pass


def test_lock_below_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    refused = r"file/out: cannot be written .* a part of the path is a file"
    with pytest.raises(OutputError, match=refused), locked_file(tmp_path / "file" / "out"):
        pass


def test_lock_ends_with_a_killed_process(tmp_path: Path) -> None:
    """The rows of the killed process are continued."""
    out = tmp_path / "out.jsonl"
    with subprocess.Popen([sys.executable, "-c", HOLD, str(out)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "holds\n"
        for job in (["job"], ["another job"]):
            with pytest.raises(OutputError, match=rf"process {process.pid} on "), resumable_rows(out, job):
                pass
        process.send_signal(signal.SIGKILL)
        process.wait()
    with resumable_rows(out, ["job"]) as rows:
        assert rows.rows() == [{"n": 1}]
        rows.remove()
    assert not list(tmp_path.iterdir())
