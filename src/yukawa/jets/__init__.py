"""Collider jets: simulate, read, train and measure taggers."""

import lazy_loader

# Imported when first used: reading jets needs no torch, and `import yukawa.jets` nothing at all.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
