"""Each gate fires on its own, and says why."""

import json

import pytest

from asheard.errors import GateError
from asheard.training import TrainingOptions, train
from asheard.training.batches import Example
from asheard.training.gates import check_gates, gate_reasons
from asheard.training.validation import Validation

FALLING = [4.0, 3.0, 2.0, 1.0]
GOOD = {"per": 0.5, "l1_accuracy": 0.6, "length_ratio": 1.0, "num_distinct_phones": 6}
EXAMPLES = [Example("S", str(i), l1, "", 1.0, (2,)) for i, l1 in enumerate(["Hindi", "Hindi", "Thai", "Korean"])]


@pytest.mark.parametrize(
    ("losses", "changes", "reason"),
    [
        (FALLING, {}, None),
        (FALLING, {"l1_accuracy": None}, None),
        ([1.0, 2.0, 3.0, 4.0], {}, "loss does not fall: 1.000 .* 4.000"),
        ([1.0, float("nan"), 1.0, float("nan")], {}, "loss does not fall"),
        (FALLING, {"length_ratio": 0.49}, "0.49 is outside 0.5..1.5"),
        (FALLING, {"length_ratio": 1.51}, "1.51 is outside 0.5..1.5"),
        (FALLING, {"num_distinct_phones": 5}, "use 5 distinct phones"),
        (FALLING, {"l1_accuracy": 0.5}, r"L1 accuracy 0.50 is not above chance \(0.50\)"),
    ],
)
def test_gates(losses, changes, reason, tmp_path):
    validation = Validation(**GOOD | changes)
    if reason is None:
        assert gate_reasons(losses, validation, EXAMPLES) == []
        check_gates(losses, validation, EXAMPLES, tmp_path)
    else:
        assert len(gate_reasons(losses, validation, EXAMPLES)) == 1
        with pytest.raises(GateError, match=reason) as stopped:
            check_gates(losses, validation, EXAMPLES, tmp_path / "pilot.json")
        assert "pilot.json" in str(stopped.value)
        assert stopped.value.exit_code == 3


def test_a_pilot_that_learns_nothing_stops_the_run(options):
    hopeless = TrainingOptions(**options | {"pilot": 4, "pilot_train": 12, "peak_lr": 1e-9})
    with pytest.raises(GateError, match="the pilot of 4 steps did not pass"):
        train(hopeless)
    report = json.loads((hopeless.checkpoint_dir / "pilot.json").read_text())
    assert len(report["losses"]) == 4
    assert not hopeless.final.exists()
    assert not (hopeless.checkpoint_dir / "log.jsonl").exists()
