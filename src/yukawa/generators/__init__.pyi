from .cards import DecayCard as DecayCard
from .checking import check as check
from .diagnostics import Diagnostic as Diagnostic
from .reading import read_card as read_card
