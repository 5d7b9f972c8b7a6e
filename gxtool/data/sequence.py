"""DNA as arrays: tokens, strands, padding, one-hot, composition, and shuffles that keep it.

Tokens are A 0, C 1, G 2, T 3, N 4 (padding too) and, where a model guesses bases, 5 for a masked one; uint8.
"""

from __future__ import annotations

import numpy as np

from gxtool.errors import InputError, quoted
from gxtool.io.nucleotides import BASES, MASK_TOKEN, N_TOKEN, NO_LETTER, TOKEN_BITS, letter_codes

N_BASES = 4
_CODES = letter_codes()
_LETTERS = np.frombuffer(BASES.encode(), np.uint8)
# Complement of each token; N and the mask are their own.
COMPLEMENT = np.array([3, 2, 1, 0, N_TOKEN, MASK_TOKEN], np.uint8)
# 4**8 counts per sequence of float32 are 256 KiB.
_LONGEST_KMER = 8


def tokens_of(sequence: str) -> np.ndarray:
    """Return the tokens (L,) of a sequence in capital or small letters; IUPAC codes for several bases become N.

    Raises:
        InputError: a letter that is none of DNA; the sentence says which, and where (from 1).
    """
    letters = np.frombuffer(sequence.encode("latin-1", "replace"), np.uint8)
    codes = _CODES[letters]
    if (codes == NO_LETTER).any():
        place = int(np.argmax(codes == NO_LETTER))
        raise InputError(
            f"found {quoted(sequence[place])} at base {place + 1} of a sequence, expected letters of DNA (A, C, G, T, "
            "N or an IUPAC code)"
        )
    return codes & np.uint8(TOKEN_BITS)


def sequence_of(tokens: np.ndarray) -> str:
    """Return the letters of tokens (L,); a masked base reads N."""
    return _LETTERS[np.minimum(_checked(tokens), N_TOKEN)].tobytes().decode("ascii")


def reverse_complement(tokens: np.ndarray) -> np.ndarray:
    """Return the other strand of tokens (..., L), read from its 5' end."""
    return COMPLEMENT[_checked(tokens)][..., ::-1]


def centre_pad(tokens: np.ndarray, length: int) -> np.ndarray:
    """Return tokens (..., L) with N on both sides, (..., length): floor(gap / 2) on the left.

    Raises:
        InputError: more than `length` bases.
    """
    gap = length - tokens.shape[-1]
    if gap < 0:
        raise InputError(f"a sequence has {tokens.shape[-1]} bases, expected at most {length}")
    beside = [(0, 0)] * (tokens.ndim - 1)
    return np.pad(tokens, [*beside, (gap // 2, gap - gap // 2)], constant_values=N_TOKEN)


def one_hot(tokens: np.ndarray) -> np.ndarray:
    """Return (..., 4, L) float32: 1 where the base is A, C, G, T; N and masked bases are zeros."""
    channels = np.arange(N_BASES, dtype=np.uint8)[:, None]
    return (_checked(tokens)[..., None, :] == channels).astype(np.float32)


def gc_content(tokens: np.ndarray) -> np.ndarray:
    """Return the share of G and C among known bases (...,) of tokens (..., L); NaN where none is known."""
    known = (_checked(tokens) < N_BASES).sum(axis=-1)
    strong = ((tokens == 1) | (tokens == 2)).sum(axis=-1)
    return np.where(known > 0, strong / np.maximum(known, 1), np.nan)


def kmer_counts(tokens: np.ndarray, k: int) -> np.ndarray:
    """Count every k-mer on both strands of tokens (n, L): (n, 4**k) float32, k-mers in the order of their letters.

    A k-mer over N is not counted. A k-mer and its reverse complement have equal counts.

    Raises:
        ValueError: k is below 1 or above 8.
    """
    if not 1 <= k <= _LONGEST_KMER:
        raise ValueError(f"k is {k}, expected 1 to {_LONGEST_KMER}")
    n_words = N_BASES**k
    counts = np.zeros((len(tokens), n_words), np.float32)
    n_places = tokens.shape[1] - k + 1
    if n_places < 1 or not len(tokens):
        return counts
    words = np.zeros((len(tokens), n_places), np.int64)
    known = np.ones_like(words, bool)
    for offset in range(k):
        column = _checked(tokens)[:, offset : offset + n_places]
        known &= column < N_BASES
        words = words * N_BASES + column
    rows = np.broadcast_to(np.arange(len(tokens))[:, None], words.shape)
    forward = np.bincount((rows * n_words + words)[known], minlength=counts.size).reshape(counts.shape)
    counts += forward
    counts += forward[:, _other_strand(k)]
    return counts


def kmer_names(k: int) -> list[str]:
    """Return the letters of every k-mer in the order in which `kmer_counts` counts them."""
    return [sequence_of(word.astype(np.uint8)) for word in _words(k)]


def kmer_pairs(k: int) -> tuple[np.ndarray, np.ndarray]:
    """Return one k-mer of every pair with its reverse complement (W,), and every k-mer's reverse complement (4**k,).

    K-mers are numbers in the order of their letters; of a pair, the first one stands for both.
    """
    other = _other_strand(k)
    return np.flatnonzero(np.arange(len(other)) <= other), other


def with_flanks(tokens: np.ndarray, five_prime: np.ndarray, three_prime: np.ndarray) -> np.ndarray:
    """Return tokens (n, L) of inserts with the flanks' bases next to them in place of the N that pad them.

    Beyond the flanks it stays N; an N at the very end of an insert is taken for padding, and a row of N alone stays.
    """
    filled = np.array(tokens)
    length = filled.shape[1]
    known = filled != N_TOKEN
    has_bases = known.any(axis=1)
    for flank, view, sizes in (
        (five_prime, filled, known.argmax(axis=1)),
        (three_prime[::-1], filled[:, ::-1], known[:, ::-1].argmax(axis=1)),
    ):
        for row in np.unique(sizes[has_bases]).tolist():
            n_bases = min(row, len(flank))
            if n_bases:
                view[(sizes == row) & has_bases, row - n_bases : row] = flank[len(flank) - n_bases :]
    return filled.reshape(-1, length)


def _words(k: int) -> np.ndarray:
    """Return the tokens (4**k, k) of every k-mer."""
    return np.stack(np.unravel_index(np.arange(N_BASES**k), (N_BASES,) * k), axis=1)


def _other_strand(k: int) -> np.ndarray:
    """Return for every k-mer the number of its reverse complement (4**k,)."""
    return (N_BASES - 1 - _words(k)[:, ::-1]) @ N_BASES ** np.arange(k)[::-1]


def dinucleotide_shuffle(tokens: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return tokens (L,) in a random order with the same count of every dinucleotide; N at the ends stays there.

    First and last base stay as well. Every such order is as likely as another: a random tree of last exits, found by
    a walk that erases its loops, and a random order of all other exits give a random Euler path (Wilson 1996;
    Altschul and Erickson 1985). N inside counts as a letter of its own.
    """
    known = np.flatnonzero(_checked(tokens) < N_BASES)
    shuffled = tokens.copy()
    if known.size > 2:
        inner = slice(known[0], known[-1] + 1)
        shuffled[inner] = _euler_path(tokens[inner], rng)
    return shuffled


def _euler_path(tokens: np.ndarray, rng: np.random.Generator) -> list[int]:
    exits = [tokens[1:][tokens[:-1] == letter] for letter in range(len(COMPLEMENT))]
    last_exit = _random_tree(exits, int(tokens[-1]), rng)
    order = []
    for letter, following in enumerate(exits):
        rest = following.tolist()
        final = [last_exit[letter]] if letter in last_exit else []
        for base in final:
            rest.remove(base)
        rng.shuffle(rest)
        order.append(iter(rest + final))
    path = [int(tokens[0])]
    for _ in range(len(tokens) - 1):
        path.append(next(order[path[-1]]))
    return path


def _random_tree(exits: list[np.ndarray], root: int, rng: np.random.Generator) -> dict[int, int]:
    """Return for every letter that occurs, except the root, the letter it is left for the last time for."""
    found: dict[int, int] = {}
    for start in range(len(exits)):
        if not len(exits[start]):
            continue
        walk, here = {}, start
        while here != root and here not in found:
            walk[here] = int(exits[here][rng.integers(len(exits[here]))])
            here = walk[here]
        here = start
        while here != root and here not in found:
            found[here] = walk[here]
            here = walk[here]
    return found


def _checked(tokens: np.ndarray) -> np.ndarray:
    """Return the tokens if they are uint8 of 0 to 5."""
    if tokens.dtype != np.uint8 or (tokens.size and tokens.max() > MASK_TOKEN):
        raise ValueError(f"tokens are {tokens.dtype} up to {tokens.max(initial=0)}, expected uint8 from 0 to 5")
    return tokens
