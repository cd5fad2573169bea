"""Reading EpaDB: its symbols, the pronunciation nearest to what was said, tokens, split and exclusions."""

from collections import Counter

import pytest
from typer.testing import CliRunner

from asheard.cli.corpus import app
from asheard.corpora.epadb import (
    EpadbLabel,
    Prompt,
    epadb_phone,
    parse_epadb,
    parse_epadb_label,
    read_epadb,
    read_references,
)
from asheard.corpora.manifests import build_epadb
from asheard.corpora.records import ErrorType, read_manifest
from asheard.corpora.validation import check_corpus
from asheard.errors import CorpusError, PhoneError
from support.tiny_corpus import long_textgrid
from support.tiny_epadb import CUP, TRY, annotate, textgrid, write_epadb

OK, S, D, A = ErrorType


@pytest.mark.parametrize(
    ("symbols", "phone"),
    [
        ("P Ph", "p"), ("T Th DX", "t"), ("K Kh", "k"), ("B", "b"), ("V BH", "v"), ("G GH", "ɡ"), ("HH X", "h"),
        ("R RR", "ɹ"), ("TH", "θ"), ("DH", "ð"), ("CH", "tʃ"), ("Y", "j"),
        ("AA A", "ɑ"), ("OW O", "oʊ"), ("EY E", "eɪ"), ("EH", "ɛ"), ("AX AH0", "ə"), ("AH", "ʌ"), ("UW", "u"),
    ],
)  # fmt: skip
def test_epadb_phone_symbols(symbols, phone):
    assert {epadb_phone(symbol) for symbol in symbols.split()} == {phone}


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("Th", EpadbLabel(("Th",), ("t",), accented=False)),
        ("TH", EpadbLabel(("TH",), ("θ",), accented=False)),
        (" Sh ", EpadbLabel(("SH",), ("ʃ",), accented=False)),
        ("UW0", EpadbLabel(("UW",), ("u",), accented=False)),
        ("AH0", EpadbLabel(("AH0",), ("ə",), accented=False)),
        ("T*", EpadbLabel(("T",), ("t",), accented=True)),
        ("0", EpadbLabel((), (), accented=False)),
        ("EH+S", EpadbLabel(("EH", "S"), ("ɛ", "s"), accented=False)),
        ("AR", EpadbLabel(("A", "R"), ("ɑ", "ɹ"), accented=False)),
        ("UR", EpadbLabel(("UW", "R"), ("u", "ɹ"), accented=False)),
        *((silence, None) for silence in ("", " ", "sil", "sp", "None")),
    ],
)
def test_parse_epadb_label_parts(text, label):
    assert parse_epadb_label(text) == label


@pytest.mark.parametrize("text", ["OSH", "0z", "EH+", "+", "*", "T T", "err"])
def test_parse_epadb_label_refuses(text):
    with pytest.raises(PhoneError):
        parse_epadb_label(text)


PROMPT = Prompt("x", ((("T", "CH"), ("R",), ("AX", "0")), (("T",), ("ER",), ("0",)), (("S",), ("T",))))


@pytest.mark.parametrize(
    ("said", "canonical"),
    [
        ("CH R AX", "CH R AX"),
        ("T R 0", "T R 0"),
        ("T ER 0", "T ER 0"),
        ("D ER 0", "T ER 0"),
        ("D R IY", "T R AX"),  # not accepted: the first symbol of the place
        ("T* R AX", "T R AX"),
        ("B G M", "T R AX"),  # all equally far: the first pronunciation
        ("Z T", "S T"),
        ("T R AX S", None),
        ("", None),
    ],
)
def test_prompt_nearest_pronunciation(said, canonical):
    assert PROMPT.nearest(said.split()) == (tuple(canonical.split()) if canonical else None)


def test_read_references_of_the_corpus(tmp_path):
    prompts = read_references(write_epadb(tmp_path) / "reference_transcriptions.txt")
    assert prompts.keys() == {"1", "2"}
    assert prompts["1"].text == "Try it now"
    assert [len(slots) for slots in prompts["1"].pronunciations] == [7, 7]
    assert prompts["2"].pronunciations == ((("AX", "EY"), ("Kh",), ("AH",), ("P",)),)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("TEXT 1: A\nTRANSCRIPTION 1: AX QQ\n", r"line 2: 'QQ' is not an ARPAbet symbol"),
        ("TEXT 1: A\nTRANSCRIPTION 1: AX/\n", r"line 2: '' is not one"),
        ("TEXT 1: A\nSCORES 1: AX\n", r"line 2: neither 'TEXT n: \.\.\.' nor"),
        ("TEXT 1: A\nTRANSCRIPTION 1: AX\nTEXT 2: B\n", r"prompt 2 has a text and no transcription"),
        ("TRANSCRIPTION 1: AX\n", r"prompt 1 has a text and no transcription, or the reverse"),
    ],
)
def test_read_references_refuses(tmp_path, text, message):
    path = tmp_path / "reference_transcriptions.txt"
    path.write_text(text)
    with pytest.raises(CorpusError, match=message):
        read_references(path)


def tokens(tmp_path, *said, number="1", words=()):
    prompts = read_references(write_epadb(tmp_path / "epa") / "reference_transcriptions.txt")
    path = tmp_path / "spkr1_1.TextGrid"
    path.write_text(textgrid(said, words or [("word", len(said))]), encoding="utf-8")
    return parse_epadb(path, prompts[number])


def kinds(found):
    return [(token.canonical, token.perceived, token.error_type, token.accented) for token in found]


def test_parse_epadb_tokens(tmp_path):
    found = tokens(tmp_path, "CH", "RR", "AY*", "IY", "0", "0", "EH+M+AW", words=[("try", 3), ("it", 2), ("now", 2)])
    assert kinds(found) == [
        ("tʃ", "tʃ", OK, False),  # accepted beside T
        ("ɹ", "ɹ", S, True),  # a trill: no other phone of the 40
        ("aɪ", "aɪ", S, True),  # near AY
        ("ɪ", "i", S, False),  # with T left out, the first pronunciation is the nearer one
        ("n", None, D, False),
        (None, "ɛ", A, False),
        (None, "m", A, False),
        ("aʊ", "aʊ", OK, False),
    ]
    assert [token.position for token in found] == [
        "onset",
        "onset",
        "nucleus",
        "nucleus",
        "onset",
        None,
        None,
        "nucleus",
    ]
    assert [token.start_s for token in found] == pytest.approx([0.1, 0.2, 0.3, 0.4, 0.6, 0.7, 0.7, 0.7])
    assert found[-1].end_s == pytest.approx(0.8)


def test_parse_epadb_canonical_follows_what_was_said(tmp_path):
    assert [token.canonical for token in tokens(tmp_path, "T", "R", "AY", "IY", "T", "N", "AW")][3] == "i"
    assert [token.canonical for token in tokens(tmp_path, "T", "R", "AY", "IH", "0", "N", "AW")][3:] == ["ɪ", "n", "aʊ"]


def test_parse_epadb_aspiration_is_accented(tmp_path):
    assert kinds(tokens(tmp_path, *CUP, number="2")) == [
        ("eɪ", "eɪ", OK, False),
        ("k", "k", S, True),
        ("ʌ", "ɑ", S, False),
        ("p", "p", OK, False),
    ]


def test_parse_epadb_without_words_has_no_positions(tmp_path):
    path = tmp_path / "spkr1_1.TextGrid"
    path.write_text(long_textgrid({"annotation": TRY}))
    prompts = read_references(write_epadb(tmp_path / "epa") / "reference_transcriptions.txt")
    assert {token.position for token in parse_epadb(path, prompts["1"])} == {None}


@pytest.mark.parametrize(
    ("tiers", "message"),
    [
        ({"words": TRY}, r"no tier named 'annotation', only 'words'"),
        (
            {"annotation": [*TRY[:6], "OSH"]},
            r"tier 'annotation', interval 7 \(0.600-0.700 s\), label 'OSH': 'OSH' is not",
        ),
        ({"annotation": TRY[:6]}, r"no accepted pronunciation of 'Try it now' has 6 places"),
    ],
)
def test_parse_epadb_refuses(tmp_path, tiers, message):
    root = write_epadb(tmp_path / "epa", "spkr1")
    path = root / "spkr1/annotations_1/spkr1_1.TextGrid"
    path.write_text(long_textgrid(tiers))
    _, utterances, exclusions = read_epadb(root)
    assert [row.utt for row in utterances] == ["spkr1_2"]
    assert exclusions.counts() == {"annotation cannot be read": 1}
    with pytest.raises(CorpusError, match=message):
        raise CorpusError(exclusions.items["annotation cannot be read"][0])


def test_read_epadb_without_a_split(tmp_path):
    roster, utterances, exclusions = read_epadb(write_epadb(tmp_path / "epa", "spkr1", "spkr2"))
    assert [row.key for row in utterances] == [(f"spkr{i}", f"spkr{i}_{j}") for i in (1, 2) for j in (1, 2)]
    assert (roster.test_speakers, exclusions.items) == ({"spkr2"}, {})
    first = utterances[0]
    assert (first.l1, first.text, first.wav) == ("Spanish", "Try it now", "spkr1/waveforms/spkr1_1.wav")
    assert first.seconds == pytest.approx(0.9)


def test_read_epadb_published_split(tmp_path):
    root = write_epadb(tmp_path / "epa", "train/spkr1", "train/spkr9", "test/spkr2", "test/spkr3")
    (root / "reference_transcriptions.txt").rename(root / "train/reference_transcriptions.txt")
    report = build_epadb(root, tmp_path / "out")
    assert (report.corpus, report.num_read, report.num_speakers) == ("EpaDB", (4, 4), (2, 2))
    assert (report.num_expected, report.missing) == (None, {})
    rows = read_manifest(tmp_path / "out/test.jsonl")
    assert rows[0].wav == "test/spkr2/waveforms/spkr2_1.wav"
    assert {row.speaker for row in rows} == {"spkr2", "spkr3"}
    assert check_corpus(tmp_path / "out", wav_root=root).problems == ()


def test_read_epadb_exclusions_and_commands(tmp_path):
    root = write_epadb(tmp_path / "epa", "spkr1", "spkr2", "spkr3")
    (root / "spkr1/waveforms/spkr1_1.wav").unlink()
    (root / "spkr2/waveforms/spkr2_1.wav").write_bytes(b"no recording")
    annotate(root / "spkr2", "spkr1_2", CUP, [("a", 1), ("cup", 3)])
    annotate(root / "spkr2", "spkr2_99", CUP, [("a", 1), ("cup", 3)])

    def run(*args):
        return (
            CliRunner().invoke(app, [str(arg) for arg in args], env={"COLUMNS": "200"}, catch_exceptions=False).output
        )

    built = run("build", "epadb", root, "--out", tmp_path / "out")
    assert "EpaDB: read 2 + 2 utterances of 2 + 1 speakers" in built
    for part in (
        "recording missing", "spkr1/spkr1_1", "recording cannot be read", "annotation of another speaker",
        "spkr2/spkr1_2", "prompt without reference pronunciation", "spkr2/spkr2_99",
    ):  # fmt: skip
        assert part in built
    annotate(root / "spkr1", "spkr1_1", TRY, [("try", 3), ("it", 2), ("now", 2)])
    run("build", "epadb", root, "--out", tmp_path / "out")
    assert "problems: 0" in run("check", tmp_path / "out", "--wav-root", root)
    assert "ʌ→ɑ 100%" in run("stats", tmp_path / "out")


def test_read_epadb_refuses_another_folder(tmp_path):
    with pytest.raises(CorpusError, match=r"holds no reference_transcriptions\.txt; give the folder of EpaDB"):
        read_epadb(tmp_path)
    with pytest.raises(CorpusError, match=r"no annotated utterances; expected folders such as .*annotations_1"):
        read_epadb(write_epadb(tmp_path / "epa"))
    root = write_epadb(tmp_path / "epa", "spkr1")
    for wav in (root / "spkr1/waveforms").iterdir():
        wav.unlink()
    with pytest.raises(CorpusError, match=r"left out: recording missing: 2"):
        read_epadb(root)


@pytest.fixture(scope="module")
def real(real_data):
    return real_data / "epadb-small"


@pytest.mark.shared
def test_read_epadb_real_annotations(real):
    prompts = read_references(real / "reference_transcriptions.txt")
    assert len(prompts) == 64
    found = Counter()
    for path in sorted(real.glob("*/annotations_1/*.TextGrid")):
        found.update(token.error_type for token in parse_epadb(path, prompts[path.stem.partition("_")[2]]))
    assert found == {OK: 8_049, S: 2_203, D: 115, A: 85}
    _, utterances, exclusions = read_epadb(real)
    assert len(utterances) == 40
    assert exclusions.counts() == {"recording missing": 593, "annotation of another speaker": 1}


@pytest.mark.shared
def test_read_epadb_chooses_the_published_pronunciations(real):
    """The corpus's own labels, canonical and said symbol by symbol, were made by its authors' programs."""
    prompts = read_references(real / "reference_transcriptions.txt")
    same = Counter()
    for path in sorted(real.glob("*/labels/*.txt")):
        _, canonical, said, *_ = zip(*(line.split() for line in path.read_text().splitlines()), strict=False)
        chosen = prompts[path.stem.partition("_")[2]].nearest(said)
        assert chosen is not None
        same.update(ours == theirs for ours, theirs in zip(chosen, canonical, strict=True))
    assert same == {True: 10_320, False: 24}
