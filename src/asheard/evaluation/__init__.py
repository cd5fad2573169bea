"""Compare chains with gold: token rows, metrics with intervals, verdict, report.

Names are imported when they are first used. `ChainRun` and `Fold` need only the base installation; everything else
needs the extra `evaluate` (polars, scipy, matplotlib).
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from asheard.errors import optional_package
from asheard.evaluation.files import evaluate
from asheard.evaluation.runs import ChainRun, Fold

if TYPE_CHECKING:
    from asheard.evaluation.context import Context, Epoch
    from asheard.evaluation.decision import Verdict, decide
    from asheard.evaluation.steps import (
        EVALUATION_FILES,
        Evaluation,
        evaluate_folds,
        evaluate_runs,
        read_metrics,
        write_report,
    )

__all__ = [
    "EVALUATION_FILES",
    "ChainRun",
    "Context",
    "Epoch",
    "Evaluation",
    "Fold",
    "Verdict",
    "decide",
    "evaluate",
    "evaluate_folds",
    "evaluate_runs",
    "read_metrics",
    "write_report",
]

_MODULES = {"Context": "context", "Epoch": "context", "Verdict": "decision", "decide": "decision"}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    for package in ("polars", "scipy", "matplotlib"):
        optional_package(package, "evaluate")
    return getattr(import_module(f"{__name__}.{_MODULES.get(name, 'steps')}"), name)
