"""The pages of the documentation, taken apart: fenced blocks, links, headings."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))

RUN = frozenset({"python", "shell"})
SHOWN = frozenset({"json", "promql", "text", "toml"})

_FENCE = re.compile(r"(?P<indent> *)```(?P<language>\S*)\s*")
_EXEMPT = re.compile(r"<!-- not run: (?P<reason>\S.*) -->")
_LINK = re.compile(r"(?<!!)\[[^\]]*\]\((?P<target>[^()\s]+)\)")
_CODE = re.compile(r"`[^`]*`")


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block: where it stands, its language, its text, and why it is not run where it is not."""

    page: Path
    line: int
    language: str
    text: str
    reason: str

    @property
    def name(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def blocks() -> Iterator[Block]:
    for page in PAGES:
        yield from blocks_of(page)


def blocks_of(page: Path) -> Iterator[Block]:
    reason = ""
    lines = iter(enumerate(page.read_text(encoding="utf-8").splitlines(), start=1))
    for number, line in lines:
        fence = _FENCE.fullmatch(line)
        if fence is None:
            exempt = _EXEMPT.fullmatch(line.strip())
            # The comment stands directly above the block that it speaks of.
            reason = exempt["reason"] if exempt else ""
            continue
        inside = []
        for _, text in lines:
            if text == f"{fence['indent']}```":
                break
            inside.append(text.removeprefix(fence["indent"]))
        else:
            raise ValueError(f"{page}, line {number}: the block has no end")
        yield Block(page, number, fence["language"], "\n".join(inside) + "\n", reason)
        reason = ""


def prose(page: Path) -> str:
    """Return a page without its fenced blocks."""
    text = page.read_text(encoding="utf-8")
    return re.sub(r"^( *)```.*?^\1```$", "", text, flags=re.MULTILINE | re.DOTALL)


def links(page: Path) -> list[str]:
    return [match["target"] for match in _LINK.finditer(_CODE.sub("``", prose(page)))]


def anchors(page: Path) -> set[str]:
    """Return what a link to a heading of the page is written as."""
    headings = re.findall(r"^#+ (.+)$", prose(page), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def rows(page: Path, heading: str) -> list[list[str]]:
    """Return the cells of the first table below a heading, without its head."""
    below = prose(page).partition(f"\n{heading}\n")[2]
    table = re.search(r"(?:^\|.*\|\n)+", below, flags=re.MULTILINE)
    if table is None:
        raise ValueError(f"{page.name} has no table below {heading!r}")
    return [
        [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in table[0].splitlines()[2:]
    ]
