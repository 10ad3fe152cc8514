"""`yukawa models` lists the models of yukawa.toml and checks whether each one answers."""

import os
from dataclasses import asdict
from typing import Annotated, Any
from urllib.parse import urlsplit, urlunsplit

import typer

from yukawa.cli.options import Debug, Json
from yukawa.cli.output import print_json, say
from yukawa.cli.session import read_settings
from yukawa.core.errors import YukawaError
from yukawa.core.settings import ModelSettings


def models(
    check: Annotated[
        bool, typer.Option("--check", help="Ask each model for its abilities; exit with 1 if one fails.")
    ] = False,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """List the models of yukawa.toml and whether their key variables are set."""
    settings = read_settings()
    rows = [_row(row, default=name == settings.default_model) for name, row in settings.models.items()]
    if check:
        for row, model in zip(rows, settings.models.values(), strict=True):
            row["check"] = _checked(model)
    if as_json:
        print_json(rows)
    else:
        for row in rows:
            _show(row)
    if any("error" in row.get("check", {}) for row in rows):
        raise typer.Exit(1)


def _row(model: ModelSettings, *, default: bool) -> dict[str, Any]:
    variable = model.key_variable
    return {
        "name": model.name, "default": default, "backend": model.backend, "model": model.model, "base_url": _bare(model.base_url),
        "level": model.level, "domains": list(model.domains), "key_variable": variable,
        "key_set": bool(os.environ.get(variable)) if variable else None,
    }  # fmt: skip


def _bare(url: str | None) -> str | None:
    """`url` without user and password, which some write into it."""
    if url is None or "@" not in url:
        return url
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2], query=""))


def _checked(model: ModelSettings) -> dict[str, Any]:
    from yukawa.llm import SyncChat, open_model

    try:
        chat = SyncChat(open_model(model))
        try:
            return asdict(chat.capabilities())
        finally:
            chat.close()
    except YukawaError as error:
        return {"error": str(error)}


def _show(row: dict[str, Any]) -> None:
    say((row["name"], "bold"), (" (default)", "green") if row["default"] else "", f"  {row['backend']}")
    for name in ("model", "base_url", "level"):
        if row[name]:
            say((f"  {name}: ", "dim"), row[name])
    if row["domains"]:
        say(("  domains: ", "dim"), ", ".join(row["domains"]))
    if row["key_variable"]:
        say(
            ("  key: ", "dim"),
            row["key_variable"],
            " is set" if row["key_set"] else (" is not set", "yellow"),
        )
    if "check" in row:
        found = row["check"]
        if "error" in found:
            say(("  failed: ", "bold red"), found["error"])
        else:
            can = [name.replace("_", " ") for name, value in found.items() if value is True]
            say(
                ("  reachable: ", "bold green"),
                ", ".join(can) or "plain chat",
                f"; context {found['context_length'] or 'unknown'}",
            )
