"""One small study, evaluated and reported."""

from pathlib import Path

import pytest
from small_study import CONTEXT, TEST, TRAINING, study_runs

from asheard.evaluation import evaluate, report


@pytest.fixture(scope="session")
def small_study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("study")
    evaluate(TEST, study_runs(), out=out, context=CONTEXT, training=TRAINING)
    report(out)
    return out
