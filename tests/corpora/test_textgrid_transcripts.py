"""Transcripts as TextGrids: which tier, whose utterance, sound or broken."""

import pytest

from asheard.corpora.transcripts import read_transcripts
from asheard.errors import CorpusError
from support.tiny_corpus import STEP_S, long_textgrid, short_textgrid

KEYS = [("ABA", "u1"), ("ABA", "u2"), ("SKA", "u1")]
TIERS = {"words": [("the", 4)], "phones": ["", "DH", "sil", "AH0"]}


def write(path, tiers=TIERS, form=long_textgrid):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(form(tiers), encoding="utf-8")
    return path


@pytest.mark.parametrize("form", [long_textgrid, short_textgrid])
def test_read_textgrids_phones_and_times(tmp_path, form):
    (row,) = read_transcripts(write(tmp_path / "ABA_u1.TextGrid", form=form), "mine", KEYS)
    assert (row.key, row.chain, row.phones, row.confidences) == (("ABA", "u1"), "mine", ("ð", "ə"), None)
    assert row.times_s == (pytest.approx((STEP_S, 2 * STEP_S)), pytest.approx((3 * STEP_S, 4 * STEP_S)))


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("ABA/u1", ("ABA", "u1")),
        ("SKA/annotation/u1", ("SKA", "u1")),
        ("SKA/SKA/annotation/u1", ("SKA", "u1")),
        ("SKA_u1", ("SKA", "u1")),
        ("SKA-u1", ("SKA", "u1")),
        ("u2", ("ABA", "u2")),
        ("XX/u2", ("XX", "u2")),  # a speaker that the gold does not have: extra, never another's u2
        ("u7", ("", "u7")),
    ],
)
def test_read_textgrids_names_of_a_folder(tmp_path, name, key):
    write(tmp_path / "out" / f"{name}.TextGrid")
    (tmp_path / "out" / "notes.txt").write_text("not read")
    (tmp_path / "out" / "._SKA_u1.TextGrid").write_bytes(b"what another system leaves")
    (row,) = read_transcripts(tmp_path / "out", keys=KEYS)
    assert (row.key, row.chain) == (key, "out")


def test_read_textgrids_without_gold(tmp_path):
    write(tmp_path / "SKA" / "u1.textgrid")
    assert [row.key for row in read_transcripts(tmp_path)] == [("SKA", "u1")]
    write(tmp_path / "u1.TextGrid")
    with pytest.raises(CorpusError, match="no field for the speaker"):
        read_transcripts(tmp_path)
    with pytest.raises(CorpusError, match=r"u1 \(ABA/u1 or SKA/u1\)"):
        read_transcripts(tmp_path, keys=KEYS)


@pytest.mark.parametrize(
    ("tiers", "expected"),
    [
        ({"words": ["the"], "phones": ["K"]}, "k"),
        ({"IPA": ["T"], "phones": ["K"]}, "k"),  # L2-ARCTIC: IPA holds remarks
        ({"Phonemes": ["K"], "words": ["the"]}, "k"),
        ({"words": ["the"], "IPA": ["K"]}, "k"),
        ({"ABA - words": ["the"], "ABA - phones": ["K"]}, "k"),  # the Montreal Forced Aligner
        ({"whatever": ["K"]}, "k"),
        ({"phone": ["", "", "sil"]}, ""),  # no phones
    ],
)
def test_read_textgrids_phone_tier(tmp_path, tiers, expected):
    (row,) = read_transcripts(write(tmp_path / "u2.TextGrid", tiers), keys=KEYS)
    assert row.phones == tuple(expected)


@pytest.mark.parametrize(
    ("tiers", "named"),
    [
        ({"words": ["the"], "labels": ["K"]}, "'words', 'labels'"),
        ({"ABA - phones": ["K"], "SKA - phones": ["K"]}, "'ABA - phones', 'SKA - phones'"),
    ],
)
def test_read_textgrids_refuses_unclear_tiers(tmp_path, tiers, named):
    path = write(tmp_path / "u2.TextGrid", tiers)
    with pytest.raises(CorpusError, match=rf"u2\.TextGrid: which tier holds the phones\? call one of {named} 'phones'"):
        read_transcripts(path, keys=KEYS)


def test_read_textgrids_refuses_point_tiers(tmp_path):
    path = tmp_path / "u2.TextGrid"
    head = 'File type = "ooTextFile"\nObject class = "TextGrid"\n\n0\n1\n<exists>\n1\n'
    path.write_text(head + '"TextTier"\n"phones"\n0\n1\n1\n0.5\n"K"\n')
    with pytest.raises(CorpusError, match="no tier of intervals"):
        read_transcripts(path, keys=KEYS)


def test_read_textgrids_of_one_alphabet(tmp_path):
    write(tmp_path / "ABA" / "u1.TextGrid", {"phones": ["t", "ə"]})
    write(tmp_path / "SKA" / "u1.TextGrid", {"phones": ["t", "ð", "æ"]})
    assert [row.phones for row in read_transcripts(tmp_path)] == [("t", "ə"), ("t", "ð", "æ")]
    write(tmp_path / "SKA" / "u2.TextGrid", {"phones": ["t", "AX"]})
    with pytest.raises(CorpusError, match=r"u2\.TextGrid, tier 'phones', interval 2: 'AX' is ARPAbet, but most .* IPA"):
        read_transcripts(tmp_path)


@pytest.mark.parametrize("label", ["@", "t ʃ", "AO1,AA,s"])
def test_read_textgrids_names_a_label_without_a_phone(tmp_path, label):
    path = write(tmp_path / "u2.TextGrid", {"phones": ["t", label, "ð"]})
    with pytest.raises(CorpusError, match=r"u2\.TextGrid, tier 'phones', interval 2: "):
        read_transcripts(path, keys=KEYS)


def test_read_textgrids_refuses_other_files(tmp_path):
    with pytest.raises(CorpusError, match=r"no TextGrid there; expected SPEAKER/UTT\.TextGrid"):
        read_transcripts(tmp_path)
    path = write(tmp_path / "u2.TextGrid")
    path.write_text(path.read_text()[:-60])
    for _ in range(2):
        with pytest.raises(CorpusError, match=r"u2\.TextGrid, line \d+: .*cut off"):
            read_transcripts(tmp_path, keys=KEYS)
        path.write_bytes(b"")


def test_read_textgrids_refuses_too_many_phones(tmp_path):
    write(tmp_path / "SKA" / "u1.TextGrid", {"phones": 20_000 * ["K"]}, short_textgrid)
    with pytest.raises(CorpusError, match=r"u1\.TextGrid, utterance SKA/u1: 20,000 phones in 'phones'; the limit is"):
        read_transcripts(tmp_path)
