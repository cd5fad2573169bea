"""Names that become paths: refused, or one file each below the folder asked for."""

import unicodedata
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asheard.corpora.synthetic import SyntheticPlan, embedded_plan, synthesise
from asheard.errors import CorpusError
from asheard.io.names import refuse_same_paths, safe_name
from asheard.io.textgrid import Interval, write_textgrid
from asheard.pronunciation.textgrids import textgrid_paths
from support.hostile import REFUSED, TAKEN, names


@pytest.mark.parametrize("name", REFUSED, ids=repr)
def test_safe_name_refuses(name: str) -> None:
    with pytest.raises(CorpusError, match=r"^utterance .* cannot be the name of a file: it .*\. Rename it$"):
        safe_name(name, "utterance")


@pytest.mark.parametrize("name", TAKEN, ids=repr)
def test_safe_name_takes(name: str) -> None:
    assert safe_name(name, "utterance") == name


@pytest.mark.parametrize(
    ("one", "other"),
    [("spk/A", "spk/a"), ("SPK/a", "spk/a"), ("caf\u00e9", "cafe\u0301"), ("stra\u00dfe", "STRASSE"), ("x", "x")],
)
def test_refuse_same_paths(one: str, other: str) -> None:
    with pytest.raises(CorpusError, match="are one file on macOS or Windows"):
        refuse_same_paths([Path(one), Path("b"), Path(other)])


def test_refuse_same_paths_file_and_folder() -> None:
    with pytest.raises(CorpusError, match=r"^out/scores.jsonl would be a file and also the folder of u.TextGrid"):
        refuse_same_paths([Path("out/scores.jsonl"), Path("out/Scores.jsonl/u.TextGrid")])


def _files(folder: Path) -> list[Path]:
    return [path.relative_to(folder) for path in folder.rglob("*") if path.is_file()]


@given(st.lists(st.tuples(st.one_of(st.just(""), names), names), min_size=1, max_size=4, unique=True))
@settings(max_examples=300)
def test_textgrids_of_hostile_names(keys: list[tuple[str, str]]) -> None:
    with TemporaryDirectory() as place:
        folder = Path(place, "deep", "out")
        folder.mkdir(parents=True)
        try:
            paths = textgrid_paths(folder, keys, folder / "scores.jsonl")
        except CorpusError:
            return
        for speaker, utt in keys:
            write_textgrid(paths[speaker, utt], {"utt": [Interval(0, 1, repr((speaker, utt)))]}, 1.0)
        made = _files(Path(place))
        assert len(made) == len(keys)
        assert all(path.is_relative_to("deep/out") for path in made)
        folded = {unicodedata.normalize("NFC", str(path)).casefold() for path in made}
        assert len(folded) == len(keys)


def _plan_of(speaker: str, utt: str) -> SyntheticPlan:
    plan = embedded_plan(num_per_speaker=1)
    speakers = (replace(plan.speakers[0], name=speaker), *plan.speakers[1:])
    return replace(plan, speakers=speakers, sentences={**plan.sentences, utt: "see it"})


@pytest.mark.parametrize("name", ["../escape", "/tmp/escape", "a\\b", "SPEAKERS.csv"])
def test_synthesise_refuses_names(tmp_path: Path, name: str) -> None:
    hostile = [_plan_of(name, "x")] + ([_plan_of("OK", name)] if name != "SPEAKERS.csv" else [])
    for plan in hostile:
        with pytest.raises(CorpusError, match=r"cannot be the name of a file|are one file"):
            synthesise(tmp_path / "corpus", plan)
    assert not list(tmp_path.iterdir())
