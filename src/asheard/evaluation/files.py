"""Evaluate files: gold, transcripts, prior. Importing this module needs no package of the extra `evaluate`."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from os import PathLike
from pathlib import Path
from types import NoneType
from typing import TYPE_CHECKING

from asheard.corpora.chains import behind_prior, split_seed
from asheard.corpora.manifests import is_synthetic
from asheard.corpora.table import read_gold
from asheard.corpora.transcripts import read_transcripts
from asheard.errors import CorpusError, check_type, optional_package
from asheard.evaluation.context import SYNTHETIC_NOTE, Context
from asheard.evaluation.runs import ChainRun
from asheard.io.locks import locked_folder
from asheard.phones import load_vectors
from asheard.prior import load_prior

if TYPE_CHECKING:
    from asheard.evaluation.steps import Evaluation


def evaluate(
    gold: Path | str,
    chains: Mapping[str, Path | str],
    out: Path | str,
    *,
    train: Path | str | None = None,
    prior: Path | str | None = None,
    with_prior: Collection[str] = (),
    vectors: Path | str | None = None,
    allow_missing: bool = False,
) -> "Evaluation":
    """Compare transcripts with gold; write token rows, metrics, verdict, RESULTS.md and plots.

    A chain scored behind the prior is added beside the plain one as NAME+l1-prior (ft-l2-faithful as
    faithful+l1-prior, gop as gop-behind-l1-prior).

    Args:
        gold: manifest or table of the test utterances.
        chains: the transcripts of each chain: JSON Lines, CSV, CTM, a TextGrid or a folder of TextGrids. A chain is
            called NAME, or NAME@SEED if it was trained with several seeds.
        out: folder to write into; made if it is missing.
        train: manifest or table of training utterances; they say which substitutions are typical of an L1.
        prior: scoring prior (JSON) for the chains in `with_prior`.
        with_prior: names of chains to score once more, behind the prior.
        vectors: phone vectors (CSV); None takes the bundled ones.
        allow_missing: score the utterances that all chains predict, and count the others.
    Returns:
        The token rows and the metrics, as written.
    Raises:
        ModelError: a package of the extra `evaluate` is missing.
        CorpusError: a file is missing or broken, predictions do not match the gold, or `prior` and `with_prior` do not
            fit each other or the chains.
        OutputError: `out` cannot be written, or another command is writing it.
        TypeError: an argument has another type.
    """
    check_type("chains", chains, Mapping)
    check_type("with_prior", with_prior, list, tuple, set, frozenset)
    for name, path in {"gold": gold, "out": out, **chains}.items():
        check_type(name, path, str, PathLike)
    for name, file in {"train": train, "prior": prior, "vectors": vectors}.items():
        check_type(name, file, str, PathLike, NoneType)
    for package in ("polars", "scipy", "matplotlib"):
        optional_package(package, "evaluate")
    if not chains:
        raise CorpusError("no chains to evaluate; give the transcripts of at least one")
    from asheard.evaluation.steps import evaluate_runs, write_report

    named = [(*split_seed(name), Path(path)) for name, path in chains.items()]
    _check_with_prior({chain for chain, _, _ in named}, prior, with_prior)
    distances = load_vectors(vectors)
    utterances = read_gold(gold, distances)
    keys = [utterance.key for utterance in utterances]
    runs = [
        ChainRun(chain=chain, seed=seed, predictions=read_transcripts(path, chain, keys)) for chain, seed, path in named
    ]
    if prior is not None:
        scorer, plain = load_prior(Path(prior)), [run for run in runs if run.chain in with_prior]
        runs += [replace(run, chain=behind_prior(run.chain), prior=scorer) for run in plain]
    with locked_folder(Path(out)):
        evaluation = evaluate_runs(
            utterances,
            runs,
            out=out,
            context=Context(
                corpus=Path(gold).stem,
                split=f"{len({row.speaker for row in utterances})}speakers",
                notes=(SYNTHETIC_NOTE,) if is_synthetic(Path(gold)) else (),
            ),
            training=read_gold(train, distances) if train else (),
            vectors=distances,
            allow_missing=allow_missing,
        )
        write_report(out)
    return evaluation


def _check_with_prior(chains: Collection[str], prior: Path | str | None, with_prior: Collection[str]) -> None:
    if (prior is None) != (not with_prior):
        raise CorpusError("a prior and the chains to score with it go together; give both (--prior, --with-prior)")
    for name in with_prior:
        if name not in chains:
            raise CorpusError(f"no chain is called {name!r}; --with-prior takes {', '.join(sorted(chains))}")
