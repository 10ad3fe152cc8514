"""Statements, the smallest parts of a passage that can be quoted whole: a sentence, a list item, a row, a piece of code."""

import functools
import re
from dataclasses import dataclass

from yukawa.knowledge.documents.blocks import FENCE, sentences
from yukawa.knowledge.documents.words import stems


@dataclass(frozen=True)
class PassageStatement:
    """A statement of a passage.

    Args:
        text: as it is quoted; code and list items come with the sentence that leads to them.
        kind: 'text', 'item', 'row' or 'code'.
        before: the sentence before it, to which 'it' and 'this' refer.
        paragraph: the number of the paragraph or other block that it is in.
    """

    text: str
    kind: str
    before: str = ""
    paragraph: int = 0

    @functools.cached_property
    def stems(self) -> tuple[str, ...]:
        """The stems of its words, in order."""
        return stems(self.text)

    @functools.cached_property
    def words(self) -> frozenset[str]:
        """The stems of its words."""
        return frozenset(self.stems)


_TABLE = re.compile(
    r"^(?=[ :|-]+$)[ :|]*+(?:-{1,2}+[ :|]++)*+-{3}[ :|-]*\|", re.MULTILINE
)  # the rule below the names of its columns


@functools.lru_cache(maxsize=4096)
def statements(body: str) -> tuple[PassageStatement, ...]:
    """The statements of a passage without its headings, in order."""
    found: list[PassageStatement] = []
    if _TABLE.search(
        body
    ):  # what people taught as it was written; of documents the blocks are read when they are taught
        from yukawa.knowledge.documents.markdown import MOST_MARKS, count_marks, markdown_blocks

        if count_marks(body) <= MOST_MARKS:
            body = "\n".join(block.text for block in markdown_blocks(body))
    lead = ""  # the sentence with a colon that leads to items or code
    for number, kind, text in _lines(body):
        before = found[-1].text if found else ""
        if kind == "text":
            found.append(PassageStatement(text, kind, before, number))
            lead = text if text.endswith(":") else ""
        elif kind == "row":
            found.append(PassageStatement(text, kind, "", number))
        else:
            if lead and found[-1].text == lead:  # quoted with what it leads to
                before = found.pop().before
            found.append(PassageStatement(f"{lead}\n{text}" if lead else text, kind, before, number))
    return tuple(found)


def _lines(body: str) -> list[tuple[int, str, str]]:
    """Number of the line, kind and text of each line, sentence, or piece of code."""
    found: list[tuple[int, str, str]] = []
    code: list[str] | None = None
    for number, line in enumerate(body.split("\n")):
        if line == FENCE:
            if code:
                found.append((number, "code", "\n".join(code)))
            code = [] if code is None else None
        elif code is not None:
            code.append(line)
        elif line.startswith("- "):
            found.append((number, "item", line))
        elif ": " in line and "; " in line and not line.endswith((".", ":", "!", "?")):
            found.append((number, "row", line))
        else:
            found += [(number, "text", sentence) for sentence in sentences(line)]
    if code:
        found.append((number, "code", "\n".join(code)))
    return found
