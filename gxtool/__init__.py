"""gxtool: train, evaluate and explain published models of gene expression.

`gxtool.train(...)`, `gxtool.load_model(path).predict(...)` and the other commands are functions of `gxtool.api`; they
are found here on first use, so that importing the package costs nothing.
"""

from typing import Any

from gxtool.version import __version__

__all__ = ["__version__", "evaluate", "load_model", "predict", "preprocess", "tokenize", "train"]


def __getattr__(name: str) -> Any:
    """Find a command's function in `gxtool.api` when it is first asked for (PEP 562)."""
    if name in __all__:
        from gxtool import api

        return getattr(api, name)
    raise AttributeError(f"module 'gxtool' has no attribute {name!r}")
