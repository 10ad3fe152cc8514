"""Decay cards and job options of event generators: `check` them, `write` them from a sentence, run them."""

import lazy_loader

# Imported when first used: a check reads two small tables and needs neither NumPy nor a database.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
