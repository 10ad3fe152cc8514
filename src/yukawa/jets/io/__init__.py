"""Jets in files: where they come from and where they go."""

from yukawa.jets.io.convert import convert
from yukawa.jets.io.manifest import Manifest, check_manifest, read_manifest
from yukawa.jets.io.source import Piece, Source, join_sources, open_source

__all__ = [
    "Manifest",
    "Piece",
    "Source",
    "check_manifest",
    "convert",
    "join_sources",
    "open_source",
    "read_manifest",
]
