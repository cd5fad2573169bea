"""The whole study, stage by stage: from a corpus to RESULTS.md."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Final

from asheard.corpora.l2arctic import read_roster
from asheard.corpora.splits import rotate
from asheard.corpora.synthetic import embedded_plan, synthesise
from asheard.errors import AsHeardError
from asheard.evaluation import EVALUATION_FILES, Context, Verdict, evaluate_folds, report
from asheard.evaluation.context import SYNTHETIC_NOTE
from asheard.files import content_digest, read_json, write_json
from asheard.fold import Setting, conclude_fold, prepare_fold
from asheard.models import EMBEDDED_BASE
from asheard.phones import load_vectors
from asheard.pods import Executor, Local
from asheard.stages import Stages, listing
from asheard.training import DEFAULT_BASE


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
    _claim(out, {"corpus": place, "preset": name, "base": content_digest(base), "folds": folds})
    wav_root, stages = corpus or out / "corpus", Stages(out / ".stages", announce)

    if corpus is None:
        plan = embedded_plan(num_per_speaker=size.num_per_speaker)
        stages.run("corpus", lambda: synthesise(wav_root, plan), inputs=[plan], outputs=[wav_root])
    roster = read_roster(wav_root)
    setting = Setting(
        wav_root=wav_root,
        recordings=listing(wav_root),
        base=base,
        seeds=seeds,
        training=size.training,
        pilot=size.pilot,
        vectors=vectors,
        cache=out / "audio-16khz",
    )

    prepared = []
    for number, held_out in enumerate(rotate(roster.l1s, roster.test_speakers, folds), start=1):
        home = out if folds == 1 else out / f"fold{number}"
        say = announce if folds == 1 else partial(_announce_fold, announce, number)
        prepared.append(prepare_fold(setting, home, held_out, Stages(home / ".stages", say)))
    training = [begun for fold in prepared for begun in fold.begin_training()]
    (executor or Local()).train([options for options, _ in training])
    for _, stage in training:
        stage.end()
    results = [conclude_fold(fold) for fold in prepared]

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
    return report(out)


def _announce_fold(announce: Callable[[str, bool], None], number: int, stage: str, skipped: bool) -> None:
    announce(f"fold {number}: {stage}", skipped)


def _claim(out: Path, configuration: dict[str, str | int]) -> None:
    """Keep one configuration to a folder, so that no study removes another's models."""
    path = out / "study.json"
    if not path.exists():
        write_json(path, configuration)
    elif (before := read_json(path)) != configuration:
        changes = "; ".join(
            f"{key} was {before.get(key)}, is {now}" for key, now in configuration.items() if before.get(key) != now
        )
        raise AsHeardError(f"{out} holds a study of another configuration ({changes}); use another --out")
