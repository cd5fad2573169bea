"""The study: corpus, manifests, prior, training, calibration, transcription, evaluation, report, in this order.

Each stage is skipped if its inputs are unchanged and its outputs are whole. A killed study resumes where it stopped.
Importing this module needs no package of the extra `train`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from types import NoneType
from typing import TYPE_CHECKING, Final

from asheard.corpora.l2arctic import read_speakers
from asheard.corpora.splits import rotate
from asheard.corpora.synthetic import embedded_plan, synthesise
from asheard.errors import AsHeardError, check_type, optional_package
from asheard.io.digests import content_digest, folder_states_digest
from asheard.io.locks import locked_folder
from asheard.io.resume import StageCache, claim_folder
from asheard.phones import load_vectors
from asheard.recognition.registry import EMBEDDED_BASE

if TYPE_CHECKING:
    from asheard.evaluation import Verdict
    from asheard.remote.executors import Executor


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyPreset:
    """Size of a study.

    training: preset of the training recipes. num_per_speaker: sentences of each synthetic speaker. pilot: steps of the
    pilot run that each recipe must pass with the first seed before the training; 0 for no pilot.
    """

    training: str
    num_per_speaker: int
    pilot: int


STUDY_PRESETS: Final = {
    "quick": StudyPreset(training="quick", num_per_speaker=8, pilot=0),
    "embedded": StudyPreset(training="embedded", num_per_speaker=60, pilot=100),
    "full": StudyPreset(training="full", num_per_speaker=60, pilot=200),
}


def study(
    out: Path | str,
    *,
    corpus: Path | str | None = None,
    base: str | None = None,
    seeds: Sequence[int] = (1, 2),
    folds: int = 1,
    preset: str | None = None,
    vectors_file: Path | str | None = None,
    executor: "Executor | None" = None,
    announce: Callable[[str, bool], None] = lambda stage, skipped: None,
) -> "Verdict | None":
    """Train the chains, compare them on speakers that no model was trained on, and write the verdict and RESULTS.md.

    Finished stages are skipped, so the same call resumes a killed study.

    Args:
        out: folder for everything that the study makes.
        corpus: folder of L2-ARCTIC, or of a corpus with the same layout. None renders the embedded corpus.
        base: recogniser to start from, hub id or folder. Default: the embedded base for the embedded corpus, otherwise
            wav2vec2-lv-60-espeak-cv-ft.
        seeds: of training. Every chain runs with each seed.
        folds: number of trainings, each with another speaker of each L1 held out. All folds are evaluated together.
            1 holds out the test speakers of the corpus.
        preset: quick, embedded or full. Default: embedded for the embedded corpus, otherwise full.
        vectors_file: CSV of phone vectors. Default: those of the package.
        executor: trains the models (`asheard.remote`). Default: on this machine.
        announce: called with (stage, skipped) before each stage.
    Returns:
        The verdict; None if the chains that it compares are missing.
    Raises:
        ModelError: a package of the extra `train` is missing.
        AsHeardError: `out` holds a study with another configuration, or a stage failed. The subclass names the
            kind of input at fault. `OutputError` if another command runs a study in `out`.
        TypeError, ValueError: an argument has another type, the seeds are not different numbers of 0 or more, or there
            is no fold.
    """
    _check_arguments(out, corpus, base, seeds, folds, preset, vectors_file)
    optional_package("torch", "train")
    from asheard.evaluation import EVALUATION_FILES, evaluate_folds, write_report
    from asheard.evaluation.context import SYNTHETIC_NOTE
    from asheard.remote.executors import LocalExecutor
    from asheard.study_fold import FoldConfig, evaluate_fold, prepare_fold, study_context, train_folds
    from asheard.training import DEFAULT_BASE

    out, corpus = Path(out), corpus and Path(corpus)
    name = preset or ("full" if corpus else "embedded")
    if name not in STUDY_PRESETS:
        raise AsHeardError(f"no preset {name!r}; there are {', '.join(STUDY_PRESETS)}")
    size, vectors = STUDY_PRESETS[name], load_vectors(vectors_file)
    base = base or (DEFAULT_BASE if corpus else str(EMBEDDED_BASE))
    configuration = {"corpus": str(corpus.resolve()) if corpus else "embedded", "preset": name}
    with locked_folder(out):
        claim_folder(out / "study.json", configuration | {"base": content_digest(base), "folds": folds})
        stages = StageCache(out / ".stages", announce)

        wav_root = corpus or out / "corpus"
        if not corpus:
            plan = embedded_plan(num_per_speaker=size.num_per_speaker)
            stages.run("corpus", lambda: synthesise(wav_root, plan), inputs=[plan], outputs=[wav_root])
        speakers = read_speakers(wav_root)
        config = FoldConfig(
            wav_root=wav_root,
            recordings=folder_states_digest(wav_root),
            base=base,
            seeds=seeds,
            preset=size.training,
            pilot=size.pilot,
            vectors=vectors,
            audio_cache=out / "audio-16khz",
        )
        prepared = [
            prepare_fold(config, *_fold_places(out, folds, number, announce), test_speakers)
            for number, test_speakers in enumerate(rotate(speakers.l1s, speakers.test_speakers, folds), start=1)
        ]
        train_folds(prepared, executor or LocalExecutor())
        results = [evaluate_fold(fold) for fold in prepared]

        notes = (SYNTHETIC_NOTE,) if speakers.synthetic else ()
        embedded_name = "embedded" if name == "embedded" else f"embedded-{name}"
        context = study_context(results, results[0].corpus if corpus else embedded_name, base, notes)
        stages.run(
            "evaluate",
            lambda: evaluate_folds([result.fold for result in results], out=out, context=context, vectors=vectors),
            inputs=[context, vectors.digest, *(path for result in results for path in result.inputs), seeds],
            outputs=[out / file for file in EVALUATION_FILES],
        )
        announce("report", False)
        return write_report(out)


def _check_arguments(
    out: object, corpus: object, base: object, seeds: Sequence[int], folds: int, preset: object, vectors_file: object
) -> None:
    check_type("out", out, str, PathLike)
    for name, value in {"corpus": corpus, "base": base, "vectors_file": vectors_file}.items():
        check_type(name, value, str, PathLike, NoneType)
    check_type("preset", preset, str, NoneType)
    check_type("folds", folds, int)
    check_type("seeds", seeds, list, tuple, range)
    for seed in seeds:
        check_type("a seed", seed, int)
    if not seeds or len(set(seeds)) < len(seeds) or min(seeds) < 0:
        raise ValueError(f"seeds are {list(seeds)}; give different numbers of 0 or more")
    if folds < 1:
        raise ValueError(f"folds is {folds}; it must be 1 or more")


def _fold_places(out: Path, folds: int, number: int, announce: Callable[[str, bool], None]) -> tuple[Path, StageCache]:
    """The folder and the stages of a fold. A single fold has those of the study."""
    fold_dir = out if folds == 1 else out / f"fold{number}"

    def announce_stage(stage: str, skipped: bool) -> None:
        announce(stage if folds == 1 else f"fold {number}: {stage}", skipped)

    return fold_dir, StageCache(fold_dir / ".stages", announce_stage)
