"""Jets in files: where they come from and where they go."""

from yukawa.jets.io.convert import convert
from yukawa.jets.io.manifest import JetManifest, check_manifest
from yukawa.jets.io.source import Piece, Source, join_sources, open_source

__all__ = [
    "JetManifest",
    "Piece",
    "Source",
    "check_manifest",
    "convert",
    "join_sources",
    "open_source",
]
