from __future__ import annotations

import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yukawa.core.errors import InputError
from yukawa.core.yaml_files import RECIPES, VERBS, find, find_recipe, merged, parse_yaml, read_table, to_yaml

tables = st.recursive(
    st.integers(), lambda inner: st.dictionaries(st.sampled_from("abcd"), inner, max_size=3), max_leaves=8
).filter(lambda value: isinstance(value, dict))


@given(
    st.dictionaries(
        st.text(st.characters(min_codepoint=32, exclude_categories=["Cs", "Cn", "Cc", "Zl", "Zp"])),
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text("01e-+.~x: #\n"),
    )
)
def test_what_is_written_is_read_again(table):
    """A text such as 1e3 stays a text, and a number a number."""
    found = parse_yaml(to_yaml(table), "here")
    assert found == table
    assert [type(value) for value in found.values()] == [type(value) for value in table.values()]


@given(tables)
def test_a_table_over_itself_or_nothing_is_itself(table):
    assert merged(table, table) == table
    assert merged(table, {}) == merged({}, table) == table


@given(tables, tables)
def test_what_is_written_above_is_read(below, above):
    result = merged(below, above)
    for key, value in above.items():
        both = isinstance(value, dict) and isinstance(below.get(key), dict)
        assert result[key] == (merged(below[key], value) if both else value)
    assert {key: result[key] for key in below if key not in above} == {
        key: below[key] for key in below if key not in above
    }


def test_merging_keeps_what_is_beside():
    assert merged({"a": {"x": 1, "y": [1, 2]}, "b": 3}, {"a": {"y": [4]}}) == {
        "a": {"x": 1, "y": [4]},
        "b": 3,
    }


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a: [1", ":1 is not valid YAML"),
        (b"a: 1\nb: {", "is not valid YAML"),
        (b"- 1\n", "is not a table"),
        (b"", "is not a table"),
        (b"\xff\xfe\xfa", "it is not UTF-8 text"),
    ],
)
def test_a_file_that_is_no_table_is_refused(tmp_path, content, message):
    path = tmp_path / "card.yaml"
    path.write_bytes(content)
    with pytest.raises(InputError, match=message):
        read_table(path)


def test_a_folder_is_no_file(tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        read_table(tmp_path)


def test_a_name_is_found_before_a_path_and_a_wrong_one_has_its_neighbour(tmp_path):
    (tmp_path / "cepc.yaml").write_text("a: 1")
    assert find("cepc", tmp_path, "card") == tmp_path / "cepc.yaml"
    mine = tmp_path / "own.txt"
    mine.write_text("a: 1")
    assert find(mine, tmp_path, "card") == mine
    with pytest.raises(
        InputError,
        match=r"there is no card 'cecp' \(did you mean cepc\? name a YAML file that exists, or one of cepc\)",
    ):
        find("cecp", tmp_path, "card")
    with pytest.raises(InputError, match=r"there is no card 'nowhere/else\.toml', no such file"):
        find(Path("nowhere/else.toml"), tmp_path, "card")


@pytest.mark.parametrize("kind", VERBS)
def test_every_shipped_recipe_is_found_by_its_name(kind):
    shipped = sorted((RECIPES / kind).glob("*.yaml"))
    assert shipped
    for path in shipped:
        assert find_recipe(path.stem, kind) == path == find_recipe(path, kind)
        assert path.read_text().startswith("# "), "`yukawa recipes` shows the first sentence"


def test_a_base_is_looked_for_beside_the_recipe_first(tmp_path):
    (tmp_path / "mine.yaml").touch()
    assert find_recipe("mine.yaml", "text", tmp_path / "other.yaml") == tmp_path / "mine.yaml"
    assert find_recipe("smoke", "text", tmp_path / "other.yaml") == RECIPES / "text/smoke.yaml"


@pytest.mark.parametrize(
    ("name", "kind", "hint"),
    [
        ("smok", "text", "did you mean smoke?"),
        ("recipes/jets/particle-net.yaml", "jets", "did you mean particle-net?"),
        ("scaling-laptop", "jets", "type: yukawa jets scaling scaling-laptop"),
        ("", "jets", "name a YAML file that exists, or one of "),
    ],
)
def test_an_unknown_recipe_names_the_nearest_and_what_there_is(name, kind, hint):
    with pytest.raises(InputError, match="there is no recipe") as error:
        find_recipe(name, kind)
    assert error.value.hint.startswith(hint)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: &x [*x]", "aliases unfold"),
        (
            "b0: &b0 [x]\n"
            + "".join(f"b{i}: &b{i} [{', '.join([f'*b{i - 1}'] * 9)}]\n" for i in range(1, 12)),
            "aliases unfold",
        ),
        ("[" * 5000, "nested too deeply|not valid YAML"),
        ("a: " + "9" * 6000, "not valid YAML"),
        ("a: 2026-13-45", "not valid YAML"),
        ("a: !!python/object/apply:os.system ['true']", "not valid YAML"),
    ],
)
def test_hostile_yaml_is_refused_in_one_line_at_once(text, said):
    began = time.process_time()
    with pytest.raises(InputError, match=said) as caught:
        parse_yaml(text, "card.yaml")
    assert "\n" not in str(caught.value)
    assert time.process_time() - began < 2


def test_a_small_alias_is_read() -> None:
    assert parse_yaml("a: &x [1, 2]\nb: *x", "card.yaml") == {"a": [1, 2], "b": [1, 2]}


def test_what_occurs_twice_is_written_twice() -> None:
    twice = [1, 2]
    assert "&" not in to_yaml({"a": twice, "b": twice})


@pytest.mark.parametrize(("text", "value"), [
    ("17", 17), ("-3", -3), ("+4", 4), ("017", 17), ("0o17", 15), ("0x1F", 31), ("100_000", 100_000), ("1:30", "1:30"), ("0b11", "0b11"),
    ("1e3", 1000.0), ("1.5e-3", 0.0015), (".5", 0.5), ("1_000.5", 1000.5), ("1:30.5", "1:30.5"), (".inf", float("inf")), ("1.", 1.0),
    ("1" + ":59" * 2500, "1" + ":59" * 2500),
])  # fmt: skip
def test_numbers_are_those_of_yaml_1_2(text, value):
    found = parse_yaml(text, "here")
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    "text", ['"\\ud800"', 'a: "x\\udfff"', '? "\\uD834"\n: 1', '- "\\U0000dc00"', '!!str "\\udcff"']
)
def test_half_of_a_character_is_refused_as_in_json(text):
    with pytest.raises(InputError, match=r"^here holds half of a character \(a lone surrogate\)$"):
        parse_yaml(text, "here")


def test_whole_characters_by_their_numbers_are_read():
    assert parse_yaml('"\\u00e9\\U0001D6FC\\x41"', "here") == "é𝛼A"


@pytest.mark.parametrize("text", [
    "9" * 5000, "0x" + "f" * 9000, "!!int 1:30", "!!int " + "1" + ":59" * 2500, "!!float 1:30", "!!int x", "!!int [1]", "!!float {}",
])  # fmt: skip
def test_other_numbers_are_refused_in_one_short_line(text):
    with pytest.raises(InputError, match=r"^here.* is not valid YAML") as caught:
        parse_yaml(text, "here")
    assert "sys." not in str(caught.value)
    assert len(str(caught.value)) < 200
