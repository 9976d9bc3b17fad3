from __future__ import annotations

import re
from pathlib import Path

import pytest

from doc_pages import PAGES, ROOT, anchors, links, prose

SERVER = ROOT / "server/src/bertillon_server"


def page_name(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.mark.parametrize("page", PAGES, ids=page_name)
def test_links_lead_to_files_and_headings_that_exist(page: Path) -> None:
    for link in links(page):
        path, _, anchor = link.partition("#")
        goal = (page.parent / path).resolve() if path else page
        assert goal.exists(), f"{link} leads nowhere"
        assert goal.is_relative_to(ROOT), link
        if anchor:
            assert anchor in anchors(goal), f"{link}: no such heading"


def test_every_page_can_be_reached_from_the_readme() -> None:
    reached, left = set(), [PAGES[0]]
    while left:
        page = left.pop()
        if page in reached or page.suffix != ".md":
            continue
        reached.add(page)
        left += [(page.parent / link.partition("#")[0]).resolve() for link in links(page)]
    assert set(PAGES) <= reached


@pytest.mark.parametrize("page", PAGES, ids=page_name)
def test_pages_name_no_hosts(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert re.findall(r"https?://\S+|\b[\w-]+\.(?:com|dev|io|net|org)\b", text) == []


def test_the_files_that_the_architecture_names_exist() -> None:
    text = prose(ROOT / "docs/architecture.md")
    files = re.findall(r"`([\w/.]+\.(?:py|proto))`", text)
    assert len(files) > 30
    missing = [
        file for file in files if not any((base / file).is_file() for base in (SERVER, ROOT, ROOT / "proto"))
    ]
    assert missing == []
