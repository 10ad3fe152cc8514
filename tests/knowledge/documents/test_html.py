"""Papers in HTML: formulas as LaTeX, tables under their columns, sections, and places; hostile pages in bounded time."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yukawa.knowledge.documents.html import html_blocks

PAGE = """<!DOCTYPE html><html><head><title>x</title><style>p{}</style></head><body><article class="ltx_document">
<h1 class="ltx_title">Mass of the W</h1>
<div class="ltx_abstract"><h6 class="ltx_title">Abstract</h6><p>We measure <math alttext="m_{W}=80.4"><mi>m</mi></math> GeV.</p></div>
<section><h2><span class="ltx_tag">1 </span>Intro</h2><!-- a <p>remark</p> -->
<p class="ltx_p">Text &amp; more <cite>[1]</cite>.</p>
<table class="ltx_equation ltx_eqn_table"><tr><td><math alttext="\\displaystyle E=mc^{2}" display="block"><mi>E</mi></math></td>
<td class="ltx_eqn_eqno">(1)</td></tr></table>
<figure><figcaption class="ltx_caption">Table 1: Masses</figcaption><table><thead><tr><th>Name</th><th>Mass</th></tr></thead>
<tr><td>W</td><td><math alttext="80.4"><mn>80</mn></math></td></tr><tr><td>Z</td><td>91.2</td></tr></table></figure>
<ul><li>one</li><li><p>two</p></li></ul><pre>a
 b</pre></section>
<ul><li class="ltx_bibitem">A. Author, 2020</li></ul></article><script>if (a<b) {}</script></body></html>"""
PIECES = ["<p>", "</p>", "words ", "<li>", "<td>", "<tr>", "<table>", "</table>", "<math alttext='x'>", "</math>", "<", ">", "&amp;",
          "<h2>", "</h2>", "<!--", "-->", "<script>", "</script>", '<a href="', "<br/>", "<math/>", "\n"]  # fmt: skip


def test_the_blocks_of_a_page() -> None:
    found = [(b.kind, b.headings[1:], b.text) for b in html_blocks(PAGE)]
    assert found == [
        ("heading", (), "Mass of the W"),
        ("heading", (), "Abstract"),
        ("abstract", ("Abstract",), "We measure $m_{W}=80.4$ GeV."),
        ("heading", (), "1 Intro"),
        ("text", ("1 Intro",), "Text & more [1]."),
        ("equation", ("1 Intro",), "$$E=mc^{2}$$"),
        ("caption", ("1 Intro",), "Table 1: Masses"),
        ("row", ("1 Intro",), "Name: W; Mass: $80.4$"),
        ("row", ("1 Intro",), "Name: Z; Mass: 91.2"),
        ("item", ("1 Intro",), "- one"),
        ("item", ("1 Intro",), "- two"),
        ("code", ("1 Intro",), "a\n b"),
        ("reference", ("1 Intro",), "A. Author, 2020"),
    ]


def test_places_are_those_of_the_words() -> None:
    for block in html_blocks(PAGE):
        for word in ("measure", "more", "Masses", "91.2", "two", "Author"):
            if word in block.text:
                assert word in PAGE[block.start : block.end]


@given(st.lists(st.sampled_from(PIECES), max_size=30).map("".join))
def test_anything_is_read_with_places_inside_it(source: str) -> None:
    for block in html_blocks(source):
        assert 0 <= block.start <= block.end <= len(source)
        assert block.text


@given(st.lists(st.sampled_from(["alpha", "beta", "gamma"]), min_size=1, max_size=9))
def test_every_word_is_kept_in_order(words: list[str]) -> None:
    source = "".join(
        f"<div><p>{word}</p></div>" if n % 2 else f"<b>{word}</b> " for n, word in enumerate(words)
    )
    assert " ".join(b.text for b in html_blocks(source)).split() == words


N = 20_000


@pytest.mark.slow
@pytest.mark.parametrize("source", [
    "<div>" * N, "<math/>" * N, "<" * N, "<table><tr><td>" * N, "<!--" * N, "<math alttext=x display=block>" * N, "&" * N, "<a " * N,
    "</div " * N, "<![CDATA[" * N, '<a "' * N, "<a b" + " c" * N + ">", "<li>x" * N, "<h1>x</h1>" * N, "<table>" * N + "<tr>x</tr>" * N,
], ids=lambda source: source[:12])  # fmt: skip
def test_hostile_pages_take_time_by_their_length(source: str) -> None:
    began = time.monotonic()
    html_blocks(source)
    assert time.monotonic() - began < 15


def test_a_reference_of_more_digits_than_any_number_stays_as_it_is() -> None:
    (block,) = html_blocks("<p>Mass &#" + "9" * 5_000 + "; is kept.</p>")
    assert block.text.startswith("Mass &#99")


@pytest.mark.parametrize(("page", "texts"), [
    ("<div><p hidden>a<p>b</div><p>c", ["b", "c"]),
    ("<div><p hidden>a <em>b</div><p>c", ["c"]),
    ("<p hidden>a<ul><li>b</ul>", ["- b"]),
    ("<ul><li hidden>a<ul><li>b</ul><li>c</ul>", ["- c"]),
    ("<section><div hidden>a<div>b</div></section>c", ["c"]),
    ("<p hidden>a<br>b</p>c", ["c"]),
    ("<head><title>a</title><body>b", ["b"]),
    ("<div><script>'</div>' a</script>b</div>", ["b"]),
    ("<p>a <math alttext='x'><mi>x</mi> b</p><p>c", ["a $x$", "c"]),
], ids=lambda value: value if isinstance(value, str) else "")  # fmt: skip
def test_what_is_hidden_ends_where_a_browser_ends_it(page: str, texts: list[str]) -> None:
    assert [block.text for block in html_blocks(page) if block.text] == texts
