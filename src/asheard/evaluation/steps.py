"""The steps of an evaluation: gold and predictions -> rows and metrics -> verdict, RESULTS.md and plots."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

import polars as pl

from asheard.corpora.chains import CHAINS, COPY_CANONICAL, L1_ENCODER_UNKNOWN
from asheard.corpora.coarsening import coarsen_utterances, coarsening_of
from asheard.corpora.records import Utterance
from asheard.errors import CorpusError
from asheard.evaluation.bootstrap import LEVEL, NUM_RESAMPLES, resample
from asheard.evaluation.context import Context, read_context, signature, write_context
from asheard.evaluation.decision import Verdict, decide
from asheard.evaluation.expert_scores import scheme_for
from asheard.evaluation.metrics import (
    ByGroup,
    ChainSummary,
    ConfidenceIntervals,
    Design,
    M,
    Measured,
    Metrics,
    Scheme,
    summarise,
)
from asheard.evaluation.metrics_json import metrics_from_json, metrics_to_json
from asheard.evaluation.report.document import write_results
from asheard.evaluation.runs import (
    ChainRun,
    Fold,
    check_folds,
    check_priors,
    coarse_run,
    copy_canonical,
    match_predictions,
)
from asheard.evaluation.tokens import OPTIONAL_COLUMNS, TOKEN_SCHEMA, token_rows
from asheard.io.files import make_folder, read_json, whole_file, write_json
from asheard.phones import Vectors, load_vectors
from asheard.prior import rows_of, typical_substitutions

ROWS_FILE: Final = "rows.parquet"
UTTERANCES_FILE: Final = "utterances.parquet"
METRICS_FILE: Final = "metrics.json"
CONTEXT_FILE: Final = "context.json"
VERDICT_FILE: Final = "verdict.json"
EVALUATION_FILES: Final = (ROWS_FILE, UTTERANCES_FILE, METRICS_FILE, CONTEXT_FILE)


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Token rows, and the metrics counted on them."""

    rows: pl.DataFrame
    metrics: Metrics[Any]

    @property
    def verdict(self) -> Verdict | None:
        """What the numbers decide; None if one of the four chains is missing or the gold has only expert scores."""
        return decide(self.metrics)


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

    Writes `rows.parquet`, `utterances.parquet`, `metrics.json` and `context.json` into `out`. `write_report` writes the
    other files. The kind of gold decides what is measured (docs/evaluation.md).

    Args:
        folds: the same chains and seeds in each, and no utterance in two.
        out: folder to write into; made if it is missing.
        context: what the report says beside the numbers.
        vectors: distances and threshold; None takes the bundled ones.
        allow_missing: score the utterances that all chains of a fold predict, and count the others.
    Returns:
        The token rows and the metrics, as written.
    Raises:
        CorpusError: predictions do not match the gold; folds do not match each other; a prior was fitted with another
            threshold; the chain that is named after its prior has none; the gold can rank none of the chains.
    """
    out, vectors = make_folder(out), vectors or load_vectors()
    check_folds(folds)
    scheme = scheme_for([utterance for fold in folds for utterance in fold.gold])
    not_ranked = _not_ranked(folds, scheme)
    folds = [replace(fold, runs=[run for run in fold.runs if run.chain not in not_ranked]) for fold in folds]
    excluded: Counter[str] = Counter()
    matched = []
    for fold in folds:
        check_priors(fold.runs, vectors)
        gold, runs, counts = match_predictions(fold.gold, fold.runs, allow_missing=allow_missing)
        matched.append(replace(fold, gold=gold, runs=[*runs, copy_canonical(gold)]))
        excluded.update(counts)
    gold = [utterance for fold in matched for utterance in fold.gold]
    coarsening = coarsening_of(gold)
    tables = [_tables(fold, vectors, coarsening, scheme) for fold in matched]
    rows, utterances = (pl.concat(parts) for parts in zip(*tables, strict=True))
    pooled = resample(utterances, rows, scheme)
    chains = _summaries(summarise(rows, utterances, scheme), pooled.intervals(), utterances, rows, scheme)
    copied = chains.pop(COPY_CANONICAL)
    rows, utterances = (table.filter(pl.col("chain") != COPY_CANONICAL) for table in (rows, utterances))
    metrics = Metrics(
        signature=signature(
            context,
            runs=[run for fold in folds for run in fold.runs],
            vectors=vectors,
            coarsening=coarsening,
            num_utterances=len(gold),
            num_training_speakers=[len({utterance.speaker for utterance in fold.training}) for fold in folds],
            scheme_fields=scheme.signature_fields,
        ),
        design=Design(num_folds=len(folds), speakers=_speakers_by_l1(gold), num_resamples=NUM_RESAMPLES, level=LEVEL),
        copy_canonical=copied,
        chains=chains,
        differences=tuple(pooled.differences(_compared(chains), scheme.compared)),
        warnings=tuple(scheme.warnings(matched, coarsening)),
        excluded={**excluded, **scheme.excluded(gold)},
        scheme=scheme,
        not_ranked=not_ranked,
    )
    _write_tables(out, rows, utterances)
    write_json(out / METRICS_FILE, metrics_to_json(metrics))
    write_context(out / CONTEXT_FILE, context)
    return Evaluation(rows, metrics)


def write_report(out: Path | str) -> Verdict | None:
    """Write `verdict.json`, `RESULTS.md`, `plots/` and the CSV files from the files of an evaluation in `out`.

    Returns:
        The verdict. None, and no `verdict.json`, if one of the four chains is missing or the gold has only scores.
    Raises:
        CorpusError: a file is missing or broken.
    """
    out = Path(out)
    metrics, context = read_metrics(out), read_context(out / CONTEXT_FILE)
    rows = _read_rows(out / ROWS_FILE)
    verdict = decide(metrics)
    if verdict is None:
        (out / VERDICT_FILE).unlink(missing_ok=True)
    else:
        write_json(out / VERDICT_FILE, asdict(verdict))
    write_results(out, rows, metrics, context, verdict)
    return verdict


def read_metrics(out: Path | str) -> Metrics[Any]:
    """Read the `metrics.json` of an evaluation in `out`.

    Raises:
        CorpusError: the file is missing or holds something else.
    """
    path = Path(out) / METRICS_FILE
    value = read_json(path)
    try:
        return metrics_from_json(value)
    except (AttributeError, KeyError, TypeError, ValueError, CorpusError) as error:
        reason = error if isinstance(error, CorpusError) else f"{type(error).__name__} {error}"
        raise CorpusError(
            f"{path}: not the metrics of an evaluation ({reason}); run `asheard evaluate` again"
        ) from None


def _not_ranked(folds: Sequence[Fold], scheme: Scheme[M]) -> dict[str, str]:
    """The chains that the gold cannot rank, and why. At least one chain must be left."""
    runs = [run for fold in folds for run in fold.runs]
    excluded = scheme.not_ranked(runs, {utterance.l1 for fold in folds for utterance in fold.gold})
    if runs and all(run.chain in excluded for run in runs):
        reasons = "; ".join(f"{chain}: {reason}" for chain, reason in excluded.items())
        raise CorpusError(
            f"nothing to rank: the gold has only expert scores, which rank none of the chains ({reasons}); add a chain "
            "that needs no first language, or gold that says which phones were said"
        )
    return excluded


def _tables(
    fold: Fold, vectors: Vectors, coarsening: Mapping[str, str], scheme: Scheme[M]
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Token rows and utterance rows of a fold."""
    runs = [coarse_run(run, coarsening) for run in fold.runs]
    typical = typical_substitutions(rows_of(coarsen_utterances(fold.training, coarsening)))
    rows = token_rows(fold.gold, runs, vectors=vectors, typical=typical)
    return rows, scheme.count(fold.gold, runs, rows)


def _write_tables(out: Path, rows: pl.DataFrame, utterances: pl.DataFrame) -> None:
    known = rows.drop([name for name in OPTIONAL_COLUMNS if rows[name].null_count() == rows.height])
    for name, table in ((ROWS_FILE, known), (UTTERANCES_FILE, utterances)):
        with whole_file(out / name) as part:
            table.write_parquet(part)


def _summaries(
    measured: Mapping[str, Measured[M]],
    pooled: Mapping[str, ConfidenceIntervals[M]],
    utterances: pl.DataFrame,
    rows: pl.DataFrame,
    scheme: Scheme[M],
) -> dict[str, ChainSummary[M]]:
    """Add the intervals of each first language."""
    by_l1 = {
        l1: resample(group, rows.filter(l1=l1) if scheme.statistics_by_l1 else None, scheme).intervals()
        for (l1,), group in utterances.group_by("l1", maintain_order=True)
    }
    return {
        chain: ChainSummary(
            pooled=numbers.pooled,
            per_l1=numbers.per_l1,
            per_seed=numbers.per_seed,
            spread=numbers.spread,
            intervals=ByGroup(pooled[chain], {l1: by_l1[l1][chain] for l1 in numbers.per_l1}),
        )
        for chain, numbers in measured.items()
    }


def _compared(chains: Mapping[str, Any]) -> list[str]:
    """The ranked chains: CHAINS in their order, then the others."""
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
    rows = rows.with_columns(
        pl.lit(None, TOKEN_SCHEMA[name]).alias(name) for name in OPTIONAL_COLUMNS if name not in rows.columns
    )
    if dict(rows.schema) != TOKEN_SCHEMA:
        raise CorpusError(f"{path}: not the token rows of this version; run `asheard evaluate` again")
    return rows
