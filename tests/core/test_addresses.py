"""Addresses: what is shown of them, what is secret, and which are refused."""

from __future__ import annotations

import pytest

from yukawa.core.addresses import (
    account,
    check_database_address,
    check_web_address,
    note_secrets,
    shown_address,
)
from yukawa.core.errors import InputError
from yukawa.core.redaction import redacted


@pytest.mark.parametrize(("url", "shown", "parts"), [
    ("http://u:p@h/v1", "http://h/v1", ("u", "p")), ("http://u%40v:p%2Fq@h:8000/v1?key=1#x", "http://h:8000/v1", ("u@v", "p/q")),
    ("postgresql://u:p@q@h/db?password=x", "postgresql://h/db", ("u", "p@q")), ("http://u@h", "http://h", ("u", "")), ("", "", None),
    ("http://h/a@b", "http://h/a@b", None), ("http://h/v1?key=1", "http://h/v1", None), ("/folder/a@b", "/folder/a@b", None),
    ("http://u:p@", "http://", ("u", "p")),
])  # fmt: skip
def test_an_address_is_shown_without_what_may_be_secret(url, shown, parts):
    assert shown_address(url) == shown
    assert account(url)[1] == parts
    assert "@" not in account(url)[0].partition("/a")[0]


@pytest.mark.parametrize(
    "url", ["http://me:polonium210@h:port/v1", "ftp://me:polonium210@h", "http://me:polonium210@[h/v1", "http://me:polonium210@"]
)  # fmt: skip
def test_an_address_that_cannot_be_used_is_refused_without_its_password(url):
    with pytest.raises(InputError, match="is not a web address") as caught:
        check_web_address(url, "model 'm'", "write it so")
    assert "polonium210" not in str(caught.value)


@pytest.mark.parametrize(
    "name", ["password", "sslpassword", "api_key", "key", "token", "client_secret", "PASSWORD"]
)
def test_values_of_an_address_whose_name_says_secret_are_masked_wherever_they_come_again(name):
    url = f"postgresql://h/db?user=u&{name}=ruthenium{name}99"
    assert shown_address(url) == "postgresql://h/db"
    assert "ruthenium" not in redacted(f"it said ruthenium{name}99 and {url}")


@pytest.mark.parametrize("name", ["sslkey", "passfile", "keyboard", "sslmode"])
def test_paths_and_modes_are_no_secrets(name):
    shown_address(f"postgresql://h/db?{name}=rhodium{name}77")
    assert redacted(f"rhodium{name}77") == f"rhodium{name}77"


def test_secrets_are_noted_wherever_they_stand_in_a_table():
    note_secrets(
        {
            "a": [{"password": "palladium46"}, ("see http://u:osmium76os@h now",)],
            "b": {"http://u:iridium77@h": 3},
        }
    )
    assert redacted("palladium46 osmium76os iridium77") == "[secret] [secret] [secret]"


@pytest.mark.parametrize("url", [
    "postgresql:/u:polonium210@h/x", "postgres:u:polonium210@h", "PostgreSQL+psycopg:/h", "sqlite:/file", "sqlite:file",
])  # fmt: skip
def test_an_address_of_a_database_with_one_slash_names_no_folder(url):
    with pytest.raises(InputError, match="with two slashes") as caught:
        check_database_address(url)
    assert "polonium210" not in str(caught.value)


@pytest.mark.parametrize(
    "url", ["postgresql://h/x", "sqlite:///file", "folder", "/a/postgres/x", "sqlite", "C:/folder"]
)
def test_other_names_of_bases_pass(url):
    check_database_address(url)
