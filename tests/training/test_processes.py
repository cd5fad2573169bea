"""Several processes train as one process does with batches as large."""

import json
import socket
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from transformers import Wav2Vec2Config, Wav2Vec2Model

from asheard.models import CTCTranscriber, Encoder, export_ctc
from asheard.training import TrainingOptions
from asheard.training.data import Example
from asheard.training.loop import plan_steps
from support.runs import train_as_rank
from support.tone_corpus import TINY


@pytest.fixture(scope="module")
def base(tmp_path_factory) -> Path:
    """A tiny base with a layer-normed front end, so that the features of an utterance do not depend on padding."""
    torch.manual_seed(0)
    config = Wav2Vec2Config(**TINY | {"feat_extract_norm": "layer", "do_stable_layer_norm": True})
    encoder = Encoder(Wav2Vec2Model(config), do_normalize=True)
    return export_ctc(CTCTranscriber(encoder), tmp_path_factory.mktemp("layer-normed") / "base", {})


def rows_of(folder: Path) -> list[dict]:
    return [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]


def test_train_in_two_processes_equals_one_with_twice_the_batch(tones, base, tmp_path, processes):
    """Losses and weights are equal. Batches have several sizes, most of which cannot be halved.

    The run draws no random numbers after its start, and computes in float32, because the rounding of bfloat16 would
    hide differences.
    """
    options = {
        "kind": "l1-aware",
        "train": tones / "train.jsonl",
        "val": tones / "val.jsonl",
        "wav_root": tones,
        "base": str(base),
        "epochs": 3,
        "peak_lr": 3e-3,
        "mask_time_prob": 0.0,
        "freeze_front_end": False,
    }
    one = TrainingOptions(**options, checkpoint_dir=tmp_path / "one", batch_seconds=5.2)
    two = TrainingOptions(**options, checkpoint_dir=tmp_path / "two", batch_seconds=2.6)
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    started = [processes.start(train_as_rank, two, rank, 2, port) for rank in (0, 1)]
    started.append(processes.start(train_as_rank, one, 0, 1, 0))
    for process in started:
        process.join()
    assert [process.exitcode for process in started] == [0, 0, 0]

    alone, pair = rows_of(one.checkpoint_dir), rows_of(two.checkpoint_dir)
    assert len(alone) == len(pair) > 20
    for row, other in zip(alone, pair, strict=True):
        assert row["event"] == other["event"]
        names = ("loss", "ctc", "l1", "grad_norm") if row["event"] == "step" else ("val_per", "val_l1_accuracy")
        for name in names:
            assert other[name] == pytest.approx(row[name], rel=1e-4), (name, row["step"])
    for file in ("model.safetensors", "l1_aware.safetensors"):
        weights, others = (load_file(run.final / file) for run in (one, two))
        assert weights.keys() == others.keys()
        for name in weights:
            # The bias of a key does not change attention, so its gradient and its step are rounding errors.
            if not name.endswith("k_proj.bias"):
                assert (weights[name] - others[name]).norm() < 1e-4 * weights[name].norm(), name


def test_plan_steps_shares_each_step_among_processes(options):
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
