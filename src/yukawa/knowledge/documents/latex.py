"""LaTeX as blocks: sections, paragraphs with their formulas, displayed equations, captions, rows of tables, references.

Macros of the paper and siunitx are expanded. A block names the characters of the source that it was made from; what is not read (drawings,
the preamble, comments of packages) is a block of the kind 'comment', so that nothing is lost in silence.
"""

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from yukawa.knowledge.documents.blocks import Block
from yukawa.knowledge.documents.tex import TexToken, TokenStream, joined, tokens
from yukawa.knowledge.documents.tex_text import environment, plain, read_formula, tidy, words_of

_LEVELS = {"part": 0, "chapter": 1, "section": 2, "subsection": 3, "subsubsection": 4, "paragraph": 5, "subparagraph": 6,
           "frametitle": 4, "framesubtitle": 5}  # fmt: skip
_BEGINS = re.compile(r"^[^%\n]*?\\begin[ ]?\{document\}", re.MULTILINE)
_DRAWINGS = frozenset(
    """tikzpicture feynman fmffile fmfgraph picture pspicture tikzcd pgfpicture feynmandiagram circuitikz asy axis filecontents
    scope diagram fmfchar overpic""".split()
)
_TABLES = frozenset(
    "tabular tabularx tabulary longtable supertabular xtabular tabu longtabu tblr deluxetable array".split()
)
_WITH_WIDTH = frozenset(("tabular*", "tabularx", "tabulary", "tabularx*"))
_LISTS = frozenset("itemize enumerate description compactitem compactenum inparaenum list trivlist".split())
# Environments whose first argument is not text.
_SIZED = frozenset(
    "minipage subfigure wrapfigure wraptable multicols adjustbox thebibliography column subtable floatrow".split()
)
_RULES = frozenset(("\\hline", "\\toprule", "\\midrule", "\\bottomrule", "\\cline", "\\cmidrule", "\\endhead", "\\endfirsthead",
                    "\\endfoot", "\\endlastfoot", "\\noalign", "\\tabularnewline", "\\addlinespace", "\\morecmidrules"))  # fmt: skip
_ROW_ENDS = ("\\\\", "\\tabularnewline", "\\cr")
_NAMED = {"abstract": "Abstract", "acknowledgments": "Acknowledgements", "acknowledgements": "Acknowledgements", "acknowledgement":
          "Acknowledgements", "thebibliography": "References", "appendices": ""}  # fmt: skip
_DEEPEST = 30  # environments within each other that are remembered
_HEADED = 2  # the level of such a section


def latex_blocks(text: str) -> list[Block]:
    """The blocks of a LaTeX text, in order.

    Of a whole document the preamble is read for its macros and title alone, and what follows its end is not read.

    Raises:
        InputError: its macros expand without end.
    """
    reader = _LatexReader(text, TokenStream(tokens(text)))
    reader.preamble()
    reader.read()
    return reader.blocks


@dataclass
class _LatexReader:
    source: str
    stream: TokenStream
    blocks: list[Block] = field(default_factory=list)
    headings: list[tuple[int, str]] = field(default_factory=list)
    words: list[str] = field(default_factory=list)
    start: int = -1
    end: int = 0
    kinds: list[tuple[str, str]] = field(default_factory=list)  # environments around: name, kind of block
    label: str = ""  # of the item of a list that begins

    # ---- what the blocks are made of ------------------------------------------------------------------

    def add(self, kind: str, start: int, end: int, text: str) -> None:
        """A block made from these characters; one without words is a comment."""
        above = tuple(title for _, title in self.headings)
        kind = kind if text else "comment"
        self.blocks.append(Block(kind, above, max(0, start), min(max(start, end), len(self.source)), text))

    def say(self, text: str, start: int, end: int) -> None:
        """Add words to the paragraph."""
        if text.strip():
            self.start = start if self.start < 0 else min(self.start, start)
            self.end = max(self.end, end)
        self.words.append(text)

    def flush(self) -> None:
        """End the paragraph."""
        text = tidy("".join(self.words))
        if text:
            kind = next((kind for _, kind in reversed(self.kinds) if kind), "text")
            if kind == "item":
                text, self.label = f"- {self.label}{text}", ""
            self.add(kind, self.start, self.end, text)
        self.words, self.start, self.end = [], -1, 0

    def heading(self, level: int, title: str, start: int, end: int) -> None:
        """Begin a section."""
        self.flush()
        self.headings = [h for h in self.headings if h[0] < level]
        if title:
            self.add("heading", start, end, title)
            self.headings.append((level, title))

    # ---- reading --------------------------------------------------------------------------------------

    def preamble(self) -> None:
        r"""Pass over what precedes `\begin{document}`, keeping its macros and, above everything, its title."""
        if (begin := _BEGINS.search(self.source)) is None:
            return
        stream, last = self.stream, 0
        title = None
        while (token := stream.next()) is not None:
            last = max(last, token.end)
            if token.text == "\\begin" and token.kind == "command" and environment(stream) == "document":
                break
            if token.text == "\\title" and token.kind == "command":
                stream.optional()
                title = self._titled(token, stream.argument())
        self.add("comment", 0, begin.end(), "")
        if title is not None and title[2]:
            self.add("heading", *title)
            self.headings = [(-1, title[2])]

    def _titled(self, token: TexToken, parts: Sequence[TexToken]) -> tuple[int, int, str]:
        end = parts[-1].end + 1 if parts else token.end
        return token.start, end, plain(self.stream, parts)

    def read(self) -> None:
        """Read to the end of the document."""
        while (token := self.stream.next()) is not None:
            if token.kind == "par":
                self.flush()
            elif token.kind == "verbatim":
                self.flush()
                self.add("code", token.start, token.end, token.text.strip("\n"))
            elif (formula := read_formula(self.stream, token)) is not None:
                if formula.display:
                    self.flush()
                    self.add("equation", formula.start, formula.end, str(formula) if formula.text else "")
                else:
                    self.say(str(formula), formula.start, formula.end)
            elif token.kind == "command":
                if token.text == "\\end" and self.ends(token):
                    break
                if token.text != "\\end" and not self.command(token):
                    self.say(words_of(self.stream, token), token.start, self.place(token.end))
            else:
                self.say(words_of(self.stream, token), token.start, token.end)
        self.flush()

    def place(self, least: int) -> int:
        """The character up to which the source is read."""
        following = self.stream.peek()
        return max(least, following.start) if following is not None else max(least, len(self.source))

    def command(self, token: TexToken) -> bool:
        """Read a command that makes structure; False if it only belongs to the text."""
        name, stream = token.text[1:], self.stream
        if name in _LEVELS:
            stream.star()
            stream.skip_space()
            stream.optional()
            start, end, title = self._titled(token, stream.argument())
            self.heading(_LEVELS[name], title, start, end)
        elif name == "begin":
            self.begins(token)
        elif name in ("caption", "captionof", "subcaption"):
            stream.star()
            if name == "captionof":
                stream.argument()
            stream.optional()
            self.aside("caption", token)
        elif name in (
            "title",
            "author",
            "date",
            "affiliation",
            "address",
            "email",
            "institute",
            "collaboration",
        ):
            stream.optional()
            start, end, text = self._titled(token, stream.argument())
            self.flush()
            self.add("heading" if name == "title" else "metadata", start, end, text)
        elif name == "item" or name == "bibitem":
            self.item(token, name)
        elif name == "abstract":
            self.heading(_HEADED, "Abstract", token.start, token.end)
            self.aside("abstract", token)
        elif name in ("newglossaryentry", "newacronym"):
            self.entry(token, name)
        elif name in ("par", "bigskip", "medskip", "smallskip", "newpage", "clearpage"):
            self.flush()
            return False
        else:
            return False
        return True

    def aside(self, kind: str, token: TexToken) -> None:
        """An argument that stands by itself, such as a caption; the paragraph around it goes on behind it."""
        start, end, text = self._titled(token, self.stream.argument())
        if kind == "abstract":
            self.flush()
        self.add(kind, start, end, text)

    def item(self, token: TexToken, name: str) -> None:
        """Begin an item of a list or of the references."""
        self.flush()
        self.stream.skip_space()
        label = self.stream.optional()
        self.label = ""
        if name == "bibitem":
            key = joined(self.stream.argument()).strip()
            self.say(f"[{key}] ", token.start, token.end)
        elif label:
            self.label = f"{plain(self.stream, label)} "

    def entry(self, token: TexToken, name: str) -> None:
        """An entry of a glossary: what it names, and what that means."""
        self.flush()
        self.stream.optional()
        key = plain(self.stream, self.stream.argument())
        parts = self.stream.argument()
        last = self.stream.argument() if name == "newacronym" else parts
        if name == "newglossaryentry":
            fields = _fields(parts)
            key = plain(self.stream, fields.get("long", [])) or key
            parts = []
            last = fields.get("description", [])
        end = last[-1].end + 1 if last else self.place(token.end)
        words = [key, plain(self.stream, parts), plain(self.stream, last)]
        self.add("item", token.start, end, "- " + ": ".join(filter(None, words)))

    def begins(self, token: TexToken) -> None:
        """Enter an environment other than a formula."""
        stream = self.stream
        name = environment(stream)
        bare = name.rstrip("*")
        if name in stream.environments and bare not in _LISTS | _TABLES | _DRAWINGS:
            begin, _ = stream.environments[name]
            given = [stream.optional() or list(begin.default)] if begin.default is not None else []
            given += [stream.argument() for _ in range(begin.arguments - len(given))]
            stream.push(stream.filled(begin.body, given, token.start, token.end))
            self.kinds = [*self.kinds[-_DEEPEST:], (name, "")]
            return
        if bare in _DRAWINGS:
            self.flush()
            end = self._skipped(bare)
            self.add("comment", token.start, end, "")
            return
        if bare in _TABLES:
            self.flush()
            if name in _WITH_WIDTH:
                stream.argument()
            stream.skip_space()
            stream.optional()
            stream.argument()
            self.table(token, bare)
            return
        self.flush()
        if bare in _NAMED:
            self.heading(_HEADED, _NAMED[bare], token.start, self.place(token.end))
        stream.optional()
        if bare in _SIZED:
            stream.argument()
            stream.optional()
        kind = (
            "item"
            if bare in _LISTS
            else {"abstract": "abstract", "thebibliography": "reference"}.get(bare, "")
        )
        self.kinds = [*self.kinds[-_DEEPEST:], (name, kind)]

    def ends(self, token: TexToken) -> bool:
        """Leave an environment; whether it is the document."""
        name = environment(self.stream)
        if name == "document":
            self.flush()
            self.add("comment", token.start, len(self.source), "")
            return True
        if name in self.stream.environments:
            self.stream.push(
                self.stream.filled(self.stream.environments[name][1].body, (), token.start, token.end)
            )
        else:
            self.flush()
        if any(name == inside for inside, _ in self.kinds):
            while self.kinds.pop()[0] != name:
                pass
        if name == "abstract":
            self.headings = [h for h in self.headings if h[1] != "Abstract"]
        return False

    def _skipped(self, name: str) -> int:
        """Pass over an environment with all it holds; the place behind it."""
        depth, last = 1, 0
        while depth and (token := self.stream.raw()) is not None:
            last = max(last, token.end)
            if token.kind == "command" and token.text in ("\\begin", "\\end"):
                argument = self.stream.argument()
                last = max(last, argument[-1].end + 1 if argument else last)
                if joined(argument).strip().rstrip("*") == name:
                    depth += 1 if token.text == "\\begin" else -1
        return last

    # ---- tables ---------------------------------------------------------------------------------------

    def table(self, opening: TexToken, name: str) -> None:
        """The rows of a table under its column names, which are those of the first row."""
        rows = _rows(self.stream, name, opening)
        if not rows:
            self.add("comment", opening.start, self.place(opening.end), "")
            return
        (columns, start, end), *below = rows
        used: set[int] = set()
        found: list[tuple[str, int, int]] = []
        for cells, first, last in below:
            named = itertools.zip_longest(columns, cells, fillvalue="")
            used |= {place for place, cell in enumerate(cells) if cell}
            text = "; ".join(f"{column}: {cell}" if column else cell for column, cell in named if cell)
            found.append((text, first, last))
        # A header that no row repeats is a row of its own.
        if not below or any(column and place not in used for place, column in enumerate(columns)):
            self.add("row", start, end, "; ".join(filter(None, columns)))
            start = -1
        for text, first, last in found:
            self.add("row", first if start < 0 else start, last, text)
            start = -1


def _fields(parts: Sequence[TexToken]) -> dict[str, list[TexToken]]:
    """The values of `name=value, name={value}`, as they are written."""
    found: dict[str, list[TexToken]] = {}
    name, value, depth = "", [], 0
    for token in parts:
        depth += (token.kind == "open") - (token.kind == "close")
        if depth or token.kind != "text":
            value.append(token)
            continue
        for piece in re.findall("[,=]|[^,=]+", token.text):
            if piece == "," or (piece == "=" and not name):
                if piece == ",":
                    found[name] = value
                name, value = joined(value).strip() if piece == "=" else "", []
            else:
                value.append(token._replace(text=piece))
    return found | {name: value}


Row = tuple[list[str], int, int]


def _rows(stream: TokenStream, name: str, opening: TexToken) -> list[Row]:
    """The rows of a table with the places of the source, up to its end; without empty ones."""
    rows: list[Row] = []
    cells: list[list[TexToken]] = [[]]
    start, last = opening.start, opening.end
    depth = inside = 0

    def end_row() -> None:
        nonlocal cells, start
        texts = _cells(stream, cells)
        if any(texts):
            rows.append((texts, start, last))
        cells, start = [[]], last

    while (token := stream.next()) is not None:
        last = max(last, token.end)
        depth += (token.kind == "open") - (token.kind == "close")
        if token.kind == "command" and token.text in ("\\begin", "\\end"):
            argument = stream.argument()
            last = max(last, argument[-1].end + 1 if argument else last)
            if token.text == "\\end" and not inside:
                break
            inside += 1 if token.text == "\\begin" else -1
            cells[-1] += [
                token,
                token._replace(kind="open", text="{"),
                *argument,
                token._replace(kind="close", text="}"),
            ]
        elif not depth and not inside and token.text == "&" and token.kind == "mark":
            cells.append([])
        elif not depth and not inside and token.kind == "command" and token.text in _ROW_ENDS:
            stream.star()
            stream.skip_space()
            stream.optional()
            end_row()
        else:
            cells[-1].append(token)
    end_row()
    return rows


def _cells(stream: TokenStream, cells: Sequence[Sequence[TexToken]]) -> list[str]:
    """The cells of a row as text; one that spans several columns is in the first of them."""
    found: list[str] = []
    for parts in cells:
        span = 1
        bare = [token for token in parts if token.kind not in ("space", "par")]
        if bare and bare[0].text == "\\multicolumn":
            inner = stream.inner(bare[1:])
            count = joined(inner.argument()).strip()
            span = int(count) if count.isdigit() and len(count) < 3 else 1
        found.append(plain(stream, _without_rules(parts)))
        found += [""] * (span - 1)
    return found


def _without_rules(parts: Sequence[TexToken]) -> list[TexToken]:
    found: list[TexToken] = []
    inner = TokenStream(parts)
    while (token := inner.raw()) is not None:
        if token.kind == "command" and token.text in _RULES:
            inner.optional()
            if token.text in ("\\cline", "\\cmidrule", "\\noalign"):
                if (following := inner.peek()) is not None and following.text.startswith("("):
                    inner.raw()
                inner.argument()
            continue
        found.append(token)
    return found
