"""What is refused before anything is scored: folds, priors and position scores that do not fit each other.

The matrix of chains on one gold set: rows, metrics, verdict, report, each from the file before it.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import polars as pl

from asheard.corpora.coarsening import coarsen_utterances, coarsening_of
from asheard.corpora.manifests import is_synthetic
from asheard.corpora.records import Utterance
from asheard.corpora.table import read_gold
from asheard.corpora.transcripts import read_transcripts
from asheard.errors import CorpusError
from asheard.evaluation.bootstrap import LEVEL, NUM_RESAMPLES, Resampled, resample
from asheard.evaluation.context import SYNTHETIC_NOTE, Context, read_context, write_context
from asheard.evaluation.decision import Verdict, decide
from asheard.evaluation.expert_scores import SCORES, not_ranked, scheme_for, scheme_of
from asheard.evaluation.metrics import LABELS, Scheme, summarise
from asheard.evaluation.report.document import results_text, signature
from asheard.evaluation.report.figures import write_figures
from asheard.evaluation.systems import (
    CHAINS,
    COPY_CANONICAL,
    FAITHFUL,
    L1_ENCODER_UNKNOWN,
    L1_PRIOR,
    ChainRun,
    Fold,
    behind_prior,
    coarse_run,
    copy_canonical,
    match_predictions,
    split_seed,
)
from asheard.evaluation.tokens import OPTIONAL, SCHEMA, token_rows
from asheard.evaluation.warnings import label_exclusions, label_warnings, score_exclusions, score_warnings
from asheard.io.files import make_folder, read_json, whole_file, write_json
from asheard.phones import Vectors, load_vectors
from asheard.prior import load_prior, rows_of, typical_substitutions


def check_folds(folds: Sequence[Fold]) -> None:
    """See that folds share chains, seeds and priors, but no utterance, and that seeds agree in scoring positions.

    Raises:
        CorpusError: naming what does not.
    """
    if not folds:
        raise CorpusError("nothing to evaluate: no folds were given")
    names = [[(run.name, run.prior is None) for run in fold.runs] for fold in folds]
    for number, of_fold in enumerate(names[1:], start=2):
        if sorted(of_fold) != sorted(names[0]):
            odd = sorted(name for name, _ in set(of_fold) ^ set(names[0]))
            raise CorpusError(f"folds 1 and {number} differ in {odd[0]}: run the same chains, seeds and priors in each")
    tested = Counter(utterance.key for fold in folds for utterance in {row.key: row for row in fold.gold}.values())
    twice = [f"{speaker}/{utt}" for (speaker, utt), number in tested.items() if number > 1]
    if twice:
        raise CorpusError(f"{len(twice)} utterances are tested in two folds, {twice[0]} first; test each once")
    scores = {(run.chain, run.scores_positions) for fold in folds for run in fold.runs}
    if mixed := sorted(chain for chain, scores_positions in scores if scores_positions and (chain, False) in scores):
        raise CorpusError(
            f"chain {mixed[0]}: some of its seeds or folds have position_scores and others have none; give all or none"
        )


def check_priors(runs: Sequence[ChainRun], vectors: Vectors) -> None:
    """See that priors are there where a chain is named after one, and fitted with the threshold in use.

    Raises:
        CorpusError: naming the run.
    """
    for run in runs:
        if run.prior is None and run.chain == L1_PRIOR:
            raise CorpusError(
                f"{run.name}: no prior stands behind it; give the run its prior (`asheard evaluate --chain "
                f"{FAITHFUL}=FILE --prior FILE --with-prior {FAITHFUL}` adds this chain)"
            )
        if run.prior is not None and run.prior.threshold != vectors.threshold:
            raise CorpusError(
                f"{run.name}: its prior was fitted with threshold {run.prior.threshold:g}, the vectors say "
                f"{vectors.threshold:g}; fit it again with the same vectors, or chains cannot be compared"
            )


ROWS_FILE = "rows.parquet"
UTTERANCES_FILE = "utterances.parquet"
METRICS_FILE = "metrics.json"
CONTEXT_FILE = "context.json"
VERDICT_FILE = "verdict.json"
RESULTS_FILE = "RESULTS.md"
PLOTS_FOLDER = "plots"
EVALUATION_FILES = (ROWS_FILE, UTTERANCES_FILE, METRICS_FILE, CONTEXT_FILE)

_METRICS_KEYS = {"signature", "design", "chains", "copy_canonical", "differences", "remarks", "set_apart"}


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Token rows, and the metrics counted on them as `metrics.json` holds them."""

    rows: pl.DataFrame
    metrics: dict[str, Any]

    @property
    def verdict(self) -> Verdict | None:
        """What the numbers decide; None if one of the four chains is missing or the gold has only expert scores."""
        return decide(self.metrics) if scheme_of(self.metrics) is LABELS else None


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
) -> Evaluation:
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
        CorpusError: a file is missing or broken, predictions do not match the gold, or `prior` and `with_prior` do not
            fit each other or the chains.
    """
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


def evaluate_runs(
    gold: Sequence[Utterance],
    runs: Sequence[ChainRun],
    *,
    out: Path | str,
    context: Context,
    training: Sequence[Utterance] = (),
    vectors: Vectors | None = None,
    allow_missing: bool = False,
) -> Evaluation:
    """Score every chain and seed on the same utterances.

    Args, Returns and Raises: as of `evaluate_folds`, with the one `Fold` of `gold`, `runs` and `training`.
    """
    fold = Fold(gold=gold, runs=runs, training=training)
    return evaluate_folds([fold], out=out, context=context, vectors=vectors, allow_missing=allow_missing)


def evaluate_folds(
    folds: Sequence[Fold],
    *,
    out: Path | str,
    context: Context,
    vectors: Vectors | None = None,
    allow_missing: bool = False,
) -> Evaluation:
    """Score every chain and seed on the test utterances of all folds together.

    Writes `rows.parquet`, `utterances.parquet`, `metrics.json` and `context.json` into `out`; `write_report`
    makes the rest.
    What is measured depends on what the gold says: which phones were said, or how right they were (docs/metrics.md).

    Args:
        folds: the same chains and seeds in each, and no utterance in two.
        out: folder to write into; made if missing.
        context: what the report says beside the numbers.
        vectors: distances and threshold; None takes the bundled ones.
        allow_missing: score what all chains of a fold have, and count the rest (see `match_predictions`).
    Returns:
        The token rows and the metrics, as written.
    Raises:
        CorpusError: predictions do not match the gold, folds do not match each other, a prior was fitted with another
            threshold, the chain that is named after its prior has none, or no chain is left that the gold can rank.
    """
    out, vectors = make_folder(out), vectors or load_vectors()
    check_folds(folds)
    scheme = scheme_for([utterance for fold in folds for utterance in fold.gold])
    aside = _step_aside(folds) if scheme is SCORES else {}
    folds = [replace(fold, runs=[run for run in fold.runs if run.chain not in aside]) for fold in folds]
    left_out: Counter[str] = Counter()
    covered = []
    for fold in folds:
        check_priors(fold.runs, vectors)
        gold, runs, counts = match_predictions(fold.gold, fold.runs, allow_missing=allow_missing)
        covered.append(replace(fold, gold=gold, runs=[*runs, copy_canonical(gold)]))
        left_out.update(counts)
    gold = [utterance for fold in covered for utterance in fold.gold]
    merges = coarsening_of(gold)
    tables = [_tables(fold, vectors, merges, scheme) for fold in covered]
    rows, utterances = (pl.concat(parts) for parts in zip(*tables, strict=True))
    pooled = resample(utterances, rows, scheme)
    chains = _with_intervals(summarise(rows, utterances, scheme), pooled, utterances, rows, scheme)
    rows, utterances = (table.filter(pl.col("chain") != COPY_CANONICAL) for table in (rows, utterances))
    metrics = {
        "signature": signature(
            context,
            runs=[run for fold in folds for run in fold.runs],
            vectors=vectors,
            merges=merges,
            num_utterances=len(gold),
            num_training_speakers=[len({utterance.speaker for utterance in fold.training}) for fold in folds],
            only_scores=scheme is SCORES,
        ),
        "design": {
            "num_folds": len(folds),
            "speakers": _speakers_by_l1(gold),
            "num_resamples": NUM_RESAMPLES,
            "level": LEVEL,
        },
        "copy_canonical": chains.pop(COPY_CANONICAL),
        "chains": chains,
        "differences": pooled.differences(_compared(chains), scheme.compared),
        "remarks": list(label_warnings(covered, merges) if scheme is LABELS else score_warnings(covered, merges)),
        "set_apart": {**left_out, **(label_exclusions(gold) if scheme is LABELS else score_exclusions(gold))},
    }
    if scheme is SCORES:
        metrics |= {"gold": "scores", "aside": aside}
    _write_tables(out, rows, utterances)
    write_json(out / METRICS_FILE, metrics)
    write_context(out / CONTEXT_FILE, context)
    return Evaluation(rows, metrics)


def write_report(out: Path | str) -> Verdict | None:
    """Write `verdict.json`, `RESULTS.md` and `plots/` from what `evaluate` left in `out`.

    Returns:
        The verdict; None, and no `verdict.json`, where one of the four chains is missing or the gold has only scores.
    Raises:
        CorpusError: a file is missing or is not ours.
    """
    out = Path(out)
    metrics, context = read_metrics(out), read_context(out / CONTEXT_FILE)
    rows = _read_rows(out / ROWS_FILE)
    verdict = decide(metrics) if scheme_of(metrics) is LABELS else None
    if verdict is None:
        (out / VERDICT_FILE).unlink(missing_ok=True)
    else:
        write_json(out / VERDICT_FILE, asdict(verdict))
    write_figures(out / PLOTS_FOLDER, rows, metrics)
    with whole_file(out / RESULTS_FILE) as part:
        part.write_text(results_text(rows, metrics, context, verdict, PLOTS_FOLDER), encoding="utf-8")
    return verdict


def read_metrics(out: Path | str) -> dict[str, Any]:
    """Read the `metrics.json` that `evaluate` left in `out`.

    Raises:
        CorpusError: the file is missing or is not ours.
    """
    path = Path(out) / METRICS_FILE
    metrics = read_json(path)
    if not isinstance(metrics, dict) or not metrics.keys() >= _METRICS_KEYS:
        raise CorpusError(f"{path}: not the metrics of an evaluation; run `asheard evaluate` again")
    return metrics


def _step_aside(folds: Sequence[Fold]) -> dict[str, str]:
    """The chains that the gold, which has only scores, cannot rank, and why; some must be left."""
    runs = [run for fold in folds for run in fold.runs]
    aside = not_ranked(runs, {utterance.l1 for fold in folds for utterance in fold.gold})
    if runs and all(run.chain in aside for run in runs):
        reasons = "; ".join(f"{chain}: {reason}" for chain, reason in aside.items())
        raise CorpusError(
            f"nothing to rank: the gold has scores alone, and every chain steps aside ({reasons}); add a chain that "
            "needs no first language, or gold that says which phones were said"
        )
    return aside


def _tables(
    fold: Fold, vectors: Vectors, merges: Mapping[str, str], scheme: Scheme
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Token rows and utterance rows of a fold."""
    runs = [coarse_run(run, merges) for run in fold.runs]
    typical = typical_substitutions(rows_of(coarsen_utterances(fold.training, merges)))
    rows = token_rows(fold.gold, runs, vectors=vectors, typical=typical)
    return rows, scheme.count(fold.gold, runs, rows)


def _write_tables(out: Path, rows: pl.DataFrame, utterances: pl.DataFrame) -> None:
    known = rows.drop([name for name in OPTIONAL if rows[name].null_count() == rows.height])
    for name, table in ((ROWS_FILE, known), (UTTERANCES_FILE, utterances)):
        with whole_file(out / name) as part:
            table.write_parquet(part)


def _with_intervals(
    chains: dict[str, Any], pooled: Resampled, utterances: pl.DataFrame, rows: pl.DataFrame, scheme: Scheme
) -> dict[str, Any]:
    of_all = pooled.intervals()
    by_l1 = {
        l1: resample(group, rows.filter(l1=l1) if scheme.by_l1 else None, scheme).intervals()
        for (l1,), group in utterances.group_by("l1", maintain_order=True)
    }
    return {
        chain: summary
        | {"intervals": {"pooled": of_all[chain], "per_l1": {l1: by_l1[l1][chain] for l1 in summary["per_l1"]}}}
        for chain, summary in chains.items()
    }


def _compared(chains: Mapping[str, Any]) -> list[str]:
    """The chains that are ranked, ours in their own order and before the others."""
    ours = [chain for chain in CHAINS if chain in chains]
    return ours + [chain for chain in chains if chain not in (*CHAINS, L1_ENCODER_UNKNOWN)]


def _speakers_by_l1(gold: Sequence[Utterance]) -> dict[str, list[str]]:
    l1s = {row.speaker: row.l1 for row in sorted(gold, key=lambda row: (row.l1, row.speaker))}
    return {l1: [speaker for speaker in l1s if l1s[speaker] == l1] for l1 in l1s.values()}


def _read_rows(path: Path) -> pl.DataFrame:
    try:
        rows = pl.read_parquet(path)
    except FileNotFoundError:
        raise CorpusError(f"{path}: no such file; run `asheard evaluate` first") from None
    except pl.exceptions.ComputeError as error:
        raise CorpusError(f"{path}: not a Parquet file ({error}); run `asheard evaluate` again") from None
    rows = rows.with_columns(pl.lit(None, SCHEMA[name]).alias(name) for name in OPTIONAL if name not in rows.columns)
    if dict(rows.schema) != SCHEMA:
        raise CorpusError(f"{path}: not the token rows of this version; run `asheard evaluate` again")
    return rows
