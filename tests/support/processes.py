"""`asheard serve` as a process of its own."""

import os
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager

import httpx


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


@contextmanager
def serving(*arguments, **environment):
    """Return (process, url); the service writes to a file, because a pipe that is not read fills up and stops it."""
    port = free_port()
    command = [sys.executable, "-m", "asheard", "serve", "--port", str(port), *map(str, arguments)]
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, env=os.environ | environment)
        try:
            url = f"http://127.0.0.1:{port}"
            for _ in range(300):
                try:
                    httpx.get(f"{url}/health")
                    break
                except httpx.ConnectError:
                    if process.poll() is not None:
                        output.seek(0)
                        raise AssertionError(output.read().decode()) from None
                    time.sleep(0.1)
            yield process, url
        finally:
            process.kill()
            process.wait()
