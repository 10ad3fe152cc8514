from __future__ import annotations

import ast
import string
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yukawa.core.errors import InputError
from yukawa.jets.features.config import built_in_configs, load_data_config
from yukawa.jets.features.expressions import Call, Constant, FourMomentum, Name, columns_of, parse, parse_any

# ---- laws ----


@given(st.text(string.printable, max_size=80))
def test_any_text_is_parsed_or_refused_in_one_line(text: str) -> None:
    refusal = ""
    try:
        tree = parse(text)
    except InputError as error:
        refusal = str(error)
    assert "\n" not in refusal
    assert refusal or isinstance(tree, (Call, Constant, Name))


@given(st.lists(st.sampled_from(["part_a", "part_b", "jet_c"]), min_size=1, max_size=6))
def test_columns_are_found_in_the_order_of_the_text(names: list[str]) -> None:
    text = " + ".join(f"np.abs({name})" for name in names)
    assert list(columns_of(parse(text))) == names


def test_line_breaks_and_spaces_change_nothing() -> None:
    assert parse("np.log(\n  part_pt\n  / jet_pt)") == parse("np.log(part_pt/jet_pt)")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("numpy.log(x)", "np.log(x)"),
        ("math.sqrt(x)", "np.sqrt(x)"),
        ("awkward.where(x, 1, 2)", "np.where(x, 1, 2)"),
        ("abs(x)", "np.abs(x)"),
        ("+x", "x"),
        ("x / jet_pt[:, np.newaxis]", "x / jet_pt"),
        ("x / jet_pt[:, None]", "x / jet_pt"),
        ("x.astype('float32')", "np.float32(x)"),
        ("ak.values_astype(x, np.float32)", "np.float32(x)"),
        ("ak.to_numpy(x)", "x"),
        ("ak.sum(x, axis=-1)", "ak.sum(x, axis=1)"),
        ("ak.sum(x, 1)", "np.sum(x, axis=1)"),
        ("ak.num(x)", "ak.num(x, axis=1)"),
    ],
)  # fmt: skip
def test_spellings_of_the_same(one: str, other: str) -> None:
    assert parse(one) == parse(other)


# ---- examples ----


def test_a_tree() -> None:
    assert parse("np.log(part_pt / jet_pt)") == Call(
        "log", (Call("true_divide", (Name("part_pt"), Name("jet_pt"))),)
    )


@pytest.mark.parametrize(
    ("text", "value"),
    [("2 * 3 + 1", 7), ("7 / 2", 3.5), ("-3 // 2", -2), ("2 ** 10", 1024), ("np.pi", 3.141592653589793),
     ("np.log(np.e)", 1.0), ("1 < 2", True), ("6 & 3", 2), ("-np.inf", float("-inf"))],
)  # fmt: skip
def test_calculations_with_numbers_alone_are_done_at_once(text: str, value: float) -> None:
    tree = parse(text)
    assert tree == Constant(value)
    assert type(tree.value) is type(value)


def test_a_component_of_a_four_momentum() -> None:
    assert parse("_p4_from_pxpypze(a, b, c, d).pt") == Call("hypot", (Name("a"), Name("b")))


def test_a_new_variable_may_be_a_four_momentum() -> None:
    momentum = parse_any("_p4_from_ptetaphim(pt, eta, phi, m)")
    assert isinstance(momentum, FourMomentum)
    assert parse("part_p4.px", {"part_p4": momentum}) == momentum.px


@pytest.mark.parametrize("name", built_in_configs())
def test_all_expressions_of_the_built_in_configs_are_allowed(name: str) -> None:
    assert load_data_config(name).variables


# ---- bad input ----


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("__import__('os').system('ls')", "os"),
        ("np.load('x')", "np.load"),
        ("np.lgo(x)", "near is np.log"),
        ("open(x)", "open"),
        ("part_pt.tofile('x')", ".tofile"),
        ("(lambda: 1)()", "lambda"),
        ("[x for x in y]", "[x for x in y]"),
        ("x if y else z", "np.where"),
        ("x and y", "& | ~"),
        ("not x", "& | ~"),
        ("0 < x < 1", "two values at a time"),
        ("x[0]", "x[0]"),
        ("x.__class__", "__class__"),
        ("().__class__.__bases__", "()"),
        ("np.os", "np.os"),
        ("np", "np"),
        ("np.log(x, out=y)", "out"),
        ("np.log(*x)", "*"),
        ("np.log(x, y)", "2 arguments"),
        ("np.where(x)", "1 arguments"),
        ("'text'", "str"),
        ("1j * x", "complex"),
        ("ak.sum(x)", "without an axis"),
        ("ak.sum(x, axis=0)", "axis 0"),
        ("x.astype('object')", "object"),
        ("label.argmax(1)", ".argmax"),
        ("_p4_from_pxpypze(a, b, c, d)", "four-momentum"),
        ("_p4_from_pxpypze(a, b, c, d) + 1", "four-momentum"),
        ("_p4_from_pxpypze(a, b, c)", "four arguments"),
        ("_p4_from_pxpypze(a, b, c, d).rapidity", ".rapidity"),
        ("x <<", "cannot be read"),
        ("x << 3", "x << 3"),
        ("", "cannot be read"),
        ("1 / 0", "not finite"),
        ("(y := 3)", "y := 3"),
    ],
)  # fmt: skip
def test_everything_else_is_refused_with_the_word_in_question(text: str, word: str) -> None:
    with pytest.raises(InputError) as refused:
        parse(text)
    assert word in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    "text",
    [
        "9**9**9",
        "9**9**9**9 * x",
        "9" * 5000,
        "(" * 5000 + "x" + ")" * 5000,
        "-" * 5000 + "x",
        "x" + "+x" * 4000,
        "np.abs(" * 1500 + "x" + ")" * 1500,
        "x" * 20_000,
        "1" + "0" * 400 + " * x",
    ],
    ids=lambda text: text[:12],
)
def test_bombs_are_refused_at_once(text: str) -> None:
    begin = time.process_time()
    with pytest.raises(InputError) as refused:
        parse(text)
    assert time.process_time() - begin < 2
    assert len(str(refused.value)) < 1000


def test_every_function_that_a_message_names_is_allowed() -> None:
    with pytest.raises(InputError) as refused:
        parse("np.nonsense(x)")
    listed = refused.value.hint.partition(": ")[2].partition(";")[0].split(", ")
    assert {"log", "where", "sum"} <= set(listed)
    for name in listed:
        several = [f"np.{name}({', '.join(['x'] * n)})" for n in (1, 2, 3)]
        several.append(f"np.{name}(x, axis=1)")
        assert any(_allowed(text) for text in several), name


def _allowed(text: str) -> bool:
    ast.parse(text)
    try:
        parse(text)
    except InputError:
        return False
    return True
