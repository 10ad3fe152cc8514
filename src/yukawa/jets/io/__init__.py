"""Jets in files: where they come from and where they go."""

from yukawa.jets.io.chunks import JetChunk, JetSource, join_sources
from yukawa.jets.io.manifest import JetManifest, check_manifest
from yukawa.jets.io.source import convert, open_source

__all__ = ["JetChunk", "JetManifest", "JetSource", "check_manifest", "convert", "join_sources", "open_source"]
