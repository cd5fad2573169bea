"""Reading L2-ARCTIC and corpora in its folders: speakers, annotation, produced phones, exclusions."""

import json
import shutil
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asheard.corpora.l2arctic import (
    L2ARCTIC,
    NUM_ANNOTATED,
    SPK_L1,
    TEST_SPK,
    TRAIN_SPK,
    parse_annotation,
    read_l2arctic,
    read_speakers,
    reconstruct_produced,
)
from asheard.corpora.records import ErrorType, Token
from asheard.errors import CorpusError
from support.tiny_corpus import STEP_S, THE_CAT, add_utterance, long_textgrid

OK, S, D, A = ErrorType


def test_l2arctic_speakers_and_split():
    assert len(SPK_L1) == 24
    assert set(Counter(SPK_L1.values()).values()) == {4}
    assert {"NJS", "TLV", "TNI", "TXHC", "YKWK", "ZHAA"} == TEST_SPK
    assert set(SPK_L1) - TEST_SPK == TRAIN_SPK
    assert sum(NUM_ANNOTATED[speaker] for speaker in TRAIN_SPK) == 2699
    assert sum(NUM_ANNOTATED[speaker] for speaker in TEST_SPK) == 900


@pytest.mark.shared
@pytest.mark.parametrize(("file", "speakers"), [("train-18-speakers", TRAIN_SPK), ("test-6-speakers", TEST_SPK)])
def test_l2arctic_split_equals_the_published(real_data, file, speakers):
    rows = [json.loads(line) for line in (real_data / "l2arctic-labels" / f"{file}.jsonl").open()]
    assert {row["speaker"] for row in rows} == speakers
    assert all(SPK_L1[row["speaker"]] == row["l1"] for row in rows)
    lacking = {spk: NUM_ANNOTATED[spk] - sum(row["speaker"] == spk for row in rows) for spk in speakers}
    assert {spk: number for spk, number in lacking.items() if number} == ({"YDCK": 2} if len(rows) > 900 else {})


def test_parse_annotation_tokens(annotate):
    tokens = parse_annotation(annotate(*THE_CAT["phones"], words=THE_CAT["words"]))
    kinds = [(token.canonical, token.perceived, token.error_type, token.position) for token in tokens]
    assert kinds == [
        ("ð", "d", S, "onset"),
        ("ə", "ə", OK, "nucleus"),
        ("k", "k", OK, "onset"),
        ("æ", "æ", OK, "nucleus"),
        ("t", None, D, "coda"),
        (None, "ə", A, None),
    ]
    assert [token.start_s for token in tokens] == pytest.approx([STEP_S * step for step in range(1, 7)])
    assert reconstruct_produced(tokens) == ["d", "ə", "k", "æ", "ə"]


def test_parse_annotation_err_and_star(annotate):
    err, star, plain = parse_annotation(annotate("TH,err,s", "R,R*,s", "T"))
    assert (err.canonical, err.perceived, err.error_type, err.is_err) == ("θ", None, S, True)
    assert (star.perceived, star.error_type, star.accented, star.is_err) == ("ɹ", S, True, False)
    assert not plain.accented
    assert not plain.is_err


@pytest.mark.parametrize("third", ["IPA", "ERROR"])
@pytest.mark.parametrize("order", [("words", "phones", "third"), ("third", "phones", "words"), ("phones", "third")])
def test_parse_annotation_tiers_by_name(tmp_path, third, order):
    tiers = {"words": ["a"], "phones": ["AH0"], "third": ["QQ,not,a label"]}
    path = tmp_path / "a.TextGrid"
    path.write_text(long_textgrid({third if name == "third" else name: tiers[name] for name in order}))
    (token,) = parse_annotation(path)
    assert token.canonical == "ə"
    assert token.position == ("nucleus" if "words" in order else None)


def test_parse_annotation_without_phone_tier(tmp_path):
    path = tmp_path / "a.TextGrid"
    path.write_text(long_textgrid({"words": ["a"], "Phones": ["AH0"]}))
    with pytest.raises(CorpusError, match=r"a\.TextGrid: no tier named 'phones', only 'words', 'Phones'"):
        parse_annotation(path)


def test_parse_annotation_names_a_malformed_label(annotate):
    with pytest.raises(CorpusError) as raised:
        parse_annotation(annotate("AH0", "sil", "T,QQ,s"))
    for part in ("arctic_a0001.TextGrid", "'phones'", "interval 3", "0.200-0.300 s", "'T,QQ,s'", "QQ"):
        assert part in str(raised.value)


def test_parse_annotation_phones_outside_words(annotate):
    tokens = parse_annotation(annotate("K", "AE1", "T", words=[("", 1), ("at", 2)]))
    assert [token.position for token in tokens] == [None, "nucleus", "coda"]


SYMBOLS = st.sampled_from(["AA1", "ð", "x", "err"])
SILENCES = st.sampled_from([None, "", "sil", "SP", "spn "])


@given(
    st.lists(
        st.one_of(
            st.tuples(SYMBOLS, SYMBOLS, st.sampled_from(["ok", "s", "S", S])),
            st.tuples(SYMBOLS, SILENCES, st.sampled_from(["d", "D", D])),
            st.tuples(SILENCES, SYMBOLS, st.sampled_from(["a", A])),
            st.tuples(SILENCES, SILENCES, st.just("ok")),
        )
    )
)
def test_reconstruct_produced_of_triples(triples):
    """Every symbol of the perceived side comes back in order, and no silence."""
    heard = [perceived for _, perceived, _ in triples if perceived in ("AA1", "ð", "x", "err")]
    assert reconstruct_produced(triples) == heard


def test_reconstruct_produced_of_a_deletion():
    assert reconstruct_produced([("K", "K", "d"), ("T", "T", "ok")]) == ["T"]


def test_reconstruct_produced_of_tokens():
    assert reconstruct_produced([Token("θ", None, S), Token("t", "d", S), Token(None, None, A)]) == ["d"]


@pytest.mark.parametrize("error_type", ["x", None, 3])
def test_reconstruct_produced_refuses_error_types(error_type):
    with pytest.raises(CorpusError, match=f"{error_type!r} is none of ok, s, d, a"):
        reconstruct_produced([("K", "K", error_type)])


def test_read_l2arctic_with_speakers_csv(small_corpus):
    utterances, exclusions = read_l2arctic(small_corpus)
    assert not exclusions.counts()
    assert Counter(row.speaker for row in utterances) == {"AA1": 12, "AA2": 12, "KO1": 12, "KO2": 12}
    first = utterances[0]
    assert (first.key, first.l1, first.wav) == (("AA1", "u00"), "Arabic", "AA1/wav/u00.wav")
    assert first.text == "The same for all."
    assert first.seconds == pytest.approx(8 * STEP_S)
    roster = read_speakers(small_corpus)
    assert roster.test_speakers == {"AA2", "KO1"}
    assert roster.missing(utterances) == {}


@pytest.mark.parametrize("nested", [False, True])
def test_read_speakers_without_speakers_csv(tmp_path, nested):
    for speaker in ("ABA", "ZHAA"):
        add_utterance(tmp_path / speaker / (speaker if nested else ""), "arctic_a0001", THE_CAT)
    add_utterance(tmp_path / "suitcase_corpus", "aba", THE_CAT)
    (tmp_path / "ABA" / ".DS_Store").touch()
    utterances, exclusions = read_l2arctic(tmp_path)
    assert [(row.speaker, row.l1) for row in utterances] == [("ABA", "Arabic"), ("ZHAA", "Arabic")]
    assert utterances[0].wav == ("ABA/ABA/wav/arctic_a0001.wav" if nested else "ABA/wav/arctic_a0001.wav")
    assert exclusions.items == {"folder of no known speaker": ["suitcase_corpus"]}
    assert read_speakers(tmp_path) is L2ARCTIC
    missing = L2ARCTIC.missing(utterances)
    assert missing["ABA"] == 149
    assert missing["YBAA"] == 149
    assert sum(missing.values()) == 3599 - 2


def test_read_l2arctic_counts_exclusions(small_corpus):
    home = small_corpus / "AA1"
    (home / "wav/u01.wav").unlink()
    (home / "wav/u02.wav").write_bytes(b"no recording")
    recording = home / "wav/u07.wav"
    recording.write_bytes(recording.read_bytes()[:-2000])
    (home / "annotation/u03.TextGrid").write_text(long_textgrid({"phones": ["K,T"]}))
    (home / "annotation/u04.TextGrid").write_text(long_textgrid({"phones": ["sil", ""]}))
    (home / "annotation/._u05.TextGrid").write_bytes(b"\0\5\x16\7")
    (home / "transcript/u06.txt").unlink()
    shutil.rmtree(small_corpus / "KO2/annotation")
    utterances, exclusions = read_l2arctic(small_corpus)
    assert exclusions.counts() == {
        "recording missing": 1,
        "recording cannot be read": 2,
        "annotation cannot be read": 1,
        "annotation holds no phones": 1,
        "speaker without annotation folder": 1,
    }
    assert exclusions.items["recording missing"] == ["AA1/u01"]
    assert exclusions.items["recording cannot be read"][1].startswith(f"AA1/u07: {recording}: cut short")
    assert "interval 1" in exclusions.items["annotation cannot be read"][0]
    assert len(utterances) == 48 - 5 - 12
    assert [row.utt for row in utterances if row.text is None] == ["u06"]


def test_read_l2arctic_refuses_another_folder(tmp_path):
    (tmp_path / "suitcase_corpus").mkdir()
    with pytest.raises(CorpusError, match=r"no annotated utterances.*ABA/annotation.*folder of no known speaker: 1"):
        read_l2arctic(tmp_path)


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("AA1,Arabic,val", "line 2: field 'split' must be train or test, not 'val'"),
        ("AA1,,train", "line 2: field 'l1' must be a non-empty string"),
        (",Arabic,train", "line 2: field 'speaker' must be a non-empty string"),
        ("AA1,Arabic", "line 2: not as many cells as in the header"),
        ("KO1,Korean,test\nKO1,Korean,test", "line 3: speaker KO1 comes twice"),
    ],
)
def test_read_speakers_refuses_rows(tmp_path, row, reason):
    (tmp_path / "speakers.csv").write_text(f"speaker,l1,split\n{row}\n")
    with pytest.raises(CorpusError, match=rf"speakers\.csv, {reason}"):
        read_l2arctic(tmp_path)
