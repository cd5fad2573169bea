"""Compare recognisers on real speech of learners that none of our models was trained on.

    python scripts/study_real.py --out runs/real

It uses the real corpora that it finds under $ASHEARD_DATA (default ../shared): speechocean762 (as published,
openslr.org/101, or as tables), hand-labelled clips of L2-ARCTIC (l2arctic-clips: gold.jsonl, wav/), and EpaDB
(epadb-small). The chains are hama and pocketsphinx; asheard-tiny, and asheard-tiny trained further on the training
speakers of speechocean762 (faithful); `gop` from the posteriors of asheard-tiny, without and with an L1 prior in its
ratio. The prior is fitted on the labels in l2arctic-labels without the speakers of the clips. Both calibrations use
training speakers that asheard-tiny was not trained on.

It writes an evaluation for each corpus, and RESULTS.md with all of them. The same command resumes a killed run.
"""

import argparse
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeAlias

from asheard.corpora import Utterance, read_epadb, read_gold, read_manifest, read_predictions, write_manifest
from asheard.corpora.chains import GOP, GOP_PRIOR
from asheard.errors import AsHeardError, CorpusError
from asheard.evaluation import ChainRun, Context, evaluate_runs, write_report
from asheard.evaluation.expert_scores import AUC, PCC, PER_CANONICAL, SCORE_COLLAPSE, SCORE_FRR
from asheard.evaluation.labels import COLLAPSE, F1, PER, PUBLISHED_FRR
from asheard.evaluation.metrics import ChainSummary, Metric, Metrics
from asheard.evaluation.report.tables import markdown_table, with_interval
from asheard.io.digests import folder_states_digest
from asheard.io.files import whole_file
from asheard.io.resume import StageCache
from asheard.prior import fit_prior
from asheard.pronunciation.gop_chain import calibrate, ratios_path, score_predictions
from asheard.recognition.registry import ASHEARD_TINY
from asheard.training import options as recipes
from asheard.training import train
from asheard.transcription import transcribe_manifest
from real_speech import read_scored_speech, split_held_out
from word_segmentation import with_positions

TINY: Final = "asheard-tiny"
TUNED: Final = "asheard-tiny-ft"
NOTE: Final = "Real speech of people that asheard-tiny was not trained on."
REPORTED: Final[Mapping[str, tuple[Metric[Any], ...]]] = {  # by kind of gold
    "labels": (PER, PUBLISHED_FRR, COLLAPSE, F1),
    "scores": (PER_CANONICAL, SCORE_FRR, SCORE_COLLAPSE, AUC, PCC),
}


@dataclass(frozen=True, slots=True)
class Corpus:
    """Test recordings. The manifest's wav paths start from wav_root. notes: caveats for the report."""

    name: str
    manifest: Path
    wav_root: Path
    notes: tuple[str, ...]


def find_corpora(data: Path, out: Path) -> list[Corpus]:
    """Write the test manifests of the corpora under `data`.

    Raises:
        CorpusError: there is no corpus, or one is broken.
    """
    found: list[tuple[str, Path, list[Utterance], str]] = []
    if (root := data / "speechocean762").is_dir():
        found.append(("speechocean762", root, read_scored_speech(root)[1], "Mandarin speakers, children and adults."))
    if (root := data / "l2arctic-clips").is_dir():
        gold = with_positions(read_gold(root / "gold.jsonl"))
        found.append(("l2arctic-clips", root, gold, "Six first languages, adults reading; labelled by hand."))
    if (root := data / "epadb-small").is_dir():
        _, gold, _ = read_epadb(root)
        found.append(("epadb", root, gold, "Argentine Spanish speakers; labelled by hand."))
    if not found:
        raise CorpusError(
            f"{data}: no real corpus found; put speechocean762 (openslr.org/101) into {data / 'speechocean762'}, or "
            "set ASHEARD_DATA to the folder that holds it"
        )
    corpora = []
    for name, root, rows, people in found:
        manifest = out / name / "test.jsonl"
        write_manifest(manifest, rows)
        corpora.append(Corpus(name, manifest, root, (NOTE, people)))
    return corpora


def asheard_tiny_on(train_rows: list[Utterance], wav_root: Path, out: Path, stages: StageCache) -> Path:
    """Train asheard-tiny further on the training speakers of a corpus."""
    manifests = out / "tuned"
    for name, rows in zip(("train", "val"), split_held_out(train_rows), strict=True):
        write_manifest(manifests / f"{name}.jsonl", rows)
    options = recipes.faithful(
        train=manifests / "train.jsonl",
        val=manifests / "val.jsonl",
        wav_root=wav_root,
        checkpoint_dir=out / "models" / TUNED,
        preset="tiny",
    )
    do = partial(train, options)
    stages.run(
        "train", do, inputs=[options.fingerprint(), folder_states_digest(wav_root)], outputs=[options.checkpoint_dir]
    )
    return options.final


def fit_l1_prior(data: Path, out: Path) -> Path | None:
    """Fit a prior on all labelled speakers of L2-ARCTIC except those of the clips; None if the labels are missing."""
    labels, clips = data / "l2arctic-labels", out / "l2arctic-clips" / "test.jsonl"
    if not (labels.is_dir() and clips.is_file()):
        return None
    tested = {row.speaker for row in read_manifest(clips)}
    rows = [
        row
        for name in ("train-18-speakers", "test-6-speakers")
        for row in with_positions(read_gold(labels / f"{name}.jsonl"))
        if row.speaker not in tested
    ]
    prior, _ = fit_prior(rows)
    prior.save(out / "prior.json")
    return out / "prior.json"


# A model, and the files of `score_predictions` if the chain is one of GOP scores.
Chain: TypeAlias = tuple[str | Path, Mapping[str, Path | None] | None]


def score_corpus(corpus: Corpus, chains: Mapping[str, Chain], out: Path, stages: StageCache) -> Metrics[Any]:
    """Transcribe with every chain and evaluate; return the metrics."""
    runs, cache = [], out / "audio-16khz"
    for chain, (model, files) in chains.items():
        path = out / corpus.name / "predictions" / f"{chain}.jsonl"
        write = transcribe_manifest if files is None else partial(score_predictions, **files)
        do = partial(write, model, corpus.manifest, corpus.wav_root, path, chain=chain, audio_cache=cache)
        inputs = [model, corpus.manifest, folder_states_digest(corpus.wav_root), *(files or {}).values()]
        stages.run(f"{corpus.name} {chain}", do, inputs=inputs, outputs=[path])
        runs.append(ChainRun(chain=chain, predictions=read_predictions(path)))
    context = Context(corpus=corpus.name, split="test", base=TINY, notes=corpus.notes)
    evaluation = evaluate_runs(read_manifest(corpus.manifest), runs, out=out / corpus.name, context=context)
    write_report(out / corpus.name)
    return evaluation.metrics


def headline(corpora: Sequence[Corpus], metrics: Mapping[str, Metrics[Any]]) -> str:
    """Compose RESULTS.md: one table for each corpus."""
    sections = ["# Real speech", f"> **{NOTE}** Per cent (AUC and PCC times 100), with 95% intervals over speakers."]
    for corpus in corpora:
        found = metrics[corpus.name]
        shown = REPORTED[found.scheme.gold]
        num_speakers = sum(map(len, found.design.speakers.values()))
        table = [[chain, *(_cell(summary, metric) for metric in shown)] for chain, summary in found.chains.items()]
        sections += [
            f"## {corpus.name}",
            f"{corpus.notes[-1]} {num_speakers} speakers. Details: {corpus.name}/RESULTS.md.",
            markdown_table(["chain", *(metric.name for metric in shown)], table),
            *(f"{chain} is not ranked: {reason}." for chain, reason in found.not_ranked.items()),
        ]
    return "\n\n".join(sections) + "\n"


def _cell(summary: ChainSummary[Any], metric: Metric[Any]) -> str:
    interval = summary.intervals.pooled.values.get(metric)
    return with_interval(metric.of(summary.pooled), interval) if interval else "-"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True)
    out = parser.parse_args().out
    data = Path(os.environ.get("ASHEARD_DATA", "../shared"))
    try:
        results = study(data, out)
    except AsHeardError as error:
        parser.error(str(error))
    print(f"wrote {results}")


def study(data: Path, out: Path) -> Path:
    """Run every stage; return the path of RESULTS.md."""
    stages = StageCache(out / ".stages", lambda name, skipped: print(name, "(done)" if skipped else "", flush=True))
    corpora = find_corpora(data, out)
    chains: dict[str, Chain] = {name: (name, None) for name in ("hama", "pocketsphinx")}
    chains[TINY] = (ASHEARD_TINY, None)
    if (root := data / "speechocean762").is_dir():
        train_rows, _ = read_scored_speech(root)
        chains[TUNED] = (asheard_tiny_on(train_rows, root, out, stages), None)
        for chain, prior in ((GOP, None), (GOP_PRIOR, fit_l1_prior(data, out))):
            if chain == GOP or prior is not None:
                path = out / "calibrations" / f"{chain}.json"
                val = out / "tuned" / "val.jsonl"
                do = partial(calibrate, ASHEARD_TINY, val, root, path, prior=prior)
                inputs = [ASHEARD_TINY, val, *([prior] if prior else [])]
                stages.run(f"calibrate {chain}", do, inputs=inputs, outputs=[path, ratios_path(path)])
                chains[chain] = (ASHEARD_TINY, {"calibration": path, "prior": prior})
    metrics = {corpus.name: score_corpus(corpus, chains, out, stages) for corpus in corpora}
    with whole_file(out / "RESULTS.md") as part:
        part.write_text(headline(corpora, metrics), encoding="utf-8")
    return out / "RESULTS.md"


if __name__ == "__main__":
    main()
