"""The gop chain from synthetic speech to a scored matrix: the embedded base listens, nothing is trained."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import mannwhitneyu
from typer.testing import CliRunner

from asheard import transcription
from asheard.cli import app
from asheard.corpora.l2arctic import read_l2arctic
from asheard.corpora.records import ErrorType, Token, Utterance, read_manifest, read_predictions, write_manifest
from asheard.corpora.synthetic import embedded_plan, synthesise
from asheard.errors import CorpusError, ModelError
from asheard.evaluation import GOP, GOP_PRIOR, ChainRun, Context, evaluate_runs
from asheard.models import CTCTranscriber, save_transcriber, warm_start
from asheard.phones import LABELS, phone_to_id
from asheard.prior import PriorOptions, build_prior, rows_of
from asheard.pronunciation.calibration import Calibration
from asheard.pronunciation.gop import MAX_RATIO, Gop, GopScorer
from asheard.recognition.decoding import decode_recognition
from asheard.recognition.registry import EMBEDDED_BASE
from asheard.recognition.runtime import OnnxRecogniser
from asheard.transcription import calibrate, ratios_path, transcribe


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


def said(manifest: Path) -> np.ndarray:
    tokens = [token for row in read_manifest(manifest) for token in row.tokens if token.canonical is not None]
    return np.array([token.error_type is ErrorType.OK for token in tokens])


@pytest.mark.parametrize("prior", [None, "prior.json"])
def test_from_recordings_to_calibrated_scores(root, tmp_path, prior):
    prior = prior and root / prior
    path = tmp_path / "calibration.json"
    calibration = calibrate(root / "model", root / "calibration.jsonl", root / "corpus", path, prior=prior)
    assert json.loads(path.read_text()) == {"slope": calibration.slope, "intercept": calibration.intercept}
    ratios = [ratio for row in read_predictions(ratios_path(path)) for ratio in row.position_scores]
    probabilities = 1 / (1 + np.exp(-calibration.log_odds(np.array(ratios))))
    assert probabilities.mean() == pytest.approx(said(root / "calibration.jsonl").mean(), abs=0.01)

    gop = Gop(calibration=path, prior=prior)
    done = transcribe(root / "model", root / "test.jsonl", root / "corpus", tmp_path / "out.jsonl", gop=gop)
    rows, predictions = read_manifest(root / "test.jsonl"), read_predictions(done.out)
    assert {row.chain for row in predictions} == {done.chain} == {GOP_PRIOR if prior else GOP}
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


def test_it_enters_the_matrix(root, tmp_path):
    done = transcribe(root / "model", root / "test.jsonl", root / "corpus", tmp_path / "gop.jsonl", gop=Gop())
    heard = transcribe(root / "model", root / "test.jsonl", root / "corpus", tmp_path / "heard.jsonl")
    runs = [ChainRun(chain=each.chain, predictions=read_predictions(each.out)) for each in (done, heard)]
    context = Context(corpus="learners", split="half", base="embedded")
    found = evaluate_runs(read_manifest(root / "test.jsonl"), runs, out=tmp_path / "out", context=context)
    gop, faithful = (found.metrics.chains[run.chain].pooled for run in runs)
    assert gop.per < faithful.per


def test_a_killed_call_goes_on(root, tmp_path, monkeypatch):
    arguments = (root / "model", root / "test.jsonl", root / "corpus")
    Calibration(0.5, 1.0).save(tmp_path / "c.json")
    gop = Gop(calibration=tmp_path / "c.json")
    whole = transcribe(*arguments, tmp_path / "whole.jsonl", gop=gop).out.read_text()
    out = tmp_path / "out.jsonl"
    load, read = transcription.load_audio, []

    def reading(*given, **named):
        if len(read) == 5:
            raise KeyboardInterrupt
        read.append(given)
        return load(*given, **named)

    monkeypatch.setattr(transcription, "_AT_ONCE", 2)
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):  # noqa: PT012
        patch.setattr(transcription, "load_audio", reading)
        transcribe(*arguments, out, gop=gop)
    done = transcribe(*arguments, out, gop=gop)
    assert done.num_resumed == 4
    assert out.read_text() == whole


@pytest.mark.parametrize("given", [{"calibration": 2.0}, {"prior": True}, {"chain": "x"}])
def test_the_journal_is_of_one_calibration_and_prior(root, tmp_path, monkeypatch, given):
    """Killed after its first chunk, another call for the same file takes nothing over."""
    arguments = (root / "model", root / "test.jsonl", root / "corpus", tmp_path / "out.jsonl")
    Calibration(0.5, 1.0).save(tmp_path / "c.json")
    monkeypatch.setattr(transcription, "_AT_ONCE", 2)
    chunks = []

    def failing(self, waveforms, l1s):
        chunks.append(len(waveforms))
        if len(chunks) == 2:
            raise KeyboardInterrupt
        return [decode_recognition(np.zeros((0, 42), np.float32), 0.02)] * len(waveforms)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):  # noqa: PT012
        patch.setattr(OnnxRecogniser, "recognise", failing)
        transcribe(*arguments, gop=Gop(calibration=tmp_path / "c.json"))
    if "calibration" in given:
        Calibration(0.5, given["calibration"]).save(tmp_path / "c.json")
    gop = Gop(calibration=tmp_path / "c.json", prior=root / "prior.json" if "prior" in given else None)
    assert transcribe(*arguments, gop=gop, chain=given.get("chain")).num_resumed == 0


def utterance(*phones: str, l1: str = "Spanish") -> Utterance:
    tokens = tuple(Token(phone, phone, ErrorType.OK, position="onset") for phone in phones)
    return Utterance("u", "S", l1, "u.wav", None, tokens)


def between(one: str, other: str) -> np.ndarray:
    """Six frames: blank, then a sound that is `one` by 0.4 and `other` by 0.5, blank."""
    probabilities = np.full((6, len(LABELS)), 0.1 / 40)
    probabilities[:, 1] = 0.9
    probabilities[3, 1] = 0.05
    probabilities[3, [phone_to_id(one), phone_to_id(other)]] = 0.4, 0.5
    return np.log(probabilities / probabilities.sum(1, keepdims=True))


def test_a_prior_shifts_what_is_heard_towards_what_its_l1_says():
    """Between v and b: Spanish speakers often say b for v, Hindi speakers w."""
    habits = {"Spanish": "b", "Hindi": "w"}
    rows = [(l1, "v", phone, "onset") for l1, habit in habits.items() for phone in ["v"] * 30 + [habit] * 30]
    scorer, blind = GopScorer(prior=build_prior(rows)), GopScorer()
    (without,) = blind.score(between("v", "b"), utterance("v")).scores
    spanish = scorer.score(between("v", "b"), utterance("v"))
    hindi = scorer.score(between("v", "b"), utterance("v", l1="Hindi"))
    assert blind.score(between("v", "b"), utterance("v")).heard == ("b",)
    assert spanish.heard == ("b",)
    assert hindi.heard == ("v",)
    assert without == pytest.approx(spanish.scores[0])  # as many rows of v as of b: Laplace's rule gives both the same
    assert hindi.scores[0] == pytest.approx(without + np.log(31 / 1))


def test_phones_that_the_annotation_does_not_tell_apart_are_one():
    """Gold that writes ʌ for ə: half a ʌ and half a ə are a ʌ, and no rival of it."""
    frames = between("ʌ", "ə")
    apart = GopScorer().score(frames, utterance("ʌ"))
    merged = GopScorer(merges={"ə": "ʌ"}).score(frames, utterance("ʌ"))
    assert apart.heard == ("ə",)
    assert merged.heard == ("ʌ",)
    together = frames.copy()
    together[:, phone_to_id("ʌ")] = np.logaddexp(*frames[:, [phone_to_id("ʌ"), phone_to_id("ə")]].T)
    together[:, phone_to_id("ə")] = -np.inf
    assert merged.scores == pytest.approx(GopScorer().score(together, utterance("ʌ")).scores)
    assert frames[3, phone_to_id("ə")] > -1  # the caller's posteriors stay


def test_what_the_manifest_never_writes_is_not_held_against_its_neighbour(root, tmp_path, monkeypatch):
    """100 ʌ and no ə: the model that hears ə hears what the manifest calls ʌ."""
    tokens = utterance(*["ʌ"] * 100).tokens
    rows = [replace(row, tokens=tokens) for row in read_manifest(root / "test.jsonl")[:2]]
    rows[1] = replace(rows[1], tokens=utterance("ʌ").tokens)
    write_manifest(tmp_path / "m.jsonl", rows)
    recognitions = [decode_recognition(between("ʌ", "ə"), 0.02)] * 2
    monkeypatch.setattr(OnnxRecogniser, "recognise", lambda *_: recognitions)
    done = transcribe(root / "model", tmp_path / "m.jsonl", root / "corpus", tmp_path / "out.jsonl", gop=Gop())
    assert read_predictions(done.out)[1].phones == ("ʌ",)


def test_a_deletion_is_heard_as_nothing():
    frames = between("s", "t")
    frames[3] = frames[0]
    found = GopScorer().score(frames, utterance("s"))
    assert found.heard == (None,)
    assert found.transcript.phones == found.transcript.confidences == ()
    assert found.transcript.position_scores == found.scores
    assert found.scores[0] < 0


def test_a_calibration_moves_the_even_odds():
    frames = between("v", "b")
    (ratio,) = GopScorer().score(frames, utterance("v")).scores
    milder = GopScorer(Calibration(2.0, 1.0)).score(frames, utterance("v"))
    assert milder.scores == pytest.approx([2 * ratio + 1])
    assert ratio < 0 < milder.scores[0]
    assert milder.transcript.phones == ("v",)
    assert milder.transcript.confidences == pytest.approx([1 / (1 + np.exp(-milder.scores[0]))])


def test_a_recording_shorter_than_its_phones_has_the_lowest_scores(root, tmp_path):
    """Ten phones in a tenth of a second: not one of them is believed, and nothing is not a number."""
    row = replace(read_manifest(root / "test.jsonl")[0], tokens=utterance(*"pstkfszmnl").tokens)
    write_manifest(tmp_path / "m.jsonl", [row])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(transcription, "load_audio", lambda *_, **__: np.ones(1600, np.float32))
        done = transcribe(root / "model", tmp_path / "m.jsonl", root / "corpus", tmp_path / "out.jsonl", gop=Gop())
    (prediction,) = read_predictions(done.out)
    assert prediction.position_scores == (-MAX_RATIO,) * 10
    assert prediction.phones == ()


def test_a_pooled_prior_knows_every_l1():
    pooled = build_prior([("Hindi", "v", "w", None)], options=PriorOptions(pooled=True))
    GopScorer(prior=pooled).check(utterance("v", l1="Klingon"))


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (utterance(), "utterance u of speaker S has no canonical phones to score.*--gop"),
        (utterance("s", l1="Klingon"), "utterance u of speaker S has the L1 'Klingon', and the prior knows .*--pooled"),
    ],
)
def test_what_cannot_be_scored_is_named_before_anything_is_heard(root, tmp_path, row, message):
    write_manifest(tmp_path / "m.jsonl", [row])
    with pytest.raises(CorpusError, match=f"m.jsonl: {message}"):
        transcribe(
            root / "model", tmp_path / "m.jsonl", root, tmp_path / "out.jsonl", gop=Gop(prior=root / "prior.json")
        )


def test_only_our_own_models_give_posteriors(root, tmp_path):
    with pytest.raises(ModelError, match=r"off-the-shelf gives no posteriors .*--gop"):
        transcribe(EMBEDDED_BASE, root / "test.jsonl", root / "corpus", tmp_path / "out.jsonl", gop=Gop())


def test_on_the_command_line(root, tmp_path):
    where = ["--model", f"{root}/model", "--wav-root", f"{root}/corpus"]
    calibration, out, prior = f"{tmp_path}/c.json", f"{tmp_path}/gop.jsonl", ["--prior", f"{root}/prior.json"]
    fitted = CliRunner().invoke(
        app,
        ["gop", "calibrate", *where, "--manifest", f"{root}/calibration.jsonl", "--out", calibration, *prior],
    )
    assert fitted.exit_code == 0, fitted.output
    assert "even odds at a ratio of" in fitted.output
    command = ["transcribe", *where, "--manifest", f"{root}/test.jsonl", "--out", out]
    scored = CliRunner().invoke(app, [*command, "--gop", "--calibration", calibration, *prior])
    assert scored.exit_code == 0, scored.output
    assert "10 utterances by gop+l1-prior" in " ".join(scored.output.split())
    refused = CliRunner().invoke(app, [*command, "--calibration", calibration])
    assert refused.exit_code == 2
    assert "--gop only" in refused.output
