"""One small study, evaluated and reported."""

from pathlib import Path

import pytest

from asheard.evaluation import evaluate_runs, write_report
from support.small_study import CONTEXT, TEST, TRAINING, study_runs


@pytest.fixture(scope="session")
def small_study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("study")
    evaluate_runs(TEST, study_runs(), out=out, context=CONTEXT, training=TRAINING)
    write_report(out)
    return out
