"""One fold of a study: some speakers kept for testing, models trained without them, transcripts of them."""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final, Literal

from asheard.calibrate import calibrate, ratios_path
from asheard.corpora import Prediction, build_l2arctic, read_manifest, read_predictions
from asheard.corpora.build import read_build_report
from asheard.corpora.checks import CheckReport, check_corpus, refuse_problems
from asheard.evaluation import (
    FAITHFUL,
    GOP,
    GOP_PRIOR,
    L1_ENCODER,
    L1_ENCODER_UNKNOWN,
    L1_PRIOR,
    OFF_THE_SHELF,
    ChainRun,
    Epoch,
    Fold,
)
from asheard.files import content_digest, read_json
from asheard.gop_chain import Gop
from asheard.models import read_card
from asheard.phones import Vectors
from asheard.prior import PMinChoice, fit_prior, load_prior
from asheard.stages import Stage, Stages
from asheard.training import TrainingOptions, faithful, l1_aware
from asheard.transcribe import transcribe

_RECIPES: Final[dict[str, tuple[str, Callable[..., Any]]]] = {
    "faithful": (FAITHFUL, faithful),
    "l1-aware": (L1_ENCODER, l1_aware),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
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
class Prepared:
    """A fold that is ready to be trained. runs: the training of each chain's model with each seed."""

    setting: Setting
    out: Path
    stages: Stages
    checked: CheckReport
    p_min: PMinChoice
    runs: dict[tuple[str, int], TrainingOptions]

    def begin_training(self) -> list[tuple[TrainingOptions, Stage]]:
        """The runs that are still to be trained, each with its stage, which is to be ended after it."""
        begun = []
        for (_, seed), options in self.runs.items():
            inputs, outputs = [options.fingerprint(), self.setting.recordings], [options.checkpoint_dir]
            stage = self.stages.begin(f"train {options.kind} seed {seed}", inputs=inputs, outputs=outputs)
            if stage:
                begun.append((options, stage))
        return begun


def prepare_fold(setting: Setting, out: Path, test_speakers: Collection[str], stages: Stages) -> Prepared:
    """Build the manifests and fit the prior with some speakers held out; stages that are done are skipped.

    Args:
        setting: what all folds share.
        out: folder for the manifests, the prior, the models and their predictions.
        test_speakers: speakers nobody trains on.
        stages: of this fold alone.
    """
    manifests = out / "manifests"
    build = partial(build_l2arctic, setting.wav_root, manifests, test_speakers=test_speakers)
    stages.run("manifests", build, inputs=[setting.recordings, sorted(test_speakers)], outputs=[manifests])
    checked = check_corpus(manifests, wav_root=setting.wav_root)
    refuse_problems(checked)

    prior, p_min = fit_prior(read_manifest(manifests / "train.jsonl"), setting.vectors)
    prior.save(out / "prior.json")

    runs = {
        (chain, seed): recipe(
            train=manifests / "train.jsonl",
            val=manifests / "val.jsonl",
            wav_root=setting.wav_root,
            checkpoint_dir=out / "models" / f"{kind}-seed{seed}",
            base=setting.base,
            seed=seed,
            preset=setting.training,
            pilot=setting.pilot if seed == setting.seeds[0] else 0,
            audio_cache=setting.cache,
        )
        for seed in setting.seeds
        for kind, (chain, recipe) in _RECIPES.items()
    }
    return Prepared(setting=setting, out=out, stages=stages, checked=checked, p_min=p_min, runs=runs)


def conclude_fold(fold: Prepared) -> FoldResult:
    """Transcribe the held-out speakers with the trained models, and score them; stages that are done are skipped."""
    setting, out, stages = fold.setting, fold.out, fold.stages
    manifests, predictions, prior_file = out / "manifests", out / "predictions", out / "prior.json"
    train_rows, val_rows, test_rows = (manifests / f"{split}.jsonl" for split in ("train", "val", "test"))
    wav_root, recordings, cache = setting.wav_root, setting.recordings, setting.cache
    prior = load_prior(prior_file)
    models = {key: options.final for key, options in fold.runs.items()}

    def write_down(
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
        rows = write_down(name, model, chain, gop=Gop(calibration=path, prior=prior))
        return ChainRun(chain=chain, seed=seed, predictions=rows)

    runs = []
    off_the_shelf = write_down(OFF_THE_SHELF, setting.base, OFF_THE_SHELF)
    for seed in setting.seeds:
        faithful_model, l1_model = models[FAITHFUL, seed], models[L1_ENCODER, seed]
        faithful_rows = write_down(f"{FAITHFUL}-seed{seed}", faithful_model, FAITHFUL)
        told = write_down(f"{L1_ENCODER}-seed{seed}", l1_model, L1_ENCODER)
        untold = write_down(f"{L1_ENCODER_UNKNOWN}-seed{seed}", l1_model, L1_ENCODER_UNKNOWN, "unknown")
        runs += [
            ChainRun(chain=OFF_THE_SHELF, seed=seed, predictions=off_the_shelf),
            ChainRun(chain=FAITHFUL, seed=seed, predictions=faithful_rows),
            ChainRun(chain=L1_ENCODER, seed=seed, predictions=told),
            ChainRun(chain=L1_ENCODER_UNKNOWN, seed=seed, predictions=untold),
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
