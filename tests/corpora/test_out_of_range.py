"""Values that no file may hold: each reader refuses them with file, line and field."""

import json
import sys
from pathlib import Path

import pytest

from asheard.corpora import read_gold, read_manifest, read_transcripts
from asheard.corpora.records import read_predictions
from asheard.errors import CorpusError

HUGE = 10**400  # a whole number that no float can hold
DEEP = "[" * 100_000 + "]" * 100_000

TOKEN = {"canonical": "t", "perceived": "t", "error_type": "ok", "start_s": 0.1, "end_s": 0.2, "score": 2}
UTTERANCE = {"utt": "u1", "speaker": "S", "l1": "Thai", "wav": "u1.wav", "text": "tea", "seconds": 0.5}
PREDICTION = {"utt": "u1", "speaker": "S", "chain": "mine", "phones": ["t", "i"]}
GOLD = {"utt": "u1", "speaker": "S", "l1": "Thai", "canonical": "T IY", "perceived": "T IY"}


def written(path: Path, *rows: object) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("changes", "token_changes", "reason"),
    [
        ({"seconds": 0}, {}, "field 'seconds' must be a length above 0 .*, not 0"),
        ({"seconds": -5}, {}, "field 'seconds' must be a length above 0 .*, not -5"),
        ({"seconds": True}, {}, "field 'seconds' must be a length above 0 .*, not True"),
        ({"seconds": "0.5"}, {}, "field 'seconds' must be a length above 0 .*, not '0.5'"),
        ({"seconds": float("nan")}, {}, "field 'seconds' must be a length above 0 .*, not nan"),
        ({"seconds": HUGE}, {}, "field 'seconds' must be a length above 0 .*, not 1000"),
        ({"speaker": ""}, {}, "field 'speaker' must be a non-empty string, not ''"),
        ({"speaker": 7}, {}, "field 'speaker' must be a non-empty string, not 7"),
        ({"utt": " "}, {}, "field 'utt' must be a non-empty string, not ' '"),
        ({"l1": None}, {}, "field 'l1' must be a non-empty string, not None"),
        ({"tokens": {}}, {}, "field 'tokens' must be a list"),
        ({"tokens": [[]]}, {}, "token 0: expected an object"),
        ({}, {"start_s": -1}, "token 0: field 'start_s' must be a time from 0 .*, not -1"),
        ({}, {"end_s": float("inf")}, "token 0: field 'end_s' must be a time from 0 .*, not inf"),
        ({}, {"end_s": 0.05}, "token 0 ends at 0.05 s, before it begins at 0.1 s"),
        ({}, {"start_s": 0.6, "end_s": 0.7}, "start_s is after the recording's end .seconds 0.5."),
        ({}, {"score": 5}, "token 0: field 'score' must be an expert score from 0 to 2 .*, not 5"),
        ({}, {"accented": "yes"}, "token 0: field 'accented' must be true or false, not 'yes'"),
        ({}, {"perceived": "d"}, "token 0: perceived is 'd' and canonical 't', so error_type is not ok"),
        ({}, {"error_type": "d"}, "token 0: perceived must be null at a deletion"),
        ({}, {"perceived": ["t"]}, r"token 0: perceived \['t'\] is not an IPA phone"),
        ({}, {"error_type": {}}, "token 0: error_type {} is none of ok, s, d, a"),
    ],
)
def test_read_manifest_refuses_values(tmp_path, changes, token_changes, reason):
    wrong = UTTERANCE | {"utt": "u2", "tokens": [TOKEN | token_changes]} | changes
    path = written(tmp_path / "m.jsonl", UTTERANCE | {"tokens": [TOKEN]}, wrong)
    with pytest.raises(CorpusError, match=rf"m\.jsonl, line 2.*{reason}"):
        read_manifest(path)


def test_read_manifest_refuses_double_utterances(tmp_path):
    row = UTTERANCE | {"tokens": [TOKEN]}
    path = written(tmp_path / "m.jsonl", row, row | {"utt": "u2"}, row)
    with pytest.raises(CorpusError, match=r"m\.jsonl, line 3: utterance u1 .* comes twice, first in .*line 1"):
        read_manifest(path)


@pytest.mark.parametrize("read", [read_predictions, read_transcripts])
@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"confidences": [0.5, 5]}, "confidences 1 must be a probability from 0 to 1, not 5"),
        ({"confidences": [-0.1, 0.5]}, "confidences 0 must be a probability from 0 to 1, not -0.1"),
        ({"confidences": [0.5, True]}, "confidences 1 must be a probability from 0 to 1, not True"),
        ({"confidences": [0.5, "0.5"]}, "confidences 1 must be a probability from 0 to 1, not '0.5'"),
        ({"confidences": [0.5, float("nan")]}, "confidences 1 must be a probability from 0 to 1, not nan"),
        ({"confidences": {"t": 1}}, "field 'confidences' must be a list of numbers"),
        ({"times_s": [[-1, 0.5], [0.5, 1]]}, "times_s 0 must be a time from 0 .*, not -1"),
        ({"times_s": [[0, 0.5], [0.5, 0.4]]}, "times_s 1 ends at 0.4 s, before it begins at 0.5 s"),
        ({"times_s": [[0, 0.5], [0.5, HUGE]]}, "times_s 1 must be a time from 0 .*, not 1000"),
        ({"times_s": [[0, 0.5], [0.5]]}, "field 'times_s' must be a list of .start, end. pairs"),
        ({"position_scores": [float("inf")]}, "position_scores 0 must be a number, not inf"),
        ({"phones": [["t"], "i"]}, r"phones.* \['t'\]"),
        ({"utt": 5}, "field 'utt' must be a non-empty string, not 5"),
    ],
)
def test_read_predictions_and_transcripts_refuse_values(tmp_path, read, changes, reason):
    path = written(tmp_path / "p.jsonl", PREDICTION, PREDICTION | {"utt": "u2"} | changes)
    with pytest.raises(CorpusError, match=rf"p\.jsonl, line 2.*{reason}"):
        read(path)


@pytest.mark.parametrize("number", ["5", "-0.5", "nan", "inf", "1_0", "0,5", "½"])
def test_read_transcripts_refuses_confidences_of_csv(tmp_path, number):
    path = tmp_path / "p.csv"
    path.write_text(f'utt,speaker,phones,confidences\nu1,S,T IY,"0.5 {number}"\n', encoding="utf-8")
    with pytest.raises(CorpusError, match=r"p\.csv, line 2: confidences 1 must be a probability from 0 to 1"):
        read_transcripts(path)


@pytest.mark.parametrize(
    ("fields", "name"),
    [("-0.1 0.1 T 0.5", "start"), ("1e9 0.1 T 0.5", "start"), ("0 nan T 0.5", "duration"), ("0 0.1 T 5", "confidence")],
)
def test_read_transcripts_refuses_values_of_ctm(tmp_path, fields, name):
    path = tmp_path / "p.ctm"
    path.write_text(f"u1 1 0 0.1 T 0.5\nu1 1 {fields}\n")
    with pytest.raises(CorpusError, match=rf"p\.ctm, line 2: {name} must be a"):
        read_transcripts(path, keys=[("S", "u1")])


@pytest.mark.parametrize("seconds", ["-5", "0", "nan", "1e999", "five", "1_0"])
def test_read_gold_refuses_seconds_of_csv(tmp_path, seconds):
    path = tmp_path / "g.csv"
    path.write_text(f"utt,speaker,l1,canonical,perceived,seconds\nu1,S,Thai,T IY,T IY,{seconds}\n")
    with pytest.raises(CorpusError, match=r"g\.csv, line 2: field 'seconds' must be a length above 0"):
        read_gold(path)


def test_read_gold_refuses_double_utterances(tmp_path):
    with pytest.raises(CorpusError, match=r"g\.jsonl, line 2: utterance u1 of speaker S comes twice"):
        read_gold(written(tmp_path / "g.jsonl", GOLD, GOLD))


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ('{"utt": ' + DEEP + "}", "nested too deeply"),
        ('{"utt": ' + "1" * 5000 + "}", "4300 digits"),
        ('{"utt": "\\ud800"}', "surrogates not allowed"),
    ],
)
@pytest.mark.parametrize("read", [read_manifest, read_predictions, read_transcripts, read_gold])
def test_readers_refuse_json_that_python_cannot_hold(tmp_path, read, line, reason):
    if "digits" in reason and not sys.get_int_max_str_digits():
        pytest.skip("this Python reads whole numbers of any length")
    path = tmp_path / "rows.jsonl"
    path.write_text(line + "\n")
    with pytest.raises(CorpusError, match=rf"rows\.jsonl, line 1: not JSON \(.*{reason}"):
        read(path)


def test_messages_are_short(tmp_path):
    """A wrong value of a megabyte is cut."""
    path = written(tmp_path / "g.jsonl", GOLD | {"seconds": "x" * 1_000_000})
    with pytest.raises(CorpusError) as caught:
        read_gold(path)
    assert len(str(caught.value)) < 300
