"""A machine that is reached over ssh: commands run there, and what it means when they fail."""

import json
import os
import re
import shlex
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from asheard.errors import PodError
from asheard.remote.runpod.client import POD_PREFIX

DEFAULT_ROOT: Final = "asheard"  # in the home folder there
_NAME: Final = r"[A-Za-z0-9_][A-Za-z0-9._-]*"
_PLACE: Final = re.compile(
    rf"ssh(?P<cpu>\+cpu)?://((?P<user>{_NAME})@)?(?P<host>{_NAME}|\[[0-9A-Fa-f:.]+\])(:(?P<port>[1-9][0-9]{{0,4}}))?"
    rf"(?P<root>(/{_NAME})*)/?"
)
_LOST: Final = 255  # ssh's own exit status, where it did not reach the machine or lost it
_CONNECT_S: Final = 15
_SILENT_S: Final = 15  # between questions whether the other side is still there; three without an answer: it is not

_NOT_SYNCED: Final = 66

# Begins `agent` in the root. That may have a Python of its own, in venv/.
_AGENT: Final = f"""\
cd "$0" 2>/dev/null && test -f code/asheard/remote/agent.py || exit {_NOT_SYNCED}
export PATH="$PWD/venv/bin:$PATH" PYTHONPATH=code PYTHONSAFEPATH=1
python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {{
  echo "$(python3 --version) is too old, 3.11 is needed; make a virtual environment of a later one in $PWD/venv" >&2
  exit 1
}}
exec python3 code/asheard/remote/agent.py "$@"
"""


class UnreachableError(PodError):
    """The machine is not reached, or was lost in the middle: the same may work later."""


class NotSyncedError(PodError):
    """Nothing of AsHeard's is on the machine."""


def known_hosts_file() -> Path:
    """Where the keys of machines are kept from first contact on; apart from the user's own, which stay as they are."""
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "asheard" / "known_hosts"


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """Where runs can be trained. What is None is left to the user's ssh configuration.

    host, user, port: as ssh takes them. key: file of the private key. known_hosts: file that host keys are pinned in.
    root: folder there for all that is AsHeard's; relative to the home folder, unless absolute. cpu: training without a
    GPU is wanted.
    """

    host: str
    user: str | None = None
    port: int | None = None
    key: Path | None = None
    known_hosts: Path = field(default_factory=known_hosts_file)
    root: str = DEFAULT_ROOT
    cpu: bool = False

    def __str__(self) -> str:
        """The machine as a place, as `machine_at` takes it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        user = "" if self.user is None else f"{self.user}@"
        port = "" if self.port is None else f":{self.port}"
        root = "" if self.root == DEFAULT_ROOT else self.root
        return f"ssh{'+cpu' * self.cpu}://{user}{host}{port}{root}"

    @property
    def destination(self) -> str:
        """What ssh calls the machine."""
        return self.host if self.user is None else f"{self.user}@{self.host}"

    def ssh(self) -> list[str]:
        """The ssh command without its destination: it asks nothing, and pins host keys at first contact."""
        self.known_hosts.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        options = {
            "BatchMode": "yes",
            "ConnectTimeout": _CONNECT_S,
            "ServerAliveInterval": _SILENT_S,
            "ServerAliveCountMax": 3,
            "StrictHostKeyChecking": "accept-new",
            "UserKnownHostsFile": f'"{self.known_hosts}"',
            "LogLevel": "ERROR",
        }
        command = ["ssh", "-T", *(word for name, value in options.items() for word in ("-o", f"{name}={value}"))]
        if self.key is not None:
            command += ["-i", str(self.key), "-o", "IdentitiesOnly=yes"]
        if self.port is not None:
            command += ["-p", str(self.port)]
        return command

    def run(self, *words: str, given: str | None = None) -> str:
        """Run a command there and give what it prints.

        Args:
            words: of the command; each arrives as it is, whatever the shell there.
            given: its standard input; None gives it none.
        Raises:
            UnreachableError: the machine is not reached, or the connection was lost; what was begun there may go on.
            PodError: the command fails there, or this machine is not let in.
        """
        return self._complete(words, shlex.join(words), given)

    def ask(self, *words: str, given: str | None = None) -> Any:
        """Run a verb of `asheard.remote.agent` there, which must have been synced, and read its JSON; as of `run`."""
        out = self._complete(("sh", "-c", _AGENT, self.root, *words), shlex.join(words), given)
        return json.loads(out.splitlines()[-1])

    def lines(self, *words: str) -> Iterator[str]:
        """Run a verb of `asheard.remote.agent` there, and give each line that it prints as it comes; as of `run`."""
        with self._begin(("sh", "-c", _AGENT, self.root, *words), None) as process:
            try:
                yield from process.stdout or ()
                err = process.communicate()[1]
            finally:
                process.terminate()
        if process.returncode:
            raise self.failure(shlex.join(words), process.returncode, err)

    def failure(self, command: str, code: int, err: str) -> PodError:
        """What it means that ssh, or what runs over it, ended with an exit status and words on stderr."""
        last = next((line.strip() for line in reversed(err.splitlines()) if line.strip()), f"exit status {code}")
        if "Host key verification failed" in err:
            known = re.search(r"key in (.+):(\d+)", err)
            where = f"line {known[2]} of {known[1]}" if known else f"its line in {self.known_hosts}"
            return PodError(
                f"{self}: it shows another host key than at first contact. If the machine was set up anew, remove "
                f"{where}; if it was not, another machine may have taken its place: ask whoever runs it"
            )
        if "Permission denied (" in err:
            return PodError(
                f"{self}: not let in ({last}); put your public key there (ssh-copy-id), and a private key with a "
                "passphrase into ssh-agent (ssh-add)"
            )
        if code == _LOST:
            return UnreachableError(f"{self}: not reached, or lost, while it was to run {command} ({last})")
        if code == _NOT_SYNCED:
            return NotSyncedError(f"{self}: nothing is in {self.root} there; asheard remote sync puts it there")
        return PodError(f"{self}: {command} failed there ({last})")

    def _complete(self, words: Sequence[str], told: str, given: str | None) -> str:
        with self._begin(words, given) as process:
            out, err = process.communicate(given)
        if process.returncode:
            raise self.failure(told, process.returncode, err)
        return out

    def _begin(self, words: Sequence[str], given: str | None) -> subprocess.Popen[str]:
        command = [*self.ssh(), "--", self.destination, shlex.join(words)]
        stdin = subprocess.DEVNULL if given is None else subprocess.PIPE
        try:
            return subprocess.Popen(
                command, stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, errors="replace"
            )
        except FileNotFoundError:
            raise PodError("the command ssh is not installed here; install OpenSSH's client") from None


def machine_at(place: str) -> Machine:
    """The machine that a place names.

    Args:
        place: ssh://[USER@]HOST[:PORT][/FOLDER], where FOLDER is the machine's root; with ssh+cpu:// training without a
            GPU is wanted. HOST may be a name of ~/.ssh/config. Or asheard-NAME, a rented pod.
    Raises:
        PodError: it is no such place.
    """
    if place.startswith(POD_PREFIX):
        from asheard.remote.runpod.pods import pod_at  # which knows machines

        return pod_at(place)
    parts = _PLACE.fullmatch(place)
    if parts is None:
        if "@" in place.partition("//")[2].partition(":")[2]:
            raise PodError("a place holds no password, which others could read in the process list; ssh needs a key")
        raise PodError(
            f"{place}: not a place such as ssh://user@machine, ssh://machine:2222 or ssh://machine/folder/there"
        )
    return Machine(
        host=parts["host"].strip("[]"),
        user=parts["user"],
        port=int(parts["port"]) if parts["port"] else None,
        root=parts["root"] or DEFAULT_ROOT,
        cpu=parts["cpu"] is not None,
    )


def machines_at(places: str) -> tuple[Machine, ...]:
    """The machines of places that are joined by commas; as of `machine_at`."""
    machines = tuple(map(machine_at, places.split(",")))
    if len(set(machines)) < len(machines):
        raise PodError(f"{places}: names a machine twice")
    return machines
