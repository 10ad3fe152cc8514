from .app import ServerOptions as ServerOptions
from .app import create_app as create_app
from .app import open_services as open_services
from .keys import Keys as Keys
from .mcp import serve_stdio as serve_stdio
from .process import serve as serve
from .tables import ServerTables as ServerTables
