"""Reading speechocean762 as published: its split, its scores, and the mispronunciations it names."""

import json
import shutil

import pytest
from typer.testing import CliRunner

from asheard.cli.corpus import app
from asheard.corpora.manifests import build_speechocean, read_build_report
from asheard.corpora.records import ErrorType, Token, read_manifest
from asheard.corpora.speechocean762 import read_scp, read_speechocean
from asheard.corpora.table import read_table
from asheard.corpora.validation import check_corpus
from asheard.errors import CorpusError
from support.tiny_speechocean import rescore, write_speechocean

OK, S, D, _ = ErrorType
FIRST = "000100000"


@pytest.fixture
def corpus(tmp_path):
    return write_speechocean(tmp_path / "so")


def tokens_of_first(root):
    _, utterances, exclusions = read_speechocean(root)
    assert exclusions.items == {}
    assert utterances[0].utt == FIRST
    return utterances[0].tokens


def test_read_speechocean_utterance(corpus):
    roster, utterances, exclusions = read_speechocean(corpus)
    first = utterances[0]
    assert first.key == ("0001", FIRST)
    assert (first.l1, first.wav, first.text) == ("Mandarin", f"WAVE/SPEAKER0001/{FIRST}.WAV", f"THE BUS {FIRST}")
    assert first.seconds == pytest.approx(1.0)
    assert first.tokens == (
        Token("ð", "ð", OK, score=2.0, position="onset"),
        Token("ə", "ə", OK, score=1.8, position="nucleus"),
        Token("b", "b", OK, score=2.0, position="onset"),
        Token("ʌ", "ʌ", OK, score=1.0, position="nucleus"),
        Token("s", "ʃ", S, score=0.4, position="coda"),
    )
    assert len(utterances) == 12
    assert roster.test_speakers == {"0003", "0004"}
    assert exclusions.items == {}


@pytest.mark.parametrize(
    ("pronounced", "perceived", "kind", "accented"),
    [
        ("SH", "ʃ", S, False),
        ("sh", "ʃ", S, False),
        ("AH0", "ə", S, False),
        ("SH*", "ʃ", S, True),
        ("S*", "s", S, True),
        ("S", None, S, False),
        ("<unk>", None, S, False),
        ("<UNK>", None, S, False),
        ("<DEL>", None, D, False),
        ("<del>", None, D, False),
    ],
)
def test_pronounced_phone_of_a_mispronunciation(corpus, pronounced, perceived, kind, accented):
    label = {"canonical-phone": "S", "index": 2, "pronounced-phone": pronounced}
    rescore(corpus, FIRST, {"mispronunciations": [label]})
    assert tokens_of_first(corpus)[4] == Token("s", perceived, kind, accented=accented, score=0.4, position="coda")


def test_bare_canonical_phone_is_err(corpus):
    label = {"canonical-phone": "AH", "index": 1, "pronounced-phone": "AH"}
    rescore(corpus, FIRST, {"phones-accuracy": [2, 0, 2], "mispronunciations": [label]})
    assert tokens_of_first(corpus)[3] == Token("ʌ", None, S, score=0.0, position="nucleus")


@pytest.mark.parametrize("none", [None, []])
def test_low_score_without_label_is_err(corpus, none):
    rescore(corpus, FIRST, {"mispronunciations": none})
    assert tokens_of_first(corpus)[4] == Token("s", None, S, score=0.4, position="coda")


def test_label_holds_at_any_score(corpus):
    rescore(corpus, FIRST, {"phones-accuracy": [2, 2, 0.6]})
    assert tokens_of_first(corpus)[4] == Token("s", "ʃ", S, score=0.6, position="coda")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"phones-accuracy": [2, 2]}, r"2 'phones-accuracy' for 3 phones"),
        ({"phones-accuracy": [2, 2, 20]}, r"phones-accuracy 2 must be an expert score .*, not 20"),
        ({"phones": ["B", "QQ", "S"]}, r"'QQ' is not an ARPAbet symbol"),
        ({"phones": ["B", "", "S"]}, r"phones 1 is no phone"),
        ({"phones": None}, r"field 'phones' must be a list"),
        ({"text": ""}, r"field 'text' must be"),
        ({"mispronunciations": ["SH"]}, r"mispronunciation 'SH' has no index of a phone"),
        ({"mispronunciations": [{"canonical-phone": "S", "index": 3, "pronounced-phone": "SH"}]}, r"no index"),
        ({"mispronunciations": [{"canonical-phone": "S", "index": "2", "pronounced-phone": "SH"}]}, r"no index"),
        (
            {"mispronunciations": [{"canonical-phone": "Z", "index": 2, "pronounced-phone": "SH"}]},
            r"of 'Z', but phone 2",
        ),
        ({"mispronunciations": [{"canonical-phone": "S", "index": 2, "pronounced-phone": "qq"}]}, r"'qq' is not an"),
        ({"mispronunciations": [{"canonical-phone": "S", "index": 2}]}, r"field 'pronounced-phone' must be"),
    ],
)
def test_unreadable_scores_are_excluded(corpus, change, message):
    rescore(corpus, FIRST, change)
    _, utterances, exclusions = read_speechocean(corpus)
    assert len(utterances) == 11
    ((reason, (item,)),) = exclusions
    assert reason == "scores cannot be read"
    with pytest.raises(CorpusError, match=message):
        raise CorpusError(item)
    assert item.startswith(f"0001/{FIRST}")


@pytest.mark.parametrize("entry", [None, [], {"words": {}}, {"words": ["THE"]}, {"text": "THE"}])
def test_read_speechocean_excludes_broken_entries(corpus, entry):
    path = corpus / "resource/scores.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {FIRST: entry}))
    _, utterances, exclusions = read_speechocean(corpus)
    assert len(utterances) == 11
    assert sum(exclusions.counts().values()) == 1


def test_read_speechocean_counts_exclusions(corpus):
    wavs = corpus / "WAVE/SPEAKER0001"
    (wavs / f"{FIRST}.WAV").unlink()
    (wavs / "000100001.WAV").write_bytes((wavs / "000100002.WAV").read_bytes()[:1000])
    rescore(corpus, "000100002", None)
    scp = corpus / "train/wav.scp"
    scp.write_text("".join(line for line in scp.open() if not line.startswith("000200000")))
    for side in ("utt2spk", "wav.scp"):
        path = corpus / "test" / side
        path.write_text("".join(line for line in path.open() if not line.startswith("000300001")))
    scores = json.loads((corpus / "resource/scores.json").read_text())
    scores["000400000"]["words"] = []
    (corpus / "resource/scores.json").write_text(json.dumps(scores))
    _, utterances, exclusions = read_speechocean(corpus)
    assert exclusions.counts() == {
        "recording missing": 1,
        "recording cannot be read": 1,
        "no scores": 1,
        "no recording named": 1,
        "annotation holds no phones": 1,
        "scored, but neither in train nor in test": 1,
    }
    assert len(utterances) == 6


def test_build_counts_a_complete_copy(corpus, tmp_path):
    out = tmp_path / "out"
    (corpus / f"WAVE/SPEAKER0001/{FIRST}.WAV").unlink()
    report = build_speechocean(corpus, out)
    assert report.corpus == "speechocean762"
    assert (report.num_read, report.num_expected) == ((5, 6), (2500, 2500))
    assert (report.num_speakers, report.num_speakers_expected) == ((2, 2), (125, 125))
    assert report.missing == {"0001": 18, "0002": 17, "0003": 17, "0004": 17}
    assert report.num_utterances == {"train": 4, "val": 1, "test": 6}
    assert report.excluded == {"recording missing": [f"0001/{FIRST}"]}
    assert read_build_report(out).excluded == report.excluded
    assert {row.speaker for row in read_manifest(out / "test.jsonl")} == {"0003", "0004"}
    assert check_corpus(out, wav_root=corpus).problems == ()


def test_scored_err_stays_in_training(corpus, tmp_path):
    for utt in (FIRST, "000300000"):
        rescore(corpus, utt, {"mispronunciations": []})
    report = build_speechocean(corpus, tmp_path / "out")
    assert report.excluded == {}
    assert sum(report.num_utterances.values()) == 12


def test_commands_on_speechocean(corpus, tmp_path):
    def run(*args):
        return (
            CliRunner().invoke(app, [str(arg) for arg in args], env={"COLUMNS": "200"}, catch_exceptions=False).output
        )

    built = run("build", "speechocean762", corpus, "--out", tmp_path / "out")
    assert "speechocean762: read 6 + 6 of 2,500 + 2,500 utterances of 2 + 2 of 125 + 125 speakers" in built
    assert "missing: 0001 17" in built
    assert "problems: 0" in run("check", tmp_path / "out", "--wav-root", corpus)
    assert "s→ʃ 100%" in run("stats", tmp_path / "out", "--out", tmp_path / "stats.png")


def test_scores_at_the_root(tmp_path):
    assert len(read_speechocean(write_speechocean(tmp_path / "so", scores="scores.json"))[1]) == 12


def break_speaker(root):
    path = root / "test/utt2spk"
    path.write_text(path.read_text().replace("\t0003", "\t0001"))


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (
            lambda root: (root / "resource/scores.json").unlink(),
            r"holds neither resource/scores\.json nor scores\.json",
        ),
        (lambda root: (root / "resource/scores.json").write_text("[]"), r"scores\.json: expected one object"),
        (lambda root: (root / "resource/scores.json").write_text("{"), r"scores\.json: not JSON"),
        (lambda root: (root / "resource/scores.json").write_text("{}"), r"no utterance has both .*no scores: 12"),
        (lambda root: (root / "test/utt2spk").unlink(), r"test/utt2spk: no such file"),
        (lambda root: (root / "train/wav.scp").write_text("u1\n"), r"wav\.scp, line 1: 'u1' has no value"),
        (lambda root: (root / "train/text").write_text("u1 a\nu1 b\n"), r"text, line 2: 'u1' comes twice"),
        (break_speaker, r"speaker 0001 is in train/utt2spk and in test/utt2spk"),
    ],
)
def test_read_speechocean_refuses_another_folder(corpus, spoil, message):
    spoil(corpus)
    with pytest.raises(CorpusError, match=message):
        read_speechocean(corpus)


def test_read_scp_values_with_blanks(tmp_path):
    path = tmp_path / "text"
    path.write_text("u1\tWE  CALL IT \n\nu2 BEAR\r\n", encoding="utf-8-sig")
    assert read_scp(path) == {"u1": "WE  CALL IT", "u2": "BEAR"}


@pytest.mark.shared
def test_tokens_equal_those_of_a_table(real_data, tmp_path):
    """Real scores put into the published layout: both roads into AsHeard end at the same place."""
    table = real_data / "speechocean762" / "test.jsonl"
    rows = [json.loads(line) for line in table.open()]
    some = {row["utt"]: row for row in rows[::60]}
    assert len(some) == 21
    root = write_speechocean(tmp_path / "so", num_per_speaker=1)
    scores = {}
    for name in ("utt2spk", "wav.scp", "text"):
        value = {"utt2spk": "speaker", "text": "text"}
        lines = (f"{utt}\t{row[value[name]] if name in value else f'{utt}.WAV'}" for utt, row in some.items())
        (root / "test" / name).write_text("".join(f"{line}\n" for line in lines))
    for utt, row in some.items():
        shutil.copy(real_data / f"speechocean762/test/wav/{utt}.ogg", root / f"{utt}.WAV")
        rest = iter(row["scores"])
        words = [word | {"phones-accuracy": [next(rest) for _ in word["phones"]]} for word in row["words"]]
        scores[utt] = {"text": row["text"], "words": words}
    (root / "resource/scores.json").write_text(json.dumps(scores))
    _, utterances, exclusions = read_speechocean(root)
    assert exclusions.counts() == {"no scores": 2}
    tabled = {row.utt: row.tokens for row in read_table(table) if row.utt in some}
    assert {row.utt: row.tokens for row in utterances} == tabled
    assert any(token.is_err for row in utterances for token in row.tokens)
