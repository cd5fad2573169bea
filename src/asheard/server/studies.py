"""What `asheard study` left in a folder: its models as entries, its verdict, its tables and plots."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from asheard.errors import CorpusError, ModelError
from asheard.io.files import read_json, read_text
from asheard.recognition.registry import ModelConfig

_KINDS: Final = {"faithful": "the faithful transcriber", "l1-aware": "the transcriber that knows the L1"}


@dataclass(frozen=True, slots=True)
class Study:
    """One study.

    name: its folder's. go: whether the faithful transcriber is worth it. l1: where the verdict puts the L1 (encoder,
    scorer, both, nowhere). reasons: the verdict's sentences. synthetic: whether its speakers are.
    """

    name: str
    folder: Path
    go: bool
    l1: str
    reasons: tuple[str, ...]
    synthetic: bool

    @property
    def sentence(self) -> str:
        """The verdict in one sentence."""
        of = "synthetic speech" if self.synthetic else "its corpus"
        answer = "GO" if self.go else "NO-GO"
        return f"On {of} the faithful transcriber is a {answer}, and the L1 should live in: {self.l1}."

    @property
    def markdown(self) -> str:
        """RESULTS.md."""
        return read_text(self.folder / "RESULTS.md")

    @property
    def plots(self) -> dict[str, Path]:
        """File name -> the plot."""
        return {path.name: path for path in sorted((self.folder / "plots").glob("*.png"))}


def read_study(folder: Path) -> Study:
    """Read a finished study.

    Raises:
        ModelError: the folder holds none, or one without a verdict.
    """
    try:
        verdict = read_json(folder / "verdict.json")
        corpus = read_json(folder / "study.json")["corpus"]
        read_text(folder / "RESULTS.md")
        synthetic = corpus == "embedded" or _is_synthetic(Path(corpus))
        name = folder.resolve().name
        return Study(name, folder, verdict["faithful"] == "GO", verdict["l1"], tuple(verdict["reasons"]), synthetic)
    except (CorpusError, KeyError, TypeError) as error:
        raise ModelError(f"{folder}: no finished study ({error}); let `asheard study --out {folder}` end") from None


def study_models(study: Study) -> list[ModelConfig]:
    """The models of a study that trained once (`--folds 1`), with the calibration and the prior that belong to them.

    Its verdict decides whether the prior is on for them.
    """
    excuses = study.l1 in ("scorer", "both")
    limits = ["It was trained and judged on synthetic speech, which proves nothing about people."] * study.synthetic
    entries = []
    for folder in sorted(study.folder.glob("models/*/final")):
        kind, _, seed = folder.parent.name.partition("-seed")
        if kind not in _KINDS:
            continue
        calibration = study.folder / "calibrations" / f"gop-seed{seed}.json"
        entries.append(
            ModelConfig(
                name=f"{study.name}/{folder.parent.name}",
                kind="study",
                model=str(folder),
                trained_on=f"the training speakers of the study {study.name}: {_KINDS[kind]}, seed {seed}",
                coverage="Synthetic speech." if study.synthetic else "Speech like that of its corpus.",
                limitations=(*limits, study.sentence),
                calibration=calibration if kind == "faithful" and calibration.is_file() else None,
                prior=study.folder / "prior.json",
                use_prior=excuses,
                prior_reason=f"the verdict of the study {study.name} puts the L1 in: {study.l1}",
            )
        )
    return entries


def _is_synthetic(corpus: Path) -> bool:
    """A corpus that says so of its speakers; one that is gone from the disk is taken for real."""
    from asheard.corpora.l2arctic import read_speakers

    return corpus.is_dir() and read_speakers(corpus).synthetic
