"""Addresses of servers and databases: which are usable, what of them is secret, and what of them is shown."""

import base64
import re
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from yukawa.core.errors import InputError
from yukawa.core.redaction import keep_secret

# One slash or three are a slip, and what follows is a password all the same.
_ACCOUNT = re.compile(r"([A-Za-z][A-Za-z0-9+.-]{0,30}:/{1,3})([^/?#]*)@")
_ADDRESS = re.compile(r"(?<![A-Za-z0-9+.-])[A-Za-z][A-Za-z0-9+.-]{0,30}:/{1,3}[^\s:/][^\s]*")
# Names of values that are never shown; `sslkey` and `passfile` of PostgreSQL are paths.
_SECRET_NAME = re.compile(
    r"pass(?!file)|pwd|secret|credential|signature|(?:token|(?<!ssl)key|auth)\Z", re.IGNORECASE
)
_DATABASE = re.compile(r"(?:postgres(?:ql)?|sqlite)(?:\+\w{0,30})?:", re.IGNORECASE)


def check_web_address(url: str, owner: str, hint: str) -> None:
    """Refuse what is not the address of a server.

    Args:
        url: the root of an API.
        owner: whose address it is, for the message.
        hint: what to write.

    Raises:
        InputError: it is not a web address.
    """
    try:
        account(url)
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port that is not a number, a bracket that does not close
        usable = False
    if not usable:
        raise InputError(f"{owner} has the address {url!r}, which is not a web address", hint=hint)


def account(url: str) -> tuple[str, tuple[str, str] | None]:
    """An address without its user and password, and these two; all their forms are secrets from now on."""
    for name, value in parse_qsl(url.partition("?")[2].partition("#")[0]):
        if _SECRET_NAME.search(name):
            keep_secret(value)
    found = _ACCOUNT.match(url)
    if found is None:
        return url, None
    user, _, password = found[2].partition(":")
    both = unquote(user), unquote(password)
    for secret in (password, both[1], base64.b64encode(":".join(both).encode()).decode()):
        keep_secret(secret)
    return found[1] + url[found.end() :], both


def shown_address(url: str) -> str:
    """The address of a server without user, password and query, which some put secrets into."""
    return account(url)[0].partition("?")[0].partition("#")[0]


def check_database_address(url: str) -> None:
    """Refuse the address of a database that lacks one of its two slashes and would name a folder; its secrets are noted.

    Raises:
        InputError: it does.
    """
    account(url)
    if (found := _DATABASE.match(url)) and not url[found.end() :].startswith("//"):
        raise InputError(
            f"the address of a database begins with {found[0].lower()}//, with two slashes",
            hint="write sqlite:///FILE or postgresql://USER@HOST/NAME",
        )


def looks_like_database(text: str) -> bool:
    """Whether a text begins as the address of a database, with or without its two slashes."""
    return _DATABASE.match(text) is not None


def note_secrets(value: Any, name: str = "") -> None:
    """Note what must not be shown of settings, before they are checked: of a wrong type they would be shown with the mistake."""
    if isinstance(value, dict):
        for key, one in value.items():
            note_secrets(str(key))
            note_secrets(one, str(key))
    elif isinstance(value, list | tuple):
        for one in value:
            note_secrets(one, name)
    elif isinstance(value, str):
        for found in _ADDRESS.finditer(value):
            account(found[0])
        if _SECRET_NAME.search(name):
            keep_secret(value)
