"""The Python example of docs/phones.md gives what its comments say."""

import ast
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs/phones.md"


def test_phones_page_example():
    code = PAGE.read_text(encoding="utf-8").split("```python\n")[1].split("```")[0]
    names: dict[str, object] = {}
    num_checked = 0
    for line in filter(None, code.splitlines()):
        statement, comment, value = line.partition("  # ")
        if comment:
            assert eval(statement, names) == ast.literal_eval(value.strip())
            num_checked += 1
        else:
            exec(statement, names)
    assert num_checked == 4
