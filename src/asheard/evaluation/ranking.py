"""The contents of metrics.json as a dictionary: what the report reads until it takes `Metrics`."""

from collections.abc import Mapping
from math import inf
from typing import Any, Final

from asheard.evaluation.expert_scores import SCORES
from asheard.evaluation.labels import LABELS
from asheard.evaluation.metrics import Scheme
from asheard.evaluation.systems import COPY_CANONICAL, FAITHFUL, L1_ENCODER_UNKNOWN, distinct_transcripts

RATES: Final = {metric.name: metric.key for metric in LABELS.table_metrics}


def scheme_of(metrics: Mapping[str, Any]) -> Scheme[Any]:
    return SCORES if metrics.get("gold") == "scores" else LABELS


def headings_of(scheme: Scheme[Any]) -> dict[str, str]:
    return {metric.name: metric.key for metric in scheme.table_metrics}


def look_up(measures: Mapping[str, Any], path: str) -> Any:
    value: Any = measures
    for name in path.split("."):
        value = value[name]
    return value


def ranking(chains: Mapping[str, Any], scheme: Scheme[Any] = LABELS) -> list[str]:
    def order(chain: str) -> list[float]:
        values = [(look_up(chains[chain]["pooled"], metric.key), sign) for metric, sign in scheme.ranked_by]
        return [inf if value is None else sign * value for value, sign in values]

    return sorted((chain for chain in chains if chain != L1_ENCODER_UNKNOWN), key=order)


def in_order(chains: Mapping[str, Any], scheme: Scheme[Any] = LABELS) -> list[str]:
    ranked = ranking(chains, scheme)
    return ranked + [chain for chain in chains if chain not in ranked]


def with_copy_canonical(metrics: Mapping[str, Any]) -> dict[str, Any]:
    chains = metrics["chains"]
    return {chain: chains[chain] for chain in in_order(chains, scheme_of(metrics))} | {
        COPY_CANONICAL: metrics["copy_canonical"]
    }


def reference_chain(chains: Mapping[str, Any]) -> str:
    heard = distinct_transcripts(chains)
    return FAITHFUL if FAITHFUL in heard else next(chain for chain in in_order(chains) if chain in heard)


def auc_path(measures: Mapping[str, Any]) -> str:
    return "position_scores.auc" if "position_scores" in measures else "d1.auc"
