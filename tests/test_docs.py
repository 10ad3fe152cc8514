"""The guides: every Python block runs, in order, in one namespace a page."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGES = sorted(page for page in ROOT.glob("docs/**/*.md") if "```python" in page.read_text(encoding="utf-8"))


# These train models: their blocks are run by `make test-all`.
SLOW = {"jets.md", "training.md"}


@pytest.mark.parametrize(
    "page", [pytest.param(p, id=p.name, marks=pytest.mark.slow if p.name in SLOW else ()) for p in PAGES]
)
def test_the_blocks_of_a_page_run(page: Path, tmp_path: Path) -> None:
    blocks = re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    namespace: dict[str, object] = {"folder": tmp_path / "base"}
    for block in blocks:
        exec(compile(block, f"{page.name}", "exec"), namespace)  # noqa: S102 - our own pages


def test_there_are_pages() -> None:
    assert PAGES


def test_things_live_where_the_thirty_questions_say() -> None:
    page = (ROOT / "benchmarks/house/where_does_it_live.md").read_text(encoding="utf-8")
    answers = [
        re.findall(r"`([\w/]+\.py)`: `(\w+)`", line) for line in page.splitlines() if line.startswith("| ")
    ]
    assert len([found for found in answers if found]) == 30
    for file, name in (answer for found in answers for answer in found):
        code = (ROOT / "src/yukawa" / file).read_text(encoding="utf-8")
        assert re.search(rf"^(class|def) {name}\b", code, re.MULTILINE), f"{file} does not define {name}"


# ---- links ---------------------------------------------------------------------------------------

TEXTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("benchmarks/**/*.md")])
_LINK = re.compile(r"(?<!\!)\[[^\]\n]*\]\((?P<target>[^)\s]+)\)")


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub and MkDocs make them."""
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    headings = re.findall(r"^#{1,6} +(.+?) *$", text, re.MULTILINE)
    plain = [re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower() for heading in headings]
    return {re.sub(r"[^\w\- ]", "", heading).replace(" ", "-") for heading in plain}


@pytest.mark.parametrize("page", TEXTS, ids=lambda page: str(page.relative_to(ROOT)))
def test_the_links_of_a_page_lead_somewhere(page: Path) -> None:
    text = re.sub(r"```.*?```|`[^`\n]*`", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    for match in _LINK.finditer(text):
        name, _, anchor = match["target"].partition("#")
        if ":" in name:  # another site
            continue
        target = (page.parent / name).resolve() if name else page
        assert target.exists(), f"{page.name} links to {match['target']}, which is not there"
        if anchor and target.suffix == ".md":
            assert anchor in anchors(target), (
                f"{page.name} links to {match['target']}: there is no such heading"
            )
