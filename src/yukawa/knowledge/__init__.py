"""A knowledge base that can be taught: an append-only ledger, search over it, and the sources that fill it."""

import lazy_loader

# Imported when first used: the tables need SQLAlchemy, the language of physics does not.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
