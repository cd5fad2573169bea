"""`asheard corpus check` and `stats`: what they count, and the problems they must find."""

from dataclasses import replace

import pytest
import soundfile
from PIL import Image

from asheard.corpora.manifests import build_l2arctic
from asheard.corpora.records import ErrorType, Token, Utterance, read_manifest, write_manifest
from asheard.corpora.stats import Substitution, corpus_stats, draw_stats, read_utterances
from asheard.corpora.validation import check_corpus, refuse_problems
from asheard.errors import CorpusError
from support.tiny_corpus import tone

OK, S, D, A = ErrorType


@pytest.fixture
def built(small_corpus, tmp_path):
    out = tmp_path / "built"
    build_l2arctic(small_corpus, out)
    return out


def change(folder, split, edit):
    """Rewrite one manifest through `edit` (list of utterances -> list of utterances)."""
    path = folder / f"{split}.jsonl"
    write_manifest(path, edit(read_manifest(path)))


def test_check_of_a_good_corpus(built, small_corpus):
    report = check_corpus(built, wav_root=small_corpus)
    assert report.problems == ()
    assert report.excluded == {}
    assert report.missing == {}
    assert report.shared_prompts == ("the same for all",)
    assert report.num_sharing == 2
    test = report.splits["test"]
    assert (test.num_utterances, test.num_speakers, test.num_substitutions) == (24, 2, 24)
    assert test.seconds == pytest.approx(24 * 0.8)
    assert test.num_without_seconds == 0
    assert test.num_same_phone == (0, 0)
    refuse_problems(report)


def test_text_disjoint_shares_no_prompt(small_corpus, tmp_path):
    build_l2arctic(small_corpus, tmp_path, text_disjoint=True)
    report = check_corpus(tmp_path)
    assert report.shared_prompts == ()
    assert report.excluded == {"training prompt also read in test (--text-disjoint)": 2}


def first(**changes):
    """Change the first utterance of a manifest."""
    return lambda rows: [replace(rows[0], **changes), *rows[1:]]


def hurry(rows):
    """Say the first utterance in 0.1 s."""
    tokens = tuple(replace(token, start_s=None, end_s=None) for token in rows[0].tokens)
    return first(seconds=0.1, tokens=tokens)(rows)


def copy_canonical(rows):
    """Write the canonical phones as perceived, as a broken reader would."""
    return [
        replace(
            row,
            tokens=tuple(
                replace(token, perceived=token.canonical) if token.error_type is ErrorType.SUBSTITUTION else token
                for token in row.tokens[:-1]
            ),
        )
        for row in rows
    ]


def copy_canonical_of_one(rows):
    """The same for one of the two speakers."""
    return [copied if row.speaker == "KO2" else row for row, copied in zip(rows, copy_canonical(rows), strict=True)]


@pytest.mark.parametrize(
    ("split", "edit", "problem"),
    [
        ("train", first(speaker="KO1", utt="new"), "speaker KO1 is in train and in test"),
        ("val", first(speaker="KO1", utt="new"), "speaker KO1 is in val and in test"),
        ("train", lambda rows: [], "train holds no utterances"),
        ("test", first(l1="Thai"), "test has speakers of Thai and train has none"),
        ("train", hurry, "5 phones in 0.10 s"),
        ("train", copy_canonical, "speaker AA1: 10 of 12 substitutions name the canonical phone"),
        ("train", copy_canonical_of_one, "speaker KO2: 11 of 12 substitutions name the canonical phone"),
    ],
)
def test_check_finds_problems(built, split, edit, problem):
    change(built, split, edit)
    report = check_corpus(built)
    assert any(problem in found for found in report.problems), report.problems
    with pytest.raises(CorpusError, match="problems: "):
        refuse_problems(report)


def test_check_finds_an_utterance_in_two_manifests(built):
    (built / "val.jsonl").write_bytes((built / "train.jsonl").read_bytes())
    assert any("is in 2 manifests" in problem for problem in check_corpus(built).problems)


def test_check_counts_starred_substitutions_of_the_same_phone(built):
    star = Token("ɹ", "ɹ", S, accented=True)
    change(built, "train", lambda rows: [replace(row, tokens=(star, *row.tokens)) for row in rows])
    report = check_corpus(built)
    assert report.problems == ()
    assert report.splits["train"].num_same_phone == (report.splits["train"].num_utterances, 0)


def test_check_compares_recordings(built, small_corpus):
    rows = read_manifest(built / "test.jsonl")
    (small_corpus / rows[0].wav).unlink()
    soundfile.write(small_corpus / rows[1].wav, tone(2.0), 16_000)
    change(built, "test", lambda rows: [*rows[:2], replace(rows[2], wav=None), *rows[3:]])
    assert check_corpus(built).problems == ()
    problems = " | ".join(check_corpus(built, wav_root=small_corpus).problems)
    for part in ("no such recording", "lasts 2.00 s, the manifest says 0.80 s", "names no recording"):
        assert part in problems


def test_check_without_manifests(tmp_path):
    with pytest.raises(CorpusError, match=r"corpus\.json: no such file"):
        check_corpus(tmp_path)
    with pytest.raises(CorpusError, match="holds no manifests"):
        read_utterances(tmp_path)


def small_rows():
    tokens = (
        Token("z", "s", S), Token("z", "s", S), Token("z", "z", OK), Token("z", None, D), Token("v", "b", S),
        Token(None, "ə", A), Token("v", None, S), Token("ɹ", "ɹ", S, accented=True),
    )  # fmt: skip
    return [
        Utterance("u1", "S1", "Spanish", None, None, tokens, 30.0),
        Utterance("u2", "S2", "Spanish", None, None, tokens[:1], 30.0),
        Utterance("u1", "K1", "Korean", None, None, (Token(None, "ə", A),)),
    ]


def test_stats_counts():
    stats = corpus_stats(small_rows())
    korean, spanish = stats.by_l1
    assert [(group.l1, group.name) for group in stats.by_speaker] == [
        ("Korean", "K1"),
        ("Spanish", "S1"),
        ("Spanish", "S2"),
    ]
    assert (spanish.num_speakers, spanish.num_utterances, spanish.minutes) == (2, 2, 1.0)
    assert (spanish.num_tokens, spanish.num_err) == (8, 1)
    assert (spanish.correct, spanish.substituted, spanish.deleted, spanish.added) == (
        1 / 8,
        6 / 8,
        1 / 8,
        1 / 8,
    )
    assert spanish.substitutions == (Substitution("z", "s", 3, 3 / 5), Substitution("v", "b", 1, 1 / 2))
    assert (korean.num_tokens, korean.correct, korean.added) == (0, None, None)


@pytest.mark.parametrize("l1s", [1, 2, 7])
def test_draw_stats(tmp_path, l1s):
    rows = [
        replace(row, l1=f"L{number}", speaker=f"{row.speaker}{number}") for number in range(l1s) for row in small_rows()
    ]
    draw_stats(corpus_stats(rows), tmp_path / "stats.png", "Learners")
    with Image.open(tmp_path / "stats.png") as picture:
        assert picture.format == "PNG"
        assert min(picture.size) > 400


def test_stats_of_folder_manifest_and_table(built, tmp_path):
    assert len(read_utterances(built)) == 48
    assert len(read_utterances(built / "test.jsonl")) == 24
    table = tmp_path / "t.csv"
    table.write_text("utt,speaker,l1,canonical,perceived\nu1,X,Hindi,V,W\n")
    assert corpus_stats(read_utterances(table)).by_l1[0].substituted == 1.0
