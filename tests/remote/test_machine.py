"""Machines: addresses, commands over ssh, and messages of failures."""

import time
from dataclasses import replace
from pathlib import Path
from threading import Timer

import pytest

from asheard.errors import RemoteError
from asheard.remote.executors import machine_at, machines_at
from asheard.remote.machine import Machine, NotSyncedError, UnreachableError
from support.sshd import make_key


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        ("ssh://gpu", {"host": "gpu"}),
        ("ssh://me@gpu.example.org", {"user": "me", "host": "gpu.example.org"}),
        ("ssh://root@10.0.0.7:22022", {"user": "root", "host": "10.0.0.7", "port": 22022}),
        ("ssh://root@[2001:db8::1]:2222/workspace/asheard", {"host": "2001:db8::1", "root": "/workspace/asheard"}),
        ("ssh+cpu://Workstation/data/", {"host": "Workstation", "root": "/data", "cpu": True}),
    ],
)
def test_machine_at_address(place, expected):
    machine = machine_at(place)
    assert {name: getattr(machine, name) for name in expected} == expected
    assert machine_at(str(machine)) == machine
    assert str(machine) == place.rstrip("/")


@pytest.mark.parametrize(
    "place",
    [
        "",
        "gpu",
        "ssh://",
        "http://gpu",
        "ssh://-oProxyCommand=reboot",
        "ssh://-l@gpu",
        "ssh://gpu:0",
        "ssh://gpu:port",
        "ssh://gpu/../etc",
        "ssh://gpu/a b",
        "ssh://gpu/$(reboot)",
        "ssh://gpu?cpu",
        "ssh://a@b@c",
    ],
)
def test_machine_at_refuses_other_text(place):
    with pytest.raises(RemoteError, match="not an address such as ssh://user@machine"):
        machine_at(place)


def test_machine_at_refuses_a_password():
    with pytest.raises(RemoteError, match="must not contain a password") as refused:
        machine_at("ssh://me:hunter2@gpu")
    assert "hunter2" not in str(refused.value)


def test_machines_at():
    assert [machine.host for machine in machines_at("ssh://a,ssh://b:23")] == ["a", "b"]
    with pytest.raises(RemoteError, match="a machine is named twice"):
        machines_at("ssh://a,ssh://a")


def test_run_keeps_words_unchanged(machine):
    words = ["a b", "it's", '"$HOME"', "*", "-n", "\\", "a\nb", ""]
    assert machine.run("printf", "%s|", *words) == "".join(f"{word}|" for word in words)
    assert machine.run("cat", stdin="what is given\n") == "what is given\n"
    assert machine.run("cat") == ""


def test_run_reports_a_failure(machine):
    with pytest.raises(RemoteError) as failed:
        machine.run("sh", "-c", "echo one >&2; echo two >&2; exit 7")
    assert str(failed.value) == f"{machine}: sh -c 'echo one >&2; echo two >&2; exit 7' failed there (two)"
    with pytest.raises(NotSyncedError, match=r"there has no code of AsHeard; copy it with asheard remote sync"):
        machine.call_agent("status")


def test_run_with_another_key(machine, tmp_path):
    with pytest.raises(RemoteError, match=r"login refused .*Permission denied.*ssh-copy-id") as refused:
        replace(machine, key=make_key(tmp_path / "other")).run("true")
    assert not isinstance(refused.value, UnreachableError)


def test_run_pins_the_host_key(machine, sshd):
    machine.run("true")
    pinned = machine.known_hosts.read_text()
    assert "ssh-ed25519" in pinned
    sshd.change_host_key()
    with pytest.raises(RemoteError, match="host key differs from the one at first contact") as refused:
        machine.run("true")
    assert not isinstance(refused.value, UnreachableError)
    assert machine.known_hosts.read_text() == pinned
    assert f"remove line 1 of {machine.known_hosts}." in str(refused.value)
    machine.known_hosts.write_text("")
    machine.run("true")


def test_run_when_the_machine_is_not_up_yet(machine, sshd):
    sshd.stop()
    with pytest.raises(UnreachableError, match="Connection refused"):
        machine.run("true")
    sshd.start()
    assert machine.run("echo", "up") == "up\n"


def test_run_when_the_connection_is_cut(machine, sshd):
    cut = Timer(0.5, sshd.cut_sessions)
    cut.start()
    began = time.monotonic()
    with pytest.raises(UnreachableError, match="no connection, or lost, while running sleep 20"):
        machine.run("sleep", "20")
    assert time.monotonic() - began < 10


def test_run_without_ssh(machine, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(RemoteError, match="ssh is not installed here"):
        machine.run("true")


def test_known_hosts_file(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert Machine(host="gpu").known_hosts == tmp_path / "asheard" / "known_hosts"
    monkeypatch.delenv("XDG_CONFIG_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert Machine(host="gpu").known_hosts == Path(tmp_path, ".config/asheard/known_hosts")
