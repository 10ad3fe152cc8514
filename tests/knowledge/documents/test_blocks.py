"""Blocks are packed into passages: short, under their headings, with all their words."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from yukawa.knowledge.documents.blocks import PASSAGE_WORDS, Block, pieces, sentences
from yukawa.knowledge.documents.markdown import markdown_blocks

words = st.lists(st.text(alphabet="abcXYZ019.?!τ", min_size=1, max_size=6), min_size=1, max_size=300).map(
    " ".join
)
headings = st.sampled_from([(), ("A",), ("A", "B"), ("C",)])


@st.composite
def blocks(draw: st.DrawFn) -> list[Block]:
    found: list[Block] = []
    for place in range(draw(st.integers(0, 8))):
        kind, page = (
            draw(st.sampled_from(["text", "item", "row", "code", "comment", "heading"])),
            draw(st.sampled_from([1, 2])),
        )
        found.append(Block(kind, draw(headings), 10 * place, 10 * place + 9, draw(words), page))
    return found


@given(blocks())
def test_no_word_is_lost_and_their_order_is_kept(given_blocks: list[Block]) -> None:
    found = iter([w for piece in pieces(given_blocks) for w in piece.text.split() if w != "```"])
    for block in given_blocks:
        if block.kind not in ("comment", "heading"):
            assert all(word in found for word in block.text.split())


@given(blocks())
def test_passages_are_short_and_say_where_they_stand(given_blocks: list[Block]) -> None:
    for piece in pieces(given_blocks):
        body = piece.text.removeprefix(" / ".join(piece.headings)).replace("```", " ")
        assert len(body.split()) <= PASSAGE_WORDS + 1
        holders = [b for b in given_blocks if piece.start <= b.start and b.end <= piece.end]
        assert holders
        assert {b.page for b in (holders[0], holders[-1])} == {piece.page}


@given(words)
def test_sentences_are_the_paragraph(text: str) -> None:
    assert "".join(" ".join(sentences(text)).split()) == "".join(text.split())


def test_sentences_end_where_they_end() -> None:
    text = "It ran, e.g. at 3.5 GeV, as in Fig. 3. The next by J. Adler et al. Is it? Yes."
    assert sentences(text) == [
        "It ran, e.g. at 3.5 GeV, as in Fig. 3.",
        "The next by J. Adler et al. Is it?",
        "Yes.",
    ]


def test_passages_stand_under_their_headings() -> None:
    text = "# Ring\n\nIt is cold.\n\n## Magnets\n\nThey are strong.\n\n# Hall\n\nIt is wide."
    assert [p.text for p in pieces(markdown_blocks(text))] == [
        "Ring: It is cold.", "Ring / Magnets: They are strong.", "Hall: It is wide.",
    ]  # fmt: skip
    assert [p.text for p in pieces(markdown_blocks("# Ring"))] == ["Ring"]
    assert [p.text for p in pieces(markdown_blocks("# Ring\n\n# Hall\n\nIt is wide."))] == [
        "Ring",
        "Hall: It is wide.",
    ]


def test_a_piece_of_code_stays_between_fences() -> None:
    code = "\n".join(f"line number {n} of it" for n in range(60))
    found = pieces(markdown_blocks(f"```\n{code}\n```"))
    assert len(found) == 3
    for piece in found:
        assert re.fullmatch(r"```\n(line number \d+ of it\n)+```", piece.text)
