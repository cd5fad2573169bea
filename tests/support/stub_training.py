"""What `asheard train options FILE` is in the environment of `support.stub_trainer`; standard library only."""

import json
import sys
import time
from pathlib import Path

STEPS_PER_EPOCH = 3
STEP_S = 0.02
PILOT_S = 0.3
CHECKPOINT_BYTES = 500_000
FAILED_PILOT = 3  # exit status


def main(file):
    """Run the pilot, count the steps, write checkpoints, and write the model."""
    options = json.loads(Path(file).read_text())
    folder = Path(options["checkpoint_dir"])
    folder.mkdir(parents=True, exist_ok=True)
    if options["pilot"]:
        time.sleep(PILOT_S)
        reasons = ["the loss did not fall"] if options["peak_lr"] < 1e-8 else []
        (folder / "pilot.json").write_text(json.dumps({"reasons": reasons}))
        if reasons:
            return FAILED_PILOT
    (folder / "tensorboard").mkdir(exist_ok=True)
    (folder / "tensorboard" / "events").write_text("numbers")
    checkpoint = folder / "checkpoint.json"
    steps = json.loads(checkpoint.read_text())["steps"] if checkpoint.exists() else []
    with (folder / "log.jsonl").open("a") as log:
        for step in range(len(steps) + 1, STEPS_PER_EPOCH * options["epochs"] + 1):
            time.sleep(STEP_S)
            steps.append(step)
            print(json.dumps(row("step", step, loss=1 / step)), file=log, flush=True)
            if step % STEPS_PER_EPOCH == 0:
                print(json.dumps(row("epoch", step, val_per=0.5)), file=log, flush=True)
            if step % options["checkpoint_every"] == 0:
                write_checkpoint(checkpoint, steps)
    final = folder / ".final"
    final.mkdir(exist_ok=True)
    (final / "steps.json").write_text(json.dumps(steps))
    (final / "card.json").write_text((Path(sys.prefix) / "cards" / f"{folder.name}.json").read_text())
    final.rename(folder / "final")
    return 0


def write_checkpoint(path, steps):
    part = path.with_suffix(".part")
    try:
        part.write_text(json.dumps({"steps": steps, "weights": "0" * CHECKPOINT_BYTES}))
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def row(event, step, **values):
    return {"event": event, "epoch": (step - 1) // STEPS_PER_EPOCH + 1, "step": step} | values
