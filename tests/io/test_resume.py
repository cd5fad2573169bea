"""StageCache run when they must and only then."""

import errno
import os
from pathlib import Path

import pytest

from asheard.errors import AsHeardError, OutputError
from asheard.io.digests import folder_states_digest, values_digest
from asheard.io.resume import StageCache, claim_folder, resumable_rows


class Run:
    def __init__(self, folder: Path) -> None:
        self.said: list[tuple[str, bool]] = []
        self.num_done = 0
        self.folder = folder
        self.output = folder / "output"
        self.input = folder / "input"
        self.input.write_text("a")

    def go(self, *more: object) -> bool:
        """Run the stage; True where it was skipped."""
        stages = StageCache(self.folder / ".stages", lambda name, skipped: self.said.append((name, skipped)))
        stages.run("write", self._write, inputs=[self.input, *more], outputs=[self.output])
        return self.said[-1][1]

    def _write(self) -> None:
        self.num_done += 1
        self.output.write_text(self.input.read_text() * 2)


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run(tmp_path)


def test_stage_is_done_once(run: Run) -> None:
    assert [run.go(), run.go(), run.go()] == [False, True, True]
    assert run.num_done == 1


def test_stage_runs_again_if_an_input_changes(run: Run) -> None:
    run.go(1)
    run.input.write_text("b")
    assert not run.go(1)
    assert run.output.read_text() == "bb"
    assert not run.go(2)
    assert run.go(2)


def test_stage_runs_again_if_an_output_is_lost_or_damaged(run: Run) -> None:
    run.go()
    run.output.unlink()
    assert not run.go()
    run.output.write_text("a")
    assert not run.go()
    assert run.output.read_text() == "aa"


def test_stage_killed_continues_with_what_it_left(run: Run) -> None:
    stages = StageCache(run.folder / ".stages", lambda name, skipped: None)

    def be_killed() -> None:
        run.output.write_text("half")
        raise KeyboardInterrupt

    def go_on() -> None:
        run.output.write_text(run.output.read_text() + " and half")

    with pytest.raises(KeyboardInterrupt):
        stages.run("write", be_killed, inputs=[run.input], outputs=[run.output])
    stages.run("write", go_on, inputs=[run.input], outputs=[run.output])
    assert run.output.read_text() == "half and half"


def test_stage_deletes_outputs_of_other_inputs(run: Run) -> None:
    stages = StageCache(run.folder / ".stages", lambda name, skipped: None)
    (run.folder / "models").mkdir()

    def train() -> None:
        assert not list(run.folder.glob("models/*"))
        (run.folder / "models").mkdir(exist_ok=True)
        (run.folder / "models" / run.input.read_text()).touch()

    for content in ("a", "b", "b", "c"):
        run.input.write_text(content)
        stages.run("train", train, inputs=[run.input], outputs=[run.folder / "models"])
        assert [path.name for path in (run.folder / "models").iterdir()] == [content]


def test_values_digest_of_a_folder_is_independent_of_its_place(tmp_path: Path) -> None:
    for name in ("here", "there"):
        (tmp_path / name / "sub").mkdir(parents=True)
        (tmp_path / name / "sub" / "file").write_text("x")
    assert values_digest([tmp_path / "here"]) == values_digest([tmp_path / "there"])
    (tmp_path / "there" / "sub" / "file").rename(tmp_path / "there" / "file")
    assert values_digest([tmp_path / "here"]) != values_digest([tmp_path / "there"])


def test_folder_states_digest_changes_with_new_files(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    before = folder_states_digest(tmp_path)
    assert folder_states_digest(tmp_path) == before
    (tmp_path / "other").write_text("x")
    assert folder_states_digest(tmp_path) != before


def test_stages_may_be_under_way_together(run: Run) -> None:
    stages = StageCache(run.folder / ".stages", lambda name, skipped: None)
    outputs = [run.folder / "one", run.folder / "two"]
    begun = [stages.begin(path.name, inputs=[], outputs=[path]) for path in outputs]
    for path, stage in zip(outputs, begun, strict=True):
        assert stage is not None
        path.write_text("whole")
    assert begun[0] is not None
    begun[0].end()
    assert stages.begin("one", inputs=[], outputs=outputs[:1]) is None
    assert stages.begin("two", inputs=[], outputs=outputs[1:]) is not None
    assert outputs[1].read_text() == "whole"


def test_resumable_rows_continue_after_a_kill(tmp_path: Path) -> None:
    out = tmp_path / "rows.jsonl"
    with resumable_rows(out, ["job", 1]) as rows:
        rows.append([{"n": 1}, {"n": 2}])
    (part,) = tmp_path.iterdir()
    part.write_bytes(part.read_bytes() + b'{"n": ')
    with resumable_rows(out, ["job", 1]) as again:
        assert again.num_resumed == 2
        again.append([{"n": 3}])
        assert again.rows() == [{"n": 1}, {"n": 2}, {"n": 3}]
    with resumable_rows(out, ["job", 2]) as other:
        assert (other.num_resumed, other.rows()) == (0, [])
        other.remove()
    assert not list(tmp_path.iterdir())


def test_resumable_rows_remove_no_rows_of_other_files(tmp_path: Path) -> None:
    for name in ("rows", "rows.a.jsonl", "rows-2", "rows.jsonl"):
        with resumable_rows(tmp_path / name, []) as rows:
            rows.append([{"n": name}])
    with resumable_rows(tmp_path / "rows", []) as rows:
        rows.remove()
    for name in ("rows.a.jsonl", "rows-2", "rows.jsonl"):
        with resumable_rows(tmp_path / name, []) as rows:
            assert rows.rows() == [{"n": name}]


def test_resumable_rows_refuse_folders_and_streams(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for out, message in (
        (tmp_path, "is a folder; name a file in it"),
        (tmp_path / "pipe", "is no file, and unfinished rows are kept beside the output; name a file"),
        (Path("/dev/stdout"), "^/dev/stdout is no file"),
        (Path("/dev/fd/63"), "^/dev/fd/63 is no file"),
    ):
        with pytest.raises(OutputError, match=message), resumable_rows(out, []):
            pass
    assert [path.name for path in tmp_path.iterdir()] == ["pipe"]


def test_resumable_rows_say_what_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "rows.jsonl"

    def fill_disk(values: list[dict[str, int]]) -> None:
        with resumable_rows(out, []) as rows:
            rows.append([{"n": 1}, {"n": 2}])
            monkeypatch.setattr(Path, "open", full_disk)
            rows.append(values)

    def full_disk(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.raises(OutputError) as caught:
        fill_disk([{"n": 3}])
    assert str(caught.value) == (
        f"{out}: cannot be written (No space left on device); make room on the disk, and run the same command again. "
        "2 rows are kept, and the same command goes on from there"
    )


def test_claim_folder_refuses_another_configuration(tmp_path: Path) -> None:
    file = tmp_path / "out" / "study.json"
    claim_folder(file, {"folds": 1, "corpus": ("a", "b")})
    claim_folder(file, {"folds": 1, "corpus": ("a", "b")})
    with pytest.raises(AsHeardError, match=r"out holds results of another configuration \(folds was 1, is 4\)"):
        claim_folder(file, {"folds": 4, "corpus": ("a", "b")})
