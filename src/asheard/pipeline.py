"""One fold of a study: some speakers kept for testing, models trained without them, transcripts of them.

The whole study, stage by stage: from a corpus to RESULTS.md.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Final, Literal

from asheard.corpora import Prediction, build_l2arctic, read_manifest, read_predictions
from asheard.corpora.l2arctic import read_speakers
from asheard.corpora.manifests import read_build_report
from asheard.corpora.splits import rotate
from asheard.corpora.synthetic import embedded_plan, synthesise
from asheard.corpora.validation import CheckReport, check_corpus, refuse_problems
from asheard.errors import AsHeardError
from asheard.evaluation import (
    EVALUATION_FILES,
    FAITHFUL,
    GOP,
    GOP_PRIOR,
    L1_ENCODER,
    L1_ENCODER_UNKNOWN,
    L1_PRIOR,
    OFF_THE_SHELF,
    ChainRun,
    Context,
    Epoch,
    Fold,
    Verdict,
    evaluate_folds,
    write_report,
)
from asheard.evaluation.context import SYNTHETIC_NOTE
from asheard.io.digests import content_digest, folder_states_digest
from asheard.io.files import read_json
from asheard.io.resume import Stage, StageCache, claim_folder
from asheard.models import read_card
from asheard.phones import Vectors, load_vectors
from asheard.prior import PMinChoice, fit_prior, load_prior
from asheard.pronunciation.gop import Gop
from asheard.recognition.registry import EMBEDDED_BASE
from asheard.remote.executors import Executor, LocalExecutor
from asheard.training import DEFAULT_BASE, RECIPES, TrainingOptions
from asheard.transcription import calibrate, ratios_path, transcribe

_CHAINS: Final = {"faithful": FAITHFUL, "l1-aware": L1_ENCODER}  # the chain of each kind of trained model


@dataclass(frozen=True, slots=True, kw_only=True)
class FoldConfig:
    """What the folds of a study share.

    wav_root: the corpus. recordings: digest of what lies there. base: recogniser to start from, hub id or folder.
    seeds: of training. training: preset of the recipes. pilot: steps of the pilot run that each recipe must pass with
    the first seed; 0 for none. cache: folder of the audio at 16 kHz.
    """

    wav_root: Path
    recordings: str
    base: str
    seeds: Sequence[int]
    training: str
    pilot: int
    vectors: Vectors
    cache: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class FoldResult:
    """What came of one fold.

    corpus: its name. fold: test utterances, the chains' transcripts of them, and the training utterances. checked: what
    was found in the manifests. p_min: how the prior's was chosen. left_out: what training and transcription could not
    use, by reason. validation: of every epoch. inputs: the files the fold is scored from.
    """

    corpus: str
    fold: Fold
    checked: CheckReport
    p_min: PMinChoice
    left_out: Counter[str]
    validation: list[Epoch]
    inputs: tuple[Path, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedFold:
    """A fold that is ready to be trained. runs: the training of each chain's model with each seed."""

    config: FoldConfig
    out: Path
    stages: StageCache
    checked: CheckReport
    p_min: PMinChoice
    runs: dict[tuple[str, int], TrainingOptions]

    def begin_training(self) -> list[tuple[TrainingOptions, Stage]]:
        """The runs that are still to be trained, each with its stage, which is to be ended after it."""
        started = []
        for (_, seed), options in self.runs.items():
            inputs, outputs = [options.fingerprint(), self.config.recordings], [options.checkpoint_dir]
            stage = self.stages.begin(f"train {options.kind} seed {seed}", inputs=inputs, outputs=outputs)
            if stage:
                started.append((options, stage))
        return started


def prepare_fold(config: FoldConfig, out: Path, test_speakers: Collection[str], stages: StageCache) -> PreparedFold:
    """Build the manifests and fit the prior with some speakers held out; stages that are done are skipped.

    Args:
        config: what all folds share.
        out: folder for the manifests, the prior, the models and their predictions.
        test_speakers: speakers nobody trains on.
        stages: of this fold alone.
    """
    manifests = out / "manifests"
    build = partial(build_l2arctic, config.wav_root, manifests, test_speakers=test_speakers)
    stages.run("manifests", build, inputs=[config.recordings, sorted(test_speakers)], outputs=[manifests])
    checked = check_corpus(manifests, wav_root=config.wav_root)
    refuse_problems(checked)

    prior, p_min = fit_prior(read_manifest(manifests / "train.jsonl"), config.vectors)
    prior.save(out / "prior.json")

    runs = {
        (chain, seed): RECIPES[kind](
            train=manifests / "train.jsonl",
            val=manifests / "val.jsonl",
            wav_root=config.wav_root,
            checkpoint_dir=out / "models" / f"{kind}-seed{seed}",
            base=config.base,
            seed=seed,
            preset=config.training,
            pilot=config.pilot if seed == config.seeds[0] else 0,
            audio_cache=config.cache,
        )
        for seed in config.seeds
        for kind, chain in _CHAINS.items()
    }
    return PreparedFold(config=config, out=out, stages=stages, checked=checked, p_min=p_min, runs=runs)


def evaluate_fold(fold: PreparedFold) -> FoldResult:
    """Transcribe the held-out speakers with the trained models, and score them; stages that are done are skipped."""
    config, out, stages = fold.config, fold.out, fold.stages
    manifests, predictions, prior_file = out / "manifests", out / "predictions", out / "prior.json"
    train_rows, val_rows, test_rows = (manifests / f"{split}.jsonl" for split in ("train", "val", "test"))
    wav_root, recordings, cache = config.wav_root, config.recordings, config.cache
    prior = load_prior(prior_file)
    models = {key: options.final for key, options in fold.runs.items()}

    def transcribe_chain(
        name: str,
        model: str | Path,
        chain: str,
        l1: Literal["declared", "unknown"] = "declared",
        gop: Gop | None = None,
    ) -> list[Prediction]:
        path = predictions / f"{name}.jsonl"
        do = partial(transcribe, model, test_rows, wav_root, path, chain=chain, l1=l1, audio_cache=cache, gop=gop)
        inputs = [content_digest(model), test_rows, recordings, l1, *(gop.files() if gop else ())]
        stages.run(f"transcribe {name}", do, inputs=inputs, outputs=[path])
        return read_predictions(path)

    def score(chain: str, seed: int, model: Path, prior: Path | None) -> ChainRun:
        """Calibrated on prompts held out from the training speakers, which the model has not learned from."""
        name = f"{chain}-seed{seed}"
        path = out / "calibrations" / f"{name}.json"
        do = partial(calibrate, model, val_rows, wav_root, path, prior=prior, audio_cache=cache)
        inputs = [content_digest(model), val_rows, recordings, prior]
        stages.run(f"calibrate {name}", do, inputs=inputs, outputs=[path, ratios_path(path)])
        rows = transcribe_chain(name, model, chain, gop=Gop(calibration=path, prior=prior))
        return ChainRun(chain=chain, seed=seed, predictions=rows)

    runs = []
    off_the_shelf = transcribe_chain(OFF_THE_SHELF, config.base, OFF_THE_SHELF)
    for seed in config.seeds:
        faithful_model, l1_model = models[FAITHFUL, seed], models[L1_ENCODER, seed]
        faithful_rows = transcribe_chain(f"{FAITHFUL}-seed{seed}", faithful_model, FAITHFUL)
        l1_given = transcribe_chain(f"{L1_ENCODER}-seed{seed}", l1_model, L1_ENCODER)
        l1_withheld = transcribe_chain(f"{L1_ENCODER_UNKNOWN}-seed{seed}", l1_model, L1_ENCODER_UNKNOWN, "unknown")
        runs += [
            ChainRun(chain=OFF_THE_SHELF, seed=seed, predictions=off_the_shelf),
            ChainRun(chain=FAITHFUL, seed=seed, predictions=faithful_rows),
            ChainRun(chain=L1_ENCODER, seed=seed, predictions=l1_given),
            ChainRun(chain=L1_ENCODER_UNKNOWN, seed=seed, predictions=l1_withheld),
            ChainRun(chain=L1_PRIOR, seed=seed, predictions=faithful_rows, prior=prior),
            score(GOP, seed, faithful_model, None),
            score(GOP_PRIOR, seed, faithful_model, prior_file),
        ]
    return FoldResult(
        corpus=read_build_report(manifests).corpus,
        fold=Fold(gold=read_manifest(test_rows), runs=runs, training=read_manifest(train_rows)),
        checked=fold.checked,
        p_min=fold.p_min,
        left_out=Counter(fold.checked.excluded) | _left_out(models.values(), predictions),
        validation=[epoch for key, model in models.items() for epoch in _epochs(*key, model)],
        inputs=(prior_file, manifests, predictions),
    )


def _left_out(models: Iterable[Path], predictions: Path) -> Counter[str]:
    """What training and transcription could not use: utterances by reason, and labels that are no phone."""
    counts: Counter[str] = Counter()
    for model in models:
        for split, reasons in read_card(model)["training"]["excluded"].items():
            counts |= Counter({f"{reason}, in {split}": len(names) for reason, names in reasons.items()})
    for path in predictions.glob("*.left-out.json"):
        counts |= Counter({f"label {key} in {path.name.split('.')[0]}": n for key, n in read_json(path).items()})
    return counts


def _epochs(chain: str, seed: int, model: Path) -> list[Epoch]:
    """Validation of every epoch, from the model's card."""
    return [
        Epoch(chain=chain, seed=seed, epoch=row["epoch"], per=row["val_per"], l1_accuracy=row["val_l1_accuracy"])
        for row in read_card(model)["training"]["epochs"]
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyPreset:
    """How large a study is.

    training: preset of the training recipes. num_per_speaker: sentences each synthetic speaker reads. pilot: steps
    of the pilot run that each recipe must pass, with the first seed, before anything is trained; 0 for none.
    """

    training: str
    num_per_speaker: int
    pilot: int


PRESETS: Final = {
    "quick": StudyPreset(training="quick", num_per_speaker=8, pilot=0),
    "embedded": StudyPreset(training="embedded", num_per_speaker=60, pilot=100),
    "full": StudyPreset(training="full", num_per_speaker=60, pilot=200),
}


def study(
    out: Path,
    *,
    corpus: Path | None = None,
    base: str | None = None,
    seeds: Sequence[int] = (1, 2),
    folds: int = 1,
    preset: str | None = None,
    vectors_file: Path | None = None,
    executor: Executor | None = None,
    announce: Callable[[str, bool], None] = lambda name, skipped: None,
) -> Verdict | None:
    """Rank the chains on held-out speakers; stages that are done are skipped.

    Args:
        out: folder for everything the study makes; the same call goes on there after a kill.
        corpus: L2-ARCTIC, or a corpus in its folders; None renders the embedded one.
        base: recogniser to start from, hub id or folder; by default the embedded base for the embedded corpus and
            wav2vec2-lv-60-espeak-cv-ft for any other.
        seeds: of training; every chain is run with each.
        folds: how often to train anew, each time with the next speaker of each L1 held out; all are tested together.
            1 keeps to the corpus's own test speakers.
        preset: quick, embedded or full; by default embedded for the embedded corpus and full for any other.
        vectors_file: phone vectors in place of the bundled ones.
        executor: where the models are trained; None trains them here.
        announce: called with (stage, skipped) before each stage.
    Raises:
        AsHeardError: `out` holds a study of another configuration, or of the kind of whatever is at fault.
    """
    name = preset or ("embedded" if corpus is None else "full")
    if name not in PRESETS:
        raise AsHeardError(f"no preset {name!r}; there are {', '.join(PRESETS)}")
    size, vectors = PRESETS[name], load_vectors(vectors_file)
    base = base or (str(EMBEDDED_BASE) if corpus is None else DEFAULT_BASE)
    place = str(corpus.resolve()) if corpus else "embedded"
    claim_folder(out / "study.json", {"corpus": place, "preset": name, "base": content_digest(base), "folds": folds})
    wav_root, stages = corpus or out / "corpus", StageCache(out / ".stages", announce)

    if corpus is None:
        plan = embedded_plan(num_per_speaker=size.num_per_speaker)
        stages.run("corpus", lambda: synthesise(wav_root, plan), inputs=[plan], outputs=[wav_root])
    roster = read_speakers(wav_root)
    config = FoldConfig(
        wav_root=wav_root,
        recordings=folder_states_digest(wav_root),
        base=base,
        seeds=seeds,
        training=size.training,
        pilot=size.pilot,
        vectors=vectors,
        cache=out / "audio-16khz",
    )

    prepared = []
    for number, held_out in enumerate(rotate(roster.l1s, roster.test_speakers, folds), start=1):
        fold_dir = out if folds == 1 else out / f"fold{number}"
        announce_stage = announce if folds == 1 else partial(_announce_fold, announce, number)
        prepared.append(prepare_fold(config, fold_dir, held_out, StageCache(fold_dir / ".stages", announce_stage)))
    training = [started for fold in prepared for started in fold.begin_training()]
    (executor or LocalExecutor()).train([options for options, _ in training])
    for _, stage in training:
        stage.end()
    results = [evaluate_fold(fold) for fold in prepared]

    context = Context(
        corpus=results[0].corpus if corpus else "embedded" if name == "embedded" else f"embedded-{name}",
        split="last-speaker-of-each-l1" if folds == 1 else f"{folds}-folds-over-speakers",
        base=Path(base).name,
        notes=(SYNTHETIC_NOTE,) if roster.synthetic else (),
        excluded={
            reason if folds == 1 else f"fold {number}: {reason}": count
            for number, result in enumerate(results, start=1)
            for reason, count in result.left_out.items()
        },
        num_shared_prompts=max(len(result.checked.shared_prompts) for result in results),
        num_sharing=max(result.checked.num_sharing for result in results),
        p_min=tuple(result.p_min for result in results),
        validation=tuple(
            replace(epoch, fold=number) for number, result in enumerate(results, 1) for epoch in result.validation
        ),
    )
    parts = [result.fold for result in results]
    stages.run(
        "evaluate",
        lambda: evaluate_folds(parts, out=out, context=context, vectors=vectors),
        inputs=[context, vectors.digest, *(path for result in results for path in result.inputs), seeds],
        outputs=[out / name for name in EVALUATION_FILES],
    )
    announce("report", False)
    return write_report(out)


def _announce_fold(announce: Callable[[str, bool], None], number: int, stage: str, skipped: bool) -> None:
    announce(f"fold {number}: {stage}", skipped)
