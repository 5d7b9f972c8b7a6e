"""The command line: parse, show progress, print, exit. One file per command; heavy imports wait inside the commands."""

from __future__ import annotations

import os
import signal
import sys
from types import ModuleType
from typing import Annotated

import typer

from gxtool import interrupts
from gxtool.cli import (
    check,
    compare,
    config,
    design,
    doctor,
    evaluate,
    families,
    init,
    inspect,
    perturb,
    predict,
    preprocess,
    report,
    score,
    simulate,
    tokenize,
    train,
)
from gxtool.cli.item import EPILOG, StageCommand
from gxtool.cli.options import PUBLISHED
from gxtool.errors import GxtoolError
from gxtool.version import __version__

STAGES = ("config", "preprocess", "tokenize", "train", "evaluate", "predict", "perturb", "design", "compare", "report")
"""Commands that are also processes of the pipeline, in its order."""

app = typer.Typer(
    name="gxtool",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Train, evaluate and explain models of gene expression, from public files to a report.",
)


def _name(module: ModuleType) -> str:
    return module.__name__.rpartition(".")[2]


_PIPELINE, _AROUND = "Stages, in the order of a run", "Around them"
for _module in (config, preprocess, tokenize, train, evaluate, predict, perturb, design, compare, report):
    _settings = PUBLISHED if _module in (config, train) else None
    _panel = {"cls": StageCommand, "epilog": EPILOG, "rich_help_panel": _PIPELINE}
    app.command(_name(_module), context_settings=_settings, **_panel)(_module.command)
app.command(_name(simulate), cls=StageCommand, epilog=EPILOG, rich_help_panel=_AROUND)(simulate.command)
for _module in (init, check, score, families, inspect, doctor):
    app.command(_name(_module), rich_help_panel=_AROUND)(_module.command)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"gxtool {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show a traceback when something fails.")] = False,
) -> None:
    if debug:
        os.environ["GXTOOL_DEBUG"] = "1"


def main() -> None:
    """Run the command line and exit.

    0 ok, 2 usage, 3 bad input, 4 bad configuration, 5 missing dependency, 137 memory, 130 and 143 signals.
    """
    interrupts.install()
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    sys.exit(_run())


def _run() -> int:
    try:
        app()
    except interrupts.Interrupted as stop:
        return stop.exit_code
    except GxtoolError as error:
        return _fail(error, str(error), error.exit_code)
    except MemoryError as error:
        return _fail(error, "out of memory; give the task more, or set a smaller training.batch_size", 137)
    except Exception as error:
        if interrupts.exit_code():
            # A library took the signal for a failure of its own.
            return interrupts.exit_code()
        where = "gxtool --debug shows where"
        return _fail(error, f"unexpected {type(error).__name__}: {' '.join(str(error).split())} ({where})", 1)
    return 0


def _fail(error: BaseException, sentence: str, code: int) -> int:
    if os.environ.get("GXTOOL_DEBUG"):
        import traceback

        traceback.print_exception(error)
    print(f"gxtool: error: {sentence}", file=sys.stderr)
    return code
