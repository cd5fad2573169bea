"""What to learn where experts only said that a phone was wrong: a hole in the target, nothing, or the canonical phone.

    python scripts/compare_unknown.py --out runs/unknown

Trains hama's Conformer three times on every other training speaker of speechocean762 ($ASHEARD_DATA, default
../shared), alike in all but `unknown`, and evaluates on the development speakers at odd places. Run again
after a kill, it goes on where it was.
"""

import argparse
import os
from pathlib import Path
from typing import Final

from asheard.corpora import read_manifest, read_predictions, write_manifest
from asheard.evaluation import ChainRun, Context, evaluate_runs, write_report
from asheard.models import export_hama
from asheard.training import options as recipes
from asheard.training import train
from asheard.transcription import transcribe
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
    if not (base / "vocab.json").is_file():  # what it writes last
        export_hama(base)
    runs = []
    for unknown in ("wildcard", "left-out", "canonical"):
        options = recipes.faithful(
            train=args.out / "train.jsonl",
            val=args.out / "val.jsonl",
            wav_root=root,
            checkpoint_dir=args.out / unknown,
            base=str(base),
            preset="tiny",
            epochs=EPOCHS,
            peak_lr=PEAK_LR,
            unknown_phones=unknown,
        )
        predictions = args.out / f"{unknown}.jsonl"
        transcribe(train(options), test, root, predictions, chain=unknown)
        runs.append(ChainRun(chain=unknown, predictions=read_predictions(predictions)))
    context = Context(corpus="speechocean762", split="odd development speakers", base="hama")
    evaluate_runs(read_manifest(test), runs, out=args.out, context=context)
    write_report(args.out)
    print(f"wrote {args.out}/RESULTS.md")


if __name__ == "__main__":
    main()
