"""From corpora to manifests: who trains, who tests, what is held out and what is left out."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asheard.corpora.exclusions import Exclusions
from asheard.corpora.manifests import build_l2arctic, build_table, is_synthetic, read_build_report
from asheard.corpora.records import ErrorType, Token, Utterance, read_manifest
from asheard.corpora.splits import SPLITS, last_speakers, prompt, split_corpus
from asheard.errors import CorpusError
from asheard.io.files import read_json, write_json
from support.tiny_corpus import THE_CAT, add_utterance


def manifests(folder):
    return {split: read_manifest(folder / f"{split}.jsonl") for split in SPLITS}


def utterance(speaker, utt, text=None, *, err=False):
    heard = Token("k", None, ErrorType.SUBSTITUTION) if err else Token("k", "k", ErrorType.OK)
    return Utterance(utt, speaker, "Korean", f"{speaker}/{utt}.wav", text, (heard, Token("t", "t", ErrorType.OK)))


def test_build_of_a_small_corpus(small_corpus, tmp_path):
    out = tmp_path / "out"
    report = build_l2arctic(small_corpus, out)
    rows = manifests(out)
    assert {split: {row.speaker for row in rows[split]} for split in SPLITS} == {
        "train": {"AA1", "KO2"},
        "val": {"AA1", "KO2"},
        "test": {"AA2", "KO1"},
    }
    assert report.num_read == (24, 24)
    assert report.num_expected is None
    assert report.num_speakers == (2, 2)
    assert report.num_speakers_expected is None
    assert report.missing == {}
    assert report.num_utterances == {split: len(rows[split]) for split in SPLITS}
    assert report.excluded == {}
    assert report.corpus == "small"
    assert read_build_report(out) == report
    assert (small_corpus / rows["train"][0].wav).is_file()


def test_build_is_reproducible(small_corpus, tmp_path):
    for name in ("one", "two"):
        build_l2arctic(small_corpus, tmp_path / name)
    for file in ("train.jsonl", "val.jsonl", "test.jsonl", "corpus.json"):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()


def test_build_of_a_synthetic_corpus(small_corpus, tmp_path):
    table = small_corpus / "speakers.csv"
    header, *rows = table.read_text().splitlines()
    for answer, expected in (("yes", True), ("no", False)):
        table.write_text("\n".join([f"{header},synthetic", *(f"{row},{answer}" for row in rows)]))
        assert build_l2arctic(small_corpus, tmp_path / answer).synthetic is expected
        assert is_synthetic(tmp_path / answer / "test.jsonl") is expected
    older = {name: value for name, value in read_json(tmp_path / "yes/corpus.json").items() if name != "synthetic"}
    write_json(tmp_path / "corpus.json", older)
    assert not is_synthetic(tmp_path / "test.jsonl")
    assert not is_synthetic(tmp_path / "nowhere" / "test.jsonl")


def test_split_leaves_err_out_of_training_only(small_corpus, tmp_path):
    with_err = THE_CAT | {"phones": ["sil", "DH,err,s", *THE_CAT["phones"][2:]]}
    for speaker in ("AA1", "AA2"):
        add_utterance(small_corpus / speaker, "u05", with_err, "Nobody could name it.")
    report = build_l2arctic(small_corpus, tmp_path)
    assert report.excluded == {"err in a training utterance": ["AA1/u05"]}
    rows = manifests(tmp_path)
    assert ("AA2", "u05") in {row.key for row in rows["test"]}
    assert not any(row.has_err for split in ("train", "val") for row in rows[split])


def test_text_disjoint(small_corpus, tmp_path):
    report = build_l2arctic(small_corpus, tmp_path, text_disjoint=True)
    assert report.excluded == {"training prompt also read in test (--text-disjoint)": ["AA1/u00", "KO2/u00"]}
    rows = manifests(tmp_path)
    assert not {prompt(row) for row in rows["train"] + rows["val"]} & {prompt(row) for row in rows["test"]}
    assert len(rows["test"]) == 24


def test_build_of_a_partial_corpus_counts_what_is_missing(tmp_path):
    root = tmp_path / "l2arctic"
    for speaker, utts in {"ABA": 3, "ZHAA": 2}.items():
        for number in range(utts):
            add_utterance(root / speaker, f"arctic_a{number:04d}", THE_CAT, f"Sentence {number}.")
    report = build_l2arctic(root, tmp_path / "out")
    assert report.corpus == "L2-ARCTIC"
    assert report.num_read == (3, 2)
    assert report.num_expected == (2699, 900)
    assert report.num_speakers == (1, 1)
    assert report.num_speakers_expected == (18, 6)
    assert report.missing["ABA"] == 147
    assert report.missing["NJS"] == 150
    assert sum(report.missing.values()) == 3599 - 5


@pytest.mark.parametrize("wav_root", [False, True])
def test_build_of_a_table(small_corpus, tmp_path, wav_root):
    rows = [
        {"utt": f"u{number:02d}", "speaker": speaker, "l1": l1, "wav": f"{speaker}/wav/u{number:02d}.wav"}
        | {"text": f"Sentence {number} of {speaker}.", "canonical": "K AE1 T", "perceived": "K AE1 -"}
        for speaker, l1 in (("AA1", "Arabic"), ("AA2", "Arabic"), ("KO1", "Korean"))
        for number in range(12)
    ]
    rows[3]["wav"], rows[4]["wav"] = None, "nowhere.wav"
    path = tmp_path / "mine.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    report = build_table(path, tmp_path, wav_root=small_corpus if wav_root else None)
    read = manifests(tmp_path)
    assert {row.speaker for row in read["test"]} == {"AA2"}
    assert {row.speaker for row in read["train"]} == {
        "AA1",
        "KO1",
    }
    assert report.corpus == "mine"
    assert report.num_utterances["test"] == 12
    reasons = {reason: len(items) for reason, items in report.excluded.items()}
    assert reasons == ({"no recording named": 1, "recording missing or cannot be read": 1} if wav_root else {})
    assert all((row.seconds == pytest.approx(0.8)) if wav_root else row.seconds is None for row in read["train"])


def test_build_of_a_table_without_its_recordings(tmp_path):
    path = tmp_path / "mine.csv"
    path.write_text("utt,speaker,l1,wav,canonical,perceived\nu1,X,Hindi,x.wav,K,K\n")
    with pytest.raises(CorpusError, match=r"no utterance has a recording under .*check --wav-root"):
        build_table(path, tmp_path / "out", wav_root=tmp_path)


def test_last_speakers():
    assert last_speakers({"B": "x", "C": "x", "A": "x", "D": "y", "F": "z", "E": "z"}) == {"C", "F"}


def test_prompt_ignores_case_and_punctuation():
    same = [utterance("A", "u", text) for text in ("It's so, again!", "it's  SO again", "It's so — again.")]
    assert len({prompt(row) for row in same}) == 1
    assert prompt(utterance("A", "u")) != prompt(utterance("A", "v"))


@given(
    prompts=st.lists(st.integers(0, 40), min_size=2, max_size=60),
    test_share=st.integers(0, 3),
    text_disjoint=st.booleans(),
)
def test_split_properties(prompts, test_share, text_disjoint):
    rows = [
        utterance(f"S{index % 4}", f"u{index}", f"prompt {number}", err=number % 7 == 0)
        for index, number in enumerate(prompts)
    ]
    test_speakers = {f"S{number}" for number in range(test_share)}
    exclusions = Exclusions()
    split = split_corpus(rows, test_speakers, exclusions, text_disjoint=text_disjoint)
    kept = [row for name in SPLITS for row in split[name]]
    assert len(kept) + sum(exclusions.counts().values()) == len(rows)
    assert len({row.key for row in kept}) == len(kept)
    assert all((row.speaker in test_speakers) == (row in split["test"]) for row in rows if row in kept)
    train, val, test = ({prompt(row) for row in split[name]} for name in SPLITS)
    assert not train & val
    if text_disjoint:
        assert not (train | val) & test
    num_prompts = len(train | val)
    assert len(val) == (-(-num_prompts // 10) if num_prompts > 1 else 0)


def test_split_leaves_out_silent_training_utterances():
    nothing = replace(utterance("A", "u1"), tokens=(Token("k", None, ErrorType.DELETION),))
    exclusions = Exclusions()
    split = split_corpus([nothing, utterance("A", "u2"), utterance("A", "u3")], set(), exclusions)
    assert exclusions.items == {"nothing produced in a training utterance": ["A/u1"]}
    assert len(split["train"]) == len(split["val"]) == 1


def test_split_keeps_scored_err_in_training():
    """Without them a corpus of scores would lose those who make errors."""
    scored = replace(utterance("A", "u1"), tokens=(Token("k", None, ErrorType.SUBSTITUTION, score=0.4),) * 2)
    scored = replace(scored, tokens=(*scored.tokens, Token("t", "t", ErrorType.OK, score=2.0)))
    exclusions = Exclusions()
    split = split_corpus([scored, utterance("A", "u2"), utterance("A", "u3", err=True)], set(), exclusions)
    assert {row.utt for row in split["train"] + split["val"]} == {"u1", "u2"}
    assert exclusions.items == {"err in a training utterance": ["A/u3"]}


@pytest.mark.parametrize("content", ["{}", "[]", '{"corpus": "x"}', "no"])
def test_read_build_report_of_another_json(tmp_path, content):
    (tmp_path / "corpus.json").write_text(content)
    with pytest.raises(CorpusError, match=r"corpus\.json"):
        read_build_report(tmp_path)
