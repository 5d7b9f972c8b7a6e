"""YAML as settings use it: values without code, and bounds on depth, size and aliases.

A few lines of YAML with aliases can stand for more values than any memory holds, so a document is counted as it is
composed, before a value is made. A leaf: it imports nothing of ours but the errors, and every room may import it.
"""

from __future__ import annotations

import re
from typing import Any

import yaml

from gxtool.errors import quoted

LARGEST_YAML = 4 << 20
"""Bytes of a settings file: ten thousand times that of a preset."""
DEEPEST = 20
_MOST_VALUES = 50_000
"""Of a document: a runs file of a thousand runs has fewer; reading as many takes about a second."""
_INTEGERS = range(-(2**63), 2**63)
_PLAIN_INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9_]*)")


class YamlError(Exception):
    """What is wrong with a document, and on which line (from 1; None: unknown).

    `is_syntax`: it is no YAML at all, so that it may be meant as plain text.
    """

    def __init__(self, fault: str, line: int | None, is_syntax: bool = False) -> None:
        super().__init__(fault)
        self.fault, self.line, self.is_syntax = fault, line, is_syntax


def parse_yaml(text: str) -> Any:
    """Return the value that a YAML (or JSON) text stands for; no tag is ever executed.

    Raises:
        YamlError: no YAML, a key twice in one mapping, a value that contains itself, a number of more than 64 bits, or
            a text that is too large, too deep, or stands for too many values.
    """
    if len(text) > LARGEST_YAML:
        raise YamlError(f"holds more than {LARGEST_YAML:,} characters, expected settings", None)
    try:
        loader = _Loader(text)
        try:
            return loader.get_single_data()
        finally:
            loader.dispose()
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = str(getattr(error, "problem", None) or getattr(error, "reason", None) or error)
        raise YamlError(f"is not valid YAML ({problem[:200]})", mark and mark.line + 1, is_syntax=True) from None


class _Loader(yaml.SafeLoader):
    """A loader that counts what it composes."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._depth = 0
        self._composed = 0
        self._values: dict[int, int] = {}
        """Id of a finished node -> values that it stands for, aliases written out."""

    def compose_node(self, parent: Any, index: Any) -> yaml.Node:
        """Compose a node, after its depth, and add up what it stands for."""
        event = self.peek_event()
        line = event.start_mark.line + 1
        if isinstance(event, yaml.AliasEvent):
            node = super().compose_node(parent, index)
            if id(node) not in self._values:
                raise YamlError(f"*{event.anchor[:50]} stands inside the value it names, expected an end to it", line)
            return node
        if self._depth >= DEEPEST:
            raise YamlError(f"is nested more than {DEEPEST} levels deep, expected sections with fields", line)
        self._composed += 1
        if self._composed > _MOST_VALUES:
            raise YamlError(f"holds more than {_MOST_VALUES:,} values, expected settings", line)
        self._depth += 1
        node = super().compose_node(parent, index)
        self._depth -= 1
        values = 1 + sum(self._values[id(child)] for child in _children(node))
        if values > _MOST_VALUES:
            raise YamlError(f"stands for more than {_MOST_VALUES:,} values (aliases written out), expected fewer", line)
        self._values[id(node)] = values
        return node

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        """Compose a mapping whose keys are all different."""
        node = super().compose_mapping_node(anchor)
        seen: dict[tuple[str, str], int] = {}
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode):
                line = key.start_mark.line + 1
                first = seen.get((key.tag, key.value))
                if first:
                    raise YamlError(
                        f"{quoted(key.value)} stands on line {first} already, expected every key once", line
                    )
                seen[key.tag, key.value] = line
        return node

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        """Return a node's value, or say on which line it can have none."""
        try:
            return super().construct_object(node, deep)
        except (ValueError, OverflowError, LookupError, TypeError):
            line = node.start_mark.line + 1
            raise YamlError(f"found {quoted(node.value)}, expected a value that can be read", line) from None

    def construct_yaml_int(self, node: yaml.ScalarNode) -> int:
        """Return a whole number of up to 64 bits, written as people read it."""
        if not _PLAIN_INTEGER.fullmatch(node.value):
            # YAML 1.1 reads 0100 as 64 and 1:40 as 100, which nobody means.
            line = node.start_mark.line + 1
            raise YamlError(f"found {quoted(node.value)}, expected a decimal number, or text in quotes", line)
        value = super().construct_yaml_int(node) if len(node.value) <= 100 else _INTEGERS.stop
        if value not in _INTEGERS:
            line = node.start_mark.line + 1
            raise YamlError(f"found {quoted(node.value)}, expected a whole number of at most 64 bits", line)
        return value


_Loader.add_constructor("tag:yaml.org,2002:int", _Loader.construct_yaml_int)


def _children(node: yaml.Node) -> list[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        return [child for pair in node.value for child in pair]
    return node.value if isinstance(node, yaml.SequenceNode) else []
