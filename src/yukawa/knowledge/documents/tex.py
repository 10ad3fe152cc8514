"""Tokens of LaTeX with their places in the source, and the macros of a paper expanded, each within limits."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from yukawa.core.errors import InputError

MOST_EXPANSIONS = 100_000
"""Macros expanded in one paper; a macro that calls itself reaches it at once."""
MOST_TOKENS = 1_000_000
"""Tokens that these expansions may give."""
MOST_LETTERS = 20_000_000
"""Characters that these tokens may have."""
# Commands that begin as a conditional does and have no \fi.
_WITHOUT_FI = frozenset(
    r"""\iff \ifthenelse \ifdef \ifcsdef \ifundef \ifcsundef \ifbool \iftoggle \ifstrequal \ifstrempty \ifblank \ifdefempty
    \ifdefstring \ifnumequal \ifnumcomp \ifnumless \ifnumgreater \ifboolexpr \ifinlist \ifstreq \ifpackageloaded""".split()
)
_DEEPEST = 60  # braces within each other, where an argument is read
_LONGEST_OPTION = 1_000  # tokens of an argument in square brackets
_VERBATIM = "verbatim*?|Verbatim|lstlisting|minted|alltt|codeexample|filecontents*?"
_TOKEN = re.compile(
    rf"(?P<verbatim>\\begin[ ]?\{{(?P<env>{_VERBATIM})\}})|(?P<left>\\begin[ ]?\{{comment\}})"
    r"|(?P<verb>\\(?:verb|lstinline)\*?(?=[^\w\s*]))|(?P<command>\\[A-Za-z@]+|\\.)"
    r"|(?P<comment>%[^\n]*(?:\n[ \t]*)?)|(?P<math>\$\$?)|(?P<open>\{)|(?P<close>\})"
    r"|(?P<par>[ \t]*+\n[ \t]*+\n\s*+)|(?P<space>\s+)|(?P<mark>[&~^_#])|(?P<text>[^\\%$%{}\s&~^_#]+)|(?P<rest>.)",
    re.DOTALL,
)
_CONTROL_WORD = re.compile(r"\\[A-Za-z@]+\Z")
# What a reader knows by itself: a redefinition changes how it is printed, not what it is.
_KEPT = frozenset(
    r"""\begin \end \section \subsection \subsubsection \chapter \part \paragraph \subparagraph \caption \label \ref \eqref \cite \item
    \footnote \title \author \date \input \include \documentclass \usepackage \maketitle \bibitem \url \href \text \mathrm \frac \left
    \right \sqrt \sum \int \item \tabular \hline \multicolumn \ensuremath \SI \si \num \qty \unit \ang""".split()
)


class TexToken(NamedTuple):
    """A token: its kind, its text, and the characters of the source that gave it (those of the call, if a macro did).

    Kinds: 'command', 'text', 'space', 'par' (a blank line), 'open', 'close', 'math' (one or two dollars), 'mark' (& ~ ^ _ #)
    and 'verbatim'.
    """

    kind: str
    text: str
    start: int
    end: int


@dataclass(frozen=True)
class Macro:
    """A macro: how many arguments it takes, the default of the first if that one is optional, and its body."""

    arguments: int
    default: tuple[TexToken, ...] | None
    body: tuple[TexToken, ...]


def tokens(source: str) -> list[TexToken]:
    """The tokens of LaTeX without its comments; together they cover everything else."""
    found: list[TexToken] = []
    place, length = 0, len(source)
    while place < length:
        match = _TOKEN.match(source, place)
        assert match is not None  # noqa: S101 -- `rest` matches any character
        kind, text = match.lastgroup or "rest", match[0]
        end = match.end()
        if kind == "env" or match["verbatim"]:
            kind, end = "verbatim", _after(source, end, f"\\end{{{match['env']}}}")
            text = source[match.end() : end].rpartition("\\end{")[0]
        elif kind == "left":
            place = _after(source, end, "\\end{comment}")
            continue
        elif kind == "verb":
            close = {"{": "}"}.get(source[end], source[end])
            last = source.find(close, end + 1, end + 1000)
            last = end if last < 0 else last
            kind, text, end = "text", source[end + 1 : last], last + 1
        elif kind == "comment":
            # The line end belongs to the comment; a blank line behind it still ends the paragraph.
            place = end
            if source.startswith("\n", end):
                place += 1
                found.append(TexToken("par", "\n\n", end, place))
            continue
        elif kind == "space":
            text = " "
        elif kind == "rest":
            kind = "text"
        found.append(TexToken(kind, text, place, end))
        place = end
    return found


def _after(source: str, place: int, closing: str) -> int:
    """The place behind `closing`, or the end of the text where it never comes."""
    found = source.find(closing, place)
    return len(source) if found < 0 else found + len(closing)


def joined(parts: Iterable[TexToken]) -> str:
    """Tokens as LaTeX: a space keeps a command apart from a letter that did not follow it in the source."""
    found: list[str] = []
    last = ""
    for token in parts:
        text = token.text if token.kind != "par" else " "
        if text[:1].isalpha() and last.startswith("\\") and _CONTROL_WORD.match(last):
            found.append(" ")
        found.append(text)
        last = text
    return "".join(found)


@dataclass
class Expansions:
    """What the macros of one paper, and its formulas and options without an end, have cost so far."""

    calls: int = 0
    tokens: int = 0
    letters: int = 0

    def add(self, found: Sequence[TexToken]) -> None:
        """Count one expansion, or one formula or option that nothing closes.

        Raises:
            InputError: there are more than any paper needs.
        """
        self.calls += 1
        self.tokens += len(found)
        self.letters += sum(len(token.text) for token in found)
        if self.calls > MOST_EXPANSIONS or self.tokens > MOST_TOKENS or self.letters > MOST_LETTERS:
            raise InputError(
                "its macros expand without end, or its formulas and options have none",
                hint="look for a \\def that calls itself, and for a $, a \\( or a [ that is not closed",
            )


@dataclass
class TokenStream:
    """Tokens one by one, macros expanded, definitions of macros carried out and left out.

    Args:
        left: the tokens.
        macros: known before; definitions are added.
        used: counts the expansions of the whole paper.
    """

    left: Sequence[TexToken]
    macros: dict[str, Macro] = field(default_factory=dict)
    environments: dict[str, tuple[Macro, Macro]] = field(default_factory=dict)
    used: Expansions = field(default_factory=Expansions)
    place: int = 0
    pushed: list[TexToken] = field(default_factory=list)
    endless: bool = False  # a branch without an end was met: what follows has none either

    def inner(self, parts: Sequence[TexToken]) -> "TokenStream":
        """A stream of other tokens with the same macros."""
        return TokenStream(parts, self.macros, self.environments, self.used)

    def raw(self) -> TexToken | None:
        """The next token as it is, None at the end."""
        if self.pushed:
            return self.pushed.pop()
        if self.place >= len(self.left):
            return None
        self.place += 1
        return self.left[self.place - 1]

    def peek(self) -> TexToken | None:
        """The next token, which stays."""
        if self.pushed:
            return self.pushed[-1]
        return self.left[self.place] if self.place < len(self.left) else None

    def push(self, parts: Iterable[TexToken]) -> None:
        """Put tokens before the others."""
        self.pushed.extend(reversed(list(parts)))

    def next(self) -> TexToken | None:
        """The next token that is neither a macro nor a definition, None at the end."""
        while (token := self.raw()) is not None:
            if token.kind != "command":
                return token
            if token.text in _DEFINITIONS:
                _DEFINITIONS[token.text](self, token)
            elif token.text in self.macros:
                self._expand(token, self.macros[token.text])
            elif token.text == "\\iffalse":
                self._skip_branch()
            else:
                return token
        return None

    def skip_space(self) -> None:
        """Pass over white space."""
        while (token := self.peek()) is not None and token.kind == "space":
            self.raw()

    def argument(self, most: int = 0) -> list[TexToken]:
        """The next argument as it is written: what braces enclose, or one token. Empty at a blank line or the end.

        Args:
            most: tokens after which it ends anyway, if not 0.
        """
        self.skip_space()
        token = self.raw()
        if token is None:
            return []
        if token.kind in ("par", "close"):
            self.push([token])
            return []
        if token.kind != "open":
            if token.kind == "text" and len(token.text) > 1:
                at = token.start + 1 if token.end - token.start == len(token.text) else token.start
                self.push([TexToken("text", token.text[1:], at, token.end)])
                return [TexToken("text", token.text[0], token.start, max(at, token.start))]
            return [token]
        return self._until_closed(most)

    def optional(self) -> list[TexToken] | None:
        """The next argument in square brackets as it is written, None if there is none, or nothing closes it."""
        token = self.peek()
        if token is None or token.kind != "text" or not token.text.startswith("["):
            return None
        found: list[TexToken] = []
        passed: list[TexToken] = []
        depth = 0
        while len(passed) < _LONGEST_OPTION and (token := self.raw()) is not None:
            passed.append(token)
            depth += (token.kind == "open") - (token.kind == "close")
            text = token.text[1:] if len(passed) == 1 else token.text
            closing = text.find("]") if token.kind == "text" and depth == 0 else -1
            if closing >= 0:
                found.append(token._replace(text=text[:closing]))
                if rest := text[closing + 1 :]:
                    self.push([token._replace(text=rest, start=max(token.start, token.end - len(rest)))])
                return found
            if depth < 0 or token.kind == "par" or depth > _DEEPEST:
                break
            found.append(token._replace(text=text))
        self.used.add(passed)
        self.push(passed)
        return None

    def star(self) -> bool:
        """Whether a star follows, which is passed over."""
        token = self.peek()
        if token is None or token.kind != "text" or not token.text.startswith("*"):
            return False
        self.raw()
        if len(token.text) > 1:
            self.push([token._replace(text=token.text[1:], start=min(token.start + 1, token.end))])
        return True

    def _until_closed(self, most: int) -> list[TexToken]:
        found: list[TexToken] = []
        depth = 1
        while (token := self.raw()) is not None:
            depth += (token.kind == "open") - (token.kind == "close")
            if not depth:
                break
            found.append(token)
            if len(found) == most:
                break
        return found

    def _skip_branch(self) -> None:
        r"""Pass over a branch; where no `\fi` ends it, nothing is lost."""
        depth = 1
        passed: list[TexToken] = []
        while not self.endless and (token := self.raw()) is not None:
            passed.append(token)
            if token.kind == "command":
                depth += token.text.startswith("\\if") and token.text not in _WITHOUT_FI
                depth -= token.text == "\\fi"
                if not depth or (depth == 1 and token.text == "\\else"):
                    return
        self.endless = True
        self.push(passed)

    def _expand(self, call: TexToken, macro: Macro) -> None:
        given: list[Sequence[TexToken]] = []
        if macro.default is not None:
            self.skip_space()
            chosen = self.optional()
            given.append(macro.default if chosen is None else chosen)
        end = call.end
        while len(given) < macro.arguments:
            argument = self.argument()
            given.append(argument)
            end = max(end, argument[-1].end if argument else end)
        self.push(self.filled(macro.body, given, call.start, end))

    def filled(
        self, body: Sequence[TexToken], given: Sequence[Sequence[TexToken]], start: int, end: int
    ) -> list[TexToken]:
        """The body of a macro with its arguments, as if all of it stood where it is called."""
        found: list[TexToken] = []
        place = 0
        while place < len(body):
            token = body[place]
            place += 1
            if token.kind == "mark" and token.text == "#" and place < len(body):
                number = body[place].text[:1]
                if number.isdigit() and 0 < int(number) <= len(given):
                    found += [part._replace(start=start, end=end) for part in given[int(number) - 1]]
                    if rest := body[place].text[1:]:
                        found.append(TexToken("text", rest, start, end))
                    place += 1
                    self.used.add(given[int(number) - 1])
                    continue
            found.append(token._replace(start=start, end=end))
        self.used.add(found)
        return found


# ---- definitions -------------------------------------------------------------------------------------


def _name(parts: Sequence[TexToken]) -> str:
    """The command that an argument names, '' if it names none."""
    words = [token for token in parts if token.kind not in ("space", "open", "close")]
    return words[0].text if words and words[0].kind == "command" else ""


def _trimmed(parts: Sequence[TexToken]) -> tuple[TexToken, ...]:
    return tuple(token for token in parts if token.kind != "par")


def _set(stream: TokenStream, name: str, macro: Macro) -> None:
    if name and name not in _KEPT:
        stream.macros[name] = macro


def _newcommand(stream: TokenStream, call: TexToken) -> None:
    r"""`\newcommand{\name}[n][default]{body}`; what is known already stays with `\providecommand`."""
    stream.star()
    name = _name(stream.argument())
    stream.skip_space()
    count = joined(stream.optional() or ()).strip()
    stream.skip_space()
    default = stream.optional()
    body = _trimmed(stream.argument())
    if not (call.text == "\\providecommand" and name in stream.macros):
        number = int(count) if count.isdigit() and len(count) == 1 else 0
        _set(stream, name, Macro(number, None if default is None else tuple(default), body))


def _def(stream: TokenStream, call: TexToken) -> None:
    r"""`\def\name#1#2{body}`; a macro with words between its arguments is not expanded."""
    stream.skip_space()
    name = _name([stream.raw() or call])
    pattern: list[TexToken] = []
    while (token := stream.peek()) is not None and token.kind not in ("open", "par"):
        pattern.append(stream.raw() or token)
    body = _trimmed(stream.argument())
    written = joined(pattern).replace(" ", "")
    if written == "".join(f"#{n}" for n in range(1, len(written) // 2 + 1)):
        _set(stream, name, Macro(len(written) // 2, None, body))
    else:
        stream.macros.pop(name, None)


def _let(stream: TokenStream, call: TexToken) -> None:
    r"""`\let\name=\other`: the meaning that the other has now."""
    stream.skip_space()
    name = _name([stream.raw() or call])
    stream.skip_space()
    if (token := stream.peek()) is not None and token.text == "=":
        stream.raw()
        stream.skip_space()
    other = stream.raw()
    if other is not None and other.text != name:
        _set(stream, name, stream.macros.get(other.text) or Macro(0, None, (other,)))


def _operator(stream: TokenStream, call: TexToken) -> None:
    r"""`\DeclareMathOperator{\Tr}{Tr}`."""
    star = "*" if stream.star() else ""
    name, body = _name(stream.argument()), stream.argument()
    _set(stream, name, Macro(0, None, tuple(tokens(f"\\operatorname{star}{{{joined(body)}}}"))))


def _environment(stream: TokenStream, call: TexToken) -> None:
    r"""`\newenvironment{name}[n][default]{begin}{end}`."""
    stream.star()
    name = joined(stream.argument()).strip()
    stream.skip_space()
    count = joined(stream.optional() or ()).strip()
    stream.skip_space()
    default = stream.optional()
    begin, end = stream.argument(), stream.argument()
    number = int(count) if count.isdigit() and len(count) == 1 else 0
    opened = Macro(number, None if default is None else tuple(default), tuple(begin))
    stream.environments[name] = opened, Macro(0, None, tuple(end))


_DEFINITIONS = {
    **dict.fromkeys(("\\newcommand", "\\renewcommand", "\\providecommand", "\\DeclareRobustCommand"), _newcommand),
    **dict.fromkeys(("\\def", "\\gdef", "\\edef", "\\xdef"), _def), "\\let": _let, "\\DeclareMathOperator": _operator,
    **dict.fromkeys(("\\newenvironment", "\\renewenvironment"), _environment),
}  # fmt: skip
