"""No secret that was read is ever shown, however a text is cut."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yukawa.core import redaction
from yukawa.core.errors import InputError
from yukawa.core.redaction import SHOWN, Redactor, keep_secret, redacted

SECRETS = ("abcabcabd-1", "abcabcabc", "s3cret passw0rd")


@pytest.fixture(autouse=True, scope="module")
def known():
    for secret in SECRETS:
        keep_secret(secret)
    yield
    redaction._known.difference_update(SECRETS)


texts = st.lists(st.sampled_from([*SECRETS, "abc", "a", " ", "s3cret", "x"]), max_size=8).map("".join)


@given(texts, st.lists(st.integers(0, 40), max_size=6))
def test_pieces_are_redacted_as_the_whole_is(text, cuts):
    ends = sorted({min(cut, len(text)) for cut in cuts} | {len(text)})
    redactor = Redactor()
    shown = (
        "".join(redactor.piece(text[a:b]) for a, b in zip([0, *ends], ends, strict=False)) + redactor.rest()
    )
    assert not any(secret in shown for secret in SECRETS)
    assert not any(secret in redacted(text) for secret in SECRETS)


def test_pieces_without_a_secret_are_shown_at_once():
    redactor = Redactor()
    assert [redactor.piece(piece) for piece in ("The mass ", "is 91 GeV.")] == ["The mass ", "is 91 GeV."]
    assert redactor.rest() == ""


def test_errors_show_no_secret():
    error = InputError("the key abcabcabc was refused", hint="is it s3cret passw0rd?")
    assert str(error) == f"the key {SHOWN} was refused (is it {SHOWN}?)"
    assert "abcabcabc" not in repr(error)


def test_short_values_are_words_and_no_secrets():
    keep_secret("mass")
    assert redacted("the mass") == "the mass"
