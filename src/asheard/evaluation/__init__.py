"""Chains scored against gold on the same positions: token rows, metrics, verdict, report."""

from asheard.evaluation.chains import (
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
from asheard.evaluation.context import Context, Epoch
from asheard.evaluation.matrix import EVALUATION_FILES, Evaluation, evaluate, evaluate_folds, read_metrics, report
from asheard.evaluation.verdict import Verdict, decide

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
    "report",
]
