"""Chains scored against gold on the same positions: token rows, metrics, verdict, write_report."""

from asheard.evaluation.context import Context, Epoch
from asheard.evaluation.decision import Verdict, decide
from asheard.evaluation.steps import EVALUATION_FILES, Evaluation, evaluate, evaluate_folds, read_metrics, write_report
from asheard.evaluation.systems import (
    CHAINS,
    FAITHFUL,
    GOP,
    GOP_PRIOR,
    L1_ENCODER,
    L1_ENCODER_UNKNOWN,
    L1_PRIOR,
    OFF_THE_SHELF,
    ChainRun,
    Fold,
)

__all__ = [
    "CHAINS",
    "EVALUATION_FILES",
    "FAITHFUL",
    "GOP",
    "GOP_PRIOR",
    "L1_ENCODER",
    "L1_ENCODER_UNKNOWN",
    "L1_PRIOR",
    "OFF_THE_SHELF",
    "ChainRun",
    "Context",
    "Epoch",
    "Evaluation",
    "Fold",
    "Verdict",
    "decide",
    "evaluate",
    "evaluate_folds",
    "read_metrics",
    "write_report",
]
