"""Markdown as blocks: headings, paragraphs, list items, table rows, code, admonitions of four dialects, front matter."""

import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from html import unescape

from markdown_it import MarkdownIt
from markdown_it.token import Token

from yukawa.core.errors import InputError
from yukawa.knowledge.documents.blocks import Block

# Escapes are left alone: '\{' and '\,' belong to formulas.
_PARSER = MarkdownIt("commonmark").enable("table").disable("escape")
_MKDOCS = re.compile(r'([ \t]*)(?:!!!|\?\?\?\+?)[ \t]+([\w-]+)[^"\n]*(?:"([^"\n]*)")?[ \t]*')
_COLONS = re.compile(r"[ \t]*:{3,}[ \t]*\{?([A-Za-z][\w-]*)\}?[ \t]*([^:\n]*?)[ \t]*:*[ \t]*")
_DIRECTIVE = re.compile(r"[ \t]*(`{3,}|~{3,})\{([\w-]+)\}[ \t]*([^\n]*)")
_FENCE = re.compile(r"[ \t]*(`{3,}|~{3,})")
_ALERT = re.compile(r"\[!(\w+)\][ \t]*")
_TAG = re.compile(r"<!--(?:.*?-->|.*)|</?[A-Za-z][^<>]*>", re.DOTALL)
_ATTRIBUTES = re.compile(r"\{(?:[:%.#][^{}]*|[\w-]+=[^{}]*)\}[ \t]*")  # kramdown, Liquid, pandoc
MOST_MARKS = 400_000
"""Brackets, stars, underscores and backticks of a text; each takes the parser up to 40 microseconds, other characters a fraction of one."""
_DEEPEST = 8  # admonitions in each other; deeper ones are read as text
_LONGEST_OPENING = 200  # characters of the line that opens an admonition
_TITLE = re.compile(r"title:[ \t]*(\S.*)")
# MyST writes code and prose alike between backticks; these directives hold prose.
_PROSE = frozenset(
    """admonition attention caution danger dropdown error hint important note seealso tip warning question solution
    exercise callout challenge objectives keypoints prereq""".split()
)


def markdown_blocks(text: str) -> list[Block]:
    """The blocks of a Markdown text, in order; together they cover every word of it.

    Read are CommonMark with tables, front matter, and the admonitions of MkDocs (`!!! note`), MyST (`:::{note}` and
    fenced directives), Docusaurus and the Carpentries (`:::note`) and GitHub (`> [!NOTE]`).

    Raises:
        InputError: the text has more than `MOST_MARKS` marks.
    """
    if (marks := count_marks(text)) > MOST_MARKS:
        raise InputError(
            f"the text has {marks:,} of the characters [ * _ `; at most {MOST_MARKS:,} can be read as Markdown at once",
            hint="split it into parts, or teach it as plain text: a file whose name ends in .txt",
        )
    reader = _MarkdownReader(text)
    reader.front_matter()
    reader.read(reader.first, len(reader.lines), "text")
    return reader.blocks


def count_marks(text: str) -> int:
    """How many characters a text has that may begin or end a piece of markup."""
    return sum(map(text.count, "[*_`"))


@dataclass
class _MarkdownReader:
    """Lines of the source are read through a parser that knows lines alone; offsets are those of whole lines."""

    source: str
    blocks: list[Block] = field(default_factory=list)
    headings: list[tuple[int, str]] = field(default_factory=list)
    first: int = 0

    def __post_init__(self) -> None:
        # Only the line ends that the parser knows; splitlines() knows more.
        self.lines = re.findall(r"[^\n]*\n|[^\n]+", self.source)
        self.starts = [0]
        for line in self.lines:
            self.starts.append(self.starts[-1] + len(line))

    def add(self, kind: str, first: int, last: int, text: str) -> None:
        """A block made from the lines first to last - 1."""
        above = tuple(title for _, title in self.headings)
        self.blocks.append(Block(kind, above, self.starts[first], self.starts[last], text))

    def front_matter(self) -> None:
        """Keep the YAML between two lines '---' at the top; its title is above everything."""
        if not self.lines or self.lines[0].strip() != "---":
            return
        end = next((n for n, line in enumerate(self.lines[1:], 1) if line.strip() in ("---", "...")), None)
        if end is None or not any(":" in line for line in self.lines[1:end]):
            return
        body = "".join(self.lines[1:end]).strip()
        self.add("metadata", 0, end + 1, body)
        self.first = end + 1
        if title := next((m for line in self.lines[1:end] if (m := _TITLE.match(line))), None):
            self.headings = [(0, title[1].strip().strip("\"'"))]

    def read(self, first: int, last: int, kind: str, indent: int = 0, depth: int = 0) -> None:
        """Read the lines first to last - 1, which are indented by `indent` characters."""
        begun, n = first, first
        while n < last:
            region = self._region(n, last) if depth < _DEEPEST else None
            if region is None:
                n = self._after_code(n, last)
                continue
            self._parse(begun, n, kind, indent)
            inner_first, inner_last, end, title, inner_indent = region
            if title:
                self.add("admonition", n, inner_first, title)
            else:
                self.add("comment", n, inner_first, "")
            scope = list(self.headings)
            self.read(inner_first, inner_last, "admonition", inner_indent, depth + 1)
            self.headings = scope
            if end > inner_last:
                self.add("comment", inner_last, end, "")
            begun = n = end
        self._parse(begun, last, kind, indent)

    def _region(self, n: int, last: int) -> tuple[int, int, int, str, int] | None:
        """The admonition that begins in line `n`: its lines, the line behind it, its title, its indentation."""
        line = self.lines[n].rstrip("\n")
        if len(line) > _LONGEST_OPENING:
            return None
        if found := _MKDOCS.fullmatch(line):
            indent = len(found[1]) + 4
            end = n + 1
            for m in range(n + 1, last):
                if self.lines[m].strip():
                    if _indent(self.lines[m]) < indent:
                        break
                    end = m + 1
            return n + 1, end, end, _title(found[2], found[3]), indent
        if found := _COLONS.fullmatch(line):
            end = self._closing(n, last)
            return n + 1, end, min(end + 1, last), _title(found[1], found[2]), 0
        if (found := _DIRECTIVE.fullmatch(line)) and found[2] in _PROSE:
            mark = found[1]
            ends = (m for m in range(n + 1, last) if self.lines[m].strip() == mark)
            end = next(ends, last)
            return n + 1, end, min(end + 1, last), _title(found[2], found[3]), 0
        return None

    def _closing(self, n: int, last: int) -> int:
        depth = 1
        for m in range(n + 1, last):
            line = self.lines[m].strip()
            if line.startswith(":::") and len(line) <= _LONGEST_OPENING:
                depth += -1 if not line.strip(":") else 1 if _COLONS.fullmatch(line) else 0
            if not depth:
                return m
        return last

    def _after_code(self, n: int, last: int) -> int:
        """The line after `n`, or behind the code that begins there: what looks like markup in code is code."""
        fence = _FENCE.match(self.lines[n])
        if fence is None:
            return n + 1
        mark = fence[1]
        for m in range(n + 1, last):
            if (line := self.lines[m].strip()).startswith(mark) and not line.strip(mark[0]):
                return m + 1
        return last

    def _parse(self, first: int, last: int, kind: str, indent: int) -> None:
        lines = [self.lines[n] for n in range(first, last)]
        if indent:
            lines = [line[min(indent, _indent(line)) :] for line in lines]
        if any(line.strip() for line in lines):
            _Walk(self, first, last, kind).walk(_PARSER.parse("".join(lines)))


@dataclass
class _Walk:
    """Turns the tokens of one stretch of Markdown into blocks."""

    reader: _MarkdownReader
    offset: int
    last: int
    kind: str
    scopes: list[tuple[str, list[tuple[int, str]]]] = field(default_factory=list)
    items: int = 0
    covered: int = 0
    columns: list[str] = field(default_factory=list)
    header: Token | None = None

    def walk(self, tokens: Sequence[Token]) -> None:
        """Go through the tokens; lines between blocks that hold words (definitions of links) become comments."""
        self.covered = self.offset
        for place, token in enumerate(tokens):
            if token.type == "blockquote_open":
                self.scopes.append((self.kind, list(self.reader.headings)))
            elif token.type == "blockquote_close":
                self.kind, self.reader.headings = self.scopes.pop()
            elif token.type in ("list_item_open", "list_item_close"):
                self.items += 1 if token.type == "list_item_open" else -1
            elif token.type in ("heading_open", "paragraph_open"):
                self._leaf(token, tokens[place + 1])
            elif token.type in ("fence", "code_block"):
                self._add("code", token, token.content.rstrip("\n") or token.info)
            elif token.type == "html_block":
                text = " ".join(unescape(_TAG.sub(" ", token.content)).split())
                self._add(self.kind if text else "comment", token, text)
            elif token.type == "tr_open":
                self._row(token, tokens[place + 1 :])
            elif token.type == "table_close" and self.header is not None:
                self._add("row", self.header, "; ".join(self.columns))
        self._gap(self.last)

    def _leaf(self, token: Token, inline: Token) -> None:
        """Add a heading, paragraph or item of a list, under the headings before it."""
        text = _plain(inline.children or ())
        if token.type == "heading_open":
            level = int(token.tag[1])
            self.reader.headings = [h for h in self.reader.headings if h[0] < level]
            self._add("heading", token, text)
            self.reader.headings.append((level, text))
            return
        kind = self.kind
        if self.scopes and (found := _ALERT.match(text)):
            self.kind = kind = "admonition"
            text = f"{found[1].capitalize()}: {text[found.end() :].lstrip()}"
        if _ATTRIBUTES.fullmatch(text):
            kind = "comment"
        elif self.items:
            kind, text = "item", f"- {text}"
        self._add(kind, token, text)

    def _row(self, token: Token, following: Sequence[Token]) -> None:
        """A row of a table under its column names; the first one holds the header's lines too."""
        row = list(itertools.takewhile(lambda t: t.type != "tr_close", following))
        cells = [_plain(t.children or ()) for t in row if t.type == "inline"]
        if row and row[0].type == "th_open":
            self.columns, self.header = cells, token
            return
        named = itertools.zip_longest(self.columns, cells, fillvalue="")
        text = "; ".join(f"{column}: {cell}" if column else cell for column, cell in named if cell)
        self._add("row", token, text, first=self.header)
        self.header = None

    def _add(self, kind: str, token: Token, text: str, first: Token | None = None) -> None:
        start, end = (first or token).map or (0, 0)
        start, end = start + self.offset, (token.map or (0, end))[1]
        self._gap(start)
        end = min(end + self.offset, self.last)
        # A paragraph that goes on behind a deeper block keeps the lines that nobody has yet.
        start = max(start, self.covered)
        self.reader.add(kind, min(start, end), end, text)
        self.covered = max(self.covered, end)

    def _gap(self, until: int) -> None:
        lines = self.reader.lines[self.covered : until]
        if any(re.search(r"\w", line) for line in lines):
            self.reader.add("comment", self.covered, until, "")
        self.covered = max(self.covered, until)


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" \t"))


def _title(name: str, title: str | None) -> str:
    """What an admonition says of itself: 'Note: title', or nothing where it has no title."""
    return f"{name.capitalize()}: {title.strip()}" if title and title.strip() else ""


def _plain(children: Sequence[Token]) -> str:
    return "".join(_words(children)).strip()


def _words(children: Sequence[Token]) -> Iterator[str]:
    """The text of inline tokens: links as their text and address, images as their description."""
    targets: list[str] = []
    for child in children:
        if child.type in ("text", "code_inline"):
            yield child.content
        elif child.type in ("softbreak", "hardbreak"):
            yield " "
        elif child.type == "image":
            yield child.content
        elif child.type == "html_inline" and child.content.lower().startswith("<br"):
            yield " "
        elif child.type == "link_open":
            address = str(child.attrs.get("href", ""))
            targets.append(address if address.startswith("http") and child.markup != "autolink" else "")
        elif child.type == "link_close" and (address := targets.pop()):
            yield f" ({address})"
