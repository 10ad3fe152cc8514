"""Blocks, the parts of a document that stand on their own, and the passages that they are packed into."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

PASSAGE_WORDS = 120
FENCE = "```"
# A sentence ends before white space and what may begin the next one; not behind an abbreviation or a single letter.
_SENTENCE_END = re.compile(
    r"(?<=[.!?])(?<!\be\.g\.)(?<!\bi\.e\.)(?<!\bcf\.)(?<!\betc\.)(?<!\bvs\.)(?<!\bFig\.)(?<!\bEq\.)(?<!\bRef\.)(?<!\bSec\.)"
    r"(?<!\bDr\.)(?<!\bNo\.)(?<!\bet al\.)(?<! [A-Z]\.)\s+(?=[A-Z0-9“\"'(`*\[$])|(?<=[。！？])"
)


@dataclass(frozen=True, slots=True)
class Block:
    """A part of a document: a paragraph, a list item, a row of a table, a piece of code.

    Args:
        kind: 'heading', 'text', 'item' (of a list), 'row' (of a table, as 'column: value; column: value'), 'code',
            'admonition', 'metadata' (front matter), or 'comment' (markup that nobody reads); of papers also 'abstract',
            'equation' (displayed, '$$LaTeX$$ (label)'), 'caption' and 'reference'.
        headings: the headings above it, outermost first.
        start, end: the characters of the source that it was made from.
        text: as it is read, without markup.
        page: counted from 1, where the source has pages.
    """

    kind: str
    headings: tuple[str, ...]
    start: int
    end: int
    text: str
    page: int | None = None


@dataclass(frozen=True, slots=True)
class Piece:
    """A passage of a document: the text with its headings in front, and its place.

    `start` and `end` are the characters of the source that hold it; a block that is cut lends them to all its parts.
    """

    text: str
    headings: tuple[str, ...]
    start: int
    end: int
    page: int | None

    def place(self) -> list[object]:
        """What an item keeps of it beside the text, for JSON: headings, characters, page."""
        return [list(self.headings), self.start, self.end, self.page]


def pieces(blocks: Iterable[Block]) -> list[Piece]:
    """Passages of at most 120 words: neighbours under one heading and on one page together, each block on its own lines.

    A heading with nothing of its own below it is a passage, so that no word is lost.
    """
    found: list[Piece] = []
    pending: list[tuple[str, Block]] = []
    bare: Block | None = None
    for block in blocks:
        if block.kind == "comment" or not block.text.strip():
            continue
        if block.kind == "heading":
            found += _joined(pending)
            if bare is not None and len(bare.headings) >= len(block.headings):
                found.append(_heading_alone(bare))
            pending, bare = [], block
            continue
        bare = None
        for part in _parts(block):
            if pending and not _fits(pending, part, block):
                found += _joined(pending)
                pending = []
            pending.append((part, block))
    found += _joined(pending)
    return [*found, _heading_alone(bare)] if bare is not None else found


def sentences(text: str) -> list[str]:
    """The sentences of a paragraph, in order; not cut at 'e.g.', 'Fig. 3' or initials."""
    return [sentence for part in _SENTENCE_END.split(text) if (sentence := part.strip())]


def _fits(pending: list[tuple[str, Block]], part: str, block: Block) -> bool:
    last = pending[-1][1]
    if (last.headings, last.page) != (block.headings, block.page):
        return False
    return sum(len(text.split()) for text, _ in pending) + len(part.split()) <= PASSAGE_WORDS


def _joined(pending: list[tuple[str, Block]]) -> list[Piece]:
    if not pending:
        return []
    blocks = [block for _, block in pending]
    headings, body = blocks[0].headings, "\n".join(text for text, _ in pending)
    text = f"{' / '.join(headings)}: {body}" if headings else body
    return [Piece(text, headings, blocks[0].start, blocks[-1].end, blocks[0].page)]


def _heading_alone(block: Block) -> Piece:
    headings = (*block.headings, block.text)
    return Piece(" / ".join(headings), headings, block.start, block.end, block.page)


def _parts(block: Block) -> Iterator[str]:
    """The text of a block in parts short enough for a passage; code stays between fences."""
    if block.kind == "code":
        for part in _packed(block.text.splitlines(), "\n"):
            yield f"{FENCE}\n{part}\n{FENCE}"
        return
    units = [block.text] if len(block.text.split()) <= PASSAGE_WORDS else sentences(block.text)
    yield from _packed(units, " ")


def _packed(units: Iterable[str], joint: str) -> Iterator[str]:
    """Units joined to parts of at most 120 words; a longer unit is cut between words."""
    current: list[str] = []
    size = 0
    for unit in units:
        words = unit.split()
        if current and size + len(words) > PASSAGE_WORDS:
            yield joint.join(current)
            current, size = [], 0
        if len(words) > PASSAGE_WORDS:
            *whole, words = (words[i : i + PASSAGE_WORDS] for i in range(0, len(words), PASSAGE_WORDS))
            yield from (" ".join(part) for part in whole)
            unit = " ".join(words)
        if unit.strip():
            current.append(unit)
            size += len(words)
    if current:
        yield joint.join(current)
