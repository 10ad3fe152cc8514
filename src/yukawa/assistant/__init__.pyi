from .answer import Answer as Answer
from .answer import Check as Check
from .answer import Source as Source
from .assistant import Assistant as Assistant
from .assistant import model_for as model_for
from .explaining import explain as explain
from .measuring import bibtex as bibtex
