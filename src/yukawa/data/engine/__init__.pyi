from .calls import Budget as Budget
from .calls import Ledger as Ledger
from .fission import FissionRecipe as FissionRecipe
from .fission import FissionResult as FissionResult
from .fission import run_fission as run_fission
from .report import report_blocks as report_blocks
from .report import write_report as write_report
from .tables import WorkStore as WorkStore
