"""The HTTP server: an API that every client of OpenAI speaks, and our own for teaching, over one table of routes and roles."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
