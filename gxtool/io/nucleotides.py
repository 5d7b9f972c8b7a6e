"""The DNA alphabet as small numbers: A 0, C 1, G 2, T 3, and 4 for N, every other IUPAC code and padding."""

from __future__ import annotations

import numpy as np

BASES = "ACGTN"
# Token of N, of positions beyond the sequence, and its own complement.
N_TOKEN = 4
# Stands for a base that a model has to guess; never in a file.
MASK_TOKEN = 5
# Codes for more than one base.
AMBIGUOUS = "RYSWKMBDHV"
IUPAC = {"A": "A", "C": "C", "G": "G", "T": "T", "R": "AG", "Y": "CT", "S": "CG", "W": "AT", "K": "GT", "M": "AC"}
IUPAC |= {"B": "CGT", "D": "AGT", "H": "ACT", "V": "ACG", "N": "ACGT"}
"""Letters of a site, and the bases that each of them stands for."""
# Bits beside the token in what `letter_codes` says of a letter; all bits: no letter of DNA.
LOWER_CASE, IS_AMBIGUOUS, IS_N = 8, 16, 32
NO_LETTER = 255
TOKEN_BITS = 7


def letter_codes() -> np.ndarray:
    """Return token and bits of every byte (256,) uint8."""
    codes = np.full(256, NO_LETTER, np.uint8)
    for letter in BASES + AMBIGUOUS:
        code = BASES.find(letter) if letter in BASES else N_TOKEN | IS_AMBIGUOUS
        code |= IS_N if letter == "N" else 0
        codes[ord(letter)] = code
        codes[ord(letter.lower())] = code | LOWER_CASE
    return codes
