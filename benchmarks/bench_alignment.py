"""Alignment speed beside kaldialign (C++) on the same pairs of about 35 phones, in the same run.

    python benchmarks/bench_alignment.py

From lists of phone strings to lists of pairs, conversions included, on both sides. Pairs are the canonical
and perceived phones of real L2-ARCTIC annotations where $ASHEARD_DATA (default ../shared) holds them, else
random phones with a learner's share of errors. Each round times every contender once, so that a busy machine
is busy for all.
"""

import os
import random
import statistics
import time
from collections.abc import Callable, Sequence
from itertools import islice
from pathlib import Path

import kaldialign
from rich.console import Console
from rich.table import Table

from asheard.alignment import unit_align, unit_align_batch, wper_align, wper_align_batch
from asheard.files import read_jsonl
from asheard.phones import PHONES, fold_sequence

LABELS = Path(os.environ.get("ASHEARD_DATA", "../shared")) / "l2arctic-labels" / "train-18-speakers.jsonl"
LENGTHS = range(30, 41)  # phones of the reference
NUM_PAIRS = 1000
NUM_ROUNDS = 15

Sequences = list[list[str]]


def real_pairs() -> tuple[Sequences, Sequences]:
    """The first `NUM_PAIRS` annotations of a reference of 30 to 40 phones."""
    sides = (
        [fold_sequence([symbol for symbol in row[side] if symbol], "arpabet") for side in ("canonical", "perceived")]
        for _, row in read_jsonl(LABELS)
    )
    chosen = islice(((ref, hyp) for ref, hyp in sides if len(ref) in LENGTHS), NUM_PAIRS)
    references, hypotheses = zip(*chosen, strict=True)
    return list(references), list(hypotheses)


def random_pairs() -> tuple[Sequences, Sequences]:
    """Random references of 35 phones; 10% substituted, 3% deleted, 1% with a phone added after."""
    rng = random.Random(1)
    references = [rng.choices(PHONES, k=35) for _ in range(NUM_PAIRS)]
    hypotheses: Sequences = []
    for reference in references:
        hypotheses.append([])
        for phone in reference:
            draw = rng.random()
            if draw >= 0.03:
                hypotheses[-1].append(rng.choice(PHONES) if draw < 0.13 else phone)
            if draw > 0.99:
                hypotheses[-1].append(rng.choice(PHONES))
    return references, hypotheses


def main() -> None:
    """Time every contender and print pairs a second, the median over rounds, and the ratio to kaldialign."""
    references, hypotheses = real_pairs() if LABELS.is_file() else random_pairs()
    contenders: dict[str, Callable[[], Sequence[object]]] = {
        "kaldialign.align": lambda: [
            kaldialign.align(ref, hyp, "*") for ref, hyp in zip(references, hypotheses, strict=True)
        ],
        "unit_align_batch": lambda: unit_align_batch(references, hypotheses),
        "wper_align_batch": lambda: wper_align_batch(references, hypotheses),
        "unit_align, one by one": lambda: list(map(unit_align, references, hypotheses)),
        "wper_align, one by one": lambda: list(map(wper_align, references, hypotheses)),
    }
    start = time.perf_counter()
    wper_align(["t"], ["d"])
    first_call_s = time.perf_counter() - start

    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(NUM_ROUNDS):
        for name, align_all in contenders.items():
            start = time.perf_counter()
            align_all()
            seconds[name].append(time.perf_counter() - start)

    ratios = {
        name: statistics.median(
            theirs / ours for theirs, ours in zip(seconds["kaldialign.align"], seconds[name], strict=True)
        )
        for name in contenders
    }
    source = "L2-ARCTIC annotations" if LABELS.is_file() else "random phones"
    table = Table(title=f"{len(references)} pairs ({source}), median of {NUM_ROUNDS} rounds")
    for heading in ("", "pairs/s", "times kaldialign"):
        table.add_column(heading, justify="right" if heading else "left")
    for name, ratio in ratios.items():
        table.add_row(name, f"{len(references) / statistics.median(seconds[name]):,.0f}", f"{ratio:.2f}")
    Console().print(table)
    Console().print(f"first call (compiled, or read from numba's cache): {first_call_s:.2f} s")


if __name__ == "__main__":
    main()
