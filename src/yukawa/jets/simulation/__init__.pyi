from .cards import Card as Card
from .cards import Process as Process
from .cards import ProcessSample as ProcessSample
from .cards import load_card as load_card
from .cards import load_process as load_process
from .events import simulate_events as simulate_events
from .production import produce as produce
