"""Several processes under `accelerate launch` train as one does with batches as large."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from transformers import Wav2Vec2Config, Wav2Vec2Model

from asheard.models import CTCTranscriber, Encoder, export_ctc
from asheard.training import TrainingOptions, train
from asheard.training import step as trainer
from asheard.training.data import Example
from asheard.training.loop import plan_steps
from support.tone_corpus import TINY

SCRIPT = """
import sys
from pathlib import Path
sys.path.insert(0, {tests!r})
from test_processes import run_of, train, trainer
trainer.has_bf16 = lambda device: False
train(run_of(*map(Path, sys.argv[1:]), batch_seconds=2.6))
"""


def run_of(tones: Path, base: Path, folder: Path, batch_seconds: float) -> TrainingOptions:
    """A run that draws no random numbers after its start."""
    return TrainingOptions(
        kind="l1-aware",
        train=tones / "train.jsonl",
        val=tones / "val.jsonl",
        wav_root=tones,
        checkpoint_dir=folder,
        base=str(base),
        epochs=3,
        batch_seconds=batch_seconds,
        peak_lr=3e-3,
        mask_time_prob=0.0,
        freeze_front_end=False,
    )


@pytest.fixture(scope="module")
def padding_blind(tmp_path_factory) -> Path:
    """A tiny base with a layer-normed front end: what an utterance gives does not depend on its neighbours."""
    torch.manual_seed(0)
    config = Wav2Vec2Config(**TINY | {"feat_extract_norm": "layer", "do_stable_layer_norm": True})
    encoder = Encoder(Wav2Vec2Model(config), do_normalize=True)
    return export_ctc(CTCTranscriber(encoder), tmp_path_factory.mktemp("layer-normed") / "base", {})


def rows_of(folder: Path) -> list[dict]:
    return [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]


def test_two_processes_have_the_loss_curve_of_one_with_twice_the_batch(tones, padding_blind, tmp_path, monkeypatch):
    """Batches of several sizes, most of which do not halve; the weights are those of one process, too."""
    monkeypatch.setattr(trainer, "has_bf16", lambda device: False)  # whose rounding would hide what is wrong
    script = tmp_path / "train.py"
    script.write_text(SCRIPT.format(tests=str(Path(__file__).parent)))
    launch = "-m accelerate.commands.launch --multi_gpu --num_processes=2 --num_machines=1 --main_process_port=0"
    pair = subprocess.Popen(
        [sys.executable, *launch.split(), "--mixed_precision=no", script, tones, padding_blind, tmp_path / "pair"],
        env=os.environ | {"ACCELERATE_USE_CPU": "true", "OMP_NUM_THREADS": "1"},
    )
    train(run_of(tones, padding_blind, tmp_path / "alone", batch_seconds=5.2))
    assert pair.wait() == 0

    alone, pair = rows_of(tmp_path / "alone"), rows_of(tmp_path / "pair")
    assert len(alone) == len(pair) > 20
    for one, two in zip(alone, pair, strict=True):
        assert one["event"] == two["event"]
        names = ("loss", "ctc", "l1", "grad_norm") if one["event"] == "step" else ("val_per", "val_l1_accuracy")
        for name in names:
            assert two[name] == pytest.approx(one[name], rel=1e-4), (name, one["step"])
    for file in ("model.safetensors", "l1_aware.safetensors"):
        weights, others = (load_file(tmp_path / name / "final" / file) for name in ("alone", "pair"))
        assert weights.keys() == others.keys()
        for name in weights:  # a key's bias changes no attention: its gradient, and so its step, is rounding alone
            if not name.endswith("k_proj.bias"):
                assert (weights[name] - others[name]).norm() < 1e-4 * weights[name].norm(), name


def test_processes_share_each_step(options):
    run = TrainingOptions(**options)
    examples = [Example("S", f"u{i}", "Hindi", "", 1.0 + i / 10, (2,)) for i in range(30)] + [
        Example("S", "long", "Hindi", "", 30.0, (2,))
    ]
    alone, _ = plan_steps(TrainingOptions(**options | {"batch_seconds": 3 * run.batch_seconds}), examples, 1, 0)
    assert {step.weight for step in alone} == {1.0}
    parts = [plan_steps(run, examples, 3, process)[0] for process in range(3)]
    for whole, *shares in zip(alone, *parts, strict=True):
        assert {share.epoch for share in shares} == {whole.epoch}
        assert all(share.rows for share in shares)
        counted = [share for share in shares if share.weight]
        assert sorted(row for share in counted for row in share.rows) == sorted(whole.rows)
        assert [share.weight / len(share.rows) for share in counted] == pytest.approx(
            [3 / len(whole.rows)] * len(counted)
        )
    assert any(step.weight == 0.0 for step in parts[2])
