"""The whole study, stage by stage: from a corpus to RESULTS.md."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final, Literal

from asheard.corpora import build_l2arctic, read_manifest, read_predictions
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
from asheard.evaluation.context import Epoch
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
    "embedded": StudyPreset(training="embedded", num_per_speaker=70, pilot=30),
    "full": StudyPreset(training="full", num_per_speaker=70, pilot=200),
}
SYNTHETIC_NOTE: Final = (
    "The embedded corpus is synthetic: eSpeak NG speaks, and the errors are drawn from counts of real learners' errors. "
    "These numbers show that the study runs; they prove nothing about people."
)
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
        AsHeardError: of the kind of whatever is at fault.
    """
    name = preset or ("embedded" if corpus is None else "full")
    if name not in PRESETS:
        raise AsHeardError(f"no preset {name!r}; there are {', '.join(PRESETS)}")
    size, vectors = PRESETS[name], load_vectors(vectors_file)
    base = base or (str(EMBEDDED_BASE) if corpus is None else DEFAULT_BASE)
    wav_root, manifests, predictions = corpus or out / "corpus", out / "manifests", out / "predictions"
    train_rows, val_rows, test_rows = (manifests / f"{split}.jsonl" for split in ("train", "val", "test"))
    cache = out / "audio-16khz"
    stages = Stages(out / ".stages", announce)

    if corpus is None:
        plan = embedded_plan(num_per_speaker=size.num_per_speaker)
        stages.run("corpus", lambda: synthesise(wav_root, plan), inputs=[plan], outputs=[wav_root])

    def build() -> None:
        build_l2arctic(wav_root, manifests)
        refuse_problems(check_corpus(manifests, wav_root=wav_root))

    stages.run("manifests", build, inputs=[listing(wav_root)], outputs=[train_rows, val_rows, test_rows])

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
            inputs = [options.fingerprint(), listing(wav_root)]
            stages.run(f"train {kind} seed {seed}", partial(train, options), inputs=inputs, outputs=[options.final])
            models[chain, seed] = options.final

    written: dict[tuple[str, int], Path] = {}

    def write_down(chain: str, seed: int, model: str | Path, l1: Literal["declared", "unknown"] = "declared") -> None:
        path = written[chain, seed] = predictions / f"{chain}-seed{seed}.jsonl"
        do = partial(transcribe, model, test_rows, wav_root, path, chain=chain, l1=l1, audio_cache=cache)
        source = Path(model) if Path(model).exists() else model
        stages.run(f"transcribe {chain} seed {seed}", do, inputs=[source, test_rows, l1], outputs=[path])

    for seed in seeds:
        write_down(OFF_THE_SHELF, seed, base)
        write_down(FAITHFUL, seed, models[FAITHFUL, seed])
        write_down(L1_ENCODER, seed, models[L1_ENCODER, seed])
        write_down(L1_ENCODER_UNKNOWN, seed, models[L1_ENCODER, seed], l1="unknown")

    built = read_build_report(manifests)
    context = Context(
        corpus=f"embedded-{name}" if corpus is None else built.corpus,
        split="last-speaker-of-each-l1",
        base=Path(base).name,
        notes=(SYNTHETIC_NOTE,) if corpus is None else (),
        excluded={reason: len(items) for reason, items in built.excluded.items()},
        p_min=p_min_choice,
        validation=tuple(epoch for key, model in models.items() for epoch in _epochs(*key, model)),
    )

    def rank() -> None:
        heard = {key: read_predictions(path) for key, path in written.items()}
        runs = [ChainRun(chain=chain, seed=seed, predictions=rows) for (chain, seed), rows in heard.items()]
        runs += [ChainRun(chain=L1_PRIOR, seed=seed, predictions=heard[FAITHFUL, seed], prior=prior) for seed in seeds]
        training = read_manifest(train_rows)
        evaluate(read_manifest(test_rows), runs, out=out, context=context, training=training, vectors=vectors)

    inputs = [context, vectors.digest, prior, train_rows, test_rows, *written.values()]
    stages.run("evaluate", rank, inputs=inputs, outputs=[out / "metrics.json", out / "rows.parquet"])
    announce("report", False)
    return report(out)


def _epochs(chain: str, seed: int, model: Path) -> list[Epoch]:
    """Validation of every epoch, from the model's card."""
    return [
        Epoch(chain=chain, seed=seed, epoch=row["epoch"], per=row["val_per"], l1_accuracy=row["val_l1_accuracy"])
        for row in read_card(model)["training"]["epochs"]
    ]
