"""Write the tables of metrics in docs/evaluation.md from the definitions in `asheard.evaluation`.

python scripts/metrics_table.py
"""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from asheard.evaluation.expert_scores import SCORE_SCHEME
from asheard.evaluation.labels import LABEL_SCHEME
from asheard.evaluation.metrics import Metric

PAGE = Path(__file__).parents[1] / "docs" / "evaluation.md"


def metrics_table(metrics: Sequence[Metric[Any]]) -> str:
    """Compose a Markdown table: key in metrics.json, name in tables, definition."""
    rows = [f"| `{metric.key}` | {metric.name} | {metric.definition} |" for metric in metrics]
    return "\n".join(["| key | in tables | definition |", "|---|---|---|", *rows])


def with_tables(page: str) -> str:
    """Replace the tables between their markers."""
    for name, scheme in (("label metrics", LABEL_SCHEME), ("score metrics", SCORE_SCHEME)):
        marker, table = f"<!-- {name} -->", metrics_table(scheme.all_metrics)
        page = re.sub(f"{marker}.*?<!-- end -->", f"{marker}\n\n{table}\n\n<!-- end -->", page, flags=re.DOTALL)
    return page


if __name__ == "__main__":
    PAGE.write_text(with_tables(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    print(f"wrote {PAGE}")
