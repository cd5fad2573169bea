"""A machine reached over ssh: run commands there, and explain why they failed."""

import json
import os
import re
import shlex
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from asheard.errors import RemoteError

DEFAULT_ROOT: Final = "asheard"  # below the home folder on the machine
_NAME: Final = r"[A-Za-z0-9_][A-Za-z0-9._-]*"
_ADDRESS: Final = re.compile(
    rf"ssh(?P<cpu>\+cpu)?://((?P<user>{_NAME})@)?(?P<host>{_NAME}|\[[0-9A-Fa-f:.]+\])(:(?P<port>[1-9][0-9]{{0,4}}))?"
    rf"(?P<root>(/{_NAME})*)/?"
)
_CONNECT_TIMEOUT_S: Final = 15
_ALIVE_INTERVAL_S: Final = 15  # ssh gives up after three intervals without an answer
_CONNECTION_FAILED: Final = 255  # exit status of ssh itself
_NOT_SYNCED: Final = 66

# Runs the agent in the root folder, with the root's own Python (venv/) if it has one.
_AGENT: Final = f"""\
cd "$0" 2>/dev/null && test -f code/asheard/remote/agent.py || exit {_NOT_SYNCED}
export PATH="$PWD/venv/bin:$PATH" PYTHONPATH=code PYTHONSAFEPATH=1
python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {{
  echo "$(python3 --version) is too old, 3.11 is needed; make a virtual environment of a later one in $PWD/venv" >&2
  exit 1
}}
exec python3 code/asheard/remote/agent.py "$@"
"""


class UnreachableError(RemoteError):
    """The machine cannot be reached, or the connection was lost. The same call may succeed later."""


class NotSyncedError(RemoteError):
    """AsHeard's code is not on the machine."""


def known_hosts_file() -> Path:
    """Return the file of pinned host keys. It is AsHeard's own; the user's known_hosts is not touched."""
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "asheard" / "known_hosts"


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """A machine that can train. Fields that are None come from the user's ssh configuration.

    host, user, port: as ssh takes them. key: file of the private key. known_hosts: file in which host keys are pinned.
    root: AsHeard's folder on the machine; relative to the home folder, unless absolute. cpu: train without a GPU.
    """

    host: str
    user: str | None = None
    port: int | None = None
    key: Path | None = None
    known_hosts: Path = field(default_factory=known_hosts_file)
    root: str = DEFAULT_ROOT
    cpu: bool = False

    def __str__(self) -> str:
        """Return the machine's address; `parse_address` reads it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        user = "" if self.user is None else f"{self.user}@"
        port = "" if self.port is None else f":{self.port}"
        root = "" if self.root == DEFAULT_ROOT else self.root
        return f"ssh{'+cpu' * self.cpu}://{user}{host}{port}{root}"

    @property
    def destination(self) -> str:
        """The machine as an argument of ssh."""
        return self.host if self.user is None else f"{self.user}@{self.host}"

    def ssh_command(self) -> list[str]:
        """Return the ssh command without the destination. It never prompts, and pins host keys at first contact."""
        self.known_hosts.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        options = {
            "BatchMode": "yes",
            "ConnectTimeout": _CONNECT_TIMEOUT_S,
            "ServerAliveInterval": _ALIVE_INTERVAL_S,
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

    def run(self, *words: str, stdin: str | None = None) -> str:
        """Run a command on the machine and return what it prints.

        Args:
            words: the command. Each word arrives unchanged, whatever the shell on the machine.
            stdin: standard input of the command; None: empty.
        Raises:
            UnreachableError: the machine cannot be reached, or the connection was lost; the command may still run.
            RemoteError: the command fails, or the machine does not accept our key.
        """
        return self._complete(words, shlex.join(words), stdin)

    def call_agent(self, *words: str, stdin: str | None = None) -> Any:
        """Run a verb of `asheard.remote.agent` on the machine and return its result; errors as `run`.

        Raises:
            NotSyncedError: nothing was synced to the machine yet.
        """
        out = self._complete(("sh", "-c", _AGENT, self.root, *words), shlex.join(words), stdin)
        return json.loads(out.splitlines()[-1])

    def stream_agent(self, *words: str) -> Iterator[str]:
        """Run a verb of `asheard.remote.agent` and yield its lines as it prints them; errors as `call_agent`."""
        with self._popen(("sh", "-c", _AGENT, self.root, *words), None) as process:
            try:
                yield from process.stdout or ()
                err = process.communicate()[1]
            finally:
                process.terminate()
        if process.returncode:
            raise self.failure(shlex.join(words), process.returncode, err)

    def failure(self, command: str, code: int, err: str) -> RemoteError:
        """Return the error for a command over ssh that ended with an exit status and a text on stderr."""
        last = next((line.strip() for line in reversed(err.splitlines()) if line.strip()), f"exit status {code}")
        if "Host key verification failed" in err:
            known = re.search(r"key in (.+):(\d+)", err)
            where = f"line {known[2]} of {known[1]}" if known else f"its line in {self.known_hosts}"
            return RemoteError(
                f"{self}: the host key differs from the one at first contact. If the machine was set up anew, remove "
                f"{where}. If not, another machine may be answering: ask its administrator"
            )
        if "Permission denied (" in err:
            return RemoteError(
                f"{self}: login refused ({last}); copy your public key there (ssh-copy-id), and add a private key with "
                "a passphrase to ssh-agent (ssh-add)"
            )
        if code == _CONNECTION_FAILED:
            return UnreachableError(f"{self}: no connection, or lost, while running {command} ({last})")
        if code == _NOT_SYNCED:
            return NotSyncedError(f"{self}: {self.root} has no code of AsHeard; copy it with asheard remote sync")
        return RemoteError(f"{self}: {command} failed there ({last})")

    def _complete(self, words: Sequence[str], shown: str, stdin: str | None) -> str:
        with self._popen(words, stdin) as process:
            out, err = process.communicate(stdin)
        if process.returncode:
            raise self.failure(shown, process.returncode, err)
        return out

    def _popen(self, words: Sequence[str], stdin: str | None) -> subprocess.Popen[str]:
        command = [*self.ssh_command(), "--", self.destination, shlex.join(words)]
        source = subprocess.DEVNULL if stdin is None else subprocess.PIPE
        try:
            return subprocess.Popen(
                command, stdin=source, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, errors="replace"
            )
        except FileNotFoundError:
            raise RemoteError("the command ssh is not installed here; install OpenSSH's client") from None


def parse_address(address: str) -> Machine:
    """Return the machine of an address.

    Args:
        address: ssh://[USER@]HOST[:PORT][/FOLDER], where FOLDER is AsHeard's folder on the machine, or the same with
            ssh+cpu://, for training without a GPU. HOST may be a name of ~/.ssh/config.
    Raises:
        RemoteError: it is not such an address.
    """
    parts = _ADDRESS.fullmatch(address)
    if parts is None:
        if "@" in address.partition("//")[2].partition(":")[2]:
            raise RemoteError(
                "an address must not contain a password, which others could read in the process list; use an ssh key"
            )
        raise RemoteError(
            f"{address}: not an address such as ssh://user@machine, ssh://machine:2222 or ssh://machine/folder/there"
        )
    return Machine(
        host=parts["host"].strip("[]"),
        user=parts["user"],
        port=int(parts["port"]) if parts["port"] else None,
        root=parts["root"] or DEFAULT_ROOT,
        cpu=parts["cpu"] is not None,
    )
