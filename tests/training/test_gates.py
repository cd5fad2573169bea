"""Each pilot gate fails alone, with its reason."""

import json
import re
from fractions import Fraction
from math import comb

import pytest

from asheard.errors import GateError
from asheard.training import TrainingOptions, train
from asheard.training.data import Example
from asheard.training.validation import Validation, gate_reasons, num_above_chance

FALLING = [4.0, 3.0, 2.0, 1.0]
GOOD = {"per": 0.5, "l1_accuracy": 0.7, "length_ratio": 1.0, "num_distinct_phones": 6}
EXAMPLES = [Example("S", str(i), l1, "", 1.0, (2,)) for i, l1 in enumerate(["Hindi", "Hindi", "Thai", "Korean"] * 10)]


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
        (FALLING, {"l1_accuracy": 26 / 40}, None),
        (FALLING, {"l1_accuracy": 25 / 40}, r"not above chance \(0.50\): of 40 recordings 25 are right, and 26 are"),
        (FALLING, {"l1_accuracy": 0.5}, r"L1 accuracy 0.50 is not above chance \(0.50\)"),
    ],
)
def test_gate_reasons_names_each_failed_gate(losses, changes, reason):
    validation = Validation(**GOOD | changes)
    found = gate_reasons(losses, validation, EXAMPLES)
    assert len(found) == (reason is not None)
    assert all(re.search(reason, sentence) for sentence in found)


@pytest.mark.parametrize(("num", "chance"), [(64, Fraction(1, 6)), (40, Fraction(1, 2)), (131, Fraction(28, 131))])
def test_num_above_chance_is_the_exact_binomial_test(num, chance):
    def probability_of(num_right: int) -> Fraction:
        return sum(comb(num, k) * chance**k * (1 - chance) ** (num - k) for k in range(num_right, num + 1))

    needed = num_above_chance(num, float(chance))
    assert probability_of(needed) <= 0.05 < probability_of(needed - 1)


@pytest.mark.parametrize(("num", "chance"), [(1, 0.5), (4, 0.5), (2, 1 / 3), (9, 1.0)])
def test_num_above_chance_of_too_few_recordings_is_all(num, chance):
    assert num_above_chance(num, chance) == num


def test_train_stops_after_a_failed_pilot(options):
    hopeless = TrainingOptions(**options | {"pilot": 4, "pilot_train": 12, "peak_lr": 1e-9})
    with pytest.raises(GateError, match=r"the pilot of 4 steps did not pass: .*pilot\.json") as stopped:
        train(hopeless)
    assert stopped.value.exit_code == 3
    report = json.loads((hopeless.checkpoint_dir / "pilot.json").read_text())
    assert len(report["losses"]) == 4
    assert report["reasons"]
    assert all(reason in str(stopped.value) for reason in report["reasons"])
    assert not hopeless.final.exists()
    assert not (hopeless.checkpoint_dir / "log.jsonl").exists()
