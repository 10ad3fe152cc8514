"""PDF files made by hand."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest


@pytest.fixture(scope="session")
def pdf() -> Callable[..., bytes]:
    """Makes a minimal PDF, see `make_pdf`."""
    return make_pdf


def make_pdf(*pages: str, encrypt: bool = False) -> bytes:
    """A minimal PDF; a page holds lines, '24 Title' sets one in 24 points, the rest is in 12; an empty page has no text."""
    kids = " ".join(f"{4 + 2 * n} 0 R" for n in range(len(pages)))
    objects = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>",
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    for n, text in enumerate(pages):
        stream = " ".join(
            f"BT /F1 {size or 12} Tf 72 {720 - 30 * row} Td ({line}) Tj ET"
            for row, (size, line) in enumerate(re.findall(r"(?:(24|18) )?(.+)", text))
        )
        stream = stream or "72 720 m 100 100 l S"
        objects += [
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents {5 + 2 * n} 0 R"
            " /Resources << /Font << /F1 3 0 R >> >> >>",
            f"<< /Length {len(stream)} >>\nstream\n{stream}\nendstream",
        ]
    lock = ""
    if encrypt:
        junk = "00" * 32
        objects.append(f"<< /Filter /Standard /V 1 /R 2 /O <{junk}> /U <{junk}> /P -4 >>")
        lock = f" /Encrypt {len(objects)} 0 R /ID [<{'11' * 16}> <{'11' * 16}>]"
    out, places = b"%PDF-1.4\n", []
    for number, body in enumerate(objects, start=1):
        places.append(len(out))
        out += f"{number} 0 obj\n{body}\nendobj\n".encode()
    table = "".join(f"{place:010d} 00000 n \n" for place in places)
    size = len(objects) + 1
    end = f"xref\n0 {size}\n0000000000 65535 f \n{table}trailer\n<< /Size {size} /Root 1 0 R{lock} >>\nstartxref\n{len(out)}\n%%EOF\n"
    return out + end.encode()
