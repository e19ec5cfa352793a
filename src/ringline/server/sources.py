"""Reads `ringline.toml` and the environment into one tree, and remembers where each value came from."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

from ringline.base import ConfigError

PREFIX: Final = "RINGLINE_"
ENVIRONMENT: Final = "environment"
OWN_NAMES: Final = ("RINGLINE_CONFIG", "RINGLINE_PROFILE")
"Variables that are no settings: which file, which profile."
_POSITION: Final = re.compile(
    r"(?P<why>.*?) \(at (?:line (?P<line>\d+), column (?P<column>\d+)|end of document)\)", re.S
)

Tree = dict[str, Any]
Location = tuple[str | int, ...]


class Sources:
    """The merged tree, and who said what."""

    def __init__(self) -> None:
        self.tree: Tree = {}
        self.faults: list[ConfigError] = []
        self.unknown_variables: list[str] = []
        self._file = ""
        self._variables: dict[Location, str] = {}

    def add_defaults(self, defaults: Mapping[str, Any]) -> None:
        """Lay a profile's defaults under what is there."""
        self.tree = _merged(defaults, self.tree)

    def add_file(self, path: Path) -> None:
        """Read the file.

        Raises:
            ConfigError: it cannot be read or is no TOML.
        """
        self._file = str(path)
        self.tree = read_toml(path)

    def add_environment(self, environment: Mapping[str, str]) -> None:
        """Lay variables that begin with `RINGLINE_` over what is there; empty ones count as not set."""
        for name in sorted(environment):
            value = environment[name]
            if not value:
                continue
            path = tuple(part.lower() for part in name.removeprefix(PREFIX).split("__"))
            self._set(name, path, value)

    def place(self, location: Location) -> tuple[str, str]:
        """Where a setting stands: the file or the environment, and what it is called there."""
        for length in range(len(location), 0, -1):
            name = self._variables.get(location[:length])
            if name is not None:
                return ENVIRONMENT, name
        return self._file or "settings", dotted(location)

    def _set(self, name: str, path: tuple[str, ...], text: str) -> None:
        value = self._value(name, text)
        node: Any = self.tree
        done: list[str | int] = []
        for part, following in pairwise(path):
            key, child = _child(node, part)
            if child is None and isinstance(node, dict) and not following.isdecimal():
                child = node[key] = {}
            if not isinstance(child, dict | list):
                self._blame(name, "names no setting, or no entry of the file")
                return
            node = child
            done.append(key)
        if not isinstance(node, dict):
            self._blame(name, "names a whole entry of a list")
            return
        node[path[-1]] = value
        self._variables[(*done, path[-1])] = name

    def _value(self, name: str, text: str) -> Any:
        if text[0] not in "[{":
            return text
        try:
            return json.loads(text)
        except (ValueError, RecursionError) as error:
            self._blame(name, f"looks like JSON but is not: {error}")
            return text

    def _blame(self, name: str, why: str) -> None:
        self.faults.append(ConfigError(why, where=ENVIRONMENT, key=name))


def read_toml(path: Path) -> Tree:
    """Read a TOML file.

    Raises:
        ConfigError: it cannot be read, or its syntax is wrong (then with the line).
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        found = _POSITION.fullmatch(str(error))
        if found is None:
            raise ConfigError(str(error), where=str(path), key="syntax") from error
        place = f"line {found['line']}, column {found['column']}" if found["line"] else "end of file"
        raise ConfigError(found["why"], where=str(path), key=place) from error
    except UnicodeDecodeError as error:
        raise ConfigError("is not UTF-8 text", where=str(path), key=f"byte {error.start}") from error
    except RecursionError as error:
        raise ConfigError("is nested too deeply", where=str(path), key="syntax") from error
    except OSError as error:
        raise ConfigError(error.strerror or str(error), where=str(path), key="file") from error


def dotted(location: Location) -> str:
    """Write a place in the tree as people do: `trunks[0].host`."""
    text = ""
    for part in location:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def _child(node: Any, part: str) -> tuple[str | int, Any]:
    if isinstance(node, list) and part.isascii() and part.isdecimal() and len(part) < 6:
        index = int(part)
        return index, node[index] if index < len(node) else None
    return part, node.get(part) if isinstance(node, dict) else None


def _merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> Tree:
    tree = dict(above)
    for key, value in below.items():
        if key not in tree:
            tree[key] = dict(value) if isinstance(value, dict) else value
        elif isinstance(value, dict) and isinstance(tree[key], dict):
            tree[key] = _merged(value, tree[key])
    return tree
