"""The whole study, stage by stage: from a corpus to RESULTS.md."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final, Literal

from asheard.corpora import Prediction, build_l2arctic, read_manifest, read_predictions
from asheard.corpora.build import read_build_report
from asheard.corpora.checks import check_corpus, refuse_problems
from asheard.corpora.synthetic import embedded_plan, synthesise
from asheard.errors import AsHeardError
from asheard.evaluation import (
    FAITHFUL,
    L1_ENCODER,
    L1_ENCODER_UNKNOWN,
    L1_PRIOR,
    OFF_THE_SHELF,
    ChainRun,
    Context,
    Verdict,
    evaluate,
    report,
)
from asheard.evaluation.context import SYNTHETIC_NOTE, Epoch
from asheard.files import content_digest, read_json, write_json
from asheard.models import EMBEDDED_BASE, read_card
from asheard.phones import load_vectors
from asheard.prior import fit_prior
from asheard.stages import Stages, listing
from asheard.training import DEFAULT_BASE, faithful, l1_aware, train
from asheard.transcribe import transcribe


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
_RECIPES: Final[dict[str, tuple[str, Callable[..., Any]]]] = {
    "faithful": (FAITHFUL, faithful),
    "l1-aware": (L1_ENCODER, l1_aware),
}


def study(
    out: Path,
    *,
    corpus: Path | None = None,
    base: str | None = None,
    seeds: Sequence[int] = (1, 2),
    preset: str | None = None,
    vectors_file: Path | None = None,
    announce: Callable[[str, bool], None] = lambda name, skipped: None,
) -> Verdict | None:
    """Rank the four chains on held-out speakers; stages that are done are skipped.

    Args:
        out: folder for everything the study makes; the same call goes on there after a kill.
        corpus: L2-ARCTIC, or a corpus in its folders; None renders the embedded one.
        base: recogniser to start from, hub id or folder; by default the embedded base for the embedded corpus and
            wav2vec2-lv-60-espeak-cv-ft for any other.
        seeds: of training; every chain is run with each.
        preset: quick, embedded or full; by default embedded for the embedded corpus and full for any other.
        vectors_file: phone vectors in place of the bundled ones.
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
    _claim(out, {"corpus": place, "preset": name, "base": content_digest(base)})
    wav_root, manifests, predictions = corpus or out / "corpus", out / "manifests", out / "predictions"
    train_rows, val_rows, test_rows = (manifests / f"{split}.jsonl" for split in ("train", "val", "test"))
    cache = out / "audio-16khz"
    stages = Stages(out / ".stages", announce)

    if corpus is None:
        plan = embedded_plan(num_per_speaker=size.num_per_speaker)
        stages.run("corpus", lambda: synthesise(wav_root, plan), inputs=[plan], outputs=[wav_root])
    recordings = listing(wav_root)
    stages.run("manifests", lambda: build_l2arctic(wav_root, manifests), inputs=[recordings], outputs=[manifests])
    checked = check_corpus(manifests, wav_root=wav_root)
    refuse_problems(checked)

    prior, p_min_choice = fit_prior(read_manifest(train_rows), vectors)
    prior.save(out / "prior.json")

    models: dict[tuple[str, int], Path] = {}
    for seed in seeds:
        for kind, (chain, recipe) in _RECIPES.items():
            options = recipe(
                train=train_rows,
                val=val_rows,
                wav_root=wav_root,
                checkpoint_dir=out / "models" / f"{kind}-seed{seed}",
                base=base,
                seed=seed,
                preset=size.training,
                pilot=size.pilot if seed == seeds[0] else 0,
                audio_cache=cache,
            )
            inputs, outputs = [options.fingerprint(), recordings], [options.checkpoint_dir]
            stages.run(f"train {kind} seed {seed}", partial(train, options), inputs=inputs, outputs=outputs)
            models[chain, seed] = options.final

    def write_down(name: str, model: str | Path, chain: str, l1: Literal["declared", "unknown"]) -> list[Prediction]:
        path = predictions / f"{name}.jsonl"
        do = partial(transcribe, model, test_rows, wav_root, path, chain=chain, l1=l1, audio_cache=cache)
        inputs = [content_digest(model), test_rows, recordings, l1]
        stages.run(f"transcribe {name}", do, inputs=inputs, outputs=[path])
        return read_predictions(path)

    runs = []
    off_the_shelf = write_down(OFF_THE_SHELF, base, OFF_THE_SHELF, "declared")
    for seed in seeds:
        faithful_rows = write_down(f"{FAITHFUL}-seed{seed}", models[FAITHFUL, seed], FAITHFUL, "declared")
        l1_model = models[L1_ENCODER, seed]
        told = write_down(f"{L1_ENCODER}-seed{seed}", l1_model, L1_ENCODER, "declared")
        untold = write_down(f"{L1_ENCODER_UNKNOWN}-seed{seed}", l1_model, L1_ENCODER_UNKNOWN, "unknown")
        runs += [
            ChainRun(chain=OFF_THE_SHELF, seed=seed, predictions=off_the_shelf),
            ChainRun(chain=FAITHFUL, seed=seed, predictions=faithful_rows),
            ChainRun(chain=L1_ENCODER, seed=seed, predictions=told),
            ChainRun(chain=L1_ENCODER_UNKNOWN, seed=seed, predictions=untold),
            ChainRun(chain=L1_PRIOR, seed=seed, predictions=faithful_rows, prior=prior),
        ]

    built = read_build_report(manifests)
    context = Context(
        corpus=f"embedded-{name}" if corpus is None else built.corpus,
        split="last-speaker-of-each-l1",
        base=Path(base).name,
        notes=(SYNTHETIC_NOTE,) if built.synthetic else (),
        excluded=checked.excluded | _left_out(models.values(), predictions),
        num_shared_prompts=len(checked.shared_prompts),
        num_sharing=checked.num_sharing,
        p_min=p_min_choice,
        validation=tuple(epoch for key, model in models.items() for epoch in _epochs(*key, model)),
    )
    training, test = read_manifest(train_rows), read_manifest(test_rows)
    stages.run(
        "evaluate",
        lambda: evaluate(test, runs, out=out, context=context, training=training, vectors=vectors),
        inputs=[context, vectors.digest, out / "prior.json", manifests, predictions, seeds],
        outputs=[out / "metrics.json", out / "rows.parquet", out / "context.json"],
    )
    announce("report", False)
    return report(out)


def _claim(out: Path, configuration: dict[str, str]) -> None:
    """Keep one configuration to a folder, so that no study removes another's models."""
    path = out / "study.json"
    if not path.exists():
        write_json(path, configuration)
    elif (before := read_json(path)) != configuration:
        changes = "; ".join(
            f"{key} was {before.get(key)}, is {now}" for key, now in configuration.items() if before.get(key) != now
        )
        raise AsHeardError(f"{out} holds a study of another configuration ({changes}); use another --out")


def _left_out(models: Iterable[Path], predictions: Path) -> dict[str, int]:
    """What training and transcription could not use: utterances by reason, and labels that are no phone."""
    counts: dict[str, int] = {}
    for model in models:
        for split, reasons in read_card(model)["training"]["excluded"].items():
            counts |= {f"{reason}, in {split}": len(names) for reason, names in reasons.items()}
    for path in predictions.glob("*.left-out.json"):
        counts |= {f"label {label} in {path.name.split('.')[0]}": count for label, count in read_json(path).items()}
    return counts


def _epochs(chain: str, seed: int, model: Path) -> list[Epoch]:
    """Validation of every epoch, from the model's card."""
    return [
        Epoch(chain=chain, seed=seed, epoch=row["epoch"], per=row["val_per"], l1_accuracy=row["val_l1_accuracy"])
        for row in read_card(model)["training"]["epochs"]
    ]
