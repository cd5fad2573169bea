"""metrics.json: a `Metrics` record as a JSON object, and back."""

from collections.abc import Hashable, Mapping
from dataclasses import asdict, fields, is_dataclass
from functools import cache
from typing import Any, Final, Literal, cast, get_args, get_type_hints

from asheard.evaluation.expert_scores import SCORE_SCHEME
from asheard.evaluation.labels import LABEL_SCHEME
from asheard.evaluation.metrics import (
    ByGroup,
    ChainSummary,
    ConfidenceIntervals,
    Design,
    Difference,
    Metric,
    Metrics,
    Range,
    Scheme,
    Spread,
)
from asheard.io.typed_json import value_from_json

_SCHEMES: Final[dict[str, Scheme[Any]]] = {scheme.gold: scheme for scheme in (LABEL_SCHEME, SCORE_SCHEME)}
_ALL_METRICS: Final[dict[str, dict[str, Metric[Any]]]] = {
    scheme.gold: {metric.key: metric for metric in scheme.all_metrics} for scheme in _SCHEMES.values()
}


def metrics_to_json(metrics: Metrics[Any]) -> dict[str, Any]:
    """The contents of metrics.json (docs/evaluation.md)."""
    value: dict[str, Any] = {
        "signature": metrics.signature,
        "design": asdict(metrics.design),
        "copy_canonical": _summary_to_json(metrics.copy_canonical),
        "chains": {chain: _summary_to_json(summary) for chain, summary in metrics.chains.items()},
        "differences": [_difference_to_json(record) for record in metrics.differences],
        "warnings": list(metrics.warnings),
        "excluded": dict(metrics.excluded),
    }
    if metrics.scheme is not LABEL_SCHEME:
        value |= {"gold": metrics.scheme.gold, "not_ranked": dict(metrics.not_ranked)}
    return value


def metrics_from_json(value: Any) -> Metrics[Any]:
    """Read the contents of metrics.json.

    Raises:
        CorpusError: a field is of another type.
        KeyError, TypeError, ValueError or AttributeError: the contents are something else.
    """
    scheme = _SCHEMES[value.get("gold", LABEL_SCHEME.gold)]

    def read(hint: Any, name: str) -> Any:
        return value_from_json(hint, value[name], f"field {name!r}")

    return Metrics(
        signature=read(str, "signature"),
        design=read(Design, "design"),
        copy_canonical=_summary_from_json(value["copy_canonical"], scheme),
        chains={chain: _summary_from_json(summary, scheme) for chain, summary in value["chains"].items()},
        differences=tuple(_difference_from_json(record, scheme) for record in value["differences"]),
        warnings=read(tuple[str, ...], "warnings"),
        excluded=read(dict[str, int], "excluded"),
        scheme=scheme,
        not_ranked=read(dict[str, str], "not_ranked") if "not_ranked" in value else {},
    )


def _summary_to_json(summary: ChainSummary[Any]) -> dict[str, Any]:
    spread, intervals = summary.spread, summary.intervals
    return {
        "pooled": _record_to_json(summary.pooled),
        "per_l1": {l1: _record_to_json(record) for l1, record in summary.per_l1.items()},
        "per_seed": {str(seed): _record_to_json(record) for seed, record in summary.per_seed.items()},
        "spread": {
            "pooled": _by_key(spread.pooled),
            "per_l1": {l1: _by_key(ends) for l1, ends in spread.per_l1.items()},
        },
        "intervals": {
            "pooled": _intervals_to_json(intervals.pooled),
            "per_l1": {l1: _intervals_to_json(group) for l1, group in intervals.per_l1.items()},
        },
    }


def _summary_from_json(value: Mapping[str, Any], scheme: Scheme[Any]) -> ChainSummary[Any]:
    by_key = _ALL_METRICS[scheme.gold]

    def ends(values: Mapping[str, Any]) -> Spread[Any]:
        pairs = {key: value_from_json(tuple[float, float] | None, pair, key) for key, pair in values.items()}
        return {by_key[key]: None if pair is None else Range(*pair) for key, pair in pairs.items()}

    def intervals(values: Mapping[str, Any]) -> ConfidenceIntervals[Any]:
        units = value_from_json(Literal["speakers", "utterances"], values["units"], "units")
        return ConfidenceIntervals(
            units, value_from_json(int, values["num_units"], "num_units"), ends(values["values"])
        )

    def record(values: Mapping[str, Any]) -> Any:
        return _record_from_json(scheme.measures, values)

    return ChainSummary(
        pooled=record(value["pooled"]),
        per_l1={l1: record(values) for l1, values in value["per_l1"].items()},
        per_seed={int(seed): record(values) for seed, values in value["per_seed"].items()},
        spread=ByGroup(
            ends(value["spread"]["pooled"]), {l1: ends(values) for l1, values in value["spread"]["per_l1"].items()}
        ),
        intervals=ByGroup(
            intervals(value["intervals"]["pooled"]),
            {l1: intervals(values) for l1, values in value["intervals"]["per_l1"].items()},
        ),
    )


def _difference_to_json(record: Difference[Any]) -> dict[str, Any]:
    values = {field.name: getattr(record, field.name) for field in fields(record)}
    return values | {"metric": record.metric.key}


def _difference_from_json(record: Mapping[str, Any], scheme: Scheme[Any]) -> Difference[Any]:
    hints = {name: hint for name, hint in get_type_hints(Difference).items() if name != "metric"}
    values = {name: value_from_json(hint, record[name], name) for name, hint in hints.items()}
    return Difference(metric=_ALL_METRICS[scheme.gold][record["metric"]], **values)


def _intervals_to_json(intervals: ConfidenceIntervals[Any]) -> dict[str, Any]:
    return {"units": intervals.units, "num_units": intervals.num_units, "values": _by_key(intervals.values)}


def _by_key(values: Mapping[Metric[Any], Range | None]) -> dict[str, Range | None]:
    return {metric.key: interval for metric, interval in values.items()}


def _record_to_json(record: Any) -> dict[str, Any]:
    """A record of numbers; `passes` is called pass, and a record that is None is left out."""
    values: dict[str, Any] = {}
    for field in fields(record):
        value = getattr(record, field.name)
        if is_dataclass(value):
            values[field.name] = _record_to_json(value)
        elif value is not None or field.name not in _record_types(cast(Hashable, type(record))):
            values[_key(field.name)] = value
    return values


def _record_from_json(kind: Any, values: Mapping[str, Any]) -> Any:
    nested, hints = _record_types(kind), get_type_hints(kind)
    arguments = {
        field.name: value_from_json(hints[field.name], values[_key(field.name)], _key(field.name))
        for field in fields(kind)
        if field.name not in nested
    }
    records = {name: _record_from_json(part, values[name]) for name, part in nested.items() if name in values}
    return kind(**arguments, **records)


@cache
def _record_types(kind: Any) -> dict[str, Any]:
    """The fields of a record that hold records, with their types."""
    hints = get_type_hints(kind).items()
    return {name: part for name, hint in hints for part in (hint, *get_args(hint)) if is_dataclass(part)}


def _key(name: str) -> str:
    return "pass" if name == "passes" else name
