"""RESULTS.md as a reader sees it: sections with their paragraphs, and tables with their cells."""

from collections.abc import Iterator
from dataclasses import dataclass, field


@dataclass
class Table:
    """header: the headings. rows: a cell for each heading, a dictionary a row. below: the block after the table."""

    header: list[str]
    rows: list[dict[str, str]]
    below: str = ""

    def column(self, heading: str) -> list[str]:
        """Return the cells of a column, from top to bottom."""
        return [row[heading] for row in self.rows]

    def row(self, name: str) -> dict[str, str]:
        """Return the row whose first cell is `name`."""
        return next(row for row in self.rows if row[self.header[0]] == name)


@dataclass
class Section:
    """Return the text between one heading and the next of any level."""

    heading: str
    paragraphs: list[str] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)

    @property
    def text(self) -> str:
        """All paragraphs, tables left out."""
        return "\n".join(self.paragraphs)


def parse_markdown(text: str) -> dict[str, Section]:
    """Split Markdown into sections by heading; the headings must differ."""
    sections: dict[str, Section] = {}
    table = None
    for block in text.strip("\n").split("\n\n"):
        if block.startswith("#"):
            heading = block.lstrip("# ")
            assert heading not in sections, heading
            sections[heading] = Section(heading)
            continue
        section = sections[next(reversed(sections))]
        if table is not None:
            table.below, table = block, None
        if block.startswith("|"):
            table = parse_table(block)
            section.tables.append(table)
        else:
            section.paragraphs.append(block)
    return sections


def parse_table(block: str) -> Table:
    """Read one Markdown table."""
    header, _, *lines = [[cell.strip() for cell in line.strip("|").split("|")] for line in block.splitlines()]
    return Table(header, [dict(zip(header, line, strict=True)) for line in lines])


def tables_of(sections: dict[str, Section]) -> Iterator[Table]:
    """Give every table, in order."""
    for section in sections.values():
        yield from section.tables
