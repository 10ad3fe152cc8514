"""Plain text as blocks: paragraphs between blank lines, headings after '#', pages between form feeds."""

import re

from yukawa.knowledge.documents.blocks import Block

PAGE = "\f"
_HEADING = re.compile(r"(#{1,6})[ \t]+(\S.*)")


def plain_blocks(text: str) -> list[Block]:
    """The blocks of a text without markup, such as the text layer of a PDF.

    Args:
        text: pages are separated by form feeds, as pdftotext writes them; without one there are no pages.
    """
    blocks: list[Block] = []
    headings: list[tuple[int, str]] = []
    pages = text.split(PAGE)
    start = 0
    for number, page in enumerate(pages, start=1):
        page_number = number if len(pages) > 1 else None
        for first, last in _paragraphs(page):
            if found := _HEADING.fullmatch(page[first:last].strip()):
                headings = [h for h in headings if h[0] < len(found[1])]
                above = tuple(title for _, title in headings)
                blocks.append(Block("heading", above, start + first, start + last, found[2], page_number))
                headings.append((len(found[1]), found[2]))
                continue
            body = " ".join(page[first:last].split())
            above = tuple(title for _, title in headings)
            blocks.append(Block("text", above, start + first, start + last, body, page_number))
        start += len(page) + len(PAGE)
    return blocks


def _paragraphs(page: str) -> list[tuple[int, int]]:
    """First and last character of each paragraph and of each heading, which needs no blank line around it."""
    found: list[tuple[int, int]] = []
    place, begun = 0, None
    for line in page.splitlines(keepends=True):
        heading = _HEADING.match(line.strip()) is not None
        if begun is not None and (heading or not line.strip()):
            found.append((begun, place))
            begun = None
        if heading:
            found.append((place, place + len(line)))
        elif begun is None and line.strip():
            begun = place
        place += len(line)
    if begun is not None:
        found.append((begun, place))
    return found
