"""A real sshd on a loopback port, and a TCP connection to it that can be cut."""

import getpass
import os
import shlex
import shutil
import signal
import socket
import struct
import subprocess
import threading
import time
from contextlib import suppress
from pathlib import Path

SSHD = shutil.which("sshd") or "/usr/sbin/sshd"


def make_key(path: Path, comment: str = "") -> Path:
    """Make an ed25519 key without a passphrase; the public part is `path`.pub."""
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", str(path)], check=True)
    return path


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Sshd:
    """An sshd that accepts this user with one key; its sessions get the given environment variables."""

    def __init__(self, folder: Path, user_key: Path, environment: dict[str, str], prefix: tuple[str, ...] = ()) -> None:
        """prefix: words in front of the server's command, for example to give it a small disk."""
        self.folder, self.port, self.prefix = folder, free_port(), prefix
        folder.mkdir(parents=True)
        make_key(folder / "host_key")
        variables = " ".join(shlex.quote(f"{name}={value}") for name, value in environment.items())
        settings = {
            "Port": self.port,
            "ListenAddress": "127.0.0.1",
            "HostKey": folder / "host_key",
            "AuthorizedKeysFile": f"{user_key}.pub",
            "PidFile": "none",
            "StrictModes": "no",
            "UsePAM": "no",
            "KexAlgorithms": "curve25519-sha256",  # the fastest
            "PasswordAuthentication": "no",
            "KbdInteractiveAuthentication": "no",
            "PermitRootLogin": "prohibit-password",
            "AllowUsers": getpass.getuser(),
            "MaxStartups": 100,
            "SetEnv": "SHLVL=1",  # bash then does not read ~/.bashrc, whose commands may take long
            # These variables override what the user's shell sets.
            "ForceCommand": f'exec /usr/bin/env {variables} /bin/sh -c "$SSH_ORIGINAL_COMMAND"',
        }
        (folder / "config").write_text("".join(f"{name} {value}\n" for name, value in settings.items()))
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        if os.geteuid() == 0:
            Path("/run/sshd").mkdir(exist_ok=True)  # Debian's sshd needs this folder
        command = [*self.prefix, SSHD, "-D", "-e", "-f", str(self.folder / "config")]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        for _ in range(200):
            with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1) as probe:
                if probe.recv(4) == b"SSH-":
                    return
            if self.process.poll() is not None:
                break
            time.sleep(0.05)
        raise RuntimeError((self.folder / "log").read_text())

    def stop(self) -> None:
        """Stop the server and its sessions. Jobs that left their sessions go on."""
        if self.process:
            self.process.terminate()
            self.cut_sessions()
            self.process.wait()
            self.process = None

    def change_host_key(self) -> None:
        """Restart with another host key, as another machine at the same address would have."""
        self.stop()
        for path in self.folder.glob("host_key*"):
            path.unlink()
        make_key(self.folder / "host_key")
        self.start()

    def cut_sessions(self) -> int:
        """Kill the processes that serve connections; return their number."""
        assert self.process
        sessions = children(self.process.pid)
        for pid in sessions:
            for each in (*children(pid), pid):
                with suppress(ProcessLookupError):
                    os.kill(each, signal.SIGKILL)
        return len(sessions)


def children(pid: int) -> list[int]:
    return [int(child) for task in Path(f"/proc/{pid}/task").glob("*/children") for child in task.read_text().split()]


class Line:
    """A TCP proxy to a port here. `cut` breaks all connections, now or after some bytes, until `mend`."""

    def __init__(self, port: int) -> None:
        self._to, self._bytes_left = port, float("inf")
        self._ends: list[socket.socket] = []
        self._guard = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        threading.Thread(target=self._serve, daemon=True).start()

    def cut(self, after_bytes: int = 0) -> None:
        with self._guard:
            self._bytes_left = after_bytes
        if not after_bytes:
            self._break()

    def mend(self) -> None:
        with self._guard:
            self._bytes_left = float("inf")

    @property
    def is_cut(self) -> bool:
        return self._bytes_left <= 0

    def close(self) -> None:
        self._listener.close()
        self._break()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                if self.is_cut:
                    near.close()
                    continue
                far = socket.create_connection(("127.0.0.1", self._to))
                with self._guard:
                    self._ends += [near, far]
                for source, target in ((near, far), (far, near)):
                    threading.Thread(target=self._carry, args=(source, target), daemon=True).start()

    def _carry(self, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(1 << 14):
                with self._guard:
                    self._bytes_left -= len(data)
                if self.is_cut:
                    self._break()
                    return
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)

    def _break(self) -> None:
        with self._guard:
            ends, self._ends = self._ends, []
        for end in ends:
            with suppress(OSError):
                end.setsockopt(
                    socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
                )  # reset instead of an orderly end
                end.shutdown(socket.SHUT_RDWR)
            end.close()
