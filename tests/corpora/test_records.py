"""Predictions of AsHeard's own files, read back strictly."""

import json

import pytest

from asheard.corpora.records import Prediction, read_predictions, write_predictions
from asheard.errors import CorpusError

FULL = Prediction("u1", "ABA", "mine", ("ð", "ə"), (0.5, 0.25), ((0.0, 0.1), (0.1, 0.3)), (1.5,))
BARE = Prediction("u1", "", "mine", ())


def test_read_predictions_round_trip(tmp_path):
    path = tmp_path / "p.jsonl"
    write_predictions(path, [FULL, BARE])
    assert read_predictions(path) == [FULL, BARE]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"phones": "ð ə"}, "field 'phones' must be a list"),
        ({"phones": ["ð", "AH0"]}, "phones 1 'AH0' is not an IPA phone of the inventory"),
        ({"phones": ["ð", None]}, "phones 1 None is not an IPA phone"),
        ({"confidences": [0.5]}, "1 'confidences' for 2 'phones'"),
        ({"times_s": [[0.0, 0.1]]}, "1 'times_s' for 2 'phones'"),
        ({"times_s": [[0.0, 0.1], [0.1, "x"]]}, "times_s 1 must be a time from 0"),
        ({"times_s": [0.0, 0.1]}, r"'times_s' must be a list of \[start, end\] pairs"),
        ({"position_scores": ["x"]}, "position_scores 0 must be a number"),
        ({"utt": ""}, "field 'utt' must be a non-empty string"),
        ({"speaker": None}, "field 'speaker' must be a non-empty string"),
        ({"chain": 3}, "field 'chain' must be a non-empty string"),
    ],
)
def test_read_predictions_refuses_wrong_fields(tmp_path, change, message):
    path = tmp_path / "p.jsonl"
    write_predictions(path, [BARE, FULL])
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    path.write_text("".join(json.dumps(row) + "\n" for row in [rows[0], rows[1] | change]), encoding="utf-8")
    with pytest.raises(CorpusError, match=rf"p\.jsonl, line 2: .*{message}"):
        read_predictions(path)
