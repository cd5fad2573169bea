"""Predictions of any transcriber, in any alphabet."""

import json

import pytest

from asheard.corpora.predictions import read_predictions
from asheard.corpora.records import Prediction, write_predictions
from asheard.errors import CorpusError

ROW = {"utt": "u1", "speaker": "X", "phones": ["dh", "ah", "k"]}


def jsonl(path, *rows):
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return path


def test_ours_come_back(tmp_path):
    predictions = [
        Prediction("u1", "X", "faithful", ("ð", "ə"), (0.5, 0.25), ((0.0, 0.1), (0.1, 0.3)), (1.0,)),
        Prediction("u1", "Y", "faithful", ()),
    ]
    write_predictions(tmp_path / "p.jsonl", predictions)
    assert read_predictions(tmp_path / "p.jsonl") == predictions


def test_chain_is_given_or_the_rows_own_or_the_files(tmp_path):
    path = jsonl(tmp_path / "cnn.jsonl", ROW, ROW | {"utt": "u2", "chain": "other"})
    assert [row.chain for row in read_predictions(path)] == ["cnn", "other"]
    assert [row.chain for row in read_predictions(path, "mine")] == ["mine", "mine"]


def test_any_alphabet(tmp_path):
    path = jsonl(tmp_path / "p.jsonl", ROW | {"phones": "DH AH0 err sil K"})
    assert read_predictions(path)[0].phones == ("ð", "ə", "err", "k")
    path = jsonl(tmp_path / "p.jsonl", ROW | {"phones": ["t", "ʃ", "tʃ", "g"]})
    assert read_predictions(path)[0].phones == ("t", "ʃ", "tʃ", "ɡ")


def test_confidences_and_times_follow_the_phones(tmp_path):
    row = ROW | {
        "phones": ["ð", "sil", "aɪə"],
        "confidences": [0.9, 0.1, 0.6],
        "times_s": [[0, 0.1], [0.1, 0.2], [0.2, 0.6]],
    }
    (prediction,) = read_predictions(jsonl(tmp_path / "p.jsonl", row))
    assert prediction.phones == ("ð", "aɪ", "ə")
    assert prediction.confidences == (0.9, 0.6, 0.6)
    assert prediction.times_s == ((0.0, 0.1), (0.2, pytest.approx(0.4)), (pytest.approx(0.4), 0.6))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"phones": None}, "field 'phones'"),
        ({"phones": ["dh", "qq", "k"]}, "phones 1: .*'qq'"),
        ({"utt": None}, "field 'utt'"),
        ({"speaker": None}, "field 'speaker'"),
        ({"chain": 3}, "field 'chain'"),
        ({"confidences": [0.5]}, "1 'confidences' for 3 'phones'"),
        ({"confidences": 0.5}, "field 'confidences' must be a list"),
        ({"confidences": [0.5, float("nan"), 0.5]}, "confidences 1 must be a number, not nan"),
        ({"times_s": [[0, 1]]}, "1 'times_s' for 3 'phones'"),
        ({"times_s": [0, 1, 2]}, "field 'times_s' must be a list of"),
        ({"times_s": [[0, 1], [1, float("inf")], [2, 3]]}, "times_s 1 must be a number"),
        ({"position_scores": [True]}, "position_scores 0 must be a number"),
    ],
)
def test_bad_rows(tmp_path, change, message):
    path = jsonl(tmp_path / "p.jsonl", ROW | {"utt": "u0"}, ROW | change)
    with pytest.raises(CorpusError, match=rf"p\.jsonl, line 2.*{message}"):
        read_predictions(path)


def test_utterance_twice_and_no_rows(tmp_path):
    with pytest.raises(CorpusError, match="comes twice"):
        read_predictions(jsonl(tmp_path / "p.jsonl", ROW, ROW))
    with pytest.raises(CorpusError, match="holds no predictions"):
        read_predictions(jsonl(tmp_path / "p.jsonl"))


@pytest.mark.shared
def test_a_published_recogniser(real_data):
    path = real_data / "l2arctic-labels" / "predictions-cnn-rnn-ctc.jsonl"
    rows = [json.loads(line) for line in path.open()]
    predictions = read_predictions(path, "cnn")
    assert len(predictions) == 900
    assert [len(row.phones) for row in predictions] == [len(row["phones"]) for row in rows]
