"""`python -m gxtool`, which `torchrun -m gxtool train ...` needs."""

from gxtool.cli import main

main()
