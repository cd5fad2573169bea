"""JSON values against the types of records."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import pytest

from asheard.errors import CorpusError
from asheard.io.typed_json import record_from_json


@dataclass(frozen=True)
class Point:
    x: float
    label: str | None = None


@dataclass(frozen=True)
class Record:
    name: str
    kind: Literal["one", "two"]
    counts: Mapping[str, int]
    points: tuple[Point, ...]
    pair: tuple[int, float]
    folder: Path | None = None
    done: bool = False
    notes: list[str] = field(default_factory=list)


WHOLE = {"name": "a", "kind": "one", "counts": {"b": 1}, "points": [{"x": 1}], "pair": [1, 0.5]}


def test_record_from_json_makes_the_types():
    record = record_from_json(Record, WHOLE | {"folder": "x/y", "done": True}, "a.json")
    assert record == Record("a", "one", {"b": 1}, (Point(1),), (1, 0.5), Path("x/y"), True)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"name": 1}, "field 'name' must be a text, not 1"),
        ({"kind": "three"}, "field 'kind' must be one or two, not 'three'"),
        ({"counts": {"b": True}}, "field 'counts', 'b' must be a whole number, not True"),
        ({"counts": []}, r"field 'counts' must be an object, not \[\]"),
        ({"points": {}}, "field 'points' must be a list, not {}"),
        ({"points": [{"x": float("nan")}]}, "field 'points', item 0: field 'x' must be a number, not nan"),
        ({"points": [{"x": 10**400}]}, "field 'points', item 0: field 'x' must be a number, not 1000"),
        ({"points": [{}]}, "field 'points', item 0: missing field: 'x'"),
        ({"points": [3]}, "field 'points', item 0 must be an object, not 3"),
        ({"pair": [1]}, r"field 'pair' must be a list of 2 values, not \[1\]"),
        ({"pair": [1.5, 1]}, "field 'pair', item 0 must be a whole number, not 1.5"),
        ({"folder": 3}, "field 'folder' must be a path or null, not 3"),
        ({"done": 1}, "field 'done' must be true or false, not 1"),
        ({"more": 1}, "no such field: 'more'"),
    ],
)
def test_record_from_json_names_the_field(changes, reason):
    with pytest.raises(CorpusError, match=rf"^a\.json: {reason}"):
        record_from_json(Record, WHOLE | changes, "a.json")


@pytest.mark.parametrize("value", [None, [], "text", 3])
def test_record_from_json_refuses_other_values(value):
    with pytest.raises(CorpusError, match=r"^a\.json must be an object, not"):
        record_from_json(Record, value, "a.json")
