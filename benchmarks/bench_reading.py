"""Reading a corpus of L2-ARCTIC's size: 3,600 annotations and recordings into manifests.

    python benchmarks/bench_reading.py

The corpus is generated in a temporary folder, in L2-ARCTIC's layout: 24 speakers, 150 utterances each, sentences of
nine words of CMUdict, TextGrids with the tiers words, phones and IPA, an error at one phone in eight. Generating it is
not counted.
"""

import io
import random
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import soundfile
from rich.console import Console
from rich.table import Table

from asheard.corpora import build_l2arctic
from asheard.corpora.l2arctic import SPK_L1
from asheard.phones.lexicon import cmudict_entries

NUM_PER_SPEAKER = 150
NUM_WORDS = 9  # in a sentence: L2-ARCTIC's have nine words and 33 phones on average
PHONE_S = 0.1
BUDGET_S = 10.0

Interval = tuple[float, float, str]


def textgrid(tiers: dict[str, list[Interval]]) -> str:
    """Tiers as Praat writes them, in the long form."""
    end = max(intervals[-1][1] for intervals in tiers.values())
    lines = ['File type = "ooTextFile"', 'Object class = "TextGrid"', "", "xmin = 0 ", f"xmax = {end} "]
    lines += ["tiers? <exists> ", f"size = {len(tiers)} ", "item []: "]
    for number, (name, intervals) in enumerate(tiers.items(), start=1):
        lines += [f"    item [{number}]:", '        class = "IntervalTier" ', f'        name = "{name}" ']
        lines += ["        xmin = 0 ", f"        xmax = {end} ", f"        intervals: size = {len(intervals)} "]
        for index, (start, stop, label) in enumerate(intervals, start=1):
            lines += [f"        intervals [{index}]:", f"            xmin = {start} ", f"            xmax = {stop} "]
            lines += [f'            text = "{label}" ']
    return "\n".join(lines) + "\n"


def label(phone: str, rng: random.Random) -> str:
    """The phone, or one time in eight an error at it."""
    draw = rng.random()
    return f"{phone},D,s" if draw < 0.10 else f"{phone},sil,d" if draw < 0.125 else phone


def sentence(words: Iterable[tuple[str, list[str]]], rng: random.Random) -> dict[str, list[Interval]]:
    """The three tiers of a sentence between silences."""
    word_tier: list[Interval] = [(0.0, PHONE_S, "")]
    phone_tier: list[Interval] = [(0.0, PHONE_S, "sil")]
    for word, phones in words:
        start = phone_tier[-1][1]
        for phone in phones:
            phone_tier.append((phone_tier[-1][1], phone_tier[-1][1] + PHONE_S, label(phone, rng)))
        word_tier.append((start, phone_tier[-1][1], word))
    end = phone_tier[-1][1]
    for tier, silence in ((word_tier, ""), (phone_tier, "sil")):
        tier.append((end, end + PHONE_S, silence))
    return {"words": word_tier, "phones": phone_tier, "IPA": [(0.0, end + PHONE_S, "")]}


def write_corpus(root: Path) -> None:
    """Write the whole corpus; its recordings are one short noise."""
    rng = random.Random(1)
    entries = [(word, spoken[0]) for word, spoken in cmudict_entries().items() if word.isalpha() and len(word) < 8]
    noise = np.random.default_rng(1).normal(scale=0.1, size=4410).astype(np.float32)
    wav = io.BytesIO()
    soundfile.write(wav, noise, 44_100, subtype="PCM_16", format="WAV")
    for speaker in SPK_L1:
        for folder in ("wav", "transcript", "annotation"):
            (root / speaker / folder).mkdir(parents=True)
        for number in range(1, NUM_PER_SPEAKER + 1):
            words, utt = rng.sample(entries, NUM_WORDS), f"arctic_a{number:04d}"
            grid = textgrid(sentence(words, rng))
            (root / speaker / "annotation" / f"{utt}.TextGrid").write_text(grid, encoding="utf-8")
            (root / speaker / "wav" / f"{utt}.wav").write_bytes(wav.getvalue())
            text = " ".join(word for word, _ in words)
            (root / speaker / "transcript" / f"{utt}.txt").write_text(text + "\n", encoding="utf-8")


def main() -> None:
    """Time `build_l2arctic` once, on files that no one has read before."""
    with tempfile.TemporaryDirectory() as folder:
        root, manifests = Path(folder, "corpus"), Path(folder, "manifests")
        write_corpus(root)
        start = time.perf_counter()
        report = build_l2arctic(root, manifests)
        seconds = time.perf_counter() - start
    num_read = sum(report.num_read)
    table = Table(title="A corpus in L2-ARCTIC's folders into manifests")
    for heading in ("annotations", "seconds", "annotations/s", f"under {BUDGET_S:.0f} s"):
        table.add_column(heading, justify="right")
    table.add_row(
        f"{num_read:,}", f"{seconds:.1f}", f"{num_read / seconds:,.0f}", "yes" if seconds < BUDGET_S else "no"
    )
    Console().print(table)


if __name__ == "__main__":
    main()
