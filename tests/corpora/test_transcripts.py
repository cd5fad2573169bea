"""Predictions of any transcriber in JSON Lines and CSV, in any alphabet, sound or broken."""

import contextlib
import json

import pytest

from asheard.corpora.labels import MAX_PHONES
from asheard.corpora.records import Prediction, write_predictions
from asheard.corpora.transcripts import read_transcripts
from asheard.errors import CorpusError

ROW = {"utt": "u1", "speaker": "X", "phones": ["dh", "ah", "k"]}


def jsonl(path, *rows):
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return path


def test_read_transcripts_of_our_own_predictions(tmp_path):
    predictions = [
        Prediction("u1", "X", "faithful", ("ð", "ə"), (0.5, 0.25), ((0.0, 0.1), (0.1, 0.3)), (1.0,)),
        Prediction("u1", "Y", "faithful", ()),
    ]
    write_predictions(tmp_path / "p.jsonl", predictions)
    assert read_transcripts(tmp_path / "p.jsonl") == predictions


def test_read_transcripts_chain_names(tmp_path):
    path = jsonl(tmp_path / "cnn.jsonl", ROW, ROW | {"utt": "u2", "chain": "other"})
    assert [row.chain for row in read_transcripts(path)] == ["cnn", "other"]
    assert [row.chain for row in read_transcripts(path, "mine")] == ["mine", "mine"]


def test_read_transcripts_any_alphabet(tmp_path):
    path = jsonl(tmp_path / "p.jsonl", ROW | {"phones": "DH AH0 err sil K"})
    assert read_transcripts(path)[0].phones == ("ð", "ə", "err", "k")
    path = jsonl(tmp_path / "p.jsonl", ROW | {"phones": ["t", "ʃ", "tʃ", "g"]})
    assert read_transcripts(path)[0].phones == ("t", "ʃ", "tʃ", "ɡ")


def test_read_transcripts_resolves_an_empty_speaker(tmp_path):
    path = jsonl(tmp_path / "p.jsonl", ROW, *(ROW | {"speaker": "", "utt": utt} for utt in ("u2", "Y_u1", "u9")))
    assert [row.key for row in read_transcripts(path)] == [("X", "u1"), ("", "u2"), ("", "Y_u1"), ("", "u9")]
    keys = [("X", "u1"), ("Y", "u1"), ("Z", "u2")]
    assert [row.key for row in read_transcripts(path, keys=keys)] == [("X", "u1"), ("Z", "u2"), ("Y", "u1"), ("", "u9")]
    with pytest.raises(CorpusError, match=r"u2 \(Y/u2 or Z/u2\)"):
        read_transcripts(path, keys=[*keys, ("Y", "u2")])


def test_read_transcripts_confidences_and_times(tmp_path):
    row = ROW | {
        "phones": ["ð", "sil", "aɪə"],
        "confidences": [0.9, 0.1, 0.6],
        "times_s": [[0, 0.1], [0.1, 0.2], [0.2, 0.6]],
    }
    (prediction,) = read_transcripts(jsonl(tmp_path / "p.jsonl", row))
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
        ({"confidences": [0.5, float("nan"), 0.5]}, "confidences 1 must be a probability .*, not nan"),
        ({"times_s": [[0, 1]]}, "1 'times_s' for 3 'phones'"),
        ({"times_s": [0, 1, 2]}, "field 'times_s' must be a list of"),
        ({"times_s": [[0, 1], [1, float("inf")], [2, 3]]}, "times_s 1 must be a time from 0"),
        ({"position_scores": [True]}, "position_scores 0 must be a number"),
    ],
)
def test_read_transcripts_refuses_rows(tmp_path, change, message):
    path = jsonl(tmp_path / "p.jsonl", ROW | {"utt": "u0"}, ROW | change)
    with pytest.raises(CorpusError, match=rf"p\.jsonl, line 2.*{message}"):
        read_transcripts(path)


def test_read_transcripts_keeps_a_double_utterance(tmp_path):
    first, second = read_transcripts(jsonl(tmp_path / "p.jsonl", ROW, ROW | {"phones": ["k"]}))
    assert first.key == second.key
    assert second.phones == ("k",)


@pytest.mark.parametrize("name", ["p.jsonl", "p.csv", "p.ctm"])
@pytest.mark.parametrize("content", ["", "\n \n"])
def test_read_transcripts_refuses_an_empty_file(tmp_path, name, content):
    (tmp_path / name).write_text(content)
    with pytest.raises(CorpusError, match=rf"{name}: holds no predictions"):
        read_transcripts(tmp_path / name, keys=[])


def csv_file(path, *lines, header="utt,speaker,phones,confidences"):
    path.write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")
    return path


@pytest.mark.parametrize("name", ["p.csv", "whatever"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_read_transcripts_csv_equals_json_lines(tmp_path, name, mark):
    path = csv_file(
        tmp_path / name,
        "u1,X,DH AH0 sil K,0.5 0.25 0.1 1",
        '"u,2",Y,,',
        "u3,Y,K -,",
        header=f"{mark}utt,speaker,phones,confidences",
    )
    assert read_transcripts(path, "mine") == [
        Prediction("u1", "X", "mine", ("ð", "ə", "k"), (0.5, 0.25, 1.0)),
        Prediction("u,2", "Y", "mine", ()),
        Prediction("u3", "Y", "mine", ("k",)),
    ]


def test_read_transcripts_utterance_without_phones(tmp_path):
    (row,) = read_transcripts(jsonl(tmp_path / "p.jsonl", ROW | {"phones": []}))
    assert row.phones == ()


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("u2,X,DH", "not as many cells as in the header; is the file cut off"),
        ("u2,X,DH,0.5,7", "not as many cells"),
        ("u2,X,DH,high", "confidences 0 must be a probability .*, not 'high'"),
        ("u2,X,DH,nan", "confidences 0 must be a probability .*, not nan"),
        ("u2,X,DH K,0.5", "1 'confidences' for 2 'phones'"),
        ("u2,,DH,0.5", "field 'speaker'"),
        ("u2,X,DH qq,", "phones 1: .*'qq'"),
        ('u2,X,"DH', "not CSV"),
    ],
)
def test_read_transcripts_refuses_lines_of_csv(tmp_path, line, message):
    path = csv_file(tmp_path / "p.csv", "u1,X,DH,0.5", line)
    with pytest.raises(CorpusError, match=rf"p\.csv, line \d.*{message}"):
        read_transcripts(path)


@pytest.mark.parametrize(
    ("header", "lacking"),
    [("utt,phones", "'speaker'"), ("utt;speaker;phones", "'utt', 'speaker', 'phones'"), ("u1,X,DH AH K", "'utt'")],
)
def test_read_transcripts_refuses_a_csv_header(tmp_path, header, lacking):
    with pytest.raises(CorpusError, match=rf"p\.csv, line 1: no column {lacking}"):
        read_transcripts(csv_file(tmp_path / "p.csv", "u1,X,DH", header=header))


def test_read_transcripts_of_a_cut_file(tmp_path):
    """Whole rows, that is: evaluation misses those that are gone."""
    rows = [ROW | {"utt": f"u{number}"} for number in range(3)]
    whole = jsonl(tmp_path / "p.jsonl", *rows).read_text().rstrip("\n")
    for length in range(1, len(whole)):
        (tmp_path / "p.jsonl").write_text(whole[:length])
        with contextlib.suppress(CorpusError):
            predictions = read_transcripts(tmp_path / "p.jsonl")
            assert len(predictions) < 3
            assert all(prediction.phones == ("ð", "ʌ", "k") for prediction in predictions)


@pytest.mark.parametrize("codec", ["utf-16", "latin-1"])
@pytest.mark.parametrize("name", ["p.jsonl", "p.csv", "p.ctm"])
def test_read_transcripts_refuses_other_encodings(tmp_path, name, codec):
    line = {"p.jsonl": '{"utt": "é", "speaker": "X", "phones": "k"}', "p.csv": "utt,speaker,phones\né,X,K"}
    (tmp_path / name).write_bytes(line.get(name, "é 1 0 1 K").encode(codec))
    with pytest.raises(CorpusError, match=f"{name}.*not UTF-8 text"):
        read_transcripts(tmp_path / name, keys=[])


@pytest.mark.parametrize(("phone", "length"), [("k", MAX_PHONES + 1), ("k", 100_000), ("aɪə", MAX_PHONES // 2 + 1)])
def test_read_transcripts_refuses_too_many_phones(tmp_path, phone, length):
    path = jsonl(tmp_path / "p.jsonl", ROW | {"utt": "u0", "phones": "ð ə"}, ROW | {"phones": length * [phone]})
    with pytest.raises(CorpusError, match=r"p\.jsonl, line 2, utterance X/u1: [\d,]+ phones in 'phones'; the limit is"):
        read_transcripts(path)


def test_read_transcripts_longest_utterance(tmp_path):
    (row,) = read_transcripts(jsonl(tmp_path / "p.jsonl", ROW | {"phones": MAX_PHONES * ["k"]}))
    assert len(row.phones) == MAX_PHONES


def test_read_transcripts_refuses_a_missing_file(tmp_path):
    for name in ("none.jsonl", "none.csv", "none.ctm", "none.TextGrid", "none"):
        with pytest.raises(CorpusError, match=name):
            read_transcripts(tmp_path / name, keys=[])


@pytest.mark.shared
def test_read_transcripts_of_a_published_recogniser(real_data):
    path = real_data / "l2arctic-labels" / "predictions-cnn-rnn-ctc.jsonl"
    rows = [json.loads(line) for line in path.open()]
    predictions = read_transcripts(path, "cnn")
    assert len(predictions) == 900
    assert [len(row.phones) for row in predictions] == [len(row["phones"]) for row in rows]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('[{"utt": "a", "speaker": "s", "phones": "t"}]', "a JSON array; write one object a line"),
        ("utt,speaker,phones,phones\na,s,t,d\n", "two columns are called 'phones'; keep one"),
        ('utt,speaker,phones\na,s,"t d\n', "is a quote left open"),
        (f"utt,speaker,phones\na,s,{'t ' * 100_000}\n", "utterance s/a: 100,000 phones in 'phones'; the limit is"),
    ],
)
def test_read_transcripts_refuses_broken_tables(tmp_path, text, words):
    path = tmp_path / "p.csv"
    path.write_text(text)
    with pytest.raises(CorpusError, match=words):
        read_transcripts(path)
