"""A loopback machine behind a real sshd, an account at a loopback RunPod, and trainers for both.

Tests that use them get the markers `remote` and `cluster` here.
"""

import fcntl
import getpass
import os
import shutil
import signal
import sys
from contextlib import suppress
from pathlib import Path

import pytest
import torch

from asheard.remote.machine import Machine
from support.runpod_server import RunPodServer
from support.runs import short
from support.sshd import SSHD, Line, Sshd, make_key
from support.stub_trainer import make_stub_trainer
from support.tone_corpus import write_base, write_corpus

MARKERS = {"user_key": "remote", "account": "remote", "cluster": "cluster"}


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    for item in items:
        for name in MARKERS.keys() & set(getattr(item, "fixturenames", ())):
            item.add_marker(MARKERS[name])


# Machines over ssh


@pytest.fixture(scope="session")
def user_key(tmp_path_factory):
    """An ssh key of the user."""
    for command, package in ((SSHD, "openssh-server"), ("ssh", "openssh-client"), ("rsync", "rsync")):
        if not shutil.which(command):
            pytest.skip(f"no {command}; apt-get install {package}")
    return make_key(tmp_path_factory.mktemp("keys") / "user_key")


@pytest.fixture(scope="session")
def real_environment():
    """Variables of a session on the machine: this Python, and as many threads as here, so that weights are equal."""
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    return {"PATH": path, "OMP_NUM_THREADS": str(torch.get_num_threads()), "PYTHONDONTWRITEBYTECODE": "1"}


@pytest.fixture
def environment(real_environment):
    """Variables of a session on the machine; modules override it."""
    return real_environment


@pytest.fixture(scope="session")
def stub_trainer(tmp_path_factory):
    """An environment whose training only counts steps."""
    return make_stub_trainer(tmp_path_factory.mktemp("stub-trainer"))


@pytest.fixture
def sshd(tmp_path, user_key, environment):
    server = Sshd(tmp_path / "sshd", user_key, environment)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def machine(sshd, user_key, tmp_path):
    """The loopback machine, with an empty root folder. Jobs that are under way at the end are killed."""
    machine = Machine(
        host="127.0.0.1",
        user=getpass.getuser(),
        port=sshd.port,
        key=user_key,
        known_hosts=tmp_path / "known_hosts",
        root=str(tmp_path / "there"),
        cpu=True,
    )
    yield machine
    for lock in tmp_path.glob("*/jobs/*/lock"):
        with lock.open("a") as held, suppress(ProcessLookupError, FileNotFoundError):
            try:
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.killpg(int((lock.parent / "pid").read_text()), signal.SIGKILL)


@pytest.fixture
def line(sshd):
    """A TCP connection to the sshd that can be cut."""
    line = Line(sshd.port)
    yield line
    line.close()


# Runs


@pytest.fixture(scope="session")
def tones(tmp_path_factory):
    """A small corpus, with a recording that no manifest names, and a tiny base."""
    root = tmp_path_factory.mktemp("tones")
    write_corpus(root)
    write_base(root / "base")
    (root / "wav" / "unnamed.wav").write_bytes((root / "wav" / "val0.wav").read_bytes())
    return root


@pytest.fixture
def options(tones, tmp_path):
    """Options of a short run."""
    return short(tones, tmp_path / "here" / "faithful-seed1")


# RunPod


@pytest.fixture(scope="session")
def home(tmp_path_factory):
    """A home folder with an ssh key."""
    if shutil.which("ssh-keygen") is None:
        pytest.skip("no ssh-keygen (Debian: openssh-client)")
    folder = tmp_path_factory.mktemp("home")
    (folder / ".ssh").mkdir()
    make_key(folder / ".ssh" / "id_ed25519", comment="a user")
    return folder


@pytest.fixture
def account(tmp_path, home, monkeypatch):
    """An account at a loopback RunPod; this process and its children find it in their environment."""
    pytest.importorskip("runpod", reason="the extra remote is not installed")
    server = RunPodServer(tmp_path / "runpod")
    monkeypatch.setenv("RUNPOD_API_KEY", server.key)
    monkeypatch.setenv("RUNPOD_API_BASE_URL", server.url)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    yield server
    server.close()


@pytest.fixture(scope="session")
def container_commands():
    """Skip if this machine cannot run the containers of pods."""
    for command in ("/usr/sbin/sshd", "unshare", "rsync"):
        if shutil.which(command) is None:
            pytest.skip(f"no {command}, which the pods here are made of")
    if os.system("unshare --pid --fork --mount-proc true"):
        pytest.skip("no right to make process namespaces for the pods here")


@pytest.fixture
def containers(account, container_commands):
    """That account, with pods that start: a watchdog and an sshd in a process namespace."""
    return account
