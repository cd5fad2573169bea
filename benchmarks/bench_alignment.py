"""Alignment speed beside kaldialign (C++) and PanPhon (Python) on the same 900 pairs, in the same run.

    python benchmarks/bench_alignment.py

From lists of phone strings to lists of pairs, conversions included. A pair is the canonical phones of an utterance and
what a published recogniser heard in it (`learners.py`). Each round times every contender once, so that a busy machine
is busy for all; ratios are medians over rounds.
"""

import statistics
import time
from collections.abc import Callable, Sequence

import kaldialign
from panphon.distance import Distance
from rich.console import Console
from rich.table import Table

from asheard.phones.alignment import unit_align, unit_align_batch, wper_align, wper_align_batch
from learners import learners

NUM_ROUNDS = 15
NUM_SLOW = 30  # pairs of the 900 that PanPhon gets, evenly taken: it aligns some 200 a second

KALDIALIGN, PANPHON = "kaldialign.align", "panphon weighted_feature_edit_distance"
TARGETS = {KALDIALIGN: 2, PANPHON: 300}  # what wper_align_batch is to be faster by


def main() -> None:
    """Time every contender and print pairs a second and how many times faster than the two peers that is."""
    data = learners()
    references, hypotheses = data.pairs()
    panphon = Distance()
    strings = [("".join(ref), "".join(hyp)) for ref, hyp in zip(references, hypotheses, strict=True)]
    few = strings[:: len(strings) // NUM_SLOW]
    contenders: dict[str, tuple[int, Callable[[], Sequence[object]]]] = {
        KALDIALIGN: (
            len(references),
            lambda: [kaldialign.align(ref, hyp, "*") for ref, hyp in zip(references, hypotheses, strict=True)],
        ),
        PANPHON: (len(few), lambda: [panphon.weighted_feature_edit_distance(*pair) for pair in few]),
        "unit_align_batch": (len(references), lambda: unit_align_batch(references, hypotheses)),
        "wper_align_batch": (len(references), lambda: wper_align_batch(references, hypotheses)),
        "wper_align, one by one": (len(references), lambda: list(map(wper_align, references, hypotheses))),
    }
    start = time.perf_counter()
    wper_align(["t"], ["d"])
    unit_align(["t"], ["d"])
    first_calls_s = time.perf_counter() - start

    rates: dict[str, list[float]] = {name: [] for name in contenders}  # pairs a second, by round
    for _ in range(NUM_ROUNDS):
        for name, (num_pairs, align_all) in contenders.items():
            start = time.perf_counter()
            align_all()
            rates[name].append(num_pairs / (time.perf_counter() - start))

    table = Table(title=f"{len(references)} pairs ({data.source}), median of {NUM_ROUNDS} rounds")
    for heading in ("", "pairs/s", "x kaldialign", "x panphon"):
        table.add_column(heading, justify="right" if heading else "left")
    for name in contenders:
        ratios = (f"{times_faster(rates, name, peer):,.2f}" for peer in (KALDIALIGN, PANPHON))
        table.add_row(name, f"{statistics.median(rates[name]):,.0f}", *ratios)
    console = Console(highlight=False)
    console.print(table)
    for peer, target in TARGETS.items():
        ratio = times_faster(rates, "wper_align_batch", peer)
        console.print(f"at least {target} x {peer}: {'yes' if ratio >= target else 'no'} ({ratio:,.1f})")
    console.print(f"first calls (compiled, or read from numba's cache): {first_calls_s:.2f} s")


def times_faster(rates: dict[str, list[float]], name: str, peer: str) -> float:
    """Median over rounds of the ratio within a round."""
    return statistics.median(ours / theirs for ours, theirs in zip(rates[name], rates[peer], strict=True))


if __name__ == "__main__":
    main()
