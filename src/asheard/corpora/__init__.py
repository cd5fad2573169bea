"""Corpora on disk, the manifests made of them, and the recordings behind these."""

from asheard.corpora.epadb import read_epadb
from asheard.corpora.l2arctic import read_l2arctic
from asheard.corpora.manifests import BuildReport, build_epadb, build_l2arctic, build_speechocean, build_table
from asheard.corpora.records import (
    POSITIONS,
    ErrorType,
    Prediction,
    Token,
    Utterance,
    check_unique,
    read_manifest,
    read_predictions,
    write_manifest,
    write_predictions,
)
from asheard.corpora.speechocean762 import read_speechocean
from asheard.corpora.table import read_gold, read_table
from asheard.io.audio import audio_seconds, load_audio

__all__ = [
    "POSITIONS",
    "BuildReport",
    "ErrorType",
    "Prediction",
    "Token",
    "Utterance",
    "audio_seconds",
    "build_epadb",
    "build_l2arctic",
    "build_speechocean",
    "build_table",
    "check_unique",
    "load_audio",
    "read_epadb",
    "read_gold",
    "read_l2arctic",
    "read_manifest",
    "read_predictions",
    "read_speechocean",
    "read_table",
    "read_transcripts",
    "write_manifest",
    "write_predictions",
]
