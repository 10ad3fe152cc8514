from .cards import Card as Card
from .cards import load_card as load_card
from .events import simulate_events as simulate_events
from .processes import Process as Process
from .processes import ProcessSample as ProcessSample
from .processes import load_process as load_process
from .production import produce as produce
