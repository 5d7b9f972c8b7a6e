"""The command's entry, also as `python -m gxtool`, which `torchrun -m gxtool train ...` needs."""

import sys

from gxtool import interrupts


def main() -> None:
    """Run the command line; a signal ends it properly from its first import on."""
    interrupts.install()
    try:
        with interrupts.held():
            from gxtool import cli
        cli.main()
    except interrupts.Interrupted as stop:
        sys.exit(stop.exit_code)


if __name__ == "__main__":
    main()
