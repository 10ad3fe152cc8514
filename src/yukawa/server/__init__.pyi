from .app import ServerOptions as ServerOptions
from .app import create_app as create_app
from .keys import Keys as Keys
from .process import serve as serve
from .tables import ServerTables as ServerTables
