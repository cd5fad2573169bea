"""One fold of a study: manifests, prior, training, calibration, transcription; and what the report says of it."""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Final

from asheard.corpora import Prediction, build_l2arctic, read_manifest, read_predictions
from asheard.corpora.chains import FAITHFUL, GOP, GOP_PRIOR, L1_ENCODER, L1_ENCODER_UNKNOWN, L1_PRIOR, OFF_THE_SHELF
from asheard.corpora.manifests import read_build_report
from asheard.corpora.validation import CheckReport, check_corpus, refuse_problems
from asheard.evaluation import ChainRun, Context, Epoch, Fold
from asheard.io.digests import content_digest
from asheard.io.files import read_json
from asheard.io.resume import Stage, StageCache
from asheard.models import read_card
from asheard.phones import Vectors
from asheard.prior import PMinChoice, fit_prior, load_prior
from asheard.pronunciation.gop_chain import calibrate, ratios_path, score_predictions
from asheard.remote.executors import Executor
from asheard.training import RECIPES, TrainingOptions
from asheard.transcription import transcribe_manifest

_CHAINS: Final = {"faithful": FAITHFUL, "l1-aware": L1_ENCODER}  # the chain of each kind of trained model


@dataclass(frozen=True, slots=True, kw_only=True)
class FoldConfig:
    """What all folds of a study share.

    wav_root: folder of the corpus. recordings: digest of its state. base: recogniser to start from, hub id or folder.
    seeds: of training. preset: of the training recipes. pilot: steps of the pilot run that each recipe must pass with
    the first seed before the training; 0 for no pilot. audio_cache: folder for the audio at 16 kHz.
    """

    wav_root: Path
    recordings: str
    base: str
    seeds: Sequence[int]
    preset: str
    pilot: int
    vectors: Vectors
    audio_cache: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedFold:
    """A fold that is ready for training.

    fold_dir: folder of the fold. stages: of this fold. checked: result of the check of its manifests. p_min: how the
    prior's smallest probability was chosen. runs: options of each trained model, by chain and seed.
    """

    config: FoldConfig
    fold_dir: Path
    stages: StageCache
    checked: CheckReport
    p_min: PMinChoice
    runs: dict[tuple[str, int], TrainingOptions]

    @property
    def manifests(self) -> Path:
        """Folder of the manifests."""
        return self.fold_dir / "manifests"

    @property
    def prior(self) -> Path:
        """File of the prior."""
        return self.fold_dir / "prior.json"

    @property
    def predictions(self) -> Path:
        """Folder of the predictions."""
        return self.fold_dir / "predictions"


@dataclass(frozen=True, slots=True, kw_only=True)
class FoldResult:
    """Results of one fold.

    corpus: its name. fold: test utterances, the predictions of all chains, training utterances. left_out: what training
    and transcription could not use, by reason. validation: measures of every epoch. inputs: the files that the
    evaluation reads.
    """

    prepared: PreparedFold
    corpus: str
    fold: Fold
    left_out: Counter[str]
    validation: list[Epoch]
    inputs: tuple[Path, ...]


def prepare_fold(
    config: FoldConfig, fold_dir: Path, stages: StageCache, test_speakers: Collection[str]
) -> PreparedFold:
    """Build the manifests and fit the prior, with some speakers held out.

    Args:
        config: of the study.
        fold_dir: folder for the manifests, the prior, the models and their predictions.
        stages: of this fold.
        test_speakers: speakers that no model is trained on.
    """
    manifests = fold_dir / "manifests"
    train, val = manifests / "train.jsonl", manifests / "val.jsonl"
    build = partial(build_l2arctic, config.wav_root, manifests, test_speakers=test_speakers)
    stages.run("manifests", build, inputs=[config.recordings, sorted(test_speakers)], outputs=[manifests])
    checked = check_corpus(manifests, wav_root=config.wav_root)
    refuse_problems(checked)

    prior, p_min = fit_prior(read_manifest(train), config.vectors)
    prior.save(fold_dir / "prior.json")

    runs = {
        (chain, seed): RECIPES[kind](
            train=train,
            val=val,
            wav_root=config.wav_root,
            checkpoint_dir=fold_dir / "models" / f"{kind}-seed{seed}",
            base=config.base,
            seed=seed,
            preset=config.preset,
            pilot=config.pilot if seed == config.seeds[0] else 0,
            audio_cache=config.audio_cache,
        )
        for seed in config.seeds
        for kind, chain in _CHAINS.items()
    }
    return PreparedFold(config=config, fold_dir=fold_dir, stages=stages, checked=checked, p_min=p_min, runs=runs)


def train_folds(folds: Iterable[PreparedFold], executor: Executor) -> None:
    """Train the models of all folds that are not finished. The executor gets all runs at once."""
    started: list[tuple[TrainingOptions, Stage]] = []
    for fold in folds:
        for (_, seed), options in fold.runs.items():
            name, inputs = f"train {options.kind} seed {seed}", [options.fingerprint(), fold.config.recordings]
            stage = fold.stages.begin(name, inputs=inputs, outputs=[options.checkpoint_dir])
            if stage:
                started.append((options, stage))
    executor.train([options for options, _ in started])
    for _, stage in started:
        stage.end()


def evaluate_fold(fold: PreparedFold) -> FoldResult:
    """Transcribe the test speakers with every chain."""
    config, test = fold.config, fold.manifests / "test.jsonl"
    prior = load_prior(fold.prior)
    models = {key: options.final for key, options in fold.runs.items()}
    off_the_shelf = transcribe_chain(fold, OFF_THE_SHELF, config.base, OFF_THE_SHELF)
    runs = []
    for seed in config.seeds:
        faithful, l1_aware = models[FAITHFUL, seed], models[L1_ENCODER, seed]
        faithful_rows = transcribe_chain(fold, f"{FAITHFUL}-seed{seed}", faithful, FAITHFUL)
        l1_given = transcribe_chain(fold, f"{L1_ENCODER}-seed{seed}", l1_aware, L1_ENCODER)
        name = f"{L1_ENCODER_UNKNOWN}-seed{seed}"
        l1_withheld = transcribe_chain(fold, name, l1_aware, L1_ENCODER_UNKNOWN, l1_given=False)
        gop = score_chain(fold, f"{GOP}-seed{seed}", faithful, GOP, None)
        gop_prior = score_chain(fold, f"{GOP_PRIOR}-seed{seed}", faithful, GOP_PRIOR, fold.prior)
        runs += [
            ChainRun(chain=OFF_THE_SHELF, seed=seed, predictions=off_the_shelf),
            ChainRun(chain=FAITHFUL, seed=seed, predictions=faithful_rows),
            ChainRun(chain=L1_ENCODER, seed=seed, predictions=l1_given),
            ChainRun(chain=L1_ENCODER_UNKNOWN, seed=seed, predictions=l1_withheld),
            ChainRun(chain=L1_PRIOR, seed=seed, predictions=faithful_rows, prior=prior),
            ChainRun(chain=GOP, seed=seed, predictions=gop),
            ChainRun(chain=GOP_PRIOR, seed=seed, predictions=gop_prior),
        ]
    gold, training = read_manifest(test), read_manifest(fold.manifests / "train.jsonl")
    return FoldResult(
        prepared=fold,
        corpus=read_build_report(fold.manifests).corpus,
        fold=Fold(gold=gold, runs=runs, training=training),
        left_out=Counter(fold.checked.excluded) | _left_out(models.values(), fold.predictions),
        validation=[epoch for key, model in models.items() for epoch in _epochs(*key, model)],
        inputs=(fold.prior, fold.manifests, fold.predictions),
    )


def transcribe_chain(
    fold: PreparedFold, name: str, model: str | Path, chain: str, *, l1_given: bool = True
) -> list[Prediction]:
    """Transcribe the test speakers with one model, as the stage and the file `name`.

    Args:
        fold: with its test manifest.
        name: of the stage and of the predictions file.
        model: as of `transcribe_manifest`.
        chain: name in the predictions.
        l1_given: whether an L1-aware model is given the L1.
    """
    config, test, path = fold.config, fold.manifests / "test.jsonl", fold.predictions / f"{name}.jsonl"
    transcribe = partial(transcribe_manifest, model, test, config.wav_root, path, audio_cache=config.audio_cache)
    do = partial(transcribe, chain=chain, l1_given=l1_given)
    inputs = [content_digest(model), test, config.recordings, l1_given]
    fold.stages.run(f"transcribe {name}", do, inputs=inputs, outputs=[path])
    return read_predictions(path)


def score_chain(fold: PreparedFold, name: str, model: Path, chain: str, prior: Path | None) -> list[Prediction]:
    """Calibrate the scores of a model, and score the canonical phones of the test speakers.

    The calibration uses the validation set: prompts of the training speakers that the model was not trained on.
    """
    config, val, test = fold.config, fold.manifests / "val.jsonl", fold.manifests / "test.jsonl"
    calibration, out = fold.fold_dir / "calibrations" / f"{name}.json", fold.predictions / f"{name}.jsonl"
    wav_root, cache = config.wav_root, config.audio_cache
    fit = partial(calibrate, model, val, wav_root, calibration, prior=prior, audio_cache=cache)
    inputs = [content_digest(model), val, config.recordings, prior]
    fold.stages.run(f"calibrate {name}", fit, inputs=inputs, outputs=[calibration, ratios_path(calibration)])
    write = partial(score_predictions, model, test, wav_root, out, chain=chain, audio_cache=cache)
    score = partial(write, calibration=calibration, prior=prior)
    inputs = [content_digest(model), test, config.recordings, calibration, prior]
    fold.stages.run(f"score {name}", score, inputs=inputs, outputs=[out])
    return read_predictions(out)


def study_context(results: Sequence[FoldResult], corpus: str, base: str, notes: tuple[str, ...]) -> Context:
    """Facts about the study that the report adds to the numbers."""
    numbered = list(enumerate(results, start=1))
    single = len(results) == 1
    checked = [result.prepared.checked for result in results]
    return Context(
        corpus=corpus,
        split="last-speaker-of-each-l1" if single else f"{len(results)}-folds-over-speakers",
        base=Path(base).name,
        notes=notes,
        excluded={
            reason if single else f"fold {number}: {reason}": count
            for number, result in numbered
            for reason, count in result.left_out.items()
        },
        num_shared_prompts=max(len(report.shared_prompts) for report in checked),
        num_sharing=max(report.num_sharing for report in checked),
        p_min=tuple(result.prepared.p_min for result in results),
        validation=tuple(replace(epoch, fold=number) for number, result in numbered for epoch in result.validation),
    )


def _left_out(models: Iterable[Path], predictions: Path) -> Counter[str]:
    """What training and transcription could not use: utterances by reason, and labels that are not phones."""
    counts: Counter[str] = Counter()
    for model in models:
        for split, reasons in read_card(model)["training"]["excluded"].items():
            counts |= Counter({f"{reason}, in {split}": len(names) for reason, names in reasons.items()})
    for path in predictions.glob("*.left-out.json"):
        counts |= Counter({f"label {key} in {path.name.split('.')[0]}": n for key, n in read_json(path).items()})
    return counts


def _epochs(chain: str, seed: int, model: Path) -> list[Epoch]:
    """Validation measures of every epoch, from the model's card."""
    return [
        Epoch(chain=chain, seed=seed, epoch=row["epoch"], per=row["val_per"], l1_accuracy=row["val_l1_accuracy"])
        for row in read_card(model)["training"]["epochs"]
    ]
