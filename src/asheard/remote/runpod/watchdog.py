"""Terminate the pod on which this script runs when its lease is over, or when it was idle for too long.

`asheard.remote.runpod.client` sends this file to the pod as text, so it imports the standard library only. A limit of
money needs no rule of its own: it is converted to hours when the pod is ordered. Settings are environment variables:

    ASHEARD_SINCE, ASHEARD_ENDS     when the pod was ordered and when it must end, in seconds since 1970
    ASHEARD_IDLE_MINUTES            time without training and without a login after which the pod ends
    RUNPOD_POD_ID, RUNPOD_API_KEY   the pod, and a key that is valid for this pod only; RunPod sets both
"""

import json
import os
import re
import subprocess
import time
import urllib.request
from pathlib import Path

# Processes that count as work: a session of a user who logged in (sshd's name for it), and training.
WORK = re.compile(r"sshd(-session)?: \S+@|\S*python\S* .*\basheard\b.*\btrain\b")
MAX_PAUSE_S = 60.0  # between two requests to terminate
MAX_LOOK_S = 30.0  # between two looks at the processes


def is_working() -> bool:
    """Return whether a user is logged in, or training is running."""
    for process in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = process.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:  # the process has ended
            continue
        if WORK.match(line):
            return True
    return False


def wait_for_end(since: float, ends: float, idle_s: float) -> str:
    """Wait until the pod must end; return the reason.

    A wrong local clock cannot extend the pod's lifetime: it ends `ends - since` seconds after this call at the latest.

    Args:
        since: when the pod was ordered, in seconds since 1970 by the clock of the machine that ordered it.
        ends: when the pod must end, by the same clock.
        idle_s: seconds without work after which the pod ends.
    """
    started = last_work = time.monotonic()
    while True:
        now = time.monotonic()
        left_s = min(ends - time.time(), started + ends - since - now)
        if left_s <= 0:
            return "its time is over"
        if is_working():
            last_work = now
        if now - last_work >= idle_s:
            return f"no work for {idle_s / 60:g} minutes"
        time.sleep(min(MAX_LOOK_S, idle_s / 10, left_s))


def terminate(pod: str) -> None:
    """Ask the provider to terminate a pod: by its API, and if that fails, by its command line tool."""
    url = os.environ.get("RUNPOD_API_BASE_URL", "https://api.runpod.io") + "/graphql"
    query = {"query": f'mutation {{ podTerminate(input: {{ podId: "{pod}" }}) }}'}
    headers = {
        "Content-Type": "application/json",
        "Authorization": f"Bearer {os.environ['RUNPOD_API_KEY']}",
        "User-Agent": "asheard",  # the API refuses urllib's default
    }
    request = urllib.request.Request(url, json.dumps(query).encode(), headers)
    try:
        with urllib.request.urlopen(request, timeout=30) as response:
            errors = json.load(response).get("errors")
    except (OSError, ValueError) as error:
        errors = error
    if errors:
        print(f"watchdog: the API did not terminate the pod ({errors}); trying runpodctl", flush=True)
        subprocess.run(["runpodctl", "remove", "pod", pod], check=False)


def main() -> None:
    """Wait for the end; then request it until the pod, and this process with it, is gone."""
    environment = os.environ
    pod, pause_s = environment["RUNPOD_POD_ID"], 1.0
    since, ends = float(environment["ASHEARD_SINCE"]), float(environment["ASHEARD_ENDS"])
    reason = wait_for_end(since, ends, 60 * float(environment["ASHEARD_IDLE_MINUTES"]))
    while True:
        print(f"watchdog: terminating this pod: {reason}", flush=True)
        try:
            terminate(pod)
        except OSError as error:
            print(f"watchdog: {error}", flush=True)
        time.sleep(pause_s)
        pause_s = min(2 * pause_s, MAX_PAUSE_S)


if __name__ == "__main__":
    main()
