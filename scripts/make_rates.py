"""Count the errors of learners in the L2-ARCTIC annotation; the embedded corpus draws from the counts.

    python scripts/make_rates.py ../shared/l2arctic-labels/train-18-speakers.jsonl

It writes `rates.csv` (l1, canonical, position, produced, count; produced empty = deletion) and `additions.csv` (l1,
after, added, count) beside the synthetic corpus. They hold only counts; the labels are not copied.

The published rows have 36 phones and no words; `word_segmentation` finds both. A merged perceived label is read as the
canonical phone if it equals it, otherwise as ʃ, ʌ or ɑ. `err` names no phone and is left out.

Source of the counts: L2-ARCTIC v5 (Zhao et al. 2018), CC BY-NC 4.0, training speakers only.
"""

import argparse
import csv
import json
from collections import Counter
from pathlib import Path

from asheard.io.files import whole_file
from asheard.phones import fold_arpabet
from word_segmentation import FINE, divide_into_words

HERE = Path(__file__).parents[1] / "src/asheard/corpora/synthetic"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("labels", type=Path)
    labels = parser.parse_args().labels
    rates, additions, num_unplaced = Counter(), Counter(), 0
    for line in labels.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        pairs = [
            (c and fold_arpabet(c), p if p in (None, "err") else fold_arpabet(p))
            for c, p in zip(row["canonical"], row["perceived"], strict=True)
        ]
        placed = iter(divide_into_words([c for c, _ in pairs if c]))
        after = ""
        for canonical, perceived in pairs:
            if canonical is None:
                if perceived != "err":
                    additions[row["l1"], after, FINE.get(perceived, perceived)] += 1
                continue
            fine, position = next(placed)
            num_unplaced += position is None
            after = fine
            if perceived == "err":
                continue
            produced = fine if perceived == canonical else FINE.get(perceived, perceived) or ""
            rates[row["l1"], fine, position or "", produced] += 1
    for name, header, counts in (
        ("rates.csv", ("l1", "canonical", "position", "produced", "count"), rates),
        ("additions.csv", ("l1", "after", "added", "count"), additions),
    ):
        with whole_file(HERE / name) as part, part.open("w", encoding="utf-8", newline="") as out:
            writer = csv.writer(out, lineterminator="\n")
            writer.writerow(header)
            writer.writerows((*key, count) for key, count in sorted(counts.items()))
    print(f"{sum(rates.values())} positions, {num_unplaced} without a word; {sum(additions.values())} additions")


if __name__ == "__main__":
    main()
