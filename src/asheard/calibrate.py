"""Recordings with annotations to a calibration: how far a model's ratios can be trusted."""

from pathlib import Path
from typing import Literal

import numpy as np

from asheard.corpora.predictions import read_predictions
from asheard.corpora.records import ErrorType, read_manifest
from asheard.gop_chain import Gop
from asheard.models.calibration import Calibration, fit_calibration
from asheard.transcribe import transcribe


def calibrate(
    model: str | Path,
    manifest: Path,
    wav_root: Path,
    out: Path,
    *,
    prior: Path | None = None,
    l1: Literal["declared", "unknown"] = "declared",
    audio_cache: Path | None = None,
) -> Calibration:
    """Fit what turns a model's ratios into log-odds that the canonical phone was said.

    Said is what the annotation calls ok, with expert scores of at least 0.5. The ratios are kept in `ratios_path(out)`.
    Killed, the same call goes on.

    Args:
        model: folder of a model of ours.
        manifest: annotated utterances of speakers who are not tested, best of none that the model has learned from.
        wav_root: folder its wav paths start from.
        out: the calibration (JSON).
        prior: the prior that the chain will have; a calibration without it is another.
        l1, audio_cache: as of `transcribe`.
    Raises:
        CorpusError, ModelError: as of `transcribe` and `fit_calibration`.
    """
    scored = transcribe(
        model, manifest, wav_root, ratios_path(out), l1=l1, audio_cache=audio_cache, gop=Gop(prior=prior)
    )
    ratios = [ratio for row in read_predictions(scored.out) for ratio in row.position_scores or ()]
    said = [
        token.error_type is ErrorType.OK
        for row in read_manifest(manifest)
        for token in row.tokens
        if token.canonical is not None
    ]
    calibration = fit_calibration(np.array(ratios), np.array(said))
    calibration.save(out)
    return calibration


def ratios_path(out: Path) -> Path:
    """Where the ratios lie that a calibration was fitted on, beside it: predictions of the chain, not calibrated."""
    return out.with_name(f"{out.stem}.ratios.jsonl")
