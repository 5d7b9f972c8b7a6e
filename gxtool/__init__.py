"""gxtool: train, evaluate and explain published models of gene expression.

`gxtool.train(...)`, `gxtool.load_model(path).predict(...)` and the other commands are functions of `gxtool.api`; they
are found here on first use, so that importing the package costs nothing. `api.perturb`, `api.report` and `api.simulate`
are found there alone: packages of gxtool have their names.
"""

from typing import TYPE_CHECKING, Any

from gxtool.version import __version__

if TYPE_CHECKING:
    from gxtool.api import (
        Settings,
        TrainOptions,
        Units,
        check,
        compare,
        design,
        doctor,
        evaluate,
        families,
        init,
        load_model,
        predict,
        preprocess,
        tokenize,
        train,
    )

__all__ = [
    "Settings",
    "TrainOptions",
    "Units",
    "__version__",
    "check",
    "compare",
    "design",
    "doctor",
    "evaluate",
    "families",
    "init",
    "load_model",
    "predict",
    "preprocess",
    "tokenize",
    "train",
]


def __getattr__(name: str) -> Any:
    """Find a command's function in `gxtool.api` when it is first asked for (PEP 562)."""
    if name in __all__:
        from gxtool import api

        return getattr(api, name)
    raise AttributeError(f"module 'gxtool' has no attribute {name!r}")


def __dir__() -> list[str]:
    """List what can be asked for, for completion."""
    return sorted({*globals(), *__all__})
