"""Costs of a study's pods, over several commands."""

import re
import time

import pytest

from asheard.errors import RemoteError
from asheard.remote.runpod.budget import Budget, affordable_hours


def test_budget_sums_costs(tmp_path, monkeypatch):
    now = 1_800_000_000.0
    monkeypatch.setattr(time, "time", lambda: now)
    budget = Budget(tmp_path)
    first, _ = budget.add(price=0.5, hours=4), budget.add(price=2.0, hours=4)
    assert budget.spent() == 0
    assert budget.committed() == pytest.approx(4 * 0.5 + 4 * 2.0)

    now += 3600
    budget.mark_gone(running={first})
    now += 3600
    again = Budget(tmp_path)
    assert [entry.name for entry in again.open_entries] == [first]
    assert again.spent() == pytest.approx(2 * 0.5 + 1 * 2.0)
    assert again.committed() == pytest.approx(4 * 0.5 + 1 * 2.0)
    assert again.money_left(10.0) == pytest.approx(6.0)
    assert again.money_left(None) is None

    now += 1000 * 3600  # the watchdog terminated it meanwhile
    again.mark_gone(running=set())
    assert again.spent() == pytest.approx(4 * 0.5 + 1 * 2.0)


def test_budget_names_are_kept_and_unique(tmp_path):
    first, second = (tmp_path / place / "my study" for place in ("a", "b"))
    budget = Budget(first)
    name = budget.add(price=1, hours=1)
    assert re.fullmatch(r"asheard-my-study-[0-9a-f]{6}-1", name)
    assert Budget(first).study == budget.study == name.rpartition("-")[0]
    assert Budget(second).study != budget.study
    assert re.fullmatch(r"asheard-study-[0-9a-f]{6}", Budget(tmp_path / "学习").study)


def test_affordable_hours():
    assert affordable_hours(None, 2, price=0.7, max_hours=24) == 24
    assert affordable_hours(100, 2, price=0.7, max_hours=24) == 24
    assert affordable_hours(7, 2, price=0.7, max_hours=24) == pytest.approx(5)
    with pytest.raises(RemoteError, match=r"the \$0.50 left of --max-cost are less than half an hour of 2 pods"):
        affordable_hours(0.5, 2, price=0.7, max_hours=24)
