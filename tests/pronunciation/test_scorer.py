"""Recordings against their texts: what is said of each phone, where it lies, and what cannot be scored."""

import json
import math
import subprocess
import sys
from functools import partial

import numpy as np
import pytest
import soundfile
import torch

from asheard.errors import CorpusError, PhoneError
from asheard.io.audio import load_recording
from asheard.models import SMALL_ENCODER, CTCTranscriber, fresh_encoder, save_transcriber, warm_start
from asheard.phones import BLANK_ID, LABELS, cos_dist, phone_to_id
from asheard.phones.espeak import Voice, render_phonemes
from asheard.prior import build_prior
from asheard.pronunciation.calibration import Calibration
from asheard.pronunciation.result import Pronunciation
from asheard.pronunciation.scorer import load_model
from asheard.pronunciation.target import target_of_phones
from asheard.recognition.decoding import decode_recognition
from asheard.recognition.registry import EMBEDDED_BASE
from asheard.recognition.runtime import OnnxRecogniser
from support.in_process import run
from support.tone_files import write

FRAME_S = 0.02
TEXT = "see it"
HEARD = {10: "s", 20: "i", 33: "ɪ", 40: "d"}  # frame -> phone; the t came out as d


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A model folder, a recording and a prior; `recognises` sets the phones that the model finds."""
    root = tmp_path_factory.mktemp("score")
    torch.manual_seed(0)
    save_transcriber(CTCTranscriber(fresh_encoder(SMALL_ENCODER)).eval(), root / "model", {})
    write(root / "see.wav", seconds=1.0)
    build_prior([("Thai", "t", "d", "coda")] * 60 + [("Thai", "t", "t", "coda")] * 40).save(root / "prior.json")
    return root


def score(recording, target, model, l1=None, **files):
    return load_model(model, **files).score(recording, target, l1)


@pytest.fixture
def asheard(monkeypatch, capsys):
    return partial(run, monkeypatch, capsys)


def posteriors(heard, num_frames=50, certainty=0.9):
    """Each phone in a frame of its own, with `certainty`; the blank elsewhere."""
    probabilities = np.full((num_frames, len(LABELS)), (1 - certainty) / (len(LABELS) - 1), np.float32)
    for frame in range(num_frames):
        probabilities[frame, phone_to_id(heard[frame]) if frame in heard else BLANK_ID] = certainty
    return np.log(probabilities)


@pytest.fixture
def recognises(monkeypatch):
    """Make the model recognise certain phones in any recording."""

    def let(heard, **how):
        recognition = decode_recognition(posteriors(heard, **how), FRAME_S)
        monkeypatch.setattr(OnnxRecogniser, "recognise", lambda *_: [recognition])

    let(HEARD)
    return let


def test_score_each_phone_of_each_word(folder, recognises):
    scored = score(folder / "see.wav", TEXT, folder / "model")
    assert [(word.word, [phone.canonical for phone in word.phones]) for word in scored.words] == [
        ("see", ["s", "i"]),
        ("it", ["ɪ", "t"]),
    ]
    phones = [phone for word in scored.words for phone in word.phones]
    assert [phone.heard for phone in phones] == ["s", "i", "ɪ", "d"]
    assert [phone.probability > 0.5 for phone in phones] == [True, True, True, False]
    starts = [phone.start_s for phone in phones]
    assert starts == pytest.approx([frame * FRAME_S for frame in HEARD])
    assert all(phone.end_s - phone.start_s == pytest.approx(FRAME_S) for phone in phones)
    assert scored.seconds == pytest.approx(1.0)
    assert (scored.calibrated, scored.l1, scored.text) == (False, None, TEXT)


def test_model_repr():
    assert repr(load_model("asheard-tiny")) == "<Model 'asheard-tiny': faithful, onnxruntime>"


def test_score_is_the_mean_of_probabilities(folder, recognises):
    scored = score(folder / "see.wav", TEXT, folder / "model")
    probabilities = [phone.probability for word in scored.words for phone in word.phones]
    assert scored.score == pytest.approx(math.fsum(probabilities) / 4)
    assert scored.words[1].score == pytest.approx(math.fsum(probabilities[2:]) / 2)


def test_score_deleted_phone(folder, recognises):
    recognises({10: "s", 20: "i", 40: "t"})
    see, it = score(folder / "see.wav", TEXT, folder / "model").words
    assert [phone.heard for phone in see.phones + it.phones] == ["s", "i", None, "t"]


def test_score_any_pronunciation_of_a_word(folder, recognises):
    """CMUdict has ðə, ðʌ and, as before a vowel, ði."""
    recognises({5: "ð", 10: "i", 20: "æ", 25: "p", 30: "ə", 35: "l"})
    the, apple = score(folder / "see.wav", "the apple", folder / "model").words
    assert [phone.canonical for phone in the.phones] == [phone.heard for phone in the.phones] == ["ð", "i"]
    assert all(phone.heard == phone.canonical for phone in apple.phones)


def test_load_model_calibration_of_the_folder_or_another(folder, recognises, tmp_path):
    """log-odds = slope * ratio + intercept, so two calibrations tell the ratio twice."""
    plain = load_model(folder / "model").score(folder / "see.wav", TEXT)
    Calibration(0.5, 1.0).save(tmp_path / "other.json")
    other = score(folder / "see.wav", TEXT, folder / "model", calibration=tmp_path / "other.json")
    Calibration(0.25, -1.0).save(folder / "model" / "calibration.json")
    try:
        own = score(folder / "see.wav", TEXT, folder / "model")
        behind_prior = score(folder / "see.wav", TEXT, folder / "model", l1="Thai", prior=folder / "prior.json")
    finally:
        (folder / "model" / "calibration.json").unlink()
    assert (plain.calibrated, other.calibrated, own.calibrated, behind_prior.calibrated) == (False, True, True, False)
    for word in range(2):
        for index in range(2):
            ratio, log_odds, own_log_odds = (
                math.log(phone.probability / (1 - phone.probability))
                for phone in (scored.words[word].phones[index] for scored in (plain, other, own))
            )
            assert log_odds == pytest.approx(0.5 * ratio + 1.0)
            assert own_log_odds == pytest.approx(0.25 * ratio - 1.0)


def test_score_prior_in_probabilities(folder, recognises):
    """Thai speakers say d for t, so the doubt grows: the ratio falls by the log-odds of the prior."""
    plain = score(folder / "see.wav", TEXT, folder / "model")
    thai = score(folder / "see.wav", TEXT, folder / "model", l1="Thai", prior=folder / "prior.json")
    before, after = (scored.words[1].phones[1] for scored in (plain, thai))
    assert (after.heard, thai.l1) == ("d", "Thai")
    log_odds = [math.log(phone.probability / (1 - phone.probability)) for phone in (before, after)]
    assert log_odds[1] - log_odds[0] == pytest.approx(math.log(41 / 61), abs=1e-6)  # Laplace's counts


def test_score_samples_instead_of_a_file(folder, recognises):
    scorer = load_model(folder / "model")
    from_file, from_samples = (
        scorer.score(recording, TEXT) for recording in (folder / "see.wav", load_recording(folder / "see.wav"))
    )
    assert from_samples == from_file


@pytest.mark.parametrize(
    ("samples", "message"),
    [
        (np.zeros((16_000, 2), np.float32), r"the recording: samples of shape \(16000, 2\); give one channel"),
        (np.full(16_000, np.nan, np.float32), "the recording: holds samples that are not finite"),
        (np.ones(100, np.float32), r"the recording: 0\.006 s long; the minimum is 0.1 s"),
        (np.ones(181 * 16_000, np.float32), "the recording: 181 s long; the limit is 180 s"),
        (np.zeros(16_000, np.float32), "the recording: silent from end to end"),
    ],
)
def test_score_refuses_samples(folder, recognises, samples, message):
    with pytest.raises(CorpusError, match=message):
        load_model(folder / "model").score(samples, TEXT)


@pytest.mark.parametrize(
    ("text", "message"),
    [("", "holds no word"), (" ?! ", "holds no word"), ("see 东西", "not a Latin letter")],
)
def test_score_refuses_texts_that_cannot_be_pronounced(folder, recognises, text, message):
    with pytest.raises(PhoneError, match=message):
        score(folder / "see.wav", text, folder / "model")


@pytest.mark.parametrize(("text", "num_phones"), [("see see see", 6), ("miss see", 5)])
def test_score_refuses_more_phones_than_frames(folder, recognises, text, num_phones):
    """As many as there are frames, but no two equal ones in a row without a blank between."""
    recognises(dict.fromkeys(range(5), "s"), num_frames=5)
    with pytest.raises(CorpusError, match=rf"see\.wav: 1\.00 s are too short for its text of {num_phones} phones"):
        score(folder / "see.wav", text, folder / "model")
    assert len(score(folder / "see.wav", "miss it", folder / "model").words) == 2


def test_score_refuses_recordings_without_speech(folder, recognises, tmp_path):
    soundfile.write(tmp_path / "noise.wav", np.random.default_rng(0).normal(0, 0.1, 16_000), 16_000)
    with pytest.raises(CorpusError, match=r"no speech in .*noise\.wav: its level never changes"):
        score(tmp_path / "noise.wav", TEXT, folder / "model")
    recognises({})
    with pytest.raises(CorpusError, match=r"no speech in .*see\.wav: the model recognised no phone"):
        score(folder / "see.wav", TEXT, folder / "model")


def test_score_without_posteriors_gives_classes_only(folder):
    scored = score(folder / "see.wav", TEXT, "command:echo S IY IH D")
    assert [phone.class_ for phone in scored.phones] == ["ok", "ok", "ok", "variant"]
    assert {phone.probability for phone in scored.phones} == {phone.start_s for phone in scored.phones} == {None}
    assert (scored.score, scored.calibrated) == (1.0, False)


def test_score_classes_and_reasons(folder, recognises):
    """A t for a θ is far from it, and near for speakers of Spanish, who are known to say it."""
    recognises({5: "t", 10: "ɪ", 15: "ŋ", 20: "k", 25: "ə"})
    alone, spanish = (score(folder / "see.wav", "think", folder / "model", l1=l1) for l1 in (None, "Spanish"))
    assert [phone.class_ for phone in alone.phones] == ["error", "ok", "ok", "ok"]
    theta = spanish.phones[0]
    assert (theta.class_, theta.reason, theta.class_without_prior) == ("variant", "l1-prior", "error")
    assert theta.l1_frequency > 0.05
    assert (alone.prior.used, spanish.prior.used) == (False, True)
    assert [(one.phone, one.before, one.heard_index) for one in alone.added] == [("ə", 4, 4)]


def test_score_given_phones(folder, recognises):
    recognises({5: "v", 10: "ɛ", 20: "ɹ", 25: "i"})
    scored = score(folder / "see.wav", target_of_phones("v ɛ ɹ i"), folder / "model")
    assert [phone.heard for phone in scored.phones] == ["v", "ɛ", "ɹ", "i"]
    assert (scored.text, scored.words[0].word) == ("v ɛ ɹ i", "v ɛ ɹ i")


def test_pronunciation_from_json(folder, recognises):
    recognises({10: "s", 20: "i", 40: "t", 45: "ə"})
    scored = score(folder / "see.wav", TEXT, folder / "model")
    back = Pronunciation.from_json({"utt": "see"} | scored.to_json())
    assert [[phone.heard, phone.class_, phone.start_s] for phone in back.phones] == [
        [phone.heard, phone.class_, pytest.approx(phone.start_s)] for phone in scored.phones
    ]
    assert back.added[0].feedback == 'an extra ə was heard after "it"'
    assert (back.text, back.score) == (TEXT, pytest.approx(scored.score, abs=1e-4))


@pytest.mark.parametrize(
    ("l1", "with_prior", "message"),
    [
        (None, True, "the prior knows Thai; say which the speaker's L1 is"),
        ("Korean", True, r"see\.wav has the L1 'Korean', and the prior knows Thai"),
        ("Thai", False, r"see\.wav has the L1 'Thai', and the prior knows Arabic, .* leave the L1 out"),
    ],
)
def test_check_l1_refuses(folder, recognises, l1, with_prior, message):
    with pytest.raises(CorpusError, match=message):
        score(folder / "see.wav", TEXT, folder / "model", l1=l1, prior=folder / "prior.json" if with_prior else None)


def test_score_command_json(asheard, folder, recognises):
    done = asheard("score", folder / "see.wav", "--text", TEXT, "--model", folder / "model", "--format", "json")
    assert done.code == 0, done.err
    row = json.loads(done.out)
    scored = score(folder / "see.wav", TEXT, folder / "model")
    assert row == {"utt": "see", "speaker": ""} | scored.to_json()
    assert row["words"][1]["phones"][1] == {
        "canonical": "t",
        "class": "variant",
        "reason": "distance",
        "class_without_prior": "variant",
        "probability": pytest.approx(0.0, abs=0.1),
        "heard": "d",
        "heard_index": 3,
        "cos_dist": pytest.approx(cos_dist("t", "d"), abs=1e-4),
        "l1_frequency": 0.0,
        "start_s": 0.8,
        "end_s": 0.82,
        "feedback": 'the t of "it" was heard as d, which is near enough',
    }


def test_score_command_table(asheard, folder, recognises):
    recognises(HEARD | {45: "ə"})
    done = asheard("score", folder / "see.wav", "--text", TEXT, "--model", folder / "model")
    heading, *rows, added, overall, remark = done.out.splitlines()
    assert heading.split() == ["word", "phone", "said", "heard", "class", "start", "s", "end", "s"]
    assert [row.split()[:2] for row in rows[::2]] == [["see", "s"], ["it", "ɪ"]]
    assert rows[3].split()[0] == "t"
    assert rows[3].split()[2:] == ["d", "variant", "0.80", "0.82"]
    assert added == "added: ə at the end"
    assert overall.startswith("overall: 67% of the phones said")
    assert remark.startswith("not calibrated")
    assert "\x1b" not in done.out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["gone.wav", "--text", "see"], "error: gone.wav: no such recording"),
        (["see.wav", "--text", "..."], "holds no word"),
        (["see.wav", "--text", "see", "--prior", "gone.json"], "gone.json: no such file"),
        (["see.wav", "--text", "see", "--calibration", "prior.json"], "prior.json: a calibration holds slope"),
        (["see.wav", "--phones", "s 7"], "7"),
        (["see.wav"], "no text beside see.wav: write it to a file of that name with .txt, or give --text"),
        (["--manifest", "gone.jsonl", "--wav-root", "."], "gone.jsonl: no such file"),
    ],
)
def test_score_command_errors_are_one_line(asheard, folder, monkeypatch, arguments, message):
    monkeypatch.chdir(folder)
    done = asheard("score", "--model", "model", *arguments)
    assert done.code == 2
    (line,) = done.err.splitlines()
    assert message in line


@pytest.mark.parametrize(
    ("text", "mnemonics", "other"),
    [
        ("we see the moon", "wi: s'i: D@ m'u:n", "a cold black dog"),
        ("a cold black dog", "@ k'oUld bl'ak d'O:g", "we see the moon"),
    ],
)
def test_score_of_what_was_said_is_higher(tmp_path, text, mnemonics, other):
    """The embedded base learned from this very synthesiser."""
    model = CTCTranscriber(EMBEDDED_BASE)
    assert warm_start(model.ctc_head, EMBEDDED_BASE)
    save_transcriber(model.eval(), tmp_path / "model", {})
    speech = render_phonemes(mnemonics, Voice("en-us"), seed=1)
    soundfile.write(tmp_path / "said.wav", speech.samples, speech.sample_rate_hz)
    scorer = load_model(tmp_path / "model")
    said, not_said = scorer.score(tmp_path / "said.wav", text), scorer.score(tmp_path / "said.wav", other)
    assert said.score > not_said.score + 0.3
    times = [phone.start_s for word in said.words for phone in word.phones]
    assert times == sorted(times)
    assert times[-1] < said.seconds


@pytest.mark.parametrize("model", ["asheard-tiny", "hama"])
def test_score_command_needs_the_base_install_only(folder, model):
    """In a fresh process none of the packages of the extras `train` and `evaluate` is imported."""
    if model == "hama":
        pytest.importorskip("hama")
    program = (
        "import sys; from asheard.cli import app; "
        "app(sys.argv[1:], standalone_mode=False); "
        "print(sorted({'torch', 'transformers', 'scipy', 'polars', 'matplotlib', 'numba'} & sys.modules.keys()))"
    )
    speech = render_phonemes("wi: s'i: D@ m'u:n", Voice("en-us"), seed=1)
    soundfile.write(folder / "moon.wav", speech.samples, speech.sample_rate_hz)
    command = [sys.executable, "-c", program, "score", folder / "moon.wav", "--text", "we see the moon"]
    done = subprocess.run([*map(str, command), "--model", model], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "[]"
