"""Papers in HTML as blocks, those of LaTeXML (arXiv, ar5iv) with their formulas as LaTeX."""

import itertools
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from html import unescape

from yukawa.knowledge.documents.blocks import Block

_BREAKS = frozenset(
    """p div section article header footer main figure table ul ol dl dd dt li blockquote pre h1 h2 h3 h4 h5 h6 figcaption tr br hr body
    aside nav form caption thead tbody tfoot""".split()
)
_UNREAD = frozenset("script style head nav template svg button noscript iframe object".split())
_VOID = frozenset("area base br col embed hr img input link meta source track wbr".split())
_CODE = frozenset(("pre",))
# Classes of LaTeXML, by the kind of block that they make.
_KINDS = {
    "ltx_abstract": "abstract",
    "ltx_bibitem": "reference",
    "ltx_caption": "caption",
    "ltx_authors": "metadata",
    "ltx_dates": "metadata",
}
_EQUATION = ("ltx_equation", "ltx_eqn_table", "ltx_equationgroup")
_SHOWN_NOWHERE = (
    "ltx_page_footer",
    "ltx_page_navbar",
    "ltx_TOC",
    "ltx_note_mark",
    "ltx_role_refnum",
    "ltx_eqn_eqno",
    "ltx_tag_equation",
)
# Elements that hold no markup.
_RAW = frozenset("script style iframe noscript".split())
# Elements whose end need not be written, and what begins behind them.
_ENDED_BY = {
    "p": _BREAKS - {"br"}, "head": frozenset(("body",)), "tr": frozenset(("tr", "tbody")), "li": frozenset(("li",)),
    **dict.fromkeys(("td", "th"), frozenset("td th tr".split())), **dict.fromkeys(("dt", "dd"), frozenset("dt dd".split())),
}  # fmt: skip
_DEEPEST = 60  # elements within each other; deeper ones are read as if they were not there


# A tag ends before the next one begins, so that one that never ends costs no more than its own characters.
_MARKUP = re.compile(
    r"""(?P<tag><(?P<slash>/?)(?P<name>[A-Za-z][\w:-]*+)(?P<attributes>(?:[^<>"']|"[^"<]*+"|'[^'<]*+')*+)>)"""
    r"""|(?P<comment><!--)|(?P<other><[!?][^<>]*+>)|(?P<words>[^<]+|<)"""
)
_ATTRIBUTE = re.compile(r"""([\w:-]++)(?:\s*+=\s*+(?:"([^"]*+)"|'([^']*+)'|([^\s"'>]++)))?+""")


def _unescaped(text: str) -> str:
    """Text with its character references read, or as it is where one has more digits than any number."""
    try:
        return unescape(text)
    except ValueError:
        return text


def html_blocks(text: str) -> list[Block]:
    """The blocks of an HTML page, in order: headings, paragraphs, items, rows of tables, captions, equations, references."""
    reader = _HtmlReader(text)
    reader.read()
    return reader.blocks


@dataclass
class _Open:
    """An element that is open: its tag, its classes, what it says of the blocks in it."""

    tag: str
    classes: tuple[str, ...]
    kind: str = ""


@dataclass
class _Table:
    columns: list[str] = field(default_factory=list)
    cells: list[str] = field(default_factory=list)
    start: int = 0
    header: int = -1  # where the row of the columns began, then the last row
    rows: int = 0


class _HtmlReader:
    def __init__(self, source: str) -> None:
        self.blocks: list[Block] = []
        self._source = source
        self._open: list[_Open] = []
        self._headings: list[tuple[int, str]] = []
        self._words: list[str] = []
        self._start = -1
        self._hidden = ""  # the tag of an element of which nothing is read
        self._inside: Counter[str] = Counter()  # the elements that are open in it
        self._tables: list[_Table] = []
        self._equation: tuple[str, int] | None = (
            None  # the displayed formula that is open, and where it began
        )

    # ---- places and words -----------------------------------------------------------------------------

    def read(self) -> None:
        """Read the page to its end."""
        place, length = 0, len(self._source)
        while place < length and (match := _MARKUP.match(self._source, place)):
            end = match.end()
            if match["comment"]:
                closing = self._source.find("-->", place)
                end = length if closing < 0 else closing + 3
            elif match["tag"]:
                name = match["name"].lower()
                if match["slash"]:
                    self._leave(name, place, end)
                else:
                    self._enter(name, match["attributes"], place)
                    if match["attributes"].endswith("/") and name not in _VOID:
                        self._leave(name, place, end)
            elif match["words"] and not self._hidden:
                words = match["words"]
                self._say(_unescaped(words), place + len(words) - len(words.lstrip()))
            place = end
        self._end_equation(length)
        self._flush(length)

    def _say(self, text: str, place: int) -> None:
        if text.strip() and self._start < 0:
            self._start = place
        self._words.append(text)

    def _flush(self, end: int, kind: str = "") -> None:
        """End the block that is being read."""
        if self._start < 0:
            self._words = []
            return
        text = "".join(self._words)
        code = any(one.tag in _CODE for one in self._open)
        text = text.strip("\n") if code else " ".join(text.split())
        if text:
            found = kind or next(
                (one.kind for one in reversed(self._open) if one.kind), "code" if code else "text"
            )
            self._add(found, self._start, end, f"- {text}" if found == "item" else text)
        self._words, self._start = [], -1

    # ---- elements -------------------------------------------------------------------------------------

    def _enter(self, tag: str, attributes: str, place: int) -> None:
        if self._hidden and not self._hides_until(tag):
            self._inside[tag] += tag not in _VOID
            return
        given = {
            m[1].lower(): _unescaped(m[2] or m[3] or m[4] or "") for m in _ATTRIBUTE.finditer(attributes)
        }
        classes = tuple(given.get("class", "").split())
        if tag == "math":
            self._math(given, place)
            return
        if tag in _UNREAD or any(name in _SHOWN_NOWHERE for name in classes) or "hidden" in given:
            if tag not in _VOID:
                self._hide(tag)
            return
        if tag in _BREAKS and not (self._tables and self._row_is_open()):
            self._flush(place)
        if tag in _VOID:
            if tag == "br":
                self._words.append(" ")
            return
        kind = next((_KINDS[name] for name in classes if name in _KINDS), "")
        kind = kind or {"li": "item", "figcaption": "caption", "caption": "caption"}.get(tag, "")
        if len(self._open) < _DEEPEST:
            self._open.append(_Open(tag, classes, kind))
        if tag == "table" and not any(name in _EQUATION for name in classes):
            self._tables.append(_Table())
        elif tag == "tr" and self._tables:
            self._tables[-1].cells, self._tables[-1].start = [], place
        elif tag in ("td", "th") and self._tables:
            self._words, self._start = [], -1

    def _hide(self, tag: str) -> None:
        """Read nothing of the element that begins."""
        self._hidden, self._inside = tag, Counter()

    def _show(self, place: int) -> None:
        """Read again, behind the element of which nothing was read."""
        self._hidden = ""
        self._end_equation(place)

    def _hides_until(self, tag: str) -> bool:
        """Whether the element of which nothing is read ends where `tag` begins, as that of `<p hidden>` may; then it is ended."""
        nested = any(self._inside[name] for name in ("ul", "ol", "dl", "table"))
        if tag not in _ENDED_BY.get(self._hidden, ()) or nested:
            return False
        self._show(0)
        return True

    def _leave(self, tag: str, place: int, end: int) -> None:
        """Leave an element, and those in it that nobody closed."""
        if self._hidden:
            if self._inside[tag]:
                self._inside[tag] -= 1
                return
            if tag == self._hidden:
                self._show(end)
                return
            if self._hidden in _RAW or all(one.tag != tag for one in self._open):
                return
            self._show(place)  # what is around it ends, and so does it
        if not any(one.tag == tag for one in self._open):
            return
        if tag in ("td", "th") and self._tables:
            self._tables[-1].cells.append(" ".join("".join(self._words).split()))
            self._words, self._start = [], -1
        elif tag == "tr" and self._tables:
            self._row(end, any(one.tag == "thead" for one in self._open))
        elif len(tag) == 2 and tag[0] == "h" and tag[1].isdigit():
            self._heading(int(tag[1]), end)
        elif tag in _BREAKS and not (self._tables and self._row_is_open()):
            self._flush(end)
        if tag == "table" and self._tables and not self._is_equation():
            table = self._tables.pop()
            if table.columns and table.header >= 0 and not table.rows:
                self._add("row", table.header, end, "; ".join(filter(None, table.columns)))
        while self._open:
            if self._open.pop().tag == tag:
                break

    # ---- formulas, tables, headings -------------------------------------------------------------------

    def _math(self, given: Mapping[str, str], place: int) -> None:
        self._hide("math")
        latex = " ".join(given.get("alttext", "").split())
        if not latex:  # MathML alone: its signs, which is what a reader sees
            self._hidden = ""
            if len(self._open) < _DEEPEST:
                self._open.append(_Open("math", ()))
            return
        latex = latex.removeprefix("\\displaystyle ").removeprefix("\\displaystyle")
        if given.get("display") == "block" or self._is_equation():
            self._flush(place)
            self._equation = latex, place
        else:
            self._say(f"${latex}$", place)

    def _end_equation(self, end: int) -> None:
        if self._equation is not None:
            (latex, place), self._equation = self._equation, None
            self._add("equation", place, end, f"$${latex}$$")

    def _add(self, kind: str, start: int, end: int, text: str) -> None:
        self.blocks.append(
            Block(kind, tuple(title for _, title in self._headings), start, max(start, end), text)
        )

    def _is_equation(self) -> bool:
        return any(name in _EQUATION for one in self._open for name in one.classes)

    def _row_is_open(self) -> bool:
        return any(one.tag in ("td", "th") for one in self._open[-12:])

    def _row(self, end: int, header: bool) -> None:
        table = self._tables[-1]
        if not any(table.cells):
            return
        if not table.columns and (header or table.header < 0):
            table.columns, table.header = table.cells, table.start
            return
        named = itertools.zip_longest(table.columns, table.cells, fillvalue="")
        text = "; ".join(f"{column}: {cell}" if column else cell for column, cell in named if cell)
        self._add("row", table.start if table.header < 0 else min(table.header, table.start), end, text)
        table.header, table.rows = table.start, table.rows + 1

    def _heading(self, level: int, end: int) -> None:
        text = " ".join("".join(self._words).split())
        if text:
            self._headings = [h for h in self._headings if h[0] < level]
            self._flush(end, "heading")
            self._headings.append((level, text))
