"""CTM files, whole and broken: names resolved with the gold, times and confidences."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asheard.corpora.records import Prediction, format_list
from asheard.corpora.transcripts import read_transcripts, resolve_names
from asheard.errors import CorpusError

KEYS = [("ABA", "u1"), ("ABA", "u2"), ("SKA", "u1")]


def ctm(path, *lines):
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


def test_read_ctm_phones_times_and_confidences(tmp_path):
    path = ctm(
        tmp_path / "p.ctm",
        ";; made by hand",
        "ABA_u1 1 0.10 0.20 ð 0.5",
        "",
        "ABA_u1 1 0.30 0.20 aɪə 0.25 ",
        "  ABA_u1 1 0.50 0.10 sil 1",
        "u2 A 0 .5 ə 1e-1",
    )
    first, second = read_transcripts(path, "mine", KEYS)
    assert (first.key, first.chain, first.phones) == (("ABA", "u1"), "mine", ("ð", "aɪ", "ə"))
    assert first.confidences == (0.5, 0.25, 0.25)
    assert first.times_s == (pytest.approx((0.1, 0.3)), pytest.approx((0.3, 0.4)), pytest.approx((0.4, 0.5)))
    assert second == Prediction("u2", "ABA", "mine", ("ə",), (0.1,), ((0.0, 0.5),))


def test_read_ctm_without_confidences_and_out_of_order(tmp_path):
    lines = "u2 1 0.5 0.1 K", "SKA/u1 1 0 0.1 T", "u2 1 0.0 0.1 AE1", "u2 1 0.2 0.1 <eps>"
    first, second = read_transcripts(ctm(tmp_path / "p.ctm", *lines), keys=KEYS)
    assert (first.utt, first.phones, first.confidences) == ("u2", ("æ", "k"), None)
    assert (second.key, second.chain) == (("SKA", "u1"), "p")


def test_read_ctm_with_another_ending(tmp_path):
    for name in ("p.txt", "p.csv", "p"):
        assert len(read_transcripts(ctm(tmp_path / name, ";; a, comment", "u2 1 0 0.1 K"), keys=KEYS)) == 1


@given(st.lists(st.tuples(st.sampled_from("θðəæ"), st.integers(1, 99), st.integers(0, 100)), min_size=1, max_size=9))
def test_read_ctm_round_trip(tmp_path_factory, phones):
    lines, start = [], 0
    for phone, duration, confidence in phones:
        lines.append(f"SKA_u1 1 {start / 100} {duration / 100} {phone} {confidence / 100}")
        start += duration
    path = ctm(tmp_path_factory.mktemp("ctm") / "p.ctm", *lines)
    (row,) = read_transcripts(path, keys=KEYS)
    assert row.phones == tuple(phone for phone, _, _ in phones)
    assert row.confidences == tuple(confidence / 100 for _, _, confidence in phones)
    assert [end - start for start, end in row.times_s] == pytest.approx([length / 100 for _, length, _ in phones])


def test_read_ctm_of_two_channels(tmp_path):
    path = ctm(tmp_path / "p.ctm", "u2 1 0 0.1 K", "u2 2 0 0.1 T", "u2 1 0.1 0.1 T")
    assert [(row.utt, row.phones) for row in read_transcripts(path, keys=KEYS)] == [("u2", ("k", "t")), ("u2", ("t",))]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("u2 1 0.5 0.1", "4 fields, expected 5 .*cut off"),
        ("u2 1 0.5 0.1 K 0.5", "6 fields, expected 5 "),
        ("u2 1 0.5 0.1 K 0.5 x", "7 fields"),
        ("u2 1 half 0.1 K", "start must be a time .* s, not 'half'"),
        ("u2 1 0.5 nan K", "duration must be a time .* s, not nan"),
        ("u2 1 inf 0.1 K", "start must be a time .* s, not inf"),
        ("u2 1 -0.5 0.1 K", "start must be a time .* s, not -0.5"),
        ("u2 1 0.5 -0.1 K", "duration must be a time .* s, not -0.1"),
        ("u2 1 0.5 0.1 qq", "'qq'"),
        ("u2 1 0.5 0.1 ð", "'ð' is IPA, but most labels of the file are ARPAbet"),
    ],
)
def test_read_ctm_refuses_lines(tmp_path, line, message):
    path = ctm(tmp_path / "p.ctm", "u2 1 0.0 0.1 K", "u2 1 0.2 0.1 AE1", "u2 1 0.1 0.1 DH", line)
    with pytest.raises(CorpusError, match=rf"p\.ctm, line 4: .*{message}"):
        read_transcripts(path, keys=KEYS)


def test_read_ctm_refuses_first_line_and_confidence(tmp_path):
    with pytest.raises(CorpusError, match="line 1: 3 fields, expected 5 or 6"):
        read_transcripts(ctm(tmp_path / "p.ctm", "u2 1 0.0"), keys=KEYS)
    with pytest.raises(CorpusError, match=r"line 1: confidence must be a probability .*, not 'NA'"):
        read_transcripts(ctm(tmp_path / "p.ctm", "u2 1 0.0 0.1 K NA"), keys=KEYS)


def test_read_ctm_of_a_cut_file(tmp_path):
    """But for a cut within the last number of all."""
    whole = ctm(tmp_path / "p.ctm", "u2 1 0.0 0.1 K 0.5", "SKA_u1 1 0.0 0.1 T 0.25").read_text().rstrip("\n")
    for length in range(1, len(whole) - len(" 0.25") + 1):
        path = ctm(tmp_path / "p.ctm", whole[:length])
        with contextlib.suppress(CorpusError):
            assert len(read_transcripts(path, keys=KEYS)) < 2


def test_resolve_names_of_no_and_of_several_utterances(tmp_path):
    path = ctm(tmp_path / "p.ctm", "ABA_u9 1 0 0.1 K", "u2 1 0 0.1 K")
    assert [row.key for row in read_transcripts(path, keys=KEYS)] == [("", "ABA_u9"), ("ABA", "u2")]
    with pytest.raises(CorpusError, match=r"p\.ctm: .*these names: u1 \(ABA/u1 or SKA/u1\); call them SPEAKER_UTT"):
        read_transcripts(ctm(path, "u1 1 0 0.1 K"), keys=KEYS)
    with pytest.raises(CorpusError, match="no field for the speaker"):
        read_transcripts(path)


@pytest.mark.parametrize(
    ("name", "keys"),
    [
        ("a_b_c", [("a_b", "c"), ("a", "b_c")]),  # where does the speaker end?
        ("a_b", [("x", "a_b"), ("a", "b")]),  # an utterance of x, or b of a
    ],
)
def test_resolve_names_refuses_two_readings(tmp_path, name, keys):
    with pytest.raises(CorpusError, match=rf"{name} \("):
        resolve_names([name], keys, tmp_path)
    for key in keys:
        assert resolve_names([name], [key], tmp_path) == {name: key}


@given(st.sets(st.tuples(st.text("ab_-", min_size=1, max_size=3), st.text("ab_-", min_size=1, max_size=3))), st.data())
def test_resolve_names_of_any_keys(tmp_path_factory, keys, data):
    name = data.draw(st.text("ab_-./", min_size=1, max_size=7))
    means = {key for key in keys if name == key[1] or name in {key[0] + mark + key[1] for mark in "/_-."}}
    if len(means) > 1:
        with pytest.raises(CorpusError, match="several speakers"):
            resolve_names([name], keys, tmp_path_factory.getbasetemp())
    else:
        assert resolve_names([name], keys, tmp_path_factory.getbasetemp()) == {name: (*means, ("", name))[0]}


def test_resolve_names_lists_ten_names():
    names = [f"u{number}" for number in range(12)]
    assert format_list(names[:10]) == "u0, u1, u2, u3, u4, u5, u6, u7, u8, u9"
    assert format_list(names) == "u0, u1, u2, u3, u4, u5, u6, u7, u8, u9 and 2 more"
