"""The version of gxtool, said once; pyproject.toml reads it."""

__version__ = "0.1.0"
