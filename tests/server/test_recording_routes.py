"""POST /transcribe, /compare and /score: answers field by field, and what is refused."""

import json
import re
from pathlib import Path

import pytest
import soxr
from jsonschema import Draft202012Validator

from asheard.io.audio import SAMPLE_RATE_HZ
from asheard.pronunciation.scorer import load_model
from support.recordings import MOON, wav_bytes

SCHEMA = json.loads((Path(__file__).parents[2] / "docs" / "pronunciation.schema.json").read_text(encoding="utf-8"))


def test_transcribe_answers_lists_of_one_length_and_model_facts(send):
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


def test_transcribe_by_the_model_that_is_named(send):
    answer = send("/transcribe", model="embedded-base").json()
    assert answer["phonemes"][:2] == ["s", "i"]
    assert answer["phonemes"][-3:] == ["m", "u", "n"]


def test_transcribe_null_for_what_a_recogniser_does_not_give(send):
    answer = send("/transcribe", model="echo").json()
    assert answer["phonemes"] == ["s", "i", "ð", "ʌ", "m", "u", "d"]
    assert answer["confidences"] == answer["times_ms"] == [None] * 7
    assert answer["limitations"] == ["It writes the same for every recording."]


def test_compare_aligns_models_and_canonical(send):
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


def test_compare_without_a_target(send):
    answer = send("/compare", models=["echo", "nothing", "embedded-base"]).json()
    assert "no model 'nothing'" in answer["detail"]
    answer = send("/compare", models=["echo", "embedded-base"]).json()
    assert answer["canonical"] is None
    assert {column["canonical"] for column in answer["columns"]} == {None}


@pytest.mark.parametrize("fields", [{}, {"l1": "Spanish"}, {"model": "echo"}], ids=["own", "l1", "external"])
def test_score_answers_the_one_schema(send, fields):
    answer = send("/score", text=MOON, **fields).json()
    Draft202012Validator(SCHEMA).validate(answer)
    assert list(answer) == list(SCHEMA["properties"])


def test_score_answers_what_python_returns(send, moon, tmp_path):
    wav = wav_bytes(soxr.resample(moon, 22_050, SAMPLE_RATE_HZ), SAMPLE_RATE_HZ)
    (tmp_path / "moon.wav").write_bytes(wav)
    expected = load_model("asheard-tiny").score(tmp_path / "moon.wav", MOON, "Spanish").to_json()
    answer = send("/score", audio=wav, text=MOON, l1="Spanish").json()
    for phone in (phone for word in expected["words"] for phone in word["phones"]):
        phone["probability"] = pytest.approx(phone["probability"], abs=1e-3)
    for holder, field in [*((word, "score") for word in expected["words"]), (expected, "score"), (expected, "seconds")]:
        holder[field] = pytest.approx(holder[field], abs=1e-3)
    expected["transcript"]["confidences"] = pytest.approx(expected["transcript"]["confidences"], abs=0.02)
    assert answer == expected
    assert [word["word"] for word in answer["words"]] == ["see", "the", "moon"]
    assert answer["num_pronunciations"] == 5  # see 1, the 3, moon 1
    assert answer["prior"]["used"]
    assert "L2-ARCTIC" in answer["prior"]["source"]


def test_pronounce_is_an_alias_of_score(send):
    assert send("/pronounce", text=MOON, model="echo").json() == send("/score", text=MOON, model="echo").json()


def test_score_gives_feedback_on_an_error(send):
    answer = send("/score", text="see the moon", model="echo").json()
    phones = [phone for word in answer["words"] for phone in word["phones"]]
    assert [phone["class"] for phone in phones] == ["ok"] * 6 + [phones[-1]["class"]]
    assert phones[-1]["feedback"].startswith('the n of "moon" was heard as d')
    assert phones[-1]["heard_index"] == 6
    assert {phone["probability"] for phone in phones} == {None}
    assert not answer["prior"]["used"]


def test_score_by_phones_instead_of_a_text(send):
    answer = send("/score", phones="S IY | D AH", model="echo").json()
    assert [word["word"] for word in answer["words"]] == ["S IY", "D AH"]
    assert len(answer["added"]) == 3
    assert answer["added"][0]["feedback"].startswith("an extra m was heard after")
    phone = answer["words"][1]["phones"][0]
    assert (phone["canonical"], phone["heard"]) == ("d", "ð")


def test_score_with_l1_keeps_the_classes_without_it(send):
    """Without the L1 the classes are those of `class_without_prior`."""
    alone, spanish = (
        send("/score", phones="S IY | D AH", model="echo", **fields).json() for fields in ({}, {"l1": "Spanish"})
    )
    assert alone["l1"] is None
    assert spanish["l1"] == "Spanish"
    assert spanish["prior"]["used"]
    without = [phone["class"] for word in alone["words"] for phone in word["phones"]]
    assert [phone["class_without_prior"] for word in spanish["words"] for phone in word["phones"]] == without


def test_score_words_of_no_dictionary(send):
    """The synthesiser pronounces them."""
    answer = send("/score", text="see the mooniest", model="echo").json()
    assert [phone["canonical"] for phone in answer["words"][2]["phones"]][:3] == ["m", "u", "n"]


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
        ("/score", {}, 400, "no target is given"),
        ("/score", {"text": " "}, 400, "no target is given"),
        ("/score", {"text": "see", "phones": "S IY"}, 400, "both given"),
        ("/score", {"text": "see", "l1": "Klingon"}, 422, "the prior knows Arabic"),
        ("/score", {"text": "?!"}, 422, "holds no word"),
        ("/score", {"text": "东西"}, 422, "not a Latin letter"),
        ("/score", {"phones": "s 7"}, 422, "7"),
        ("/score", {"text": "a" * 2001}, 413, "more than 2000 characters"),
        ("/score", {"text": "a" * 1_000_000}, 413, "more than 2000 characters"),
        ("/score", {"text": "see\x00moon"}, 422, r"word 1, character 4: \(U\+0000\) is a control character"),
        ("/score", {"phones": "S\x07 IY"}, 422, r"'S\\x07'"),
        ("/score", {"text": "see " * 400}, 422, "too short for its text"),
    ],
)
def test_routes_refuse_fields_they_cannot_use(send, route, fields, status, sentence):
    answer = send(route, **fields)
    assert answer.status_code == status
    assert re.search(sentence, answer.json()["detail"])


def test_transcribe_without_a_recording(send):
    answer = send("/transcribe", audio=None, model="echo")
    assert (answer.status_code, answer.json()["detail"]) == (
        422,
        "field 'audio': no file; send the recording as multipart/form-data (curl -F audio=@my.wav)",
    )


@pytest.mark.parametrize(
    "text", ["see\u00a0the\nmoon", "see the mo\u00adon", "\ufeffsee <b>the</b> moon™ 😀", "ｓｅｅ the moon\u202e"]
)
def test_score_reads_texts_as_the_command_line_does(send, text):
    answer = send("/score", text=text)
    assert answer.status_code == 200
    assert [word["word"] for word in answer.json()["words"]] == ["see", "the", "moon"]


@pytest.mark.parametrize("route", ["/score", "/compare"])
def test_field_given_twice_is_refused(send, route):
    answer = send(route, text=[MOON, "another text"], models=["embedded-base", "echo"])
    assert answer.status_code == 400
    assert answer.json()["detail"] == "field 'text': given more than once; send it once"
