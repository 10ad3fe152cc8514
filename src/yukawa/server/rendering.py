r"""Text that others wrote (people, models, sources) as HTML: the one function through which such text reaches a page.

Markdown without raw HTML, formulas as MathML, and then everything that is not on a list is removed. The list comes last and covers the
whole, because the maker of MathML does not escape the words of `\text{...}`; a Content-Security-Policy comes after it.
"""

import functools
import html
import re
from collections.abc import Mapping, Sequence
from typing import Any

import nh3
from latex2mathml.converter import convert
from markdown_it import MarkdownIt
from markupsafe import Markup
from mdit_py_plugins.dollarmath import dollarmath_plugin

from yukawa.knowledge.records import markdown

LONGEST_FORMULA = 2_000
LONGEST_TEXT = 20_000
"""Characters; a longer text is shown as it is, without its Markdown."""
_FORMULAS = 500
"""Formulas in a text; further ones are shown as they were typed."""

HTML_TAGS = frozenset(
    "a blockquote br code dd del dl dt em h1 h2 h3 h4 h5 h6 hr li ol p pre s strong sub sup table tbody td th thead tr ul".split()
)
MATH_TAGS = frozenset(
    "math menclose mfrac mi mmultiscripts mn mo mover mpadded mphantom mprescripts mroot mrow ms mspace msqrt mstyle msub msubsup"
    " msup mtable mtd mtext mtr munder munderover".split()
)
ATTRIBUTES: Mapping[str, frozenset[str]] = {
    "a": frozenset({"href", "title"}),
    "ol": frozenset({"start"}),
    "td": frozenset({"align"}),
    "th": frozenset({"align"}),
    "math": frozenset({"display"}),
    "mfrac": frozenset({"linethickness"}),
    "mi": frozenset({"mathvariant"}),
    "mo": frozenset(
        "fence form largeop lspace maxsize minsize movablelimits rspace separator stretchy symmetric".split()
    ),
    "mover": frozenset({"accent"}),
    "mspace": frozenset({"width"}),
    "mstyle": frozenset({"displaystyle", "scriptlevel"}),
    "mtable": frozenset({"columnalign", "rowspacing"}),
    "mtd": frozenset({"columnalign"}),
    "munder": frozenset({"accentunder"}),
    "munderover": frozenset({"accent", "accentunder"}),
}
SCHEMES = frozenset({"http", "https"})
REL = "noopener noreferrer nofollow"
_INVISIBLE = re.compile("[\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff]")


def to_html(text: str, *, citing: str = "", plain: bool = False) -> Markup:
    """Text of others as HTML that shows it and does nothing else.

    Formulas are between `$` or `$$`; one that is too long or cannot be read is shown as it was typed, as is a text that is
    nested too deeply. Characters that are not seen or turn the order of letters are shown as U+FFFD.

    Args:
        text: Markdown, in which HTML is text.
        citing: the id of an answer: `[1]` leads to the first of its sources on the same page.
        plain: whether names of particles have their subscripts as `ν_τ`.
    """
    text = seen(text)
    if len(text) > LONGEST_TEXT:
        return _as_typed(text)
    try:
        made = _markdown().render(text, {"formulas": 0, "citing": citing, "plain": plain})
    except RecursionError:
        return _as_typed(text)
    return _cleaned(made)


def seen(text: str) -> str:
    """`text` with U+FFFD for characters that are not seen or turn the order of letters."""
    return _INVISIBLE.sub("\ufffd", text)


def mathml(formula: str, *, display: bool = False) -> Markup:
    """A formula of LaTeX as MathML, or as it was typed; cleaned as all other text is."""
    return _cleaned(_formula(formula, display=display))


def _cleaned(made: str) -> Markup:
    """What is on the lists of `made`."""
    clean = nh3.clean(
        made, tags=set(HTML_TAGS | MATH_TAGS), attributes={tag: set(names) for tag, names in ATTRIBUTES.items()},
        url_schemes=set(SCHEMES), attribute_filter=_whole_addresses, link_rel=REL, strip_comments=True,
        clean_content_tags={"script", "style", "svg", "annotation-xml", "annotation"},
    )  # fmt: skip
    return Markup(clean)  # noqa: S704 -- the one place where text becomes HTML


def _whole_addresses(_: str, name: str, value: str) -> str | None:
    """Links lead to a source below or to other sites by their whole address, never to a page of ours or by the page's own scheme."""
    return value if name != "href" or _ADDRESS.match(value) else None


_ADDRESS = re.compile(r"https?://|#[0-9a-z]{1,40}-\d{1,3}\Z", re.IGNORECASE)


def _as_typed(text: str) -> Markup:
    return Markup("<pre>{}</pre>").format(text)


@functools.cache
def _markdown() -> MarkdownIt:
    parser = MarkdownIt("js-default", {"html": False, "linkify": False, "maxNesting": 50}).disable("image")
    parser.use(dollarmath_plugin, allow_digits=False, double_inline=True)
    for kind in ("math_inline", "math_inline_double", "math_block", "math_block_label"):
        parser.add_render_rule(kind, _shown)
    parser.add_render_rule("text", _cited)
    return parser


def _cited(_: Any, tokens: Sequence[Any], index: int, __: Any, given: dict[str, Any]) -> str:
    """The words of a token, in which `[1]` is a link to the first source where the text is an answer."""
    words = html.escape(tokens[index].content)
    if given["plain"]:
        words = _SUBSCRIPT.sub(r"\1<sub>\2</sub>", words)
    name = given["citing"]
    return _MARKER.sub(rf'<a href="#{name}-\1">[\1]</a>', words) if name else words


_MARKER = re.compile(r"\[(\d{1,3})\]")
_SUBSCRIPT = re.compile(r"(?<!\w)([^\W\d_]\u0304?)_(\w{1,3})(?!\w)")  # ν_τ, D_s⁺


def _shown(_: Any, tokens: Sequence[Any], index: int, __: Any, counted: dict[str, int]) -> str:
    """The formula of a token."""
    counted["formulas"] += 1
    formula, block = tokens[index].content, tokens[index].type.startswith("math_block")
    if counted["formulas"] > _FORMULAS:
        return _code(formula)
    made = _formula(formula, display=block or tokens[index].type == "math_inline_double")
    return f"<p>{made}</p>\n" if block else made


def _formula(formula: str, *, display: bool) -> str:
    """A formula as MathML that is not clean yet."""
    if len(formula) > LONGEST_FORMULA or "\\def" in formula or "\\newcommand" in formula:
        return _code(formula)
    try:
        made = convert(formula.strip(), display="block" if display else "inline")
        return made.replace("<mi>&#x000B1;</mi>", "<mo>&#x000B1;</mo>")  # it is an operator
    except Exception:  # noqa: BLE001 -- its errors have no common root, and RecursionError is one of them
        return _code(formula)


def _code(formula: str) -> str:
    return f"<code>{html.escape(formula)}</code>"


# ---- answers --------------------------------------------------------------------------------------


def answer_html(text: str, answer_id: str, *, written_by_model: bool) -> Markup:
    """The text of an answer: its sentences, its tables, its formulas as MathML, and links to its sources.

    Args:
        text: as `yukawa ask` prints it: lines that are indented are formulas, rows of tables and entries of lists.
        answer_id: of the answer, with which the ids of its sources on the page begin.
        written_by_model: whether it is Markdown, as language models write it.
    """
    if written_by_model:
        return to_html(text, citing=answer_id)
    return to_html(_as_markdown(text), citing=answer_id, plain=True)


def _as_markdown(text: str) -> str:
    """The lines of an executed answer as Markdown: sentences are escaped, indented lines become rows, formulas or entries."""
    blocks: list[str] = []
    rows: list[str] = []
    derived = False
    for line in _joined(text):
        name, gap, value = line.strip().partition("  ")
        if line.startswith("  ") and gap:
            rows.append(f"| {markdown(name)} | {markdown(value.strip())} |")
            continue
        blocks += [_table(rows)] if rows else []
        rows = []
        if line.startswith("  "):
            blocks.append(_formula_line(line.strip()) if derived else f"- {markdown(line.strip())}")
        else:
            blocks.append(markdown(line))
            derived = line.endswith("(derived, not quoted).")
    return "\n\n".join(blocks + ([_table(rows)] if rows else []))


def _joined(text: str) -> list[str]:
    """Lines, each with those that continue it: they are indented further."""
    lines: list[str] = []
    for line in text.splitlines():
        if line.startswith("    ") and lines and lines[-1].startswith("  "):
            lines[-1] += " " + line.strip()
        elif line.strip():
            lines.append(line)
    return lines


def _table(rows: Sequence[str]) -> str:
    return "\n".join(["| quantity | value |", "|---|---|", *rows])


def _formula_line(line: str) -> str:
    """'m(τ⁻) / m(μ⁻), with m(τ⁻) = 1776.93 ± 0.09 MeV [1]; …' with each formula between dollars."""
    formula, _, given = line.partition(", with ")
    parts = [part.partition(" = ") for part in given.split("; ") if part]
    values = [
        f"${latex(name)}${markdown(equals + value)}" for name, equals, value in parts
    ]  # which wrap as text
    return f"${latex(formula)}$" + (f", with {'; '.join(values)}" if values else "")


def latex(formula: str) -> str:
    """A formula or a value in plain letters as LaTeX: 'B(τ⁻ → e⁻ ν̄_e ν_τ) = (17.85 ± 0.05) %'."""
    return "".join(_latex_part(part) for part in _PARTS.finditer(formula))


def _latex_part(found: re.Match[str]) -> str:
    part = found[0]
    if found["raised"]:
        return "^{" + part.translate(_RAISED) + "}"
    if found["lowered"]:
        return "_{" + part.translate(_LOWERED).removeprefix("_") + "}"
    if found["barred"]:
        return rf"\bar{{{part[0]}}}"
    if found["word"]:
        return rf"\text{{{part}}}"
    return _SIGNS.get(part.strip() or " ", part)


_SUPERSCRIPTS = "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁽⁾ⁿ"
_SUBSCRIPTS = "₀₁₂₃₄₅₆₇₈₉"
_RAISED = str.maketrans(_SUPERSCRIPTS, "0123456789+-()n")
_LOWERED = str.maketrans(_SUBSCRIPTS, "0123456789")
_PARTS = re.compile(
    rf"(?P<raised>[{_SUPERSCRIPTS}]+)|(?P<lowered>[{_SUBSCRIPTS}]+|_[^\W_]+)|(?P<barred>[^\W\d_]\u0304)"
    r"|(?P<word>[A-Za-z]{2,})| ?[±×→=/+−<>·] ?|.",
    re.DOTALL,
)
_SIGNS = {
    " ": r"\,", "±": r"\pm ", "×": r"\times ", "→": r"\to ", "·": r"\cdot ", "−": "-", "√": r"\surd ", "\\": r"\backslash ",
    "{": r"\{", "}": r"\}", "%": r"\%", "#": r"\#", "&": r"\&", "$": r"\$", "_": r"\_", "^": r"\hat{}", "~": r"\sim ", "\n": r"\,",
}  # fmt: skip
