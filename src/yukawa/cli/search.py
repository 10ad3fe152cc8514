"""`yukawa search`: the passages nearest to a query."""

from __future__ import annotations

from typing import Annotated

import typer

from yukawa.cli.formatting import hit_json
from yukawa.cli.options import AsOf, Author, Debug, Domain, Json, Kind, Source, checked_filters
from yukawa.cli.output import note, print_json, say
from yukawa.cli.session import read_settings, taught_base


def search(
    query: Annotated[str, typer.Argument(help="Words, a question, or a particle in any notation.")],
    k: Annotated[int, typer.Option("-k", metavar="N", help="How many passages.")] = 5,
    domain: Domain = None,
    kind: Kind = None,
    author: Author = None,
    source: Source = None,
    as_of: AsOf = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Find passages by their words and their meaning, best first."""
    from yukawa.knowledge.items import checked_text

    settings = read_settings()
    checked_text(query, "the query")
    checked_filters(domain, kind)
    with taught_base(settings) as base:
        hits = base.search(query, k=k, as_of=as_of, domain=domain, kind=kind, author=author, source=source)
    if as_json:
        print_json([hit_json(hit) for hit in hits])
        return
    for hit in hits:
        say((f"{hit.score:.3f} ", "dim"), (hit.item_id, "bold"), f"  {hit.provenance.source}")
        if hit.question:
            say("      ", hit.question)
        say("      ", hit.text)
    if not hits:
        note("nothing found")
