"""Names that people type or files contain: what must be refused everywhere, and what must work everywhere.

Where one runs as shell code, a file called FILE appears in the folder where it ran: a canary folder stays empty.
"""

from __future__ import annotations

HOSTILE = (
    "$(touch FILE)",
    "`touch FILE`",
    "x\ntouch FILE\n",
    "x'; touch FILE; '",
    "x\nEND_OF_SECTION\ntouch FILE\n",
    "${HOME}",
    "細" * 67,  # 201 bytes
    "x'\"$(touch FILE)\"'",
    "two\nlines",
    "../../x",
    "/etc/passwd",
    "-rf",
    ".hidden",
    " space first",
    "space last ",
    "a/b",
    "a;b",
    "a`b`",
    "a\\b",
    "a,b",
    "tab\there",
    "null\0byte",
    "decomposed e\u0301",
    "right\u202eto left",
    "x" * 101,
    "",
)
"""No sample and no run may be called so."""

ODD = ("E123", "CD4+ T (donor #2)", "día_1", "細胞", "a.b=c@d", "2", "all", "_=+(@", "x" * 100)
"""Samples may be called so."""

NO_RUNS = ("comparison", "Results", "pipeline_info", "runs", "multiqc", "é", "a b", "a=b", "細胞")
"""No run may be called so, though some are samples."""

CONTROL = tuple(name for name in HOSTILE if any(ord(sign) < 32 for sign in name))
"""No unit, group or column may be called so either: all others only ever stand in tables."""
