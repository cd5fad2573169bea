"""Finished studies: their models, their verdict on the prior, their report."""

import shutil

import pytest
from fastapi.testclient import TestClient

from asheard.errors import ModelError
from asheard.server.app import create_app
from asheard.server.runtime import build_model_pool
from asheard.server.studies import read_study
from support.recordings import MOON


@pytest.fixture(scope="module")
def study(quick_study):
    return quick_study


@pytest.fixture
def client(study):
    with TestClient(create_app(build_model_pool(studies=[study]))) as client:
        yield client


def test_study_models_transcribe(client, wav):
    names = [model["name"] for model in client.get("/models").json()["models"] if model["kind"] == "study"]
    assert "embedded/faithful-seed1" in names
    assert any(name.startswith("embedded/l1-aware") for name in names)
    for name in names:
        answer = client.post("/transcribe", files={"audio": wav}, data={"model": name})
        assert answer.status_code == 200, answer.text
        assert any("synthetic" in sentence for sentence in answer.json()["limitations"])


def test_study_models_are_not_the_default(client):
    assert client.get("/models").json()["default"] == "asheard-tiny"


def test_study_verdict_decides_about_the_prior(client, study, wav):
    found = read_study(study)
    data = {"model": "embedded/faithful-seed1", "text": MOON, "l1": "Spanish"}
    answer = client.post("/score", files={"audio": wav}, data=data).json()
    assert answer["prior"]["used"] == (found.l1 in ("scorer", "both"))
    assert f"the verdict of the study embedded puts the L1 in: {found.l1}" in answer["prior"]["reason"]
    tiny = client.post("/score", files={"audio": wav}, data=data | {"model": "asheard-tiny"}).json()
    assert tiny["prior"]["used"]


def test_study_l1_aware_model_lists_its_l1s(client, wav):
    answer = client.post("/transcribe", files={"audio": wav}, data={"model": "embedded/l1-aware-seed1", "l1": "Thai"})
    assert (answer.status_code, "leave the L1 'Thai' out" in answer.json()["detail"]) == (422, True)
    listed = {model["name"]: model for model in client.get("/models").json()["models"]}
    assert "Spanish" in listed["embedded/l1-aware-seed1"]["l1s"]


def test_study_report_plots_and_tables(client):
    (verdict,) = client.get("/studies").json()["studies"]
    assert (verdict["name"], verdict["synthetic"]) == ("embedded", True)
    report = client.get("/studies/embedded").json()
    assert report["sentence"] == verdict["sentence"]
    assert report["markdown"].startswith("# ")
    assert report["report"][0]["tag"] == "h1"
    assert report["plots"]
    plot = client.get(f"/studies/embedded/plots/{report['plots'][0]}")
    assert plot.headers["content-type"] == "image/png"
    assert plot.content.startswith(b"\x89PNG")
    assert {"differences.csv", "by-l1.csv"} <= set(report["tables"])
    table = client.get("/studies/embedded/tables/differences.csv")
    assert table.headers["content-type"].startswith("text/csv")
    assert table.text.startswith("metric,chain,reference,")
    for route in (
        "/studies/embedded/tables/verdict.json",
        "/studies/embedded/tables/x.csv",
        "/studies/nix/tables/x.csv",
    ):
        assert client.get(route).status_code == 404
    for route in ("/studies/nix", "/studies/embedded/plots/verdict.json", "/studies/nix/plots/x.png"):
        assert client.get(route).status_code == 404


def test_study_files_are_below_its_folder(study, tmp_path):
    """Links to other files are not served, and no name in a route leads out of the folder."""
    copy = tmp_path / "copied"
    shutil.copytree(study, copy, ignore=shutil.ignore_patterns("corpus", "models", "audio-16khz"))
    (tmp_path / "secret.csv").write_text("secret")
    (copy / "linked.csv").symlink_to(tmp_path / "secret.csv")
    (copy / "plots" / "linked.png").symlink_to("/etc/passwd")
    with TestClient(create_app(build_model_pool(studies=[copy]))) as client:
        listed = client.get("/studies/copied").json()
        assert not [name for name in listed["tables"] + listed["plots"] if "linked" in name]
        assert "by-l1.csv" in listed["tables"]
        for name in ("linked.csv", "..%2Fsecret.csv", "%2e%2e/secret.csv", "..%5Csecret.csv", "%2Fetc%2Fpasswd", "%00"):
            assert client.get(f"/studies/copied/tables/{name}").status_code == 404
            assert client.get(f"/studies/copied/plots/{name}").status_code == 404
        assert client.get("/page/..%2Fapp.py").status_code == 404


def test_studies_of_one_name_are_refused(study):
    with pytest.raises(ModelError, match="two studies have one name: embedded, embedded; rename a folder"):
        build_model_pool(studies=[study, study])


def test_read_study_refuses_other_folders(tmp_path):
    with pytest.raises(ModelError, match=r"no finished study .*run `asheard study --out"):
        build_model_pool(studies=[tmp_path])
