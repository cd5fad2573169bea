"""Every container L2-ARCTIC's annotation comes in, and files that must not pass for whole ones."""

import codecs
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from praatio.data_classes.interval_tier import IntervalTier
from praatio.data_classes.point_tier import PointTier
from praatio.data_classes.textgrid import Textgrid

from asheard.errors import CorpusError
from asheard.io.textgrid import Interval, read_tiers, write_textgrid
from support.tiny_corpus import STEP_S, long_textgrid, short_textgrid

TIERS = {"words": [("thé", 2), "two"], "phones": ["DH", "AH0", "T, D, s"], "IPA": ["", "ð", ""]}
LABELS = {"words": ["thé", "two"], "phones": ["DH", "AH0", "T, D, s"], "IPA": ["", "ð", ""]}
ENCODINGS = {
    "UTF-8": (b"", "utf-8"),
    "UTF-8 with mark": (codecs.BOM_UTF8, "utf-8"),
    "UTF-16 LE": (b"", "utf-16-le"),
    "UTF-16 LE with mark": (codecs.BOM_UTF16_LE, "utf-16-le"),
    "UTF-16 BE": (b"", "utf-16-be"),
    "UTF-16 BE with mark": (codecs.BOM_UTF16_BE, "utf-16-be"),
}


# Texts that a reader by patterns takes for parts of the file.
HOSTILE = ["intervals [2]:", "item [2]:", 'class = "IntervalTier"', "xmin = 3", "! no comment", "<exists>", "3", '"']


def labels_of(path: Path) -> dict[str, list[str]]:
    return {name: [interval.label for interval in tier] for name, tier in read_tiers(path).items()}


@pytest.mark.parametrize("form", [long_textgrid, short_textgrid])
@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_read_tiers_forms_and_encodings(tmp_path, form, encoding, line_end):
    mark, codec = ENCODINGS[encoding]
    path = tmp_path / "a.TextGrid"
    path.write_bytes(mark + form(TIERS).replace("\n", line_end).encode(codec))
    assert labels_of(path) == LABELS


@pytest.mark.parametrize("form", [long_textgrid, short_textgrid])
def test_read_tiers_times(tmp_path, form):
    path = tmp_path / "a.TextGrid"
    path.write_text(form(TIERS))
    first, second = read_tiers(path)["words"]
    assert (first.start_s, first.end_s, second.end_s) == pytest.approx((0, 2 * STEP_S, 3 * STEP_S))
    assert second.start_s == first.end_s


@pytest.mark.parametrize("form", [long_textgrid, short_textgrid])
def test_read_tiers_label_over_two_lines(tmp_path, form):
    path = tmp_path / "a.TextGrid"
    path.write_text(form({"phones": ["AO1", "TH,\nT,s", 'say ""ah""', "N"]}))
    assert labels_of(path)["phones"] == ["AO1", "TH,\nT,s", 'say "ah"', "N"]


@pytest.mark.parametrize("form", [long_textgrid, short_textgrid])
def test_read_tiers_tier_ends_after_the_file(tmp_path, form):
    path = tmp_path / "a.TextGrid"
    path.write_text(form(TIERS, {"IPA": 0.5}))
    assert labels_of(path) == LABELS
    assert read_tiers(path)["IPA"][-1].end_s == pytest.approx(3 * STEP_S + 0.5)


def test_read_tiers_without_a_last_line_end(tmp_path):
    path = tmp_path / "a.TextGrid"
    path.write_text(short_textgrid(TIERS).rstrip("\n"))
    assert labels_of(path) == LABELS


def test_read_tiers_times_in_scientific_notation(tmp_path):
    path = tmp_path / "a.TextGrid"
    path.write_text(long_textgrid(TIERS).replace("xmin = 0.0 ", "xmin = 1.1102230246251565e-16 "))
    assert read_tiers(path)["phones"][0].start_s == 1.1102230246251565e-16


def test_read_tiers_takes_the_first_of_one_name(tmp_path):
    path = tmp_path / "a.TextGrid"
    path.write_text(long_textgrid(TIERS).replace('name = "IPA"', 'name = "phones"'))
    assert labels_of(path)["phones"] == LABELS["phones"]


@pytest.mark.parametrize("form", [long_textgrid, short_textgrid])
def test_read_tiers_refuses_a_cut_file(tmp_path, form):
    """Whatever is lost, be it one label: no shorter annotation comes back."""
    path = tmp_path / "a.TextGrid"
    whole = form(TIERS).rstrip()
    for length in range(len(whole)):
        path.write_text(whole[:length])
        with pytest.raises(CorpusError, match=r"a\.TextGrid"):
            read_tiers(path)


@pytest.mark.parametrize(
    "content", [b"", b"utt,speaker\n1,2\n", b"\xff\xfe\x00", b"{}", b"[1]", b"\x00\xd8", b"caf\xe9"]
)
def test_read_tiers_refuses_other_files(tmp_path, content):
    path = tmp_path / "a.TextGrid"
    path.write_bytes(content)
    with pytest.raises(CorpusError, match=r"a\.TextGrid"):
        read_tiers(path)


@pytest.mark.parametrize("form", ["long_textgrid", "short_textgrid"])
@settings(max_examples=40)
@given(data=st.data())
def test_read_tiers_reads_what_praatio_writes(tmp_path_factory, form, data):
    """Any labels, those that look like parts of a TextGrid too, and point tiers between."""
    label = st.lists(st.sampled_from([*HOSTILE, "AH0", "thé", "\n", " "]), max_size=4).map(" ".join)
    labels = data.draw(st.lists(label, min_size=1, max_size=6))
    name = data.draw(st.sampled_from([*HOSTILE, "phones"]))
    intervals = [(STEP_S * i, STEP_S * (i + 1), label) for i, label in enumerate(labels)]
    grid = Textgrid(0, STEP_S * len(labels))
    grid.addTier(PointTier("points", [(0.0, label) for label in labels[:1]], 0, STEP_S * len(labels)))
    grid.addTier(IntervalTier(name, intervals, 0, STEP_S * len(labels)))
    path = tmp_path_factory.mktemp("praatio") / "a.TextGrid"
    grid.save(str(path), format=form, includeBlankSpaces=True)
    assert read_tiers(path) == {name: [(start, end, label.strip()) for start, end, label in intervals]}


MINIMAL = """"ooTextFile"
"TextGrid"
0 1.2e0 <exists> 2 ! times, and the number of tiers
"IntervalTier" "phones" 0 1.2 2
0 5e-1 "say ""ah"" ! intervals [2]:"   ! only numbers, texts and flags count
which begins at [.5] and ends at 12e-1:
.5 12e-1 "T"
"TextTier" "points" 0 1.2 1
0.3 "click"
"""
CHRONOLOGICAL = """"Praat chronological TextGrid text file"
0 1.2   ! Time domain.
3   ! Number of tiers.
"IntervalTier" "words" 0 1.2
"TextTier" "points" 0 1.2
"IntervalTier" "phones" 0 1.2
1 0 1.2 "at"
3 0 0.5 "AE"
2 0.3 "click"
3 0.5 1.2 "T"
"""


def test_read_tiers_by_the_rules_of_praat(tmp_path):
    """Numbers, texts and flags count if they are free-standing; other words and comments mean nothing."""
    path = tmp_path / "a.TextGrid"
    path.write_text(MINIMAL)
    assert read_tiers(path) == {"phones": [(0, 0.5, 'say "ah" ! intervals [2]:'), (0.5, 1.2, "T")]}


def test_read_tiers_chronological(tmp_path):
    path = tmp_path / "a.TextGrid"
    path.write_text(CHRONOLOGICAL)
    assert read_tiers(path) == {"words": [(0, 1.2, "at")], "phones": [(0, 0.5, "AE"), (0.5, 1.2, "T")]}
    whole = CHRONOLOGICAL.rstrip()
    for length in range(len(whole)):
        path.write_text(whole[:length])
        with pytest.raises(CorpusError, match=r"a\.TextGrid"):
            read_tiers(path)


def test_read_tiers_without_tiers(tmp_path):
    path = tmp_path / "a.TextGrid"
    path.write_text('"ooTextFile" "TextGrid" 0 1 <absent>')
    assert read_tiers(path) == {}


@pytest.mark.parametrize(
    ("before", "after", "reason"),
    [
        ('"T"\n', '"T\n', r"line \d+: .*quote"),
        ('"T"\n', '"T"x\n', r"line 7: a quote is left open"),
        ('"T"\n', "T\n", r"line 8: the class of a tier must be IntervalTier or TextTier, not 'points'"),
        ('"T"\n', "<T>\n", r"line 7: a label must be a text in quotes, not '<T>'"),
        ("\n.5 12e-1", "\nx 12e-1", r"line 7: an end time must be a number, not 'T'"),
        ("\n.5 12e-1", "\n.5 12e999", r"line 7: an end time must be a number, not inf"),
        ("1.2 2\n", "1.2 1e300\n", r"line 8: a start time must be a number, not 'TextTier'"),
        ("1.2 2\n", "1.2 1\n", r"line 7: the class of a tier must be a text"),
        ("1.2 2\n", "1.2 1.5\n", r"line 4: the number of entries of tier 'phones' must be a whole number"),
        ("1.2 2\n", "1.2 -2\n", r"line 4: the number of entries of tier 'phones' must be a whole number"),
        ("<exists> 2", "<exists> 1", r"line 8: more entries or tiers than announced"),
        ("<exists> 2", "<maybe> 2", r"line 3: expected the flag <exists>"),
        ("<exists> 2", "2", r"line 3: expected the flag <exists>"),
        ('"TextTier"', '"Pitch"', r"line 8: the class of a tier must be IntervalTier or TextTier"),
        ('"TextGrid"', '"Pitch"', r"line 2: the first texts"),
        ("\n.5 12e-1", "\n.5 0.4", r"tier 'phones', interval 2 \(0\.5-0\.4 s\)"),
        ("0 5e-1", "-0.1 5e-1", r"tier 'phones', interval 1 \(-0\.1-0\.5 s\)"),
        ("0 5e-1", "0.6 0.7", r"tier 'phones', interval 2 \(0\.5-1\.2 s\)"),
    ],
)
def test_read_tiers_refuses_wrong_values(tmp_path, before, after, reason):
    path = tmp_path / "a.TextGrid"
    assert before in MINIMAL
    path.write_text(MINIMAL.replace(before, after))
    with pytest.raises(CorpusError, match=reason):
        read_tiers(path)


def test_read_tiers_missing_file(tmp_path):
    with pytest.raises(CorpusError, match="no such file"):
        read_tiers(tmp_path / "none.TextGrid")


def test_write_textgrid_reads_back(tmp_path):
    path = tmp_path / "deep" / "a.TextGrid"
    words = [Interval(0.1, 0.5, "thé"), Interval(0.5, 0.9, 'say "ah"')]
    write_textgrid(path, {"words": words, "phones": []}, 1.2)
    tiers = read_tiers(path)
    assert [interval for interval in tiers["words"] if interval.label] == words
    assert tiers["words"][-1].end_s == 1.2
    assert not any(interval.label for interval in tiers["phones"])


@pytest.mark.parametrize(
    "wrong", [Interval(0.4, 0.8, "overlap"), Interval(0.9, 0.7, "reversed"), Interval(0.7, 0.7, "empty")]
)
def test_write_textgrid_refuses_wrong_intervals(tmp_path, wrong):
    path = tmp_path / "a.TextGrid"
    with pytest.raises(CorpusError, match=r"a\.TextGrid"):
        write_textgrid(path, {"words": [Interval(0.1, 0.5, "one"), wrong]}, 1.2)
    assert not path.exists()


def test_write_textgrid_extends_to_the_last_interval(tmp_path, capsys):
    path = tmp_path / "a.TextGrid"
    write_textgrid(path, {"words": [Interval(0.1, 1.3, "one")], "phones": []}, 1.2)
    assert read_tiers(path)["phones"][-1].end_s == 1.3
    assert capsys.readouterr().out == ""
