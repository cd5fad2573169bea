"""RunPod on loopback: the part of its GraphQL schema that we use, pods with states, and failures on demand.

The container of a pod is real: its start command runs in a process namespace, with the watchdog and an sshd.
"""

import json
import os
import shlex
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import defaultdict, deque
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from graphql import GraphQLError, build_schema, graphql_sync

START = Path(__file__).with_name("start.sh")  # replaces the image's own
VENV = Path(sys.executable).parents[1]

SCHEMA = build_schema("""
  scalar Void
  enum CloudTypeEnum { ALL COMMUNITY SECURE }
  input GpuTypeFilter { id: String }
  input GpuLowestPriceInput { gpuCount: Int, secureCloud: Boolean }
  input PodFilter { podId: String! }
  input PodTerminateInput { podId: String! }
  input EnvironmentVariableInput { key: String!, value: String! }
  input PodFindAndDeployOnDemandInput {
    name: String, imageName: String, cloudType: CloudTypeEnum, startSsh: Boolean, gpuTypeId: String,
    supportPublicIp: Boolean, gpuCount: Int, volumeInGb: Int, minVcpuCount: Int, minMemoryInGb: Int,
    allowedCudaVersions: [String], dataCenterId: String, dockerArgs: String, containerDiskInGb: Int, ports: String,
    volumeMountPath: String, env: [EnvironmentVariableInput]
  }
  type LowestPrice { minimumBidPrice: Float, uninterruptablePrice: Float }
  type GpuType {
    maxGpuCount: Int, id: String, displayName: String, manufacturer: String, memoryInGb: Int, cudaCores: Int,
    secureCloud: Boolean, communityCloud: Boolean, securePrice: Float, communityPrice: Float, oneMonthPrice: Float,
    threeMonthPrice: Float, oneWeekPrice: Float, communitySpotPrice: Float, secureSpotPrice: Float,
    lowestPrice(input: GpuLowestPriceInput): LowestPrice
  }
  type Port { ip: String, isIpPublic: Boolean, privatePort: Int, publicPort: Int, type: String }
  type PodRuntime { ports: [Port] }
  type PodMachine { gpuDisplayName: String, podHostId: String }
  type Pod {
    id: String!, containerDiskInGb: Int, costPerHr: Float!, desiredStatus: String!, dockerArgs: String,
    dockerId: String, env: [String], gpuCount: Int!, imageName: String!, lastStatusChange: String, machineId: String,
    memoryInGb: Float, name: String!, podType: String, port: Int, ports: String, uptimeSeconds: Int, vcpuCount: Float,
    volumeInGb: Float, volumeMountPath: String, runtime: PodRuntime, machine: PodMachine
  }
  type User { id: ID, pods: [Pod] }
  type Query { myself: User, pod(input: PodFilter): Pod, gpuTypes(input: GpuTypeFilter): [GpuType] }
  type Mutation {
    podFindAndDeployOnDemand(input: PodFindAndDeployOnDemandInput): Pod
    podTerminate(input: PodTerminateInput!): Void
  }
""")

GPUS = {
    "NVIDIA GeForce RTX 4090": {"displayName": "RTX 4090", "securePrice": 0.69, "communityPrice": 0.34},
    "NVIDIA A40": {"displayName": "A40", "securePrice": 0.44, "communityPrice": None},
}


class RunPodServer:
    """A server for `https://api.runpod.io/graphql`.

    Attributes:
        boots: whether containers start.
        capacity: number of pods that can be rented.
        surcharge: USD an hour that pods cost above the offer.
        num_threads: threads of computations on a pod.
        faults: for an operation (gpuTypes, myself, podFindAndDeployOnDemand, podTerminate), the results of the next
            requests: "refused" (no answer), "lost" (carried out, but no answer), "down" (503, no JSON), "unauthorized"
            (401), an error message of GraphQL, or None (no fault).
        asked: requested operations, in order.
        ever: names of all pods that were ordered.
    """

    key = "rpa_of-the-account"

    def __init__(self, folder, venv=VENV):
        """venv: Python environment that the image of a pod has."""
        self.folder, self.venv = folder, venv
        self.boots = True
        self.capacity = 8
        self.surcharge = 0.0
        self.num_threads = 1
        self.faults = defaultdict(deque)
        self.asked = []
        self.ever = []
        self._pods = {}
        self._lock = threading.RLock()
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self._http.server_port}"
        threading.Thread(target=self._http.serve_forever, args=[0.02], daemon=True).start()

    def running(self):
        """Return the names of the pods that exist."""
        with self._lock:
            return sorted(pod["name"] for pod in self._pods.values())

    def close(self):
        with self._lock:
            for identity in list(self._pods):
                self._terminate(identity)
        self._http.shutdown()
        self._http.server_close()

    # What the API's operations do

    def _answer(self, document, bearer):
        rights = {self.key: None} | {pod["key"]: identity for identity, pod in self._pods.items()}
        if bearer not in rights:
            return 401, {}
        scope = rights[bearer]

        class Root:
            def myself(_, info):  # noqa: N805
                if scope:
                    raise GraphQLError("Forbidden")
                return {"id": "user", "pods": list(map(self._shown, self._pods.values()))}

            def gpuTypes(_, info, input):  # noqa: N802, N805
                found = [{"id": name} | GPUS[name] for name in GPUS if input["id"] == name]
                return [gpu | {"lowestPrice": lambda info, input: {}} for gpu in found]

            def podFindAndDeployOnDemand(_, info, input):  # noqa: N802, N805
                if scope:
                    raise GraphQLError("Forbidden")
                return self._shown(self._deploy(input))

            def podTerminate(_, info, input):  # noqa: N802, N805
                if scope not in (None, input["podId"]):
                    raise GraphQLError("Forbidden")
                if input["podId"] not in self._pods:
                    raise GraphQLError("pod not found to terminate")
                self._terminate(input["podId"])

        done = graphql_sync(SCHEMA, document, Root())
        return 200, done.formatted

    def _deploy(self, order):
        if len(self._pods) >= self.capacity:
            raise GraphQLError(
                "There are no longer any instances available with the requested specifications. "
                "Please refresh and try again."
            )
        gpu = GPUS[order["gpuTypeId"]]
        each = gpu["securePrice" if order["cloudType"] == "SECURE" else "communityPrice"]
        disks = (order["volumeInGb"] + order["containerDiskInGb"]) * 0.1 / 730
        identity = f"pod{len(self.ever)}"
        home = self.folder / identity
        (home / "workspace" / "asheard").mkdir(parents=True)
        (home / "workspace" / "asheard" / "venv").symlink_to(self.venv)  # the Python of the image
        pod = {
            "id": identity,
            "name": order["name"],
            "desiredStatus": "RUNNING",
            "costPerHr": each * order["gpuCount"] + disks + self.surcharge,
            "env": [f"{entry['key']}={entry['value']}" for entry in order["env"]],
            "gpuCount": order["gpuCount"],
            "imageName": order["imageName"],
            "uptimeSeconds": 0,
            "volumeMountPath": str(home / "workspace"),  # a folder here stands for the volume
            "machine": {"gpuDisplayName": gpu["displayName"]},
            "key": f"rpa_of-{identity}",
            "ssh_port": free_port(),
            "container": None,
        }
        self.ever.append(pod["name"])
        self._pods[identity] = pod
        if self.boots:
            pod["container"] = self._start(pod, home, order["dockerArgs"])
        return pod

    def _start(self, pod, home, docker_args):
        environment = dict(entry.split("=", 1) for entry in pod["env"]) | {
            "PATH": f"{VENV}/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "HOME": str(home),
            "RUNPOD_POD_ID": pod["id"],
            "RUNPOD_API_KEY": pod["key"],
            "RUNPOD_API_BASE_URL": self.url,
            "POD_FOLDER": str(home),
            "POD_SSH_PORT": str(pod["ssh_port"]),
            "OMP_NUM_THREADS": str(self.num_threads),
        }
        command = shlex.split(docker_args.replace("/start.sh", str(START)))
        with (home / "log").open("wb") as log:
            return subprocess.Popen(
                ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child", "--", *command],
                env=environment, cwd=home, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip

    def _terminate(self, identity):
        container = self._pods.pop(identity)["container"]
        if container:
            with suppress(ProcessLookupError):
                os.killpg(container.pid, signal.SIGKILL)
            container.wait()

    def _shown(self, pod):
        port = {"ip": "127.0.0.1", "isIpPublic": True, "privatePort": 22, "publicPort": pod["ssh_port"], "type": "tcp"}
        return pod | {"runtime": {"ports": [port]} if pod["container"] else None}

    def _handler(self):
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                document = json.loads(body)["query"]
                operation = next(name for name in OPERATIONS if name in document)
                bearer = self.headers["Authorization"].removeprefix("Bearer ")
                with server._lock:
                    server.asked.append(operation)
                    faults = server.faults[operation]
                    fault = faults.popleft() if faults else None
                    if fault == "refused":
                        self.connection.close()
                        return
                    if fault == "down":
                        self._reply(503, b"<html>Service Unavailable</html>")
                    elif fault == "unauthorized":
                        self._reply(401, b"{}")
                    elif fault not in (None, "lost"):
                        self._reply(200, json.dumps({"errors": [{"message": fault}], "data": None}).encode())
                    else:
                        status, answer = server._answer(document, bearer)
                        if fault == "lost":
                            self.connection.close()
                            return
                        self._reply(status, json.dumps(answer).encode())

            def _reply(self, status, body):
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *arguments):
                pass

        return Handler


OPERATIONS = ("podFindAndDeployOnDemand", "podTerminate", "gpuTypes", "myself")


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def wait_until(holds, seconds=20.0):
    """Wait until `holds()`, or fail."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "the condition did not hold in time"
        time.sleep(0.05)
