"""Corpora on disk, their manifests, and predictions about them."""

from asheard.corpora.epadb import read_epadb
from asheard.corpora.l2arctic import read_l2arctic
from asheard.corpora.manifests import BuildReport, build_epadb, build_l2arctic, build_speechocean, build_table
from asheard.corpora.records import (
    POSITIONS,
    ErrorType,
    Prediction,
    Recording,
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
from asheard.corpora.transcripts import read_transcripts

__all__ = [
    "POSITIONS",
    "BuildReport",
    "ErrorType",
    "Prediction",
    "Recording",
    "Token",
    "Utterance",
    "build_epadb",
    "build_l2arctic",
    "build_speechocean",
    "build_table",
    "check_unique",
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
