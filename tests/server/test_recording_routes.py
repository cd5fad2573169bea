"""What the routes that hear answer, field by field."""

import re

import pytest

from asheard.pronunciation.scorer import load_model
from asheard.recognition.registry import ASHEARD_TINY
from support.recordings import MOON


def test_a_transcript_has_three_lists_of_one_length_and_what_the_model_is(send):
    answer = send("/transcribe").json()
    assert answer["model"] == "asheard-tiny"
    assert len(answer["phonemes"]) == len(answer["confidences"]) == len(answer["times_ms"]) > 4
    assert all(0 < confidence <= 1 for confidence in answer["confidences"])
    starts = [start for start, _ in answer["times_ms"]]
    assert starts == sorted(starts)
    assert starts[-1] < answer["duration_ms"]
    assert answer["coverage"]
    assert answer["limitations"]
    assert answer["left_out"] == []


def test_the_embedded_base_hears_its_own_synthesiser(send):
    answer = send("/transcribe", model="embedded-base").json()
    assert answer["phonemes"][:2] == ["s", "i"]
    assert answer["phonemes"][-3:] == ["m", "u", "n"]


def test_what_a_recogniser_does_not_tell_is_null(send):
    answer = send("/transcribe", model="echo").json()
    assert answer["phonemes"] == ["s", "i", "ð", "ʌ", "m", "u", "d"]
    assert answer["confidences"] == answer["times_ms"] == [None] * 7
    assert answer["limitations"] == ["It hears the same whatever is said."]


def test_models_side_by_side_and_against_the_canonical(send):
    answer = send("/compare", models=["embedded-base", "echo"], text=MOON).json()
    assert [one["model"] for one in answer["transcripts"]] == ["embedded-base", "echo"]
    assert answer["canonical"][:2] == ["s", "i"]
    for number, transcript in enumerate(answer["transcripts"]):
        indices = [column["index"][number] for column in answer["columns"] if column["index"][number] is not None]
        assert indices == list(range(len(transcript["phonemes"])))
        assert [column["heard"][number] for column in answer["columns"] if column["heard"][number]] == transcript[
            "phonemes"
        ]
    assert [column["canonical"] for column in answer["columns"] if column["canonical"]] == answer["canonical"]
    last = next(column for column in answer["columns"] if column["canonical"] == "n")
    assert (last["heard"], last["differs"]) == (["n", "d"], True)
    assert not answer["columns"][0]["differs"]


def test_models_side_by_side_without_a_target(send):
    answer = send("/compare", models=["echo", "deaf-ish", "embedded-base"]).json()
    assert "no model 'deaf-ish'" in answer["detail"]
    answer = send("/compare", models=["echo", "embedded-base"]).json()
    assert answer["canonical"] is None
    assert {column["canonical"] for column in answer["columns"]} == {None}


def test_a_pronunciation_says_what_the_command_line_says(send, wav, tmp_path):
    (tmp_path / "moon.wav").write_bytes(wav)
    expected = load_model(ASHEARD_TINY).score(tmp_path / "moon.wav", MOON, "Spanish")
    answer = send("/score", text=MOON, l1="Spanish").json()
    positions = [position for word in answer["words"] for position in word["positions"]]
    assert [
        (one["canonical"], one["heard"], one["class"], one["reason"], one["class_without_prior"]) for one in positions
    ] == [(one.canonical, one.heard, one.class_, one.reason, one.class_without_prior) for one in expected.phones]
    assert [one["probability"] for one in positions] == pytest.approx(
        [one.probability for one in expected.phones], abs=1e-3
    )
    assert answer["score"] == pytest.approx(expected.score, abs=1e-3)
    assert answer["calibrated"]
    assert [word["word"] for word in answer["words"]] == ["see", "the", "moon"]
    assert answer["canonical"] == [one["canonical"] for one in positions]
    assert answer["pronunciations_scored"] == 5  # see 1, the 3, moon 1
    assert answer["prior"]["used"]
    assert "L2-ARCTIC" in answer["prior"]["source"]


def test_an_error_is_told_in_a_sentence(send):
    answer = send("/score", text="see the moon", model="echo").json()
    positions = [position for word in answer["words"] for position in word["positions"]]
    assert [one["class"] for one in positions] == ["ok"] * 6 + [positions[-1]["class"]]
    assert positions[-1]["sentence"].startswith('the n of "moon" was heard as d')
    assert positions[-1]["heard_index"] == 6
    assert {one["probability"] for one in positions} == {None}
    assert not answer["prior"]["used"]


def test_what_the_l1_makes_a_variant(send):
    """Spanish speakers are known to say d for ð."""
    alone, spanish = (
        send("/score", phones="S IY | D AH", model="echo", **fields).json() for fields in ({}, {"l1": "Spanish"})
    )
    assert [word["word"] for word in alone["words"]] == ["S IY", "D AH"]
    assert len(alone["added"]) == 3
    assert alone["added"][0]["sentence"].startswith("an extra m was heard after")
    changed = spanish["words"][1]["positions"][0]
    assert (changed["canonical"], changed["heard"]) == ("d", "ð")


def test_words_of_no_dictionary_go_through_the_synthesiser(send):
    answer = send("/score", text="see the mooniest", model="echo").json()
    assert answer["words"][2]["pronunciation"][:3] == ["m", "u", "n"]


@pytest.mark.parametrize(
    ("route", "fields", "status", "sentence"),
    [
        ("/transcribe", {"model": "nix"}, 404, "no model 'nix'; there are asheard-tiny"),
        ("/transcribe", {"model": "gone"}, 503, "model 'gone' cannot be used: .*/no/such/folder"),
        ("/transcribe", {"model": "misspelt"}, 503, "field 'kind' is 'modle'"),
        ("/transcribe", {"model": "deaf"}, 422, "no speech in the recording"),
        ("/compare", {"models": ["echo"]}, 400, "name 2 to 8 different models"),
        ("/compare", {"models": ["echo", "echo"]}, 400, "name 2 to 8 different models"),
        ("/compare", {}, 422, "field 'models'"),
        ("/score", {}, 400, "give what was to be said"),
        ("/score", {"text": " "}, 400, "give what was to be said"),
        ("/score", {"text": "see", "phones": "S IY"}, 400, "not both"),
        ("/score", {"text": "see", "l1": "Klingon"}, 422, "the prior knows Arabic"),
        ("/score", {"text": "?!"}, 422, "holds no word"),
        ("/score", {"text": "东西"}, 422, "not a Latin letter"),
        ("/score", {"phones": "s 7"}, 422, "7"),
        ("/score", {"text": "a" * 2001}, 413, "more than 2000 characters"),
        ("/score", {"text": "a" * 1_000_000}, 413, "more than 2000 characters"),
        ("/score", {"text": "see \u202emoon"}, 400, "control characters"),
        ("/score", {"text": "see\x00moon"}, 400, "control characters"),
        ("/score", {"phones": "S\x07 IY"}, 400, "control characters"),
        ("/score", {"text": "see " * 400}, 422, "too short for its text"),
    ],
)
def test_fields_that_are_of_no_use(send, route, fields, status, sentence):
    answer = send(route, **fields)
    assert answer.status_code == status
    assert re.search(sentence, answer.json()["detail"])


def test_a_missing_recording(send):
    answer = send("/transcribe", audio=None, model="echo")
    assert (answer.status_code, answer.json()["detail"]) == (422, "field 'audio': Field required")
