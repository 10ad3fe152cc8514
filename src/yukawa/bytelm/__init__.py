"""The byte model: one tokenizer and one transformer for text, numbers, formulas, images and particles."""

import lazy_loader

# Imported when first used: turning data into bytes needs no torch, and `import yukawa.bytelm` nothing at all.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
