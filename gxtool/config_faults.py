"""What is wrong with a configuration, in one sentence that a person can act on. A leaf, beside `config`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pydantic import BaseModel, ValidationError

from gxtool.errors import did_you_mean, listed, plain, quoted

REFUSED = "refused"
"""Type of a PydanticCustomError whose text is the whole sentence, not only what was expected."""
_FEW = 5


def config_fault(error: ValidationError, schema: type[BaseModel], origin: Mapping[str, str]) -> str:
    """Say the first problem of a failed validation; `origin` has the source of every dotted field."""
    problem = error.errors()[0]
    path = [str(part) for part in problem["loc"]]
    dotted, found = ".".join(path), problem["input"]
    source = next((origin[name] for name in _prefixes(path) if name in origin), "configuration")
    expected = problem["msg"].removeprefix("Input should be ").removeprefix("Value error, ")
    match problem["type"]:
        case "extra_forbidden":
            return f"{source}: unknown key {dotted}{did_you_mean(path[-1], _known_fields(schema, path[:-1]))}"
        case "invalid_key":
            names = _few(_known_fields(schema, path[:-1]))
            return f"{source}: the key {plain(dotted)} is no text, expected names such as {names}"
        case "model_type" if found is None:
            names = _few(_known_fields(schema, path))
            return f"{source}: {dotted} is empty, expected fields below it, such as {names}, or no {path[-1]} at all"
        case "model_type":
            names = _few(_known_fields(schema, path))
            return f"{source}: {dotted} is {quoted(found)}, expected fields below it, such as {names}"
        case kind if kind == REFUSED:
            return f"{source}: {dotted}: {expected}"
    if isinstance(found, (dict, BaseModel)):
        return f"{source}: {dotted}: expected {expected}"
    return f"{source}: {dotted} is {quoted(found)}, expected {expected}"


def _few(names: Sequence[str]) -> str:
    return listed(names[:_FEW])


def _prefixes(path: Sequence[str]) -> list[str]:
    return [".".join(path[:n]) for n in range(len(path), 0, -1)]


def _known_fields(schema: type[BaseModel], path: Sequence[str]) -> list[str]:
    for part in path:
        annotation = schema.model_fields[part].annotation if part in schema.model_fields else None
        if not (isinstance(annotation, type) and issubclass(annotation, BaseModel)):
            return []
        schema = annotation
    return list(schema.model_fields)
