"""Text to unit vectors: one protocol, and `open_embedder`, which opens an embedder by its name."""

import lazy_loader

# Imported when first used, so that `import yukawa.embedding` costs nothing.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
