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


def to_html(text: str) -> Markup:
    """Text of others as HTML that shows it and does nothing else.

    Formulas are between `$` or `$$`; one that is too long or cannot be read is shown as it was typed, as is a text that is
    nested too deeply. Characters that are not seen or turn the order of letters are shown as U+FFFD.

    Args:
        text: Markdown, in which HTML is text.
    """
    text = _INVISIBLE.sub("\ufffd", text)
    if len(text) > LONGEST_TEXT:
        return _as_typed(text)
    try:
        made = _markdown().render(text, {"formulas": 0})
    except RecursionError:
        return _as_typed(text)
    return _cleaned(made)


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
    """Links lead to other sites by their whole address, never to a page of ours or to whatever scheme the page has."""
    return value if name != "href" or re.match(r"https?://", value, re.IGNORECASE) else None


def _as_typed(text: str) -> Markup:
    return Markup("<pre>{}</pre>").format(text)


@functools.cache
def _markdown() -> MarkdownIt:
    parser = MarkdownIt("js-default", {"html": False, "linkify": False, "maxNesting": 50}).disable("image")
    parser.use(dollarmath_plugin, allow_digits=False, double_inline=True)
    for kind in ("math_inline", "math_inline_double", "math_block", "math_block_label"):
        parser.add_render_rule(kind, _shown)
    return parser


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
        return convert(formula.strip(), display="block" if display else "inline")
    except Exception:  # noqa: BLE001 -- its errors have no common root, and RecursionError is one of them
        return _code(formula)


def _code(formula: str) -> str:
    return f"<code>{html.escape(formula)}</code>"
