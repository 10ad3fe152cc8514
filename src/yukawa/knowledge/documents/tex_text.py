"""The words of LaTeX: symbols, accents, references and formulas of running text, as a reader sees them."""

import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from yukawa.knowledge.documents.siunitx import COMMANDS, quantity
from yukawa.knowledge.documents.tex import TexToken, TokenStream, joined, tokens

DEEPEST = 12
"""Arguments within each other that are read as text; what is deeper is left as LaTeX."""
_ACCENTS = {
    "'": "\u0301", "`": "\u0300", "^": "\u0302", '"': "\u0308", "~": "\u0303", "=": "\u0304", ".": "\u0307", "c": "\u0327", "v": "\u030c",
    "u": "\u0306", "H": "\u030b", "k": "\u0328", "r": "\u030a", "d": "\u0323", "b": "\u0331", "t": "\u0361",
}  # fmt: skip
_SYMBOLS = {
    "\\\\": " ", "\\ ": " ", "\\\n": " ", "\\,": " ", "\\;": " ", "\\:": " ", "\\!": "", "\\-": "", "\\/": "", "\\@": "",
    "\\%": "%", "\\&": "&", "\\$": "$", "\\#": "#", "\\_": "_", "\\{": "{", "\\}": "}",
    "\\ss": "ß", "\\ae": "æ", "\\AE": "Æ", "\\oe": "œ", "\\OE": "Œ", "\\o": "ø", "\\O": "Ø", "\\aa": "å", "\\AA": "Å", "\\l": "ł",
    "\\L": "Ł", "\\i": "ı", "\\j": "ȷ", "\\S": "§", "\\P": "¶", "\\copyright": "©", "\\pounds": "£", "\\dag": "†",
    "\\ddag": "‡", "\\ldots": "…",
    "\\dots": "…", "\\textellipsis": "…", "\\textbackslash": "\\", "\\textasciitilde": "~", "\\textasciicircum": "^",
    "\\textunderscore": "_", "\\textless": "<", "\\textgreater": ">", "\\textbar": "|", "\\textendash": "–",
    "\\textemdash": "—", "\\textdegree": "°",
    "\\degree": "°", "\\textmu": "µ", "\\texttimes": "×", "\\textpm": "±", "\\textquotesingle": "'",
    "\\textquotedblleft": "“", "\\textquotedblright": "”",
    "\\textregistered": "®", "\\texttrademark": "™", "\\textbullet": "•", "\\slash": "/", "\\quad": " ", "\\qquad": " ", "\\newline": " ",
    "\\linebreak": " ", "\\space": " ", "\\thinspace": " ", "\\enspace": " ", "\\LaTeX": "LaTeX", "\\TeX": "TeX", "\\BibTeX": "BibTeX",
    "\\today": "", "\\lq": "‘", "\\rq": "’", "\\xspace": "", "\\relax": "", "\\protect": "", "\\par": "", "\\hskip": "", "\\hfill": " ",
    "\\hrulefill": " ",
    "\\euro": "€", "\\guillemotleft": "«", "\\guillemotright": "»", "\\micro": "µ",
}  # fmt: skip
# How what follows is set: nothing that is read.
_SETTING = frozenset(
    """rm bf it sl sf tt sc em tiny scriptsize footnotesize small normalsize large Large LARGE huge Huge normalfont bfseries mdseries
    itshape slshape scshape upshape rmfamily sffamily ttfamily centering raggedright raggedleft noindent indent newpage clearpage
    cleardoublepage pagebreak nopagebreak nolinebreak smallskip medskip bigskip maketitle tableofcontents listoffigures listoftables
    appendix frontmatter mainmatter backmatter hline toprule midrule bottomrule doublespacing singlespacing onehalfspacing sloppy fussy
    selectfont boldmath unboldmath displaystyle textstyle scriptstyle limits nolimits nonumber notag onecolumn twocolumn flushbottom
    raggedbottom makeatletter makeatother begingroup endgroup bgroup egroup unskip ignorespaces leavevmode null vfill break fi else
    printbibliography balance FloatBarrier acknowledgments printglossaries""".split()
)
_FACES = frozenset(
    """emph textbf textit textrm texttt textsc textsf textsl textnormal textup textmd text mbox hbox underline uppercase lowercase
    MakeUppercase MakeLowercase uline""".split()
)
# Arguments that are not text, and are dropped.
_LEFT_OUT = {
    name: count
    for count, names in {
        1: """vspace hspace includegraphics bibliography bibliographystyle usepackage RequirePackage documentclass input include index label
           pagestyle thispagestyle color graphicspath newcounter stepcounter refstepcounter phantom vphantom hphantom nocite pagenumbering
           setcitestyle hypersetup lstset sisetup tikzset usetikzlibrary captionsetup cmidrule cline special bibinfo includepdf thanks
           markright geometry theoremstyle allowdisplaybreaks fontsize addbibresource glsadd pacs keywords preprint kern
           mkern input@path""",
        2: """setlength addtolength setcounter addtocounter newtheorem markboth definecolor newglossaryentry rule numberwithin settowidth
           fancyhead pgfkeys addtocontents newlength DeclareGraphicsExtensions""",
        3: "addcontentsline",
    }.items()
    for name in names.split()
}  # fmt: skip
_LEFT_OUT["graphicspath"] = _LEFT_OUT["kern"] = 1
_FIRST_LEFT_OUT = {"textcolor": 1, "colorbox": 1, "raisebox": 1, "multirow": 2, "parbox": 1, "resizebox": 2, "scalebox": 1,
                   "rotatebox": 1,
                   "multicolumn": 2, "fcolorbox": 2, "adjustbox": 1, "texorpdfstring": 0, "hyperref": 0, "makebox": 0,
    "framebox": 0}  # fmt: skip
_CITES = re.compile(r"\\[A-Za-z]*[cC]ite[A-Za-z]*")
_REFERS = re.compile(r"\\(?:[A-Za-z]*[rR]efs?|[cC]page[rR]ef|[cC]refrange)")
_QUOTES = (("---", "—"), ("--", "–"), ("``", "“"), ("''", "”"), ("`", "‘"))
_DISPLAY = {
    "equation",
    "displaymath",
    "dmath",
    "align",
    "gather",
    "multline",
    "eqnarray",
    "alignat",
    "flalign",
    "xalignat",
    "math",
}
_SEVERAL_LINES = {"align": "aligned", "eqnarray": "aligned", "alignat": "aligned", "flalign": "aligned", "xalignat": "aligned",
                  "gather": "gathered", "multline": "gathered"}  # fmt: skip
_ENDS_FORMULA = frozenset(("\\section", "\\subsection", "\\chapter", "\\item", "\\bibitem", "\\["))
_UP = str.maketrans("0123456789+-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻")


@dataclass(frozen=True)
class TexFormula:
    """A formula: its LaTeX, whether it stands by itself, its label, and the characters of the source that gave it."""

    text: str
    display: bool
    label: str
    start: int
    end: int

    def __str__(self) -> str:
        label = f" ({self.label})" if self.label else ""
        return f"$${self.text}$${label}" if self.display else f"${self.text}$"


def environment(stream: TokenStream) -> str:
    r"""The name that follows `\begin` or `\end`."""
    return joined(stream.argument()).strip()


def read_formula(stream: TokenStream, token: TexToken) -> TexFormula | None:
    """The formula that `token` opens; None, with the stream as it was, if it opens none or nothing closes it."""
    if token.kind == "math":
        closing, display = token.text, len(token.text) == 2
        return _until(stream, token, lambda t: t.kind == "math" and t.text.startswith(closing), display)
    if token.text in ("\\(", "\\["):
        closing = {"\\(": "\\)", "\\[": "\\]"}[token.text]
        return _until(stream, token, lambda t: t.text == closing and t.kind == "command", token.text == "\\[")
    if token.text == "\\ensuremath":
        return _ensured(stream, token)
    if token.text != "\\begin":
        return None
    argument = stream.argument()
    name = joined(argument).strip()
    bare = name.rstrip("*")
    if bare not in _DISPLAY:
        stream.push(
            [token._replace(kind="open", text="{"), *argument, token._replace(kind="close", text="}")]
        )
        return None
    if bare in ("alignat", "xalignat"):
        stream.argument()
    found = _until(stream, token, lambda t: False, bare != "math", name)
    if found is None:
        stream.push(
            [token._replace(kind="open", text="{"), *argument, token._replace(kind="close", text="}")]
        )
        return None
    lines = _SEVERAL_LINES.get(bare)
    text = rf"\begin{{{lines}}} {found.text} \end{{{lines}}}" if lines else found.text
    return TexFormula(text, found.display, found.label, found.start, found.end)


def _ensured(stream: TokenStream, token: TexToken) -> TexFormula | None:
    r"""The formula that is the argument of `\ensuremath`, in which signs that would open or close one mean nothing."""
    parts: list[TexToken] = []
    depth = 0
    for part in iter(stream.inner(stream.argument()).next, None):
        depth += (part.kind == "open") - (part.kind == "close")
        if depth or not (part.kind == "math" or part.text in ("\\(", "\\)")):
            parts.append(part)
    closing = token._replace(kind="math", text="$")
    found = _until(stream.inner([*parts, closing]), token, lambda t: t.kind == "math", False)
    if found is None:
        stream.push([token._replace(kind="open", text="{"), *parts, token._replace(kind="close", text="}")])
    return found


def _until(
    stream: TokenStream, opening: TexToken, closes: Callable[[TexToken], bool], display: bool, name: str = ""
) -> TexFormula | None:
    r"""The formula up to what closes it, which for an environment is `\end{name}`."""
    parts: list[TexToken] = []
    label, depth, inside = "", 0, 0
    while (token := stream.next()) is not None:
        if depth <= 0 and not inside and closes(token):
            if token.text == "$$" and not display:  # the next formula follows at once
                stream.push([token._replace(text="$")])
            text = " ".join(joined(parts).split())
            return TexFormula(text, display, label, opening.start, max(token.end, opening.end))
        depth += (token.kind == "open") - (token.kind == "close")
        ends = token.text in _ENDS_FORMULA or (token.text == "\\(" and depth <= 0)
        if (token.kind == "par" and not display) or (ends and token.kind == "command"):
            parts.append(token)
            break
        if token.kind != "command":
            parts.append(token if token.kind != "par" else token._replace(kind="space", text=" "))
        elif token.text in ("\\begin", "\\end"):
            argument = stream.argument()
            what = joined(argument).strip()
            if token.text == "\\end" and not inside and what == name:
                end = argument[-1].end + 1 if argument else token.end
                text = " ".join(joined(parts).split())
                return TexFormula(text, display, label, opening.start, max(end, token.end))
            own = stream.environments.get(what)
            if (
                own is not None and what.rstrip("*") not in _DISPLAY
            ):  # what the paper defines is read as what it stands for
                stream.push(stream.filled(own[token.text == "\\end"].body, (), token.start, token.end))
                continue
            parts += [
                token,
                token._replace(kind="open", text="{"),
                *argument,
                token._replace(kind="close", text="}"),
            ]
            inside += 1 if token.text == "\\begin" else -1
            if inside < 0 or what == "document" or (token.text == "\\begin" and what.rstrip("*") in _DISPLAY):
                break
        elif token.text == "\\label":
            label = joined(stream.argument()).strip()
        elif token.text in COMMANDS and (said := quantity(stream, token.text, formula=True)) is not None:
            parts += [part._replace(start=token.start, end=token.end) for part in tokens(said)]
        elif token.text not in ("\\nonumber", "\\notag", "\\ensuremath"):
            parts.append(token)
    stream.used.add(parts)
    stream.push(parts)
    return None


def plain(stream: TokenStream, parts: Sequence[TexToken], depth: int = 0) -> str:
    """An argument as a reader sees it, on one line."""
    if depth > DEEPEST:
        return " ".join(joined(parts).split())
    inner = stream.inner(parts)
    found: list[str] = []
    while (token := inner.next()) is not None:
        if token.text == "\\begin" or token.kind == "math" or token.text in ("\\(", "\\[", "\\ensuremath"):
            formula = read_formula(inner, token)
            if formula is not None:
                found.append(str(formula))
                continue
        if token.text in ("\\begin", "\\end") and token.kind == "command":
            environment(inner)
            continue
        found.append(words_of(inner, token, depth))
    return tidy("".join(found))


def tidy(text: str) -> str:
    """Text with single spaces, and none before what ends a sentence; formulas stay as they are."""
    return re.sub(r" (?=[.,;:!?)\]](?:\s|$))", "", " ".join(text.split()))


def words_of(stream: TokenStream, token: TexToken, depth: int = 0) -> str:
    """What a token of running text says, its arguments read; formulas and structure are not its business."""
    if token.kind in ("text", "verbatim"):
        text = token.text
        if not text.isalnum():
            for written, read in _QUOTES:
                text = text.replace(written, read)
        return text
    if token.kind in ("space", "par"):
        return " "
    if token.kind == "mark":
        return " " if token.text in "~&" else token.text
    if token.kind in ("open", "close"):
        return ""
    return token.text if token.kind != "command" else _of_command(stream, token, depth)


def _of_command(stream: TokenStream, token: TexToken, depth: int) -> str:
    name = token.text[1:]
    if token.text in _SYMBOLS:
        if name.isalpha():
            stream.skip_space() if name not in ("ldots", "dots") else None
        elif name == "\\":
            stream.star()
            stream.optional()
        return _SYMBOLS[token.text]
    if name in _ACCENTS:
        return _accented(stream, name, depth)
    if token.text in COMMANDS and (said := quantity(stream, token.text, formula=False)) is not None:
        return said
    if name in _SETTING:
        stream.skip_space()
        return ""
    if name in _LEFT_OUT:
        stream.star()
        for _ in range(_LEFT_OUT[name]):
            stream.optional()
            stream.argument()
        return ""
    if _CITES.fullmatch(token.text):
        keys = _keys(stream)
        return f"[{keys}]" if keys else ""
    if _REFERS.fullmatch(token.text) and name not in ("href", "hyperref"):
        keys = _keys(stream)
        return f"({keys})" if name == "eqref" else keys
    return _of_other(stream, token, name, depth)


def _of_other(stream: TokenStream, token: TexToken, name: str, depth: int) -> str:
    """Commands with an address or a script, and all that are not known: these leave what is in their braces, or themselves."""
    if name in ("url", "path", "nolinkurl"):
        return joined(stream.argument())
    if name == "href":
        address = joined(stream.argument())
        return f"{plain(stream, stream.argument(), depth + 1)} ({address})"
    if name in ("textsuperscript", "textsubscript"):
        text = plain(stream, stream.argument(), depth + 1)
        return text.translate(_UP) if name == "textsuperscript" and not text.strip("0123456789+-") else text
    if name in ("footnote", "footnotetext"):
        stream.optional()
        text = plain(stream, stream.argument(), depth + 1)
        return f" ({text.rstrip('.')})" if text else ""
    if name in _FIRST_LEFT_OUT:
        stream.star()
        stream.optional()
        for _ in range(_FIRST_LEFT_OUT[name]):
            stream.argument()
            stream.optional()
        if name == "texorpdfstring":
            text = plain(stream, stream.argument(), depth + 1)
            stream.argument()
            return text
        return ""
    if name in _FACES:
        return ""
    stream.star()
    stream.optional()
    opening = stream.peek()
    if opening is None or opening.kind != "open":
        return token.text
    stream.raw()
    following = stream.peek()
    stream.push([opening])
    return token.text if following is None or following.kind == "close" else ""


def _keys(stream: TokenStream) -> str:
    """The keys of a citation or reference, as they are written."""
    stream.star()
    stream.skip_space()
    for _ in range(2):
        stream.optional()
    token = stream.peek()
    return (
        ", ".join(joined(stream.argument()).replace(",", " ").split())
        if token and token.kind == "open"
        else ""
    )


def _accented(stream: TokenStream, name: str, depth: int) -> str:
    text = plain(stream, stream.argument(), depth + 1)
    text = {"ı": "i", "ȷ": "j"}.get(text[:1], text[:1]) + text[1:]
    return unicodedata.normalize("NFC", text[:1] + _ACCENTS[name] + text[1:]) if text else ""
