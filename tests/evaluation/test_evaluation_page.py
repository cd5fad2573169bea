"""docs/evaluation.md: its example gives the output that it shows, and its tables of metrics are current."""

import importlib.util
import re
import shlex
from pathlib import Path

import pytest

from support.in_process import run

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "evaluation.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, flags=re.MULTILINE | re.DOTALL)


@pytest.fixture
def example(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, content in zip(("gold", "mine", "theirs"), blocks("json"), strict=True):
        (tmp_path / f"{name}.jsonl").write_text(content, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("COLUMNS", raising=False)  # the output is that of a pipe
    return tmp_path


def test_evaluation_page_command_prints_its_output(
    example: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (command,), (output,) = blocks("sh"), blocks("text")
    program, *arguments = shlex.split(command)
    done = run(monkeypatch, capsys, *arguments)
    assert (program, done.code) == ("asheard", 0), done.err
    assert done.out.split() == output.split()


def test_evaluation_page_python_gives_its_values(example: Path) -> None:
    (code,) = blocks("python")
    names: dict[str, object] = {}
    exec(code, names)
    for expression, shown in re.findall(r"^(evaluation\.\S+) +# (.+)$", code, flags=re.MULTILINE):
        value = eval(expression, names)
        assert repr(value).startswith(shown.removesuffix("...")) or repr(value).replace("'", '"') == shown


def test_evaluation_page_metrics_tables_are_current() -> None:
    """`python scripts/metrics_table.py` writes them."""
    spec = importlib.util.spec_from_file_location("metrics_table", ROOT / "scripts" / "metrics_table.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.with_tables(PAGE) == PAGE
