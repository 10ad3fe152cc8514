"""Markdown becomes blocks: every word once, from its place, whatever its markup."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yukawa.core.errors import InputError
from yukawa.knowledge import new_item
from yukawa.knowledge.documents.markdown import MOST_MARKS, markdown_blocks
from yukawa.knowledge.documents.statements import statements

word = st.text(alphabet="abcXYZ019τ", min_size=1, max_size=6)
line = st.lists(word, min_size=1, max_size=6).map(" ".join)
parts = st.one_of(
    line,
    st.tuples(st.sampled_from(["# ", "## ", "### ", "- ", "1. ", "> ", "    ", "  - ", "> ## "]), line).map(
        "".join
    ),
    st.lists(st.tuples(word, word), min_size=1, max_size=3).map(
        lambda rows: "| one | two |\n| - | - |\n" + "\n".join(f"| {a} | {b} |" for a, b in rows)
    ),
    line.map(lambda text: f"```\n{text}\n```"),
    st.tuples(st.sampled_from(["!!! note", '!!! tip "So"', "??? note"]), line, line).map(
        lambda p: f"{p[0]}\n    {p[1]}\n\n    {p[2]}"
    ),
    st.tuples(st.sampled_from([":::note", ":::{tip} So", "::::: callout", "```{note}"]), line).map(
        lambda p: f"{p[0]}\n{p[1]}\n{re.match('[:`]+', p[0])[0]}"  # type: ignore[index]
    ),
    line.map(lambda text: f"> [!NOTE]\n> {text}"),
    line.map(lambda text: f"**{text}** and [{text}](https://x.org)"),
)
documents = st.lists(parts, max_size=12).map("\n\n".join)


def words_of(text: str) -> list[str]:
    return re.findall(r"\w+", text)


@given(documents)
def test_every_word_is_read_once_from_where_it_stands(text: str) -> None:
    blocks = markdown_blocks(text)
    end = 0
    for block in blocks:
        assert end <= block.start <= block.end <= len(text)
        assert not words_of(text[end : block.start]), "a word that no block covers"
        end = block.end
        stands = words_of(text[block.start : block.end].lower())
        if block.kind == "row":  # column names are in another line, or before each value
            assert set(words_of(block.text.lower())) <= {"one", "two", *stands}
        else:
            rest = iter(stands)
            assert all(one in rest for one in words_of(block.text.lower()))
    assert not words_of(text[end:])


@given(st.lists(parts, max_size=6))
def test_blocks_of_neighbours_do_not_depend_on_each_other(some: list[str]) -> None:
    apart = [b.text for part in some for b in markdown_blocks(part)]
    together = [b.text for b in markdown_blocks("\n\n<!-- -->\n\n".join(some))]
    assert [t for t in together if t] == [t for t in apart if t]


@given(documents)
def test_headings_are_those_above(text: str) -> None:
    above: dict[tuple[str, ...], int] = {(): 0}
    for block in markdown_blocks(text):
        assert block.headings in above
        if block.kind == "heading":
            above[(*block.headings, block.text)] = block.start


def read(text: str) -> list[tuple[str, str]]:
    return [(b.kind, b.text) for b in markdown_blocks(text) if b.kind != "comment"]


def test_tables_name_their_columns() -> None:
    text = "| Mode | `BR` |\n|---|---|\n| [e e](https://x.org/a) | 17.8 % |\n| $\\mu\\mu$ | |\n"
    assert read(text) == [("row", "Mode: e e (https://x.org/a); BR: 17.8 %"), ("row", "Mode: $\\mu\\mu$")]
    assert read("| only | this |\n|---|---|\n") == [("row", "only; this")]


@pytest.mark.parametrize(
    ("text", "blocks"),
    [
        ('!!! note "Mind"\n    Two\n    lines.\n\nAfter.', [("admonition", "Note: Mind"), ("admonition", "Two lines."), ("text", "After.")]),  # noqa: E501
        ("??? tip\n    - one\n    - two", [("item", "- one"), ("item", "- two")]),
        (":::{warning} Mind\nIt is hot.\n:::\nAfter.", [("admonition", "Warning: Mind"), ("admonition", "It is hot."), ("text", "After.")]),
        ("```{note}\nIt is hot.\n```", [("admonition", "It is hot.")]),
        (":::note\nOuter\n::: tip\ninner\n:::\nlast\n:::", [("admonition", "Outer"), ("admonition", "inner"), ("admonition", "last")]),
        ("> [!WARNING]\n> It is hot.", [("admonition", "Warning: It is hot.")]),
        ("```\n!!! note\n    in code\n```", [("code", "!!! note\n    in code")]),
        ("```{code-block} python\nx = 1\n```", [("code", "x = 1")]),
    ],
)  # fmt: skip
def test_admonitions_of_all_dialects(text: str, blocks: list[tuple[str, str]]) -> None:
    assert read(text) == blocks


def test_a_heading_in_a_quotation_holds_there_alone() -> None:
    blocks = markdown_blocks("# A\n\n> ## Aside\n>\n> Inside.\n\nOutside.")
    assert [(b.text, b.headings) for b in blocks if b.kind == "text"] == [
        ("Inside.", ("A", "Aside")), ("Outside.", ("A",)),
    ]  # fmt: skip


def test_front_matter_lends_its_title() -> None:
    blocks = markdown_blocks('---\ntitle: "Jets"\nsidebar: 3\n---\n\nA jet.')
    assert [(b.kind, b.headings, b.text) for b in blocks] == [
        ("metadata", (), 'title: "Jets"\nsidebar: 3'), ("text", ("Jets",), "A jet."),
    ]  # fmt: skip
    assert read("---\nnot front matter") == [("text", "not front matter")]
    assert read("---\nnor: this") == [("text", "nor: this")]
    assert read("---\nnor this\n---\nText.") == [("heading", "nor this"), ("text", "Text.")]


def test_links_images_tags_and_formulas() -> None:
    text = r"See [the *guide*](guide.md), <https://x.org>, ![a plot](p.png)<br>and <b>$\{x\}\,\pi$</b>."
    assert read(text) == [("text", r"See the guide, https://x.org, a plot and $\{x\}\,\pi$.")]
    assert read("<details>\n<summary>More</summary>\nA &lt; B\n</details>") == [("text", "More A < B")]


@pytest.mark.parametrize(
    "unit",
    ["> ", "- ", "*a **b ", "[a](", "`", "<!--", ":::a\n", "!!! a\n ", "| a ", "```{note}\n", "# a\n", "<a "],
)
def test_time_is_in_proportion_to_the_length(unit: str) -> None:
    start = time.process_time()
    markdown_blocks(unit * (40_000 // len(unit)))
    assert time.process_time() - start < 5


@pytest.mark.slow
@pytest.mark.parametrize(
    "piece", ["[", "![", "[[](", "[a][", "**a", "__a_", "`a``", '[](""', "$", "<a ", "|a\n|-"]
)
def test_the_time_of_hostile_marks_grows_with_their_number_alone(piece: str) -> None:
    def seconds(size: int) -> float:
        text, began = piece * (size // len(piece)), time.process_time()
        markdown_blocks(text)
        return time.process_time() - began

    seconds(2_000)
    assert seconds(16_000) < 3 * seconds(8_000) + 0.05
    assert seconds(16_000) < 16_000 * 100e-6


def test_more_marks_than_can_be_read_in_a_moment_are_refused_in_one_line() -> None:
    for text in ("[" * (MOST_MARKS + 1), "**a" * (MOST_MARKS // 2 + 1), "a_`\n" * (MOST_MARKS // 2 + 1)):
        began = time.process_time()
        with pytest.raises(InputError, match=r"of the characters \[ \* _ `; at most 400,000.* \(split it"):
            new_item(text, kind="document")
        assert time.process_time() - began < 1
    table = "| a | b |\n|---|---|\n" + "[" * (
        MOST_MARKS + 1
    )  # taught as a statement, and read when somebody asks
    began = time.process_time()
    statements(table)
    assert time.process_time() - began < 2
