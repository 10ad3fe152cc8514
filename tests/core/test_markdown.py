from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from yukawa.core.markdown import facts


def test_each_fact_is_a_row():
    assert facts({"steps": "7 of 4", "seed": 1}) == "| | |\n|---|---|\n| steps | 7 of 4 |\n| seed | 1 |"


@given(st.dictionaries(st.text("ab|", min_size=1), st.text("ab|"), max_size=4))
def test_a_bar_divides_no_cell(rows):
    lines = facts(rows).splitlines()[2:]
    found = [line.replace("\\|", "\0")[2:-2].split(" | ") for line in lines]
    assert [[cell.replace("\0", "|") for cell in cells] for cells in found] == [
        list(row) for row in rows.items()
    ]
