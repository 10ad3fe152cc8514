"""Simulated jets: collisions, a detector, jets and their labels, and whole data sets of them."""

import lazy_loader

# Imported when first used: the verbs must not wait for NumPy and pydantic.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
