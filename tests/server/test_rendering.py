"""Whatever text comes, only what is on the lists reaches a page, and a browser reads it as it was written."""

from __future__ import annotations

import html5lib
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from yukawa.server.rendering import (
    ATTRIBUTES,
    HTML_TAGS,
    LONGEST_TEXT,
    MATH_TAGS,
    REL,
    SCHEMES,
    mathml,
    to_html,
)

ATTACKS = (
    "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "<svg/onload=alert(1)>", "<svg><script>alert(1)</script></svg>",
    r"$\text{<svg/onload=alert(1)>}$", r"$\text{<img src=x onerror=alert(1)>}$", r"$\text{</math><script>alert(1)</script>}$",
    r"$\text{<mglyph><style><!--</style><img title=\"--><img src onerror=alert(1)>\">}$", r"$\href{javascript:alert(1)}{x}$",
    r"$$\text{<annotation-xml encoding=\"text/html\"><script>alert(1)</script>}$$", r"$\def\x{\x\x}\x$", r"$\style{color:red}{x}$",
    "[x](javascript:alert(1))", "[x](JaVaScRiPt:alert(1))", "[x](data:text/html;base64,PHNjcmlwdD4=)", "[x](vbscript:x)",
    "[x](//evil.example/a)", "![x](http://evil.example/x.png)", "<https://evil.example/>", "<a href=\"javascript:x\">",
    "<math><mtext><table><mglyph><style><math><img src onerror=alert(1)></style></mglyph></table></mtext></math>",
    "<iframe srcdoc='<script>alert(1)</script>'>", "<form action=//evil.example><button>", "<base href=//evil.example>",
    "<meta http-equiv=refresh content=0>", "<!--<img src=x onerror=alert(1)>-->", "<style>@import '//evil.example'</style>",
    "```html\n<script>alert(1)</script>\n```", "`<script>`", "&lt;script&gt;", "&#60;script&#62;", "[a]: javascript:alert(1)\n[a]",
    "<details open ontoggle=alert(1)>", "\x00<script>", "<<script>script>alert(1)</script>", "\u202etxt",
    "$" + "{" * 1000 + "}" * 1000 + "$",
)  # fmt: skip
TEXTS = st.lists(st.one_of(st.text(max_size=20), st.sampled_from(ATTACKS), st.sampled_from(
    ["$", "$$", "\\text{", "}", "<", ">", "\n\n", "|", "](", "[", "\\frac{", "&", '"', "'", "\\begin{matrix}", "--", "/*"]
)), max_size=12).map("".join)  # fmt: skip


def elements(page: str):
    document = html5lib.parse(f"<!doctype html><body>{page}", treebuilder="etree")
    for element in document.iter():
        yield (
            str(element.tag).rpartition("}")[2],
            {name.rpartition("}")[2]: value for name, value in element.attrib.items()},
        )


def forbidden(page: str) -> list[object]:
    found: list[object] = []
    for tag, attributes in elements(page):
        if tag not in HTML_TAGS | MATH_TAGS | {"html", "head", "body"}:
            found.append(tag)
        for name, value in attributes.items():
            ours = (tag, name, value) == ("a", "rel", REL)
            if not ours and name not in ATTRIBUTES.get(tag, ()):
                found.append((tag, name))
            if name == "href" and value.partition(":")[0].lower() not in SCHEMES:
                found.append(value)
    return found


@given(TEXTS)
@settings(max_examples=150)
@example("$" + ATTACKS[7] + "$")
def test_nothing_that_is_not_on_the_lists_reaches_a_page(text: str) -> None:
    page = to_html(text)
    assert not forbidden(page)
    assert not forbidden(f"<p>{page}</p><table><td>{page}</table>")


@pytest.mark.parametrize("attack", ATTACKS, ids=range(len(ATTACKS)))
def test_known_attacks_do_nothing_in_any_place(attack: str) -> None:
    for text in (
        attack,
        f"# {attack}",
        f"| {attack} |\n|--|\n| {attack} |",
        f"> - {attack}",
        f"**{attack}**",
        f"$x${attack}",
    ):
        assert not forbidden(to_html(text))
    assert not forbidden(mathml(attack))


@given(st.text(alphabet=st.characters(exclude_categories=("Cs", "Cc")), max_size=60))
@settings(max_examples=100)
def test_words_are_shown_and_not_read_as_html(text: str) -> None:
    """Every `<` of the text is one that is shown."""
    shown = "".join(html5lib.parse(f"<body>{to_html(f'`` {text.replace(chr(96), chr(39))} ``')}").itertext())
    assert shown.count("<") == text.count("<")


@pytest.mark.parametrize(
    ("formula", "shown"),
    [
        (r"m_{J/\psi} = 3096.900 \pm 0.006", "mJ/ψ=3096.900±0.006"),
        (r"\frac{1}{2}", "12"),
        (r"\Gamma(B^0 \to K^{*0}\mu^+\mu^-)", "Γ(B0→K*0μ+μ−)"),
    ],
)
def test_formulas_are_mathml(formula: str, shown: str) -> None:
    page = to_html(f"It is ${formula}$.")
    assert "<math " in page
    assert "".join(html5lib.parse(page).itertext()) == f"It is {shown}.\n"


def test_prices_are_no_formulas() -> None:
    assert "<math" not in to_html("It costs 5$, or 6$ on Sundays.")


@pytest.mark.parametrize("text", [
    "$" + "{" * 5000 + "}" * 5000 + "$", "> " * 5000 + "x", "*" * 20_000, "[" * 8_000, "$x$ " * 5000, "`" * 20_000, "(" * 20_000,
    "$" + r"\frac{1}{" * 300 + "1" + "}" * 300 + "$",
])  # fmt: skip
def test_what_is_nested_or_repeated_beyond_sense_is_shown_in_time(text: str) -> None:
    assert not forbidden(to_html(text[:LONGEST_TEXT]))


def test_a_text_that_is_too_long_is_shown_as_typed() -> None:
    text = "**a** <b>" * 4_000
    assert to_html(text) == f"<pre>{text.replace('<', '&lt;').replace('>', '&gt;')}</pre>"


def test_a_turned_order_is_made_visible() -> None:
    assert "\u202e" not in to_html("70\u202e.08")
