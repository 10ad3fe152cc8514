"""No secret that was read is ever shown, however a text is cut, cased, spaced or coded; all other words stay."""

import base64
import html
import json
import random
import string
from urllib.parse import quote

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from yukawa.core import redaction
from yukawa.core.errors import InputError
from yukawa.core.redaction import SHOWN, Redactor, keep_secret, redacted, redacted_values, shortened

SECRETS = ("abcabcabd-1", "abcabcabc", "s3cret passw0rd", "hunter2", "w0rd", "pol/onium&210")
# What a server may make of what it was sent.
ECHOES = {
    "as it is": str,
    "upper case": str.upper,
    "reversed": lambda text: text[::-1],
    "spaced": " ".join,
    "dashed": " - ".join,
    "one a line": "\n".join,
    "listed": lambda text: json.dumps(list(text)),
    "split": lambda text: f"{text[: len(text) // 2]}\r\n  {text[len(text) // 2 :]}",
    "in an address": lambda text: quote(text, safe=""),
    "in HTML": html.escape,
    "invisible characters between": "\u200b".join,
    "wide letters": lambda text: "".join(chr(ord(c) + 0xFEE0) if c.isalnum() else c for c in text),
    "octal": lambda text: "".join(f"\\{ord(c):03o}" for c in text),
    "hexadecimal, reversed before": lambda text: text[::-1].encode().hex(),
    "hexadecimal, in capitals before": lambda text: text.upper().encode().hex(),
    "hexadecimal": lambda text: text.encode().hex(),
    "hexadecimal, spaced": lambda text: text.encode().hex(" ").upper(),
    "in a string of a language": lambda text: "".join(f"\\x{ord(c):02x}" for c in text),
    "in a list of a language": lambda text: ", ".join(f"0x{ord(c):02X}" for c in text),
    "characters of an address": lambda text: "".join(f"%{ord(c):02x}" for c in text),
    "characters of HTML": lambda text: "".join(f"&#{ord(c)};" for c in text),
    "characters of JSON": lambda text: "".join(f"\\u{ord(c):04x}" for c in text),
    "in the code of Basic": lambda text: base64.b64encode(text.encode()).decode()[1:],
}
PLAIN = [name for name in ECHOES if name != "in the code of Basic"]
LETTERS = string.ascii_letters + string.digits


@pytest.fixture(autouse=True, scope="module")
def known():
    before = redaction._known
    for secret in SECRETS:
        keep_secret(secret)
    yield
    redaction._known = before


def only(*secrets):
    """Nothing is known but these."""
    redaction._known = redaction._Known(frozenset(secrets))


def letters(text):
    return "".join(filter(str.isalnum, text.replace(SHOWN, "")))


# Letters for the most part, as in keys, with a few signs between them.
keys = st.text(st.sampled_from(LETTERS * 3 + "-_/+&%. "), min_size=12, max_size=50)


@given(keys, st.integers(0, 9), st.integers(0, 9), st.sampled_from(PLAIN))
def test_no_letter_of_a_secret_is_shown_in_any_form_of_it(key, begin, end, name):
    piece = key[begin : len(key) - end]
    assume(len(letters(piece)) >= 6)
    only(key)
    assert letters(redacted(f"Ω: {ECHOES[name](piece)} Ω")) == "ΩΩ"
    assert letters(shortened(f"Ω: {'-' * 280}{ECHOES[name](piece)}")) == "Ω"


@given(keys, st.text(st.sampled_from(LETTERS), max_size=7), st.integers(0, 6), st.integers(0, 6))
def test_nor_in_base64_whatever_stands_beside_it(key, user, begin, end):
    only(key)
    code = base64.b64encode(f"{user}:{key}Ω".encode()).decode()
    shown = redacted(f"Basic {code[begin : len(code) - end]} of Ω")
    # The user, and the characters that hold bits of the neighbours.
    assert len(letters(shown)) <= len("BasicofΩ") + (len(user) + 1) * 8 // 6 + 1 + 4
    piece = base64.b64encode(f"{user}:{key[3:-3]}".encode()).decode()
    assert not any(piece[i : i + 12] in shown for i in range((len(user) + 1) * 8 // 6 + 1, len(piece) - 12))


@given(st.text(st.sampled_from(LETTERS), min_size=4, max_size=5), st.sampled_from(PLAIN[:7]))
def test_a_short_secret_is_hidden_where_it_is_a_word(key, name):
    only(key)
    assert letters(redacted(f"Ω: {ECHOES[name](key)} Ω")) == "ΩΩ"
    assert redacted(f"Ω{key}Ω") == f"Ω{key}Ω"


WORDS = """the mass of Z boson is 91.1876 ± 0.0021 GeV; HTTP 401: incorrect API key provided (see https://a.example/keys) sk-
 \\u03b1 %20 0x7f 115 107 45 {"error": {"code": null}} [1] 3.14159265358979 authorization Bearer token dGhlIGFuc3dlcg==""".split()


@given(st.lists(st.sampled_from(WORDS), max_size=60), st.integers(), st.integers(4, 60))
def test_other_words_stay(words, seed, size):
    only("".join(random.Random(seed).choices(LETTERS, k=size)))
    text = " ".join(words)
    assert redacted(text) == text
    assert redacted_values({"said": [text]}) == {"said": [text]}


echoes = st.builds(
    lambda secret, name: ECHOES[name](secret), st.sampled_from(SECRETS), st.sampled_from([*ECHOES])
)
texts = st.lists(
    st.one_of(st.sampled_from(["abc", "a", " ", "s3cret", "x", "w0rd", "-" * 20]), echoes), max_size=8
)


@given(texts.map("".join), st.lists(st.integers(0, 200), max_size=9))
def test_pieces_are_redacted_as_the_whole_is(text, cuts):
    ends = sorted({min(cut, len(text)) for cut in cuts} | {len(text)})
    redactor = Redactor()
    shown = (
        "".join(redactor.piece(text[a:b]) for a, b in zip([0, *ends], ends, strict=False)) + redactor.rest()
    )
    assert shown == redacted(text)
    assert not any(secret in shown for secret in SECRETS if len(secret) > 5)


@pytest.mark.parametrize("secret", SECRETS)
def test_what_is_held_back_is_short_and_is_masked_once(secret):
    only(secret)
    redactor = Redactor()
    for character in f"{secret[:-1]} - {' ' * 9}" * 100:
        redactor.piece(character)
        assert len(redactor._held) < 300
    only("a" * 40)
    assert "".join([*map(redactor.piece, ["x", *"a" * 1000, "."]), redactor.rest()]).endswith(f"x{SHOWN}.")


def test_pieces_without_a_secret_wait_for_few_letters_and_for_none_where_nothing_is_known():
    only("ZZZZZZZZZ")
    redactor = Redactor()
    assert [redactor.piece(piece) for piece in ("The Z", " mass", " is 91 G", "V.")] == [
        "The ",
        "Z mass",
        " is 91 G",
        "V.",
    ]
    only()
    redactor = Redactor()
    assert [redactor.piece("The Z"), redactor.rest()] == ["The Z", ""]


def test_what_was_masked_is_not_masked_again():
    only("my secret secret")
    assert redacted(redacted("is it MY SECRET SECRET?")) == f"is it {SHOWN}?"


def test_errors_show_no_secret():
    error = InputError("the key abcabcabc was refused", hint="is it s3cret passw0rd?")
    assert str(error) == f"the key {SHOWN} was refused (is it {SHOWN}?)"
    assert "abcabcabc" not in repr(error)


def test_what_becomes_json_stays_json():
    value = {"abc": ["abcabd", 1, None, ("s3cret passw0rd", True)], "hunter2": {"s3cret": "passw0rd"}}
    assert redacted_values(value) == {
        "abc": [SHOWN, 1, None, [SHOWN, True]],
        SHOWN: {SHOWN: SHOWN},
    }


def test_secrets_of_three_letters_are_words():
    only("GeV", "!?")
    assert redacted("91 GeV!?") == "91 GeV!?"
