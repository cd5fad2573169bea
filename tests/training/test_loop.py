"""The loop learns, logs what it does, and resumes only runs with the same options."""

import json
import weakref
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import torch
from accelerate import Accelerator

from asheard.corpora.records import ErrorType, Token, read_manifest, write_manifest
from asheard.errors import CorpusError, ModelError, OutputError
from asheard.io.audio import load_audio
from asheard.io.locks import locked_folder
from asheard.models import L1AwareCTC, load_transcriber, read_card
from asheard.training import TrainingOptions, loop, train
from asheard.training.data import build_examples, collate
from asheard.training.log import TrainingLog
from asheard.training.step import Trainer, step_seed
from support.runs import assert_same_weights, keep_rows, rows_of, stop_after, weights_of
from support.tone_corpus import SPOKEN


def test_train_learns_the_tones(options):
    run = TrainingOptions(**options | {"epochs": 8, "peak_lr": 1e-2, "mask_time_prob": 0.0, "batch_seconds": 2.0})
    final = train(run)
    steps, epochs = rows_of(run.checkpoint_dir, "step"), rows_of(run.checkpoint_dir, "epoch")
    assert [row["step"] for row in steps] == list(range(1, len(steps) + 1))
    assert [row["epoch"] for row in epochs] == list(range(1, 9))
    assert epochs[-1]["val_per"] < 0.3 < epochs[0]["val_per"]
    assert sum(row["loss"] for row in steps[-5:]) < 0.5 * sum(row["loss"] for row in steps[:5])
    assert list((run.checkpoint_dir / "tensorboard").iterdir())
    card = read_card(final)["training"]
    assert card["epochs"] == epochs
    assert (card["num_train"], card["num_val"]) == (48, 12)
    assert not (run.checkpoint_dir / "checkpoint.safetensors").exists()
    rows = read_manifest(run.val)
    waveforms = [load_audio(run.wav_root, row.wav) for row in rows]
    recognitions = load_transcriber(final).recognise(waveforms, [None] * len(rows))
    assert sum(one.transcript.phones == row.produced for one, row in zip(recognitions, rows, strict=True)) > 3


def test_train_l1_aware_learns_the_l1(options):
    run = TrainingOptions(**options | {"kind": "l1-aware", "epochs": 5, "lambda_l1": 1.0})
    final = train(run)
    first, last = rows_of(run.checkpoint_dir, "step")[0], rows_of(run.checkpoint_dir, "step")[-1]
    assert first["loss"] == pytest.approx(first["ctc"] + first["l1"], rel=1e-5)
    assert last["l1"] < first["l1"]
    assert rows_of(run.checkpoint_dir, "epoch")[-1]["val_l1_accuracy"] > 1 / 3
    model = load_transcriber(final)
    assert isinstance(model, L1AwareCTC)
    assert model.l1s == ("Hindi", "Korean", "Spanish")


def test_train_keeps_a_frozen_front_end(options):
    run = TrainingOptions(**options | {"freeze_front_end": True})
    before, after = weights_of(Path(run.base)), weights_of(train(run))
    for name, value in after.items():
        frozen = ".feature_extractor." in name
        assert name.startswith("lm_head") or torch.equal(before[name], value) == frozen, name


def test_step_has_a_higher_rate_for_fresh_parameters(options):
    run = TrainingOptions(**options | {"kind": "l1-aware", "fresh_lr_factor": 10.0, "weight_decay": 0.0})
    trainer = Trainer(run, Accelerator(), ["Hindi", "Korean", "Spanish"])
    before = {name: value.clone() for name, value in trainer.model.state_dict().items()}
    rows = [row for row in read_manifest(run.train) if row.wav][:4]
    load = partial(load_audio, run.wav_root)
    examples, _ = build_examples(rows, run.kind, trainer.model.encoder, load)
    result = trainer.step(0, 10, collate(examples, load))
    moved = {name: float((value - before[name]).abs().max()) for name, value in trainer.model.state_dict().items()}
    # The first step of Adam moves every weight that has a gradient by its learning rate.
    assert moved.pop("l1_classifier.weight") == pytest.approx(10 * result.rate, rel=0.02)
    assert moved.pop("l1_classifier.bias") == pytest.approx(10 * result.rate, rel=0.02)
    assert moved.pop("l1_embedding.weight") == 0.0  # the CTC head's columns for it start at zero
    assert max(moved.values()) < 1.1 * result.rate


def test_train_does_not_change_a_finished_run(options):
    run = TrainingOptions(**keep_rows(options, 6))
    final = train(run)
    changed = (final / "model.safetensors").stat().st_mtime_ns
    assert train(run) == final
    assert (final / "model.safetensors").stat().st_mtime_ns == changed
    with pytest.raises(ModelError, match=r"other options \(seed was 1, is 2\)"):
        train(replace(run, seed=2))


def test_train_depends_on_the_seed_alone(options, tmp_path):
    one, again, other = (
        TrainingOptions(**keep_rows(options, 18) | {"checkpoint_dir": tmp_path / name, "seed": seed})
        for name, seed in (("one", 1), ("again", 1), ("other", 2))
    )
    assert_same_weights(train(one), train(again))
    first, second = weights_of(one.final), weights_of(train(other))
    assert not all(torch.equal(first[name], second[name]) for name in first)


def test_train_varies_recordings_only_with_augment(options, monkeypatch):
    """Each recording of each epoch has another variant. Recordings of val have none."""
    drawn = []
    monkeypatch.setattr("asheard.training.data.augment", lambda samples, rng: drawn.append(rng.random()) or samples)
    few = keep_rows(options, 12)
    train(TrainingOptions(**few))
    assert not drawn
    train(TrainingOptions(**few | {"augment": True, "epochs": 2, "checkpoint_dir": options["checkpoint_dir"] / "2"}))
    assert len(set(drawn)) == len(drawn) == 2 * 12


def test_train_frees_the_model_of_the_pilot(options, monkeypatch):
    built: list[weakref.ref] = []

    class Watched(loop.Trainer):
        def __init__(self, *arguments):
            assert all(model() is None for model in built)
            super().__init__(*arguments)
            built.extend([weakref.ref(self.model), weakref.ref(self.optimizer)])

    monkeypatch.setattr(loop, "Trainer", Watched)
    monkeypatch.setattr(loop, "gate_reasons", lambda *_: [])
    run = TrainingOptions(**keep_rows(options, 12) | {"pilot": 2})
    train(run)
    assert len(built) == 4
    assert json.loads((run.checkpoint_dir / "pilot.json").read_text())["reasons"] == []


def test_train_refuses_a_folder_that_another_command_trains_in(options):
    run = TrainingOptions(**keep_rows(options, 12))
    with locked_folder(run.checkpoint_dir), pytest.raises(OutputError, match="another command is writing it"):
        train(run)
    assert not run.checkpoint_dir.exists()


def test_train_removes_no_hidden_files_of_the_user(options):
    run = TrainingOptions(**keep_rows(options, 12))
    mine = [run.checkpoint_dir / name for name in (".my.partition.txt", ".tmpfiles.conf", ".x.part")]
    run.checkpoint_dir.mkdir(parents=True)
    for path in mine:
        path.touch()
    train(run)
    assert all(path.exists() for path in mine)


def test_train_refuses_a_checkpoint_of_other_options(options, monkeypatch):
    run = TrainingOptions(**keep_rows(options, 18) | {"checkpoint_every": 2, "batch_seconds": 2.0})
    stop_after(monkeypatch, run, 3)
    with pytest.raises(
        ModelError, match=r"checkpoint.safetensors belongs to a run with other options .*peak_lr was 0.003"
    ):
        train(replace(run, peak_lr=1e-3))
    parts = [run.checkpoint_dir / name for name in (".checkpoint.safetensors.x.part.safetensors", ".tmpnWZK6F")]
    for part in parts:
        part.write_bytes(b"half")
    train(replace(run, checkpoint_every=50))  # this option may change
    assert not any(part.exists() for part in parts)


def test_train_names_excluded_utterances_on_the_card(options, tones, tmp_path):
    rows = read_manifest(tones / "train.jsonl")[:8]
    many = tuple(Token(phone, phone, ErrorType.OK) for phone in SPOKEN * 10)
    write_manifest(tmp_path / "train.jsonl", [replace(rows[0], tokens=many), *rows[1:]])
    run = TrainingOptions(**options | {"train": tmp_path / "train.jsonl"})
    card = read_card(train(run))["training"]
    assert card["excluded"] == {"train": {"fewer frames than CTC needs": ["S0/train0"]}, "val": {}}
    assert card["num_train"] == 7


def test_train_refuses_a_manifest_without_usable_utterances(options, tones, tmp_path):
    write_manifest(tmp_path / "train.jsonl", [replace(row, wav=None) for row in read_manifest(tones / "train.jsonl")])
    with pytest.raises(CorpusError, match=r"no utterance can be used \(\{'no recording': 48\}\)"):
        train(TrainingOptions(**options | {"train": tmp_path / "train.jsonl"}))


def test_train_refuses_an_l1_that_only_val_has(options, tones, tmp_path):
    write_manifest(tmp_path / "val.jsonl", [replace(row, l1="Thai") for row in read_manifest(tones / "val.jsonl")])
    with pytest.raises(CorpusError, match=r"has no speakers of these L1s: Thai"):
        train(TrainingOptions(**options | {"val": tmp_path / "val.jsonl", "kind": "l1-aware"}))


def test_train_names_the_batch_of_an_overflow(options):
    with pytest.raises(ModelError, match=r"step \d+: gradient norm .*lower learning rate.*S\d/train"):
        train(TrainingOptions(**options | {"peak_lr": 1e30}))


def test_train_names_a_missing_recording(options, tones, tmp_path):
    rows = read_manifest(tones / "train.jsonl")
    write_manifest(tmp_path / "train.jsonl", [replace(rows[0], wav="wav/gone.wav"), *rows[1:]])
    with pytest.raises(CorpusError, match=r"gone.wav: no such recording"):
        train(TrainingOptions(**options | {"train": tmp_path / "train.jsonl"}))


def test_step_seed_differs_by_seed_step_and_process():
    seeds = {step_seed(seed, step, rank) for seed in range(3) for step in range(50) for rank in range(2)}
    assert len(seeds) == 300
    assert all(0 <= seed < 2**31 for seed in seeds)


def test_log_drops_rows_after_the_checkpoint(tmp_path):
    (tmp_path / "log.jsonl").write_text('{"event": "step", "step": 1}\n{"event": "step", "step": 2}\n{"event": "st')
    log = TrainingLog(tmp_path, 1)
    log.write("epoch", 2, val_per=0.5, val_l1_accuracy=None)
    log.close()
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [row["step"] for row in lines] == [1, 2]
    assert log.epochs == lines[1:]
