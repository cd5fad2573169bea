"""What was not heard: the errors missed most often, the phones and positions that collapse most."""

from collections.abc import Iterable, Mapping
from itertools import zip_longest
from typing import Any, Final

import polars as pl

from asheard.evaluation.detection import (
    MIN_SUBSTITUTIONS,
    NOTHING,
    NUM_CANONICAL,
    NUM_MISSED,
    UNNAMED_SOUND,
    collapse_by,
    most_frequent,
    most_missed,
    substitutions_of,
)
from asheard.evaluation.ranking import reference_chain
from asheard.evaluation.report.tables import markdown_table, percent, with_interval
from asheard.evaluation.systems import distinct_transcripts

_NUM_SHARES: Final = 3  # phones named for each side of a confusion


def confusions(rows: pl.DataFrame, metrics: Mapping[str, Any]) -> Iterable[str]:
    """For each L1 the most substituted phones, with what was said and what the reference chain wrote."""
    chain = reference_chain(metrics["chains"])
    substituted = substitutions_of(rows, chain)
    num_seeds = max(1, substituted["seed"].n_unique())
    yield "## Confusions"
    yield (
        f"The {NUM_CANONICAL} most substituted phones of each L1: what was said most often instead, and what {chain} "
        "wrote there, in per cent of the substitutions. Copying the canonical would write the phone itself."
    )
    table = []
    for l1 in metrics["copy_canonical"]["per_l1"]:
        here = substituted.filter(l1=l1)
        for phone, number in most_frequent(here["canonical"], NUM_CANONICAL).items():
            said, written = (_shares(here.filter(canonical=phone)[column]) for column in ("perceived", "predicted"))
            table.append([l1, phone, str(number // num_seeds), said, written])
    yield markdown_table(["L1", "phone", "substitutions", "said", "written"], table) if table else "No substitutions."


def _shares(phones: pl.Series) -> str:
    shown = most_frequent(phones.fill_null(NOTHING), _NUM_SHARES)
    return ", ".join(f"{phone} {100 * number / len(phones):.0f}" for phone, number in shown.items())


def errors_missed(rows: pl.DataFrame, metrics: Mapping[str, Any]) -> Iterable[str]:
    """For each L1 the errors at which the reference chain most often wrote the canonical."""
    chain = reference_chain(metrics["chains"])
    heard = rows.filter(chain=chain)
    l1s = list(metrics["copy_canonical"]["per_l1"])
    columns = [[_missed(*error) for error in most_missed(heard, l1).iter_rows()] for l1 in l1s]
    yield "## Errors most often missed"
    yield (
        f"The {NUM_MISSED} errors of each L1 that {chain} missed most often: canonical → said, times missed / times "
        f"made. Missed is written as the canonical, be it a substitution, a deletion ({NOTHING}) or a sound the "
        f"annotator could not name ({UNNAMED_SOUND}). Copying the canonical would miss all of them."
    )
    table = [[str(place), *cells] for place, cells in enumerate(zip_longest(*columns, fillvalue=""), start=1)]
    yield markdown_table(["", *l1s], table) if table else f"{chain} missed none."


def phones_that_collapse(rows: pl.DataFrame, metrics: Mapping[str, Any]) -> Iterable[str]:
    """Collapse for each canonical phone and each syllable position."""
    chains = metrics["chains"]
    reference = reference_chain(chains)
    shown = [reference, *(chain for chain in distinct_transcripts(chains) if chain != reference)]
    yield "## Phones and positions that collapse most"
    yield (
        f"Collapse in per cent, for what was substituted at least {MIN_SUBSTITUTIONS} times; {reference} with Wilson "
        "intervals, which take tokens as independent although those of one speaker are alike. Copying the canonical "
        "would collapse all of them."
    )
    for group, heading in (("canonical", "phone"), ("position", "position")):
        of_chain = {chain: collapse_by(rows.filter(chain=chain), group) for chain in shown}
        rates = {chain: dict(table.select(group, "collapse").iter_rows()) for chain, table in of_chain.items()}
        if of_chain[reference].is_empty():
            yield f"No {heading} is both known and substituted that often."
            continue
        yield markdown_table(
            [heading, "substitutions", *shown],
            [
                [
                    name,
                    str(number),
                    with_interval(rate, (low, high)),
                    *(percent(rates[chain][name]) for chain in shown[1:]),
                ]
                for name, number, rate, low, high in of_chain[reference].iter_rows()
            ],
        )


def _missed(canonical: str, said: str, num_missed: float, num_made: int) -> str:
    return f"{canonical} → {said} {round(num_missed, 1):g}/{num_made}"
