"""Tokens cover their source, macros say what they stand for, and no macro takes more than its share of time."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yukawa.core.errors import InputError
from yukawa.knowledge.documents.tex import TokenStream, joined, tokens

PIECES = st.lists(st.sampled_from([
    "a", " ", "\n\n", "\\alpha", "{", "}", "$", "$$", "%c\n", "\\%", "\\\\", "[", "]", "&", "#1", "\\begin{verbatim}x\\end{verbatim}",
    "\\def", "\\newcommand", "\\let", "\\iffalse", "\\fi", "\\verb|x|", "*", "µ",
]), max_size=40).map("".join)  # fmt: skip


def expanded(source: str) -> str:
    return joined(iter(TokenStream(tokens(source)).next, None))


@given(PIECES)
def test_tokens_are_in_order_and_name_their_characters(source: str) -> None:
    place = 0
    for token in tokens(source):
        assert place <= token.start < token.end <= len(source)
        if token.kind in ("command", "mark", "open", "close", "math"):
            assert source[token.start : token.end] == token.text
        place = token.end


@given(PIECES)
def test_whatever_is_written_is_read_to_its_end(source: str) -> None:
    stream = TokenStream(tokens(source))
    for token in iter(stream.next, None):
        assert 0 <= token.start <= token.end <= len(source)
    assert stream.peek() is None


@pytest.mark.parametrize(("source", "text"), [
    (r"\newcommand{\jpsi}{J/\psi}\jpsi(2S)", r"J/\psi(2S)"),
    (r"\newcommand\x[1]{<#1>}\x{ab}\x c", "<ab><c>"),
    (r"\newcommand{\x}[2][d]{#1-#2}\x{a} \x[b]{a}", "d-a b-a"),
    (r"\def\x#1#2{#2#1}\x ab", "ba"),
    (r"\def\x{\y}\def\y{z}\x", "z"),
    (r"\def\x{a}\let\y=\x\def\x{b}\y\x", "ab"),
    (r"\providecommand{\x}{a}\providecommand{\x}{b}\x", "a"),
    (r"\renewcommand{\section}{no}\section", r"\section"),
    (r"\DeclareMathOperator{\Tr}{Tr}\Tr", r"\operatorname{Tr}"),
    (r"\newcommand{\p}{\pi}\p{}x", r"\pi{}x"),
    (r"a\iffalse b\iftrue c\fi d\fi e", "ae"),
    ("a% \\def\\a{b}\n  c", "ac"),
])  # fmt: skip
def test_macros_are_expanded(source: str, text: str) -> None:
    assert expanded(source).replace(" ", "") == text.replace(" ", "")


def test_what_a_macro_gives_has_the_place_of_its_call() -> None:
    source = r"\newcommand{\x}{y z}a \x b"
    given = [t for t in iter(TokenStream(tokens(source)).next, None) if t.text in "yz"]
    assert {source[t.start : t.end] for t in given} == {r"\x"}


@pytest.mark.slow
@pytest.mark.parametrize("bomb", [
    r"\def\x{\x\x}\x", r"\def\x{\x}\x", r"\newcommand{\a}[1]{\a{#1#1}}\a{x}",
    r"\def\a#1{#1#1}" + r"\a{" * 40 + "x" + "}" * 40,
])  # fmt: skip
def test_a_macro_without_end_is_refused_at_once(bomb: str) -> None:
    began = time.monotonic()
    with pytest.raises(InputError, match="macros expand without end"):
        expanded(bomb)
    assert time.monotonic() - began < 20


@pytest.mark.parametrize("tail", ["", "\n\nb", "}b", " {c"])
def test_what_no_bracket_closes_is_no_option(tail: str) -> None:
    stream = TokenStream(tokens(f"[a {{]}}{tail}"))
    assert stream.optional() is None
    assert joined(iter(stream.raw, None)) == f"[a {{]}}{tail}".replace("\n\n", " ")


def test_options_without_an_end_cost_what_they_are_long() -> None:
    stream = TokenStream(tokens("\\x[" * 100_000))

    def read() -> None:
        while stream.next() is not None:
            stream.optional()

    began = time.perf_counter()
    with pytest.raises(InputError, match="options have none"):
        read()
    assert time.perf_counter() - began < 20
