"""The account of a study's rented pods: their cost so far and at most. A file keeps it between commands."""

import re
import secrets
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

from asheard.errors import RemoteError
from asheard.io.files import read_json, write_json
from asheard.io.typed_json import value_from_json
from asheard.remote.runpod.client import POD_PREFIX

BUDGET_FILE: Final = "pods.json"  # in the study's folder
_SHORTEST_H: Final = 0.5  # a pod with less time would end before training begins


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetEntry:
    """A pod that was ordered.

    price: USD an hour. since, ends: limits of its lease, in seconds since 1970. gone: when it was found to be gone;
    None while it may be running.
    """

    name: str
    price: float
    since: float
    ends: float
    gone: float | None = None

    def cost(self, now: float) -> float:
        """Return the USD until `now`, at most: the watchdog terminates the pod at `ends`."""
        return self.price * (min(now, self.gone or now, self.ends) - self.since) / 3600


class Budget:
    """The pods that were ordered for a study.

    study: prefix of their names, made of the study folder's name and a random part, so that no other study has it.
    """

    def __init__(self, folder: Path) -> None:
        """Read the account in a study's folder, or begin one.

        Raises:
            CorpusError: the file is not JSON, or a field is of another type.
        """
        self._path = folder / BUDGET_FILE
        if self._path.exists():
            kept = value_from_json(dict[str, Any], read_json(self._path), str(self._path))
        else:
            plain = re.sub(r"[^A-Za-z0-9]+", "-", folder.resolve().name)[:20].strip("-") or "study"
            kept = {"study": f"{POD_PREFIX}{plain}-{secrets.token_hex(3)}", "pods": []}
        self.study: str = value_from_json(str, kept.get("study"), f"{self._path}: field 'study'")
        self.entries: list[BudgetEntry] = value_from_json(
            list[BudgetEntry], kept.get("pods"), f"{self._path}: field 'pods'"
        )

    def add(self, price: float, hours: float) -> str:
        """Write an entry for a pod that is about to be ordered; return the pod's name."""
        name, since = f"{self.study}-{len(self.entries) + 1}", time.time()
        self.entries.append(BudgetEntry(name=name, price=price, since=since, ends=since + 3600 * hours))
        self._write()
        return name

    def mark_gone(self, *, running: set[str]) -> None:
        """Note that all pods except the running ones are gone."""
        now = time.time()
        self.entries = [
            entry if entry.gone or entry.name in running else replace(entry, gone=now) for entry in self.entries
        ]
        self._write()

    @property
    def open_entries(self) -> list[BudgetEntry]:
        """Entries of pods that may be running."""
        return [entry for entry in self.entries if entry.gone is None]

    def spent(self) -> float:
        """Return the USD spent so far, at most."""
        return sum(entry.cost(time.time()) for entry in self.entries)

    def committed(self) -> float:
        """Return the USD that will have been spent if every pod runs until its watchdog terminates it."""
        return sum(entry.cost(entry.ends) for entry in self.entries)

    def money_left(self, max_cost: float | None) -> float | None:
        """Return the USD of a limit that are not committed; None without a limit."""
        return None if max_cost is None else max_cost - self.committed()

    def _write(self) -> None:
        write_json(self._path, {"study": self.study, "pods": [asdict(entry) for entry in self.entries]})


def affordable_hours(money: float | None, num_pods: int, price: float, max_hours: float) -> float:
    """Return the hours that each of some pods may run: `max_hours`, or fewer if the money (USD) is short.

    Raises:
        RemoteError: the money is too short for half an hour.
    """
    if money is None:
        return max_hours
    hours = money / (num_pods * price)
    if hours < _SHORTEST_H:
        raise RemoteError(
            f"the ${money:.2f} left of --max-cost are less than half an hour of {num_pods} pods at ${price:.2f} an "
            "hour; raise it, or take fewer or cheaper pods"
        )
    return min(hours, max_hours)
