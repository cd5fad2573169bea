"""The chain `gop` from synthetic speech to an evaluation, with the embedded base as it ships: nothing is trained."""

import json
import pickle
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import mannwhitneyu

from asheard.corpora.chains import GOP, GOP_PRIOR
from asheard.corpora.l2arctic import read_l2arctic
from asheard.corpora.records import ErrorType, Token, Utterance, read_manifest, read_predictions, write_manifest
from asheard.corpora.synthetic import embedded_plan, synthesise
from asheard.errors import CorpusError, ModelError
from asheard.evaluation import ChainRun, Context, evaluate_runs
from asheard.models import CTCTranscriber, save_transcriber, warm_start
from asheard.prior import build_prior, rows_of
from asheard.pronunciation import gop_chain
from asheard.pronunciation.calibration import Calibration
from asheard.pronunciation.gop import MAX_RATIO
from asheard.pronunciation.gop_chain import calibrate, ratios_path, score_predictions
from asheard.recognition import shards
from asheard.recognition.load import load_recogniser
from asheard.recognition.protocol import Posteriors, Recognition, Transcript
from asheard.recognition.registry import EMBEDDED_BASE
from asheard.recognition.runtime import OnnxRecogniser
from support.in_process import run
from support.posteriors import between
from support.texts import split_words


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> Path:
    """Four learners with five sentences each, in halves for calibration and test, a model of ours and a prior."""
    folder = tmp_path_factory.mktemp("learners")
    plan = embedded_plan(num_per_speaker=5)
    speakers = tuple(replace(speaker, severity=2.0) for speaker in plan.speakers[:2] + plan.speakers[4:6])
    synthesise(folder / "corpus", replace(plan, speakers=speakers))
    utterances, _ = read_l2arctic(folder / "corpus")
    for name, half in (("calibration", utterances[::2]), ("test", utterances[1::2])):
        write_manifest(folder / f"{name}.jsonl", half)
    build_prior(rows_of(utterances[::2])).save(folder / "prior.json")
    model = CTCTranscriber(EMBEDDED_BASE).eval()
    assert warm_start(model.ctc_head, EMBEDDED_BASE)
    save_transcriber(model, folder / "model", {})
    return folder


@pytest.fixture
def asheard(monkeypatch, capsys):
    return partial(run, monkeypatch, capsys)


def said(manifest: Path) -> np.ndarray:
    tokens = [token for row in read_manifest(manifest) for token in row.tokens if token.canonical is not None]
    return np.array([token.error_type is ErrorType.OK for token in tokens])


def utterance(*phones: str, l1: str = "Spanish") -> Utterance:
    tokens = tuple(Token(phone, phone, ErrorType.OK, position="onset") for phone in phones)
    return Utterance("u", "S", l1, "u.wav", None, tokens)


def recognition_of(log_probs):
    return Recognition(Transcript((), None, None), Posteriors(log_probs, 0.02))


@pytest.mark.parametrize("prior", [None, "prior.json"])
def test_calibrate_and_score_predictions(root, tmp_path, prior):
    prior = prior and root / prior
    path = tmp_path / "calibration.json"
    calibration = calibrate(root / "model", root / "calibration.jsonl", root / "corpus", path, prior=prior)
    assert json.loads(path.read_text()) == {"slope": calibration.slope, "intercept": calibration.intercept}
    ratios = [ratio for row in read_predictions(ratios_path(path)) for ratio in row.position_scores]
    probabilities = 1 / (1 + np.exp(-calibration.log_odds(np.array(ratios))))
    assert probabilities.mean() == pytest.approx(said(root / "calibration.jsonl").mean(), abs=0.01)

    out, files = tmp_path / "out.jsonl", {"calibration": path, "prior": prior}
    report = score_predictions(root / "model", root / "test.jsonl", root / "corpus", out, **files)
    rows, predictions = read_manifest(root / "test.jsonl"), read_predictions(out)
    assert report.num_rows == len(rows)
    assert {row.chain for row in predictions} == {GOP_PRIOR if prior else GOP}
    for row, prediction in zip(rows, predictions, strict=True):
        assert prediction.key == row.key
        assert len(prediction.position_scores) == len(row.canonical)
        assert len(prediction.confidences) == len(prediction.phones)
        assert min(prediction.confidences) >= 0.5
        kept = [phone for phone, score in zip(row.canonical, prediction.position_scores, strict=True) if score >= 0]
        assert len(kept) <= len(prediction.phones) <= len(row.canonical)
    scores = np.array([score for row in predictions for score in row.position_scores])
    right = said(root / "test.jsonl")
    assert (~right).sum() > 10
    in_order = mannwhitneyu(scores[right], scores[~right]).statistic / (right.sum() * (~right).sum())
    assert in_order > 0.85


def test_score_predictions_can_be_evaluated(root, tmp_path):
    from asheard.transcription import transcribe_manifest

    arguments = root / "model", root / "test.jsonl", root / "corpus"
    score_predictions(*arguments, tmp_path / "gop.jsonl")
    heard = transcribe_manifest(*arguments, tmp_path / "heard.jsonl")
    runs = [
        ChainRun(chain=chain, predictions=read_predictions(tmp_path / file))
        for chain, file in ((GOP, "gop.jsonl"), (heard.chain, "heard.jsonl"))
    ]
    context = Context(corpus="learners", split="half", base="embedded")
    found = evaluate_runs(read_manifest(root / "test.jsonl"), runs, out=tmp_path / "out", context=context)
    gop, faithful = (found.metrics.chains[run.chain].pooled for run in runs)
    assert gop.per < faithful.per


def test_score_predictions_resumes(root, tmp_path, monkeypatch):
    arguments = (root / "model", root / "test.jsonl", root / "corpus")
    Calibration(0.5, 1.0).save(tmp_path / "c.json")
    files = {"calibration": tmp_path / "c.json"}
    score_predictions(*arguments, tmp_path / "whole.jsonl", **files)
    out = tmp_path / "out.jsonl"
    load, read = gop_chain.load_audio, []

    def reading(*given, **named):
        if len(read) == 5:
            raise KeyboardInterrupt
        read.append(given)
        return load(*given, **named)

    monkeypatch.setattr(shards, "SHARD_SIZE", 2)
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):  # noqa: PT012
        patch.setattr(gop_chain, "load_audio", reading)
        score_predictions(*arguments, out, **files)
    assert score_predictions(*arguments, out, **files).num_resumed == 4
    assert out.read_bytes() == (tmp_path / "whole.jsonl").read_bytes()


@pytest.mark.parametrize("change", [{"calibration": 2.0}, {"prior": True}, {"chain": "x"}, {"l1_given": False}])
def test_score_predictions_resumes_the_same_job_only(root, tmp_path, monkeypatch, change):
    arguments = (root / "model", root / "test.jsonl", root / "corpus", tmp_path / "out.jsonl")
    Calibration(0.5, 1.0).save(tmp_path / "c.json")
    monkeypatch.setattr(shards, "SHARD_SIZE", 2)
    chunks = []

    def failing(self, waveforms, l1s):
        chunks.append(len(waveforms))
        if len(chunks) == 2:
            raise KeyboardInterrupt
        return [recognition_of(np.zeros((0, 42), np.float32))] * len(waveforms)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):  # noqa: PT012
        patch.setattr(OnnxRecogniser, "recognise", failing)
        score_predictions(*arguments, calibration=tmp_path / "c.json")
    if "calibration" in change:
        Calibration(0.5, change.pop("calibration")).save(tmp_path / "c.json")
    if "prior" in change:
        change = {"prior": root / "prior.json"}
    assert score_predictions(*arguments, calibration=tmp_path / "c.json", **change).num_resumed == 0


def test_score_predictions_elsewhere_writes_the_same_bytes(root, tmp_path):
    """Jobs and shards travel pickled to a process with a model of its own."""
    arguments = (root / "model", root / "test.jsonl", root / "corpus")

    def map_shards(job, parts):
        sent = pickle.loads(pickle.dumps(job))
        recogniser = load_recogniser(sent.model)
        assert recogniser.version == sent.version
        return (sent.rows(recogniser, part) for part in pickle.loads(pickle.dumps(parts)))

    here, there = tmp_path / "here.jsonl", tmp_path / "there.jsonl"
    prior = root / "prior.json"
    score_predictions(*arguments, here, prior=prior)
    score_predictions(*arguments, there, prior=prior, map_shards=map_shards)
    assert there.read_bytes() == here.read_bytes()


def test_score_predictions_folds_what_the_manifest_never_writes(root, tmp_path, monkeypatch):
    """The manifest has 100 ʌ and no ə, so a ə of the model counts as ʌ."""
    tokens = utterance(*["ʌ"] * 100).tokens
    rows = [replace(row, tokens=tokens) for row in read_manifest(root / "test.jsonl")[:2]]
    rows[1] = replace(rows[1], tokens=utterance("ʌ").tokens)
    write_manifest(tmp_path / "m.jsonl", rows)
    monkeypatch.setattr(OnnxRecogniser, "recognise", lambda *_: [recognition_of(between("ʌ", "ə"))] * 2)
    score_predictions(root / "model", tmp_path / "m.jsonl", root / "corpus", tmp_path / "out.jsonl")
    assert read_predictions(tmp_path / "out.jsonl")[1].phones == ("ʌ",)


def test_score_predictions_recording_shorter_than_its_phones(root, tmp_path, monkeypatch):
    """Ten phones in a tenth of a second all have the lowest score."""
    row = replace(read_manifest(root / "test.jsonl")[0], tokens=utterance(*"pstkfszmnl").tokens)
    write_manifest(tmp_path / "m.jsonl", [row])
    monkeypatch.setattr(gop_chain, "load_audio", lambda *_, **__: np.ones(1600, np.float32))
    report = score_predictions(root / "model", tmp_path / "m.jsonl", root / "corpus", tmp_path / "out.jsonl")
    (prediction,) = read_predictions(tmp_path / "out.jsonl")
    assert prediction.position_scores == (-MAX_RATIO,) * 10
    assert prediction.phones == ()
    assert len(report.without_speech) == 1


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (utterance(), "utterance u of speaker S has no canonical phones to score"),
        (utterance("s", l1="Klingon"), "utterance u of speaker S has the L1 'Klingon', and the prior knows .*--pooled"),
    ],
)
def test_score_predictions_checks_utterances_before_it_recognises(root, tmp_path, row, message):
    write_manifest(tmp_path / "m.jsonl", [row])
    with pytest.raises(CorpusError, match=f"m.jsonl: {message}"):
        score_predictions(root / "model", tmp_path / "m.jsonl", root, tmp_path / "out.jsonl", prior=root / "prior.json")


def test_score_predictions_needs_posteriors(root, tmp_path):
    with pytest.raises(ModelError, match="off-the-shelf gives no posteriors"):
        score_predictions(EMBEDDED_BASE, root / "test.jsonl", root / "corpus", tmp_path / "out.jsonl")


def test_commands_calibrate_and_score_predictions(asheard, root, tmp_path):
    where = ("--model", root / "model", "--wav-root", root / "corpus")
    calibration, out, prior = tmp_path / "c.json", tmp_path / "gop.jsonl", ("--prior", root / "prior.json")
    fitted = asheard("calibrate", *where, "--manifest", root / "calibration.jsonl", "--out", calibration, *prior)
    assert fitted.code == 0, fitted.err
    assert "even odds at a ratio of" in fitted.out
    command = ("score", *where, "--manifest", root / "test.jsonl", "--predictions", out)
    scored = asheard(*command, "--calibration", calibration, *prior)
    assert scored.code == 0, scored.err
    assert scored.out == f"{out}: 10 utterances by gop+l1-prior\n"
    assert len(read_predictions(out)) == 10


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["x.wav", "--predictions", "p.jsonl"], "goes with --manifest"),
        (["--manifest", "m.jsonl", "--wav-root", ".", "--predictions", "p.jsonl", "--l1", "Thai"], "--l1"),
        (["--manifest", "m.jsonl", "--wav-root", ".", "--predictions", "p.jsonl", "--out", "o"], "--out"),
        (["--manifest", "m.jsonl", "--wav-root", ".", "--chain", "x"], "for --predictions only"),
        (["x.wav", "--executor", "ray://there:1"], "for --predictions only"),
    ],
)
def test_command_refuses_options_that_do_not_go_together(asheard, arguments, message):
    done = asheard("score", *arguments)
    assert done.code == 2
    assert message in " ".join(done.err.replace("│", " ").split())


def test_both_ways_of_scoring_use_the_canonical_phones_of_the_manifest(asheard, root, tmp_path):
    """The text of an annotated utterance divides its phones into words, and changes no phone."""
    where = ("--model", root / "model", "--wav-root", root / "corpus", "--manifest", root / "test.jsonl")
    done = asheard("score", *where, "--out", tmp_path / "rows.jsonl")
    assert done.code == 0, done.err
    score_predictions(root / "model", root / "test.jsonl", root / "corpus", tmp_path / "gop.jsonl")
    rows = [json.loads(line) for line in (tmp_path / "rows.jsonl").read_text(encoding="utf-8").splitlines()]
    for row, utterance_, prediction in zip(
        rows, read_manifest(root / "test.jsonl"), read_predictions(tmp_path / "gop.jsonl"), strict=True
    ):
        phones = [phone for word in row["words"] for phone in word["phones"]]
        assert tuple(phone["canonical"] for phone in phones) == utterance_.canonical
        assert [word["word"] for word in row["words"]] == split_words(utterance_.text)
        expected = 1 / (1 + np.exp(-np.array(prediction.position_scores)))
        assert [phone["probability"] for phone in phones] == pytest.approx(expected, abs=2e-4)
