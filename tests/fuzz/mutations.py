"""Damage: seeded changes of a sound file, from single bits to tokens that break parsers."""

from __future__ import annotations

import gzip
import random
import re
from collections.abc import Callable

LARGEST = 1 << 18
"""Bytes of a damaged file at most."""
TOKENS = (
    *(b"\0", b"\r", b"\n", b"\r\n", b"\t", b",", b";", b'"', b"'", b"#", b">", b"\xff\xfe", b"\xef\xbb\xbf", b"\x1a"),
    *(b"\xe2\x80\xa8", b"\xed\xa0\x80", b"\x1c", b"\x85", b"\xc2\x85", b"\x0b", b"\xf4\x90\x80\x80", "é".encode()),
    *(b"-1", b"0", b"1e999", b"-1e999", b"nan", b"inf", b"0x10", b"1_000", b"00", b"+1", b"1.0", b"1.", b".5", b"-0"),
    *(b"9" * 10, b"9" * 20, b"9" * 400, b"9" * 5000, b"4294967295", b"4294967296", b"9223372036854775807"),
    *(b"true", b"null", b"~", b"{}", b"[]", b"[[[[", b"{a: ", b"&a [*a]", b"*a", b"<<: ", b"!!python/object:os.system"),
    *(b"2001-99-99", b"1:2:3", b"!!binary x", b"!!int x", b"!!float x", b"!!set {a}", b"!!timestamp x", b"? [a]\n: 1"),
    *(b"A" * 1000, b"../" * 50, b"track", b"browser", b"##FASTA", b"##sequence-region x 1 99999999999999999999", b"=:"),
    *(b"\n\n\n", b"," * 200, b"\t" * 200, b'"' * 3, b"\n#\n", b"ENSG00000000003", b"gene_id", b'gene_id ""', b"MOTIF"),
)
_NUMBER = re.compile(rb"-?[0-9]+(\.[0-9]+)?")


def damaged(content: bytes, rng: random.Random) -> bytes:
    """Return content with one to four changes; of a gzipped file the text or the packing is changed."""
    if content.startswith(b"\x1f\x8b") and rng.random() < 0.5:
        try:
            return gzip.compress(damaged(gzip.decompress(content), rng), 1)
        except (OSError, EOFError):
            pass
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        content = rng.choice(_CHANGES)(content, rng)
    return content[:LARGEST]


def _flip_bits(content: bytes, rng: random.Random) -> bytes:
    changed = bytearray(content)
    for _ in range(rng.choice((1, 1, 2, 16))):
        if changed:
            changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def _set_bytes(content: bytes, rng: random.Random) -> bytes:
    """Overwrite 1, 2, 4 or 8 bytes by an extreme number: lengths and offsets of binary formats stand so."""
    size = rng.choice((1, 2, 4, 8))
    value = rng.choice((0, 1, 255, (1 << 31) - 1, 1 << 31, (1 << 32) - 1, (1 << 63) - 1, (1 << 64) - 1))
    place = rng.randrange(len(content) + 1) if rng.random() < 0.5 else rng.randrange(min(len(content), 256) + 1)
    word = (value & ((1 << 8 * size) - 1)).to_bytes(size, rng.choice(("little", "big")))
    return content[:place] + word + content[place + size :]


def _cut(content: bytes, rng: random.Random) -> bytes:
    return content[: rng.randrange(len(content) + 1)]


def _drop_middle(content: bytes, rng: random.Random) -> bytes:
    start = rng.randrange(len(content) + 1)
    return content[:start] + content[start + rng.choice((1, 2, 16, 300)) :]


def _insert(content: bytes, rng: random.Random) -> bytes:
    place = rng.randrange(len(content) + 1)
    return content[:place] + rng.choice(TOKENS) * rng.choice((1, 1, 1, 2, 20)) + content[place:]


def _replace_number(content: bytes, rng: random.Random) -> bytes:
    places = [match.span() for match in _NUMBER.finditer(content[:LARGEST])]
    if not places:
        return _insert(content, rng)
    start, end = rng.choice(places)
    return content[:start] + rng.choice(TOKENS) + content[end:]


def _change_lines(content: bytes, rng: random.Random) -> bytes:
    lines = content.split(b"\n")
    place = rng.randrange(len(lines))
    what = rng.randrange(5)
    if what == 0:
        lines[place:place] = [lines[place]] * rng.choice((1, 1, 50))
    elif what == 1:
        del lines[place]
    elif what == 2:
        lines[place] = rng.choice(TOKENS)
    elif what == 3:
        other = rng.randrange(len(lines))
        lines[place], lines[other] = lines[other], lines[place]
    else:
        ending = rng.choice((b"\r", b"\r\n", b"", b"\n\n"))
        return ending.join(lines)
    return b"\n".join(lines)


def _change_field(content: bytes, rng: random.Random) -> bytes:
    separator = rng.choice([sign for sign in (b"\t", b",", b" ", b":", b"=") if sign in content] or [b"\n"])
    fields = content.split(separator)
    place = rng.randrange(len(fields))
    fields[place] = rng.choice((b"", rng.choice(TOKENS), fields[place] + rng.choice(TOKENS), fields[0]))
    return separator.join(fields)


def _encode_otherwise(content: bytes, rng: random.Random) -> bytes:
    text = content.decode("utf-8", "replace")
    return text.encode(rng.choice(("utf-16", "utf-16-le", "latin-1", "utf-8-sig", "utf-7")), "replace")


_CHANGES: tuple[Callable[[bytes, random.Random], bytes], ...] = (
    _flip_bits,
    _flip_bits,
    _set_bytes,
    _set_bytes,
    _cut,
    _drop_middle,
    _insert,
    _insert,
    _replace_number,
    _replace_number,
    _change_lines,
    _change_field,
    _change_field,
    _encode_otherwise,
)
