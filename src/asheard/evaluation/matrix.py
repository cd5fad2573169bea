"""The matrix of chains on one gold set: rows, metrics, verdict, report, each from the file before it."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import polars as pl

from asheard.corpora.records import Utterance
from asheard.errors import CorpusError
from asheard.evaluation.chains import FAITHFUL, L1_PRIOR, ChainRun
from asheard.evaluation.context import Context, read_context, write_context
from asheard.evaluation.merges import coarse_run, coarse_utterances, merges_of
from asheard.evaluation.metrics import summarise
from asheard.evaluation.plots import draw_plots
from asheard.evaluation.results import results_text
from asheard.evaluation.rows import SCHEMA, edit_rows, folds_together, token_rows
from asheard.evaluation.signature import signature
from asheard.evaluation.verdict import Verdict, decide
from asheard.files import read_json, whole_file, write_json
from asheard.phones import Vectors, load_vectors
from asheard.prior import rows_of, typical_substitutions

ROWS_FILE = "rows.parquet"
METRICS_FILE = "metrics.json"
CONTEXT_FILE = "context.json"
VERDICT_FILE = "verdict.json"
RESULTS_FILE = "RESULTS.md"
PLOTS_FOLDER = "plots"


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Token rows, and the metrics counted on them as `metrics.json` holds them."""

    rows: pl.DataFrame
    metrics: dict[str, Any]


def evaluate(
    gold: Sequence[Utterance],
    runs: Sequence[ChainRun],
    *,
    out: Path | str,
    context: Context,
    training: Sequence[Utterance] = (),
    vectors: Vectors | None = None,
) -> Evaluation:
    """Score every chain and seed on the same utterances.

    Writes `rows.parquet`, `metrics.json` and `context.json` into `out`; `report` makes the rest from them.

    Args:
        gold: the test utterances.
        runs: chains and seeds; each predicts exactly the gold utterances.
        out: folder to write into; made if missing.
        context: what the report says beside the numbers.
        training: utterances of the training speakers, for what is L1-typical; without them nothing is.
        vectors: distances and threshold; None takes the bundled ones.
    Returns:
        The token rows and the metrics, as written.
    Raises:
        CorpusError: predictions do not match the gold, a prior was fitted with another threshold, or the chain that is
            named after its prior has none.
    """
    out, vectors = Path(out), vectors or load_vectors()
    _check_priors(runs, vectors)
    merges = merges_of(gold)
    runs = [coarse_run(run, merges) for run in runs]
    training = coarse_utterances(training, merges)
    typical = typical_substitutions(rows_of(training))
    rows = token_rows(gold, runs, vectors=vectors, typical=typical)
    metrics = {
        "signature": signature(
            context,
            runs=runs,
            vectors=vectors,
            merges=merges,
            num_training_speakers=len({utterance.speaker for utterance in training}),
        ),
        "chains": summarise(rows, edit_rows(gold, runs)),
        "remarks": _remarks(gold, training, merges),
        "set_apart": _set_apart(gold),
    }
    with whole_file(out / ROWS_FILE) as part:
        rows.write_parquet(part)
    write_json(out / METRICS_FILE, metrics)
    write_context(out / CONTEXT_FILE, context)
    return Evaluation(rows, metrics)


def report(out: Path | str) -> Verdict | None:
    """Write `verdict.json`, `RESULTS.md` and `plots/` from what `evaluate` left in `out`.

    Returns:
        The verdict; None, and no `verdict.json`, where one of the four chains is missing.
    Raises:
        CorpusError: a file is missing or is not ours.
    """
    out = Path(out)
    metrics, context = read_metrics(out), read_context(out / CONTEXT_FILE)
    rows = _read_rows(out / ROWS_FILE)
    verdict = decide(metrics["chains"])
    if verdict is None:
        (out / VERDICT_FILE).unlink(missing_ok=True)
    else:
        write_json(out / VERDICT_FILE, asdict(verdict))
    draw_plots(out / PLOTS_FOLDER, rows, metrics["chains"])
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
    if not isinstance(metrics, dict) or not {"signature", "chains", "remarks", "set_apart"} <= metrics.keys():
        raise CorpusError(f"{path}: not the metrics of an evaluation; run `asheard evaluate` again")
    return metrics


def _check_priors(runs: Sequence[ChainRun], vectors: Vectors) -> None:
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


def _remarks(gold: Sequence[Utterance], training: Sequence[Utterance], merges: Mapping[str, str]) -> list[str]:
    """What a reader must know about the phones and the training rows behind the numbers."""
    remarks = []
    if merges:
        remarks.append(f"The gold does not tell all phones apart; counted on both sides: {_as(merges)}.")
    if not training:
        remarks.append("No training rows were given: nothing is L1-typical, and FRR by class is FRR.")
    if unseen := {phone: other for phone, other in merges_of(training).items() if phone not in merges}:
        remarks.append(
            f"The training rows do not tell all phones of the gold apart ({_as(unseen)}), so no substitution "
            "that needs the difference is L1-typical."
        )
    if shared := {row.speaker for row in gold} & {row.speaker for row in training}:
        remarks.append(
            f"Training and gold share speakers ({', '.join(sorted(shared))}): what is L1-typical was not "
            "fixed without them."
        )
    return remarks


def _as(merges: Mapping[str, str]) -> str:
    return ", ".join(f"{phone} as {neighbour}" for phone, neighbour in merges.items())


def _set_apart(gold: Sequence[Utterance]) -> dict[str, int]:
    """Gold tokens that some numbers leave out, by reason."""
    tokens = [token for utterance in gold for token in utterance.tokens]
    return {
        "sounds the annotator could not name: in PER and the guard, not in collapse and D1-D3": sum(
            token.is_err and token.canonical is not None for token in tokens
        ),
        "additions: in PER only": sum(token.canonical is None for token in tokens),
        "substitutions whose two sides are one broad phone: counted as ok": sum(map(folds_together, tokens)),
    }


def _read_rows(path: Path) -> pl.DataFrame:
    try:
        rows = pl.read_parquet(path)
    except FileNotFoundError:
        raise CorpusError(f"{path}: no such file; run `asheard evaluate` first") from None
    except pl.exceptions.ComputeError as error:
        raise CorpusError(f"{path}: not a Parquet file ({error}); run `asheard evaluate` again") from None
    if rows.schema != pl.Schema(SCHEMA):
        raise CorpusError(f"{path}: not the token rows of this version; run `asheard evaluate` again")
    return rows
