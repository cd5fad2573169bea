"""What the pods of a study have cost and can still cost: kept in its folder, so that a ceiling outlives the process."""

import re
import secrets
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Final

from asheard.errors import PodError
from asheard.io.files import read_json, write_json
from asheard.remote.runpod.client import POD_PREFIX

BUDGET_FILE: Final = "pods.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetEntry:
    """A pod that was ordered. price: USD an hour. since, ends: of its lease, in seconds since 1970. gone: when it was
    seen to be gone; None while it may be running."""

    name: str
    price: float
    since: float
    ends: float
    gone: float | None = None

    def cost(self, now: float) -> float:
        """USD until `now`, at most: a pod that nobody saw go went with its watchdog."""
        return self.price * (min(now, self.gone or now, self.ends) - self.since) / 3600


class Budget:
    """The pods that were ordered for one study, running or gone.

    study: what their names begin with; the folder's name, and something that no other folder has.
    """

    def __init__(self, folder: Path) -> None:
        """Read what earlier runs of the study wrote into its folder.

        Raises:
            CorpusError: it is not JSON.
        """
        self._path = folder / BUDGET_FILE
        if self._path.exists():
            kept = read_json(self._path)
        else:
            plain = re.sub(r"[^A-Za-z0-9]+", "-", folder.resolve().name)[:20].strip("-") or "study"
            kept = {"study": f"{POD_PREFIX}{plain}-{secrets.token_hex(3)}", "pods": []}
        self.study: str = kept["study"]
        self.entries = [BudgetEntry(**row) for row in kept["pods"]]

    def order(self, price: float, hours: float) -> str:
        """Write an order down, before it is placed, and give the pod's name."""
        name, since = f"{self.study}-{len(self.entries) + 1}", time.time()
        self.entries.append(BudgetEntry(name=name, price=price, since=since, ends=since + 3600 * hours))
        self._write()
        return name

    def mark_gone(self, running: set[str]) -> None:
        """Write down that all pods but these are gone."""
        now = time.time()
        self.entries = [
            entry if entry.gone or entry.name in running else replace(entry, gone=now) for entry in self.entries
        ]
        self._write()

    @property
    def open(self) -> list[BudgetEntry]:
        """Those that may still be running."""
        return [entry for entry in self.entries if entry.gone is None]

    def spent(self) -> float:
        """USD so far."""
        return sum(entry.cost(time.time()) for entry in self.entries)

    def bound(self) -> float:
        """USD that it can come to, if every watchdog is used up."""
        return sum(entry.cost(entry.ends) for entry in self.entries)

    def money_left(self, max_cost: float | None) -> float | None:
        """USD of a ceiling that no pod can use up any more; None without a ceiling."""
        return None if max_cost is None else max_cost - self.bound()

    def _write(self) -> None:
        write_json(self._path, {"study": self.study, "pods": [asdict(entry) for entry in self.entries]})


def affordable_hours(money: float | None, num_pods: int, price: float, max_hours: float) -> float:
    """Hours that each of some pods may run: `max_hours`, or less where the money reaches less far.

    Raises:
        PodError: it does not reach for half an hour.
    """
    if money is None:
        return max_hours
    hours = money / (num_pods * price)
    if hours < 0.5:
        raise PodError(
            f"the ${money:.2f} left of --max-cost are less than half an hour of {num_pods} pods at ${price:.2f} an "
            "hour; raise it, or take fewer or cheaper pods"
        )
    return min(hours, max_hours)
