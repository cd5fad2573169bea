"""Options are checked; recipes and fingerprints differ where they should; a learning rate depends on the step alone."""

import json

import pytest

from asheard.errors import ModelError
from asheard.training import TrainingOptions, base, faithful, l1_aware
from asheard.training.options import PRESETS, check_unchanged
from asheard.training.step import learning_rate


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("kind", "unfaithful"),
        ("schedule", "cosine"),
        ("unknown_phones", "guessed"),
        ("base", None),
        ("epochs", 0),
        ("peak_lr", 0.0),
        ("seed", -1),
        ("dropout", 1.0),
        ("checkpoint_every", 0),
    ],
)
def test_options_out_of_range_are_named(options, name, value):
    with pytest.raises(ModelError, match=f"training option {name} is {value!r}; it must be"):
        TrainingOptions(**options | {name: value})


def test_recipes_set_kind_and_preset(tones, tmp_path):
    places = {
        "train": tones / "train.jsonl",
        "val": tones / "val.jsonl",
        "wav_root": tones,
        "checkpoint_dir": tmp_path,
    }
    assert faithful(**places).base == "facebook/wav2vec2-lv-60-espeak-cv-ft"
    assert faithful(**places, preset="quick").epochs == 1
    assert faithful(**places, preset="quick", epochs=7).epochs == 7
    assert [faithful(**places, preset=preset).augment for preset in PRESETS] == [False, False, True, False]
    assert not faithful(**places, preset="tiny").freeze_front_end
    assert l1_aware(**places).lambda_l1 == 0.3
    assert (faithful(**places).unknown_phones, faithful(**places, unknown_phones="left-out").unknown_phones) == (
        "wildcard",
        "left-out",
    )
    assert (faithful(**places).kind, l1_aware(**places).kind, base(**places).kind) == (
        "faithful",
        "l1-aware",
        "base",
    )
    assert (faithful(**places).fresh_lr_factor, base(**places).fresh_lr_factor) == (10.0, 1.0)
    assert faithful(**places).freeze_front_end
    assert not base(**places).freeze_front_end
    with pytest.raises(ModelError, match="no preset 'slow'; there are full, embedded, tiny, quick"):
        faithful(**places, preset="slow")


def test_fingerprint_depends_on_content_not_on_paths(options, tmp_path):
    here = TrainingOptions(**options).fingerprint()
    assert json.loads(json.dumps(here)) == here
    copied = tmp_path / "copy.jsonl"
    copied.write_bytes(options["train"].read_bytes())
    moved = options | {
        "train": copied,
        "checkpoint_dir": tmp_path / "elsewhere",
        "checkpoint_every": 7,
        "pilot": 3,
    }
    assert TrainingOptions(**moved).fingerprint() == here
    with pytest.raises(ModelError, match="unknown_phones was 'wildcard', is 'canonical'"):
        check_unchanged(
            here, TrainingOptions(**moved | {"unknown_phones": "canonical"}).fingerprint(), tmp_path / "run"
        )
    with pytest.raises(ModelError, match="augment was False, is True"):
        check_unchanged(here, TrainingOptions(**moved | {"augment": True}).fingerprint(), tmp_path / "run")
    copied.write_text(copied.read_text().replace("Hindi", "Thai"))
    with pytest.raises(ModelError, match=r"run belongs to a run with other options \(train was .*use another folder"):
        check_unchanged(here, TrainingOptions(**moved).fingerprint(), tmp_path / "run")


@pytest.mark.parametrize("schedule", ["linear", "one-cycle"])
@pytest.mark.parametrize(("num_steps", "warmup_share"), [(1, 0.0), (1, 0.5), (10, 0.3), (97, 0.1), (50, 0.0)])
def test_learning_rate_rises_to_the_peak_and_falls(schedule, num_steps, warmup_share):
    rates = [learning_rate(step, num_steps, 2.0, warmup_share, schedule) for step in range(num_steps)]
    peak = rates.index(max(rates))
    assert max(rates) == pytest.approx(2.0)
    assert rates[: peak + 1] == sorted(rates[: peak + 1])
    assert rates[peak:] == sorted(rates[peak:], reverse=True)
    assert min(rates) > 0
    assert peak + 1 == max(1, round(warmup_share * num_steps))


def test_learning_rate_one_cycle_is_that_of_pytorch():
    import torch

    parameter = torch.nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.SGD([parameter], lr=1.0)
    theirs = torch.optim.lr_scheduler.OneCycleLR(optimizer, 1e-3, total_steps=1000, pct_start=0.3)
    for step in range(1000):
        ours = learning_rate(step, 1000, 1e-3, 0.3, "one-cycle")
        assert ours == pytest.approx(theirs.get_last_lr()[0], rel=0.05, abs=1e-6), step
        optimizer.step()
        if step < 999:
            theirs.step()
