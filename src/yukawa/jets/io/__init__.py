"""Jets in files: where they come from and where they go."""

from yukawa.jets.io.chunks import JetChunk, JetSource, join_sources
from yukawa.jets.io.source import JetManifest, check_manifest, convert, open_source

__all__ = ["JetChunk", "JetManifest", "JetSource", "check_manifest", "convert", "join_sources", "open_source"]
