"""Read a finished study: its verdict, its report with plots and tables, and its models."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from asheard.corpora.l2arctic import read_speakers
from asheard.errors import CorpusError, ModelError
from asheard.io.files import read_json, read_text
from asheard.io.typed_json import value_from_json
from asheard.recognition.registry import ModelConfig

_KINDS: Final = {"faithful": "the faithful transcriber", "l1-aware": "the transcriber that knows the L1"}


@dataclass(frozen=True, slots=True)
class Study:
    """A finished study.

    Attributes:
        name: name of its folder.
        folder: its path.
        go: whether the faithful transcriber is a GO.
        l1: where the verdict puts the L1: encoder, scorer, both or nowhere.
        reasons: sentences of the verdict.
        synthetic: whether its speakers are synthetic.
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
        speech = "synthetic speech" if self.synthetic else "its corpus"
        answer = "GO" if self.go else "NO-GO"
        return f"On {speech} the faithful transcriber is a {answer}, and the L1 should live in: {self.l1}."

    @property
    def markdown(self) -> str:
        """The report, RESULTS.md."""
        return read_text(self.folder / "RESULTS.md")

    @property
    def plots(self) -> dict[str, Path]:
        """File name -> plot."""
        return self._files("plots/*.png")

    @property
    def tables(self) -> dict[str, Path]:
        """File name -> CSV file that the report links."""
        return self._files("*.csv")

    def _files(self, pattern: str) -> dict[str, Path]:
        """Find files of the study; a link that leads out of its folder is none."""
        root = self.folder.resolve()
        return {path.name: path for path in sorted(root.glob(pattern)) if path.resolve().is_relative_to(root)}


def read_study(folder: Path) -> Study:
    """Read a finished study.

    Raises:
        ModelError: the folder holds no study, or one without a verdict.
    """
    try:
        verdict = read_json(folder / "verdict.json")
        corpus = read_json(folder / "study.json")["corpus"]
        read_text(folder / "RESULTS.md")
        synthetic = corpus == "embedded" or _is_synthetic(Path(corpus))
        name = folder.resolve().name
        reasons = value_from_json(tuple[str, ...], verdict["reasons"], "verdict.json: field 'reasons'")
        return Study(name, folder, verdict["faithful"] == "GO", str(verdict["l1"]), reasons, synthetic)
    except (CorpusError, KeyError, TypeError, ValueError) as error:
        raise ModelError(f"{folder}: no finished study ({error}); run `asheard study --out {folder}`") from None


def study_models(study: Study) -> list[ModelConfig]:
    """Return the models of a study that trained once (`--folds 1`), each with its calibration and the study's prior.

    The prior is used for these models only if the verdict puts the L1 into the scorer.
    """
    limitations = ["Trained and evaluated on synthetic speech, which proves nothing about people."] * study.synthetic
    configs = []
    for folder in sorted(study.folder.glob("models/*/final")):
        kind, _, seed = folder.parent.name.partition("-seed")
        if kind not in _KINDS:
            continue
        calibration = study.folder / "calibrations" / f"gop-seed{seed}.json"
        configs.append(
            ModelConfig(
                name=f"{study.name}/{folder.parent.name}",
                kind="study",
                model=str(folder),
                trained_on=f"the training speakers of the study {study.name}: {_KINDS[kind]}, seed {seed}",
                coverage="Synthetic speech." if study.synthetic else "Speech like that of its corpus.",
                limitations=(*limitations, study.sentence),
                calibration=calibration if kind == "faithful" and calibration.is_file() else None,
                prior=study.folder / "prior.json",
                use_prior=study.l1 in ("scorer", "both"),
                prior_reason=f"the verdict of the study {study.name} puts the L1 in: {study.l1}",
            )
        )
    return configs


def _is_synthetic(corpus: Path) -> bool:
    """Whether the speakers of a corpus are marked as synthetic. A corpus that is not on disk counts as real."""
    return corpus.is_dir() and read_speakers(corpus).synthetic
