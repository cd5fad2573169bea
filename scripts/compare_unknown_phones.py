"""Compare the three target labels of phones that experts scored as wrong: wildcard, left out, canonical.

    python scripts/compare_unknown_phones.py --out runs/unknown-phones

It trains hama's Conformer three times on every second training speaker of speechocean762 ($ASHEARD_DATA, default
../shared). The runs differ in the option `unknown_phones` alone. They are evaluated on the development speakers at odd
places. The same command resumes a killed run.
"""

import argparse
import os
from pathlib import Path
from typing import Final

from asheard.corpora import read_manifest, read_predictions, write_manifest
from asheard.evaluation import ChainRun, Context, evaluate_runs, write_report
from asheard.training import options as recipes
from asheard.training import train
from asheard.transcription import transcribe_manifest
from hama_weights import export_hama
from real_speech import at_odd_places, read_scored_speech, split_held_out

EPOCHS: Final = 4
PEAK_LR: Final = 4e-4


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    root = Path(os.environ.get("ASHEARD_DATA", "../shared")) / "speechocean762"
    train_rows, test_rows = read_scored_speech(root)
    test = args.out / "test.jsonl"
    write_manifest(args.out / "train.jsonl", at_odd_places(train_rows))
    write_manifest(args.out / "val.jsonl", split_held_out(train_rows)[1])
    write_manifest(test, at_odd_places(test_rows))
    base = args.out / "base"
    if not (base / "vocab.json").is_file():  # the last file that is written
        export_hama(base)
    runs = []
    for label in ("wildcard", "left-out", "canonical"):
        options = recipes.faithful(
            train=args.out / "train.jsonl",
            val=args.out / "val.jsonl",
            wav_root=root,
            checkpoint_dir=args.out / label,
            base=str(base),
            preset="tiny",
            epochs=EPOCHS,
            peak_lr=PEAK_LR,
            unknown_phones=label,
        )
        predictions = args.out / f"{label}.jsonl"
        transcribe_manifest(train(options), test, root, predictions, chain=label)
        runs.append(ChainRun(chain=label, predictions=read_predictions(predictions)))
    context = Context(corpus="speechocean762", split="odd development speakers", base="hama")
    evaluate_runs(read_manifest(test), runs, out=args.out, context=context)
    write_report(args.out)
    print(f"wrote {args.out}/RESULTS.md")


if __name__ == "__main__":
    main()
