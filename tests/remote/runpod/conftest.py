"""An account at a local RunPod, with a key of its own."""

import shutil
import subprocess

import pytest

from support.runpod_server import RunPodServer


@pytest.fixture(scope="session")
def home(tmp_path_factory):
    """A home folder with an ssh key."""
    if shutil.which("ssh-keygen") is None:
        pytest.skip("no ssh-keygen (Debian: openssh-client)")
    folder = tmp_path_factory.mktemp("home")
    (folder / ".ssh").mkdir()
    key = folder / ".ssh" / "id_ed25519"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "a user", "-f", str(key)], check=True)
    return folder


@pytest.fixture
def account(tmp_path, home, monkeypatch):
    """A RunPod of its own, which this process and its children find in their environment."""
    pytest.importorskip("runpod", reason="the extra remote is not installed")
    server = RunPodServer(tmp_path / "runpod")
    monkeypatch.setenv("RUNPOD_API_KEY", server.key)
    monkeypatch.setenv("RUNPOD_API_BASE_URL", server.url)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    yield server
    server.close()


@pytest.fixture
def containers(account):
    """That account, whose pods come up with watchdog and sshd."""
    for command in ("/usr/sbin/sshd", "unshare", "rsync"):
        if shutil.which(command) is None:
            pytest.skip(f"no {command}, which the pods here are made of")
    made = subprocess.run(["unshare", "--pid", "--fork", "--mount-proc", "true"], capture_output=True)
    if made.returncode:
        pytest.skip(f"no process namespaces for the pods here: {made.stderr.decode().strip()}")
    return account
