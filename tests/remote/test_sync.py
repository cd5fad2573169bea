"""Inputs of runs are copied to a machine; a copy that was cut off resumes; both sides are compared."""

import os
import shutil
import sys
import time
import venv
from dataclasses import replace
from pathlib import Path
from threading import Thread
from zipfile import ZipFile

import pytest

import asheard
from asheard.corpora import read_manifest, write_manifest
from asheard.errors import CorpusError, RemoteError
from asheard.io.names import safe_name
from asheard.remote.jobs import check_machine
from asheard.remote.machine import UnreachableError
from asheard.remote.run import remote_run
from asheard.remote.transfer import push_folder, sync
from asheard.training import TrainingOptions
from support.sshd import Sshd


def silent(what: str, share: float) -> None:
    pass


def files(folder: Path) -> dict[str, int]:
    paths = (path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return {str(path.relative_to(folder)): path.stat().st_ino for path in paths}


@pytest.fixture
def run(options):
    return remote_run(TrainingOptions(**options))


def test_sync_copies_what_is_named_and_only_once(machine, run, tones):
    shares: dict[str, float] = {}
    sync(machine, [run], shares.__setitem__)
    there = Path(machine.root)
    wavs = files(there / run.there.wav_root)
    assert sorted(wavs) == sorted(
        f"wav/{path.name}" for path in (tones / "wav").iterdir() if path.name != "unnamed.wav"
    )
    assert (there / run.there.train).read_bytes() == (tones / "train.jsonl").read_bytes()
    assert files(there / run.there.base).keys() == files(tones / "base").keys()
    assert (there / "code/asheard/remote/agent.py").is_file()
    assert set(shares) == {"code", "manifests and bases", f"recordings of {tones.name}"}
    assert set(shares.values()) == {1.0}

    before = files(there)
    changed = there / run.there.wav_root / "wav" / "val0.wav"
    status, content = changed.stat(), bytearray(changed.read_bytes())
    content[-1] ^= 1
    changed.write_bytes(content)
    os.utime(changed, ns=(status.st_atime_ns, status.st_mtime_ns))
    (there / run.there.wav_root / "wav" / "train3.wav").unlink()
    with pytest.raises(RemoteError, match=r"there are 59 recordings of 60; .* asheard remote sync copies the rest"):
        check_machine(machine, [run])
    sync(machine, [run], silent)
    assert changed.read_bytes() == (tones / "wav" / "val0.wav").read_bytes()
    after = files(there)
    assert {name for name in before if before[name] != after[name]} == {
        f"{run.there.wav_root}/wav/{name}.wav" for name in ("val0", "train3")
    }
    report = check_machine(machine, [run])
    assert (report.rows, report.recordings, report.gpus) == (60, 60, ())
    assert "60 rows and 60 recordings as here" in str(report)
    with pytest.raises(RemoteError, match=r"finds no GPU there; .* train on its CPU with ssh\+cpu://"):
        check_machine(replace(machine, cpu=False), [run])


def test_push_folder_resumes_after_cuts(machine, line, tmp_path):
    """Each recording is longer than what passes before a cut, so it arrives only if nothing is sent twice."""
    names = ["one.wav", "two #2.wav"]
    here, there = tmp_path / "wavs", Path(machine.root) / "wavs"
    here.mkdir()
    there.mkdir(parents=True)
    for name in names:
        (here / name).write_bytes(os.urandom(3_000_000))
    by_line = replace(machine, port=line.port)
    num_cuts = 0
    for _ in range(20):
        line.cut(after_bytes=2_000_000)
        try:
            push_folder(by_line, here, "wavs", lambda share: None, only=names)
        except UnreachableError:
            num_cuts += 1
            assert all(path.stat().st_size == 3_000_000 for path in there.glob("*.wav"))
            line.mend()
        else:
            break
    assert num_cuts >= 2
    assert all((there / name).read_bytes() == (here / name).read_bytes() for name in names)


def test_sync_resumes_after_a_cut(machine, sshd, run):
    """The processes that serve the connection are killed when the first files arrive."""
    code = Path(machine.root) / "code" / "asheard"

    def cut() -> None:
        while not code.is_dir():
            time.sleep(0.001)
        sshd.cut_sessions()

    killer = Thread(target=cut)
    killer.start()
    with pytest.raises(UnreachableError, match="rsync"):
        sync(machine, [run], silent)
    killer.join()
    sync(machine, [run], silent)
    assert files(code).keys() == files(Path(asheard.__file__).parent).keys()


def test_sync_to_a_full_disk(user_key, environment, machine, run, tmp_path):
    there = Path(machine.root)
    there.mkdir()
    small = ["unshare", "--mount", *(["--map-root-user"] if os.geteuid() else []), "sh", "-c"]
    mount = f'mount -t tmpfs -o size=4m none {there} && exec "$0" "$@"'
    if os.system(" ".join([*small, f"'mount -t tmpfs none {there}'"])):
        pytest.skip("a small disk needs the right to mount one")
    server = Sshd(tmp_path / "small", user_key, environment, prefix=(*small, mount))
    server.start()
    try:
        with pytest.raises(RemoteError, match=r"no room for the copy .*No space left on device.*repeat the command"):
            sync(replace(machine, port=server.port), [run], silent)
    finally:
        server.stop()
    machine = replace(machine, known_hosts=tmp_path / "others")
    sync(machine, [run], silent)
    assert sorted(files(there / run.there.wav_root)) == sorted(run.wavs)


def test_sync_reports_what_the_machine_lacks(user_key, environment, machine, run, tmp_path):
    commands = tmp_path / "bin"
    commands.mkdir()
    for command in ("sh", "mkdir"):
        (commands / command).symlink_to(shutil.which(command))
    server = Sshd(tmp_path / "bare", user_key, environment | {"PATH": str(commands)})
    server.start()
    bare = replace(machine, port=server.port)
    try:
        with pytest.raises(RemoteError, match="rsync is not installed; apt-get install rsync"):
            sync(bare, [run], silent)
        (commands / "rsync").symlink_to(shutil.which("rsync"))
        old = commands / "python3"
        old.write_text('#!/bin/sh\n[ "$1" = --version ] && echo Python 3.9.2 || exit 1\n')
        old.chmod(0o755)
        with pytest.raises(RemoteError, match=r"Python 3.9.2 is too old, 3.11 is needed; .* in .*/there/venv"):
            sync(bare, [run], silent)
        venv.create(Path(machine.root) / "venv")  # the root's own Python is used then
        with pytest.raises(RemoteError, match="PyTorch is not installed there"):
            sync(bare, [run], silent)
    finally:
        server.stop()


@pytest.mark.slow
def test_sync_installs_packages_in_an_environment(user_key, environment, machine, tmp_path):
    """A Python outside a virtual environment gets one, which sees the machine's packages."""
    wheel = tmp_path / "lacking-1.0-py3-none-any.whl"
    with ZipFile(wheel, "w") as files:
        files.writestr("lacking.py", "")
        files.writestr("lacking-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: lacking\nVersion: 1.0\n")
        files.writestr("lacking-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        files.writestr("lacking-1.0.dist-info/RECORD", "")
    sync(machine, [], silent)
    python = Path(sys.base_prefix, "bin")
    server = Sshd(tmp_path / "base", user_key, environment | {"PATH": f"{python}:{os.environ['PATH']}"})
    server.start()
    machine = replace(machine, port=server.port)
    try:
        assert machine.call_agent("facts", "lacking")["missing"] == ["lacking"]
        machine.call_agent("install", str(wheel))
        assert machine.call_agent("facts", "lacking")["missing"] == []
        assert (Path(machine.root) / "venv" / "pyvenv.cfg").read_text().count("include-system-site-packages = true")
        with pytest.raises(RemoteError, match=r"install .*there-is-no.whl failed there \(.*there-is-no.whl"):
            machine.call_agent("install", str(tmp_path / "there-is-no.whl"))
    finally:
        server.stop()


def test_remote_run_refuses_recordings(options, tones, tmp_path):
    rows = read_manifest(tones / "train.jsonl")
    for wav, message in (
        ("../secret.wav", "is not below the wav root"),
        ("wav/none.wav", "check the wav root"),
    ):
        write_manifest(tmp_path / "rows.jsonl", [replace(rows[0], wav=wav)])
        with pytest.raises(CorpusError, match=f"rows.jsonl: .*{wav}.*{message}"):
            remote_run(TrainingOptions(**options | {"train": tmp_path / "rows.jsonl"}))


def test_remote_run_is_named_by_what_decides_its_weights(options, tones, tmp_path):
    name = remote_run(TrainingOptions(**options)).name
    assert name.startswith("faithful-seed1-")
    same = options | {"checkpoint_dir": tmp_path / "elsewhere" / "faithful-seed1", "pilot": 5, "checkpoint_every": 1}
    assert remote_run(TrainingOptions(**same)).name == name
    assert remote_run(TrainingOptions(**options | {"seed": 2})).name != name
    copy = tmp_path / "copy"
    shutil.copytree(tones, copy)
    assert remote_run(TrainingOptions(**options | {"wav_root": copy})).name == name
    os.utime(copy / "wav" / "val0.wav", (1, 1))
    assert remote_run(TrainingOptions(**options | {"wav_root": copy})).name != name


@pytest.mark.parametrize("name", ["x" * 255, "ə" * 120, "-rf;$(id)", "..."])
def test_remote_run_has_a_plain_name(options, tmp_path, name):
    run = remote_run(TrainingOptions(**{**options, "checkpoint_dir": tmp_path / name}))
    assert safe_name(run.name, "run") == run.name
    assert run.name.isascii()
    assert not run.name.startswith("-")
