"""The guides: every Python block runs, in order, in one namespace a page."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGES = sorted(page for page in ROOT.glob("docs/**/*.md") if "```python" in page.read_text(encoding="utf-8"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_blocks_of_a_page_run(page: Path, tmp_path: Path) -> None:
    blocks = re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    namespace: dict[str, object] = {"folder": tmp_path / "base"}
    for block in blocks:
        exec(compile(block, f"{page.name}", "exec"), namespace)  # noqa: S102 - our own pages


def test_there_are_pages() -> None:
    assert PAGES
