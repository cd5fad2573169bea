"""A Python environment whose `asheard train` only counts steps, so that tests of remote training need no PyTorch.

It has empty packages in place of those that training needs. `python -m asheard train options FILE` logs steps, writes
checkpoints, resumes from them, runs a pilot, and ends with a model folder, as real training does.
"""

import json
import venv
from dataclasses import dataclass
from pathlib import Path

from asheard.remote.run import remote_run
from asheard.remote.transfer import training_requirements
from asheard.training import TrainingOptions

_TORCH = """
__version__ = "stub"
class cuda:
    device_count = staticmethod(lambda: 0)
"""

_SITECUSTOMIZE = """
import os, sys
if sys.orig_argv[1:5] == ["-m", "asheard", "train", "options"]:
    import traceback, stub_training
    code = 1
    try:
        code = stub_training.main(sys.orig_argv[5])
    except BaseException:
        traceback.print_exc()
    os._exit(code)
"""


@dataclass(frozen=True, slots=True)
class StubTrainer:
    """The environment. folder: a virtual environment, for the PATH of a machine."""

    folder: Path

    def expect(self, run: TrainingOptions) -> None:
        """Prepare the card of a run's model, which holds the run's fingerprint."""
        card = {"kind": run.kind, "training": {"options": run.fingerprint()}}
        (self.folder / "cards").mkdir(exist_ok=True)
        (self.folder / "cards" / f"{remote_run(run).name}.json").write_text(json.dumps(card))

    @staticmethod
    def steps_of(model: Path) -> list[int]:
        """Return the steps that a model was trained for."""
        return json.loads((model / "steps.json").read_text())


def make_stub_trainer(folder: Path) -> StubTrainer:
    """Make the environment in a folder."""
    venv.create(folder, symlinks=True)
    (site,) = folder.glob("lib/python*/site-packages")
    for name in training_requirements():
        (site / f"{name}.py").write_text(_TORCH if name == "torch" else "")
    (site / "stub_training.py").write_text(Path(__file__).with_name("stub_training.py").read_text())
    (site / "sitecustomize.py").write_text(_SITECUSTOMIZE)
    return StubTrainer(folder)
