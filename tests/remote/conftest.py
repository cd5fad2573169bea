"""A loopback machine that is reached by a real sshd, with the corpus of tones to train on."""

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
from support.runs import short
from support.sshd import SSHD, Line, Sshd, make_key
from support.tone_corpus import write_base, write_corpus


@pytest.fixture(scope="session")
def user_key(tmp_path_factory):
    for command, package in ((SSHD, "openssh-server"), ("ssh", "openssh-client"), ("rsync", "rsync")):
        if not shutil.which(command):
            pytest.skip(f"no {command}; apt-get install {package}")
    return make_key(tmp_path_factory.mktemp("keys") / "user_key")


@pytest.fixture(scope="session")
def environment():
    """Of a session there: this Python, and as many threads as here, so that weights can be compared."""
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    return {"PATH": path, "OMP_NUM_THREADS": str(torch.get_num_threads()), "PYTHONDONTWRITEBYTECODE": "1"}


@pytest.fixture
def sshd(tmp_path, user_key, environment):
    server = Sshd(tmp_path / "sshd", user_key, environment)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def machine(sshd, user_key, tmp_path):
    """The loopback machine, as if it had nothing; what is still under way there in the end is killed."""
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
    """To the sshd."""
    line = Line(sshd.port)
    yield line
    line.close()


@pytest.fixture(scope="session")
def tones(tmp_path_factory):
    """A small corpus with recordings that no manifest names, and a tiny base."""
    root = tmp_path_factory.mktemp("tones")
    write_corpus(root)
    write_base(root / "base")
    (root / "wav" / "unnamed.wav").write_bytes((root / "wav" / "val0.wav").read_bytes())
    return root


@pytest.fixture
def options(tones, tmp_path):
    return short(tones, tmp_path / "here" / "faithful-seed1")
