"""Plain text becomes blocks: every word once, from its place."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from yukawa.knowledge.documents.plain import plain_blocks

words = st.text(alphabet="abcXYZ019.#-?!τ|*>", min_size=1, max_size=8)
texts = st.lists(
    st.tuples(words, st.sampled_from([" ", " ", "\n", "\n\n", ". ", "\n# ", "\n\n## ", "\t", "\f"])), max_size=200
).map(lambda pairs: "".join(word + gap for word, gap in pairs))  # fmt: skip


@given(texts)
def test_every_word_is_in_one_block(text: str) -> None:
    blocks = plain_blocks(text)
    found = [word for block in blocks for word in block.text.split()]
    marks = {"#" * n for n in range(1, 7)}
    assert [w for w in found if w not in marks] == [w for w in text.split() if w not in marks]


@given(texts)
def test_blocks_follow_each_other_and_say_where_they_stand(text: str) -> None:
    end = 0
    for block in plain_blocks(text):
        assert end <= block.start < block.end <= len(text)
        assert block.text.split() == text[block.start : block.end].split()[-len(block.text.split()) :]
        assert (block.page or 1) == 1 + text.count("\f", 0, block.start)
        end = block.end


def test_headings_need_no_blank_line() -> None:
    blocks = plain_blocks("# Ring\nIt is\ncold.\n## Magnets\nThey are strong.\n# Hall")
    assert [(b.kind, b.headings, b.text) for b in blocks] == [
        ("heading", (), "Ring"), ("text", ("Ring",), "It is cold."), ("heading", ("Ring",), "Magnets"),
        ("text", ("Ring", "Magnets"), "They are strong."), ("heading", (), "Hall"),
    ]  # fmt: skip
