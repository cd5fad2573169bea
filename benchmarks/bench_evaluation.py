"""The whole evaluation of four chains on 900 utterances, as a user runs it: `asheard evaluate` in its own process.

    python benchmarks/bench_evaluation.py

The chains are a published recogniser's transcripts and three worse copies of them (`learners.py`). Reading, alignment,
metrics, bootstrap, tables and plots are counted, and so is starting Python; none of it may import torch.
"""

import os
import random
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

from asheard.io.files import write_jsonl
from learners import Learners, corrupt, learners

SHARES = (0.0, 0.05, 0.1, 0.2)  # of a chain's phones that are replaced at random
NUM_ROUNDS = 3
BUDGET_S = 10.0


def write_chains(data: Learners, folder: Path) -> list[str]:
    """Write gold and chains; returns the arguments of `asheard`."""
    rng = random.Random(1)
    symbols = tuple(sorted({phone for row in data.predictions for phone in row["phones"]}))
    write_jsonl(folder / "gold.jsonl", data.gold)
    arguments = ["evaluate", "--gold", str(folder / "gold.jsonl"), "--out", str(folder / "out")]
    for share in SHARES:
        path = folder / f"corrupted-{share:.0%}.jsonl"
        rows = data.predictions
        if share:
            rows = [{**row, "phones": corrupt(row["phones"], share, symbols, rng)} for row in rows]
        write_jsonl(path, rows)
        arguments += ["--chain", f"{path.stem}={path}"]
    return arguments


def evaluate(arguments: list[str]) -> tuple[float, bool]:
    """Seconds of wall time, and whether torch was imported (Python lists every import of the process)."""
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "asheard", *arguments], capture_output=True, text=True, check=False
    )
    seconds = time.perf_counter() - start
    if done.returncode:
        raise SystemExit(f"asheard {' '.join(arguments)}: exit code {done.returncode}\n{done.stderr[-2000:]}")
    return seconds, re.search(r"^import time: .*\| +torch$", done.stderr, re.MULTILINE) is not None


def main() -> None:
    """Run the command a few times and print the median."""
    data = learners()
    with tempfile.TemporaryDirectory() as folder:
        arguments = write_chains(data, Path(folder))
        rounds = [evaluate(arguments) for _ in range(NUM_ROUNDS)]
    seconds = statistics.median(seconds for seconds, _ in rounds)
    table = Table(title=f"asheard evaluate, {data.source}, median of {NUM_ROUNDS} rounds on {os.cpu_count()} cores")
    for heading in ("chains", "utterances", "seconds", f"under {BUDGET_S:.0f} s", "torch imported"):
        table.add_column(heading, justify="right")
    table.add_row(
        str(len(SHARES)),
        str(len(data.gold)),
        f"{seconds:.1f}",
        "yes" if seconds < BUDGET_S else "no",
        "yes" if any(imported for _, imported in rounds) else "no",
    )
    Console().print(table)


if __name__ == "__main__":
    main()
