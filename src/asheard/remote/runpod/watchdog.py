"""Terminate the rented pod that this script runs on when its time, its money or its work runs out.

It goes to the pod as text (`asheard.remote.runpod.client`) and needs nothing there but Python: no import beyond the
standard library. Time and money are one limit, for whoever orders the pod turns money into hours. Its settings
come in environment variables:

    ASHEARD_SINCE, ASHEARD_ENDS     when the pod was ordered and when it must end, in seconds since 1970
    ASHEARD_IDLE_MINUTES            how long it may stand without training and without anybody logged in
    RUNPOD_POD_ID, RUNPOD_API_KEY   the pod, and a key that holds for this pod alone
"""

import json
import os
import re
import subprocess
import time
import urllib.request
from pathlib import Path

# What keeps a pod: a login (sshd names its process after the user, once he is let in), and a training run.
WORK = re.compile(r"sshd(-session)?: \S+@|\S*python\S* .*\basheard\b.*\btrain\b")


def working() -> bool:
    """Whether somebody is logged in here, or something is being trained."""
    for process in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = process.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:  # it has just ended
            continue
        if WORK.match(line):
            return True
    return False


def wait_for_the_end(since: float, ends: float, idle_s: float) -> str:
    """Wait until the pod must go, and say why.

    A clock that was wrong where the pod was ordered lengthens nothing: no more time passes here than was ordered.
    """
    started = last_work = time.monotonic()
    while True:
        now = time.monotonic()
        left_s = min(ends - time.time(), started + ends - since - now)
        if left_s <= 0:
            return "its time is over"
        if working():
            last_work = now
        if now - last_work >= idle_s:
            return f"nothing was done here for {idle_s / 60:g} minutes"
        time.sleep(min(30.0, idle_s / 10, left_s))


def terminate(pod: str) -> None:
    """Ask the provider to terminate this pod: over its API, and by its command line tool where that fails."""
    url = os.environ.get("RUNPOD_API_BASE_URL", "https://api.runpod.io") + "/graphql"
    query = {"query": f'mutation {{ podTerminate(input: {{ podId: "{pod}" }}) }}'}
    headers = {
        "Content-Type": "application/json",
        "Authorization": f"Bearer {os.environ['RUNPOD_API_KEY']}",
        "User-Agent": "asheard",  # urllib's own is turned away at the door
    }
    request = urllib.request.Request(url, json.dumps(query).encode(), headers)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            errors = json.load(answer).get("errors")
    except (OSError, ValueError) as error:
        errors = error
    if errors:
        print(f"watchdog: the API did not terminate the pod ({errors}); trying runpodctl", flush=True)
        subprocess.run(["runpodctl", "remove", "pod", pod], check=False)


def main() -> None:
    """Wait, and then ask until this pod, and this process with it, is gone."""
    environment = os.environ
    pod, pause_s = environment["RUNPOD_POD_ID"], 1.0
    since, ends = float(environment["ASHEARD_SINCE"]), float(environment["ASHEARD_ENDS"])
    reason = wait_for_the_end(since, ends, 60 * float(environment["ASHEARD_IDLE_MINUTES"]))
    while True:
        print(f"watchdog: terminating this pod: {reason}", flush=True)
        try:
            terminate(pod)
        except OSError as error:
            print(f"watchdog: {error}", flush=True)
        time.sleep(pause_s)
        pause_s = min(2 * pause_s, 60.0)


if __name__ == "__main__":
    main()
