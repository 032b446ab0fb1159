# SPDX-License-Identifier: Apache-2.0
"""What all commands share: the client, refusals for people, columns."""

from __future__ import annotations

import argparse
import pathlib
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import yaml
from cliff import columns
from osc_lib import exceptions
from osc_lib.command import command

from nova_trusted_launch.client import errors
from nova_trusted_launch.client import trust
from nova_trusted_launch.client.api import TrustedLaunchClient
from nova_trusted_launch.images.qcow2 import ImageError


class _Speaking:
    """Turns a refusal into a sentence that says what to do."""

    app: Any

    @property
    def service(self) -> TrustedLaunchClient:
        """The attestation service."""
        client: TrustedLaunchClient = (
            self.app.client_manager.trusted_launch)
        return client

    def run(self, parsed: argparse.Namespace) -> int:
        """Run the command.

        :raises CommandError: with the code, what happened and what to do.
        """
        try:
            return int(super().run(parsed) or 0)  # type: ignore[misc]
        except errors.ClientError as exc:
            advice = f"\n{exc.action}" if exc.action else ""
            raise exceptions.CommandError(
                f"{exc.code}: {exc.detail}{advice}") from exc
        except (trust.Untrusted, ImageError) as exc:
            raise exceptions.CommandError(str(exc)) from exc


class Command(_Speaking, command.Command):
    """A command without a table."""


class Lister(_Speaking, command.Lister):
    """A command that lists."""


class ShowOne(_Speaking, command.ShowOne):
    """A command that shows one thing."""


def listing(columns: Mapping[str, str], items: Iterable[Mapping[str, Any]]
            ) -> tuple[Sequence[str], list[tuple[Any, ...]]]:
    """Return headers and rows; ``columns`` maps a field to its header."""
    return tuple(columns.values()), [
        tuple(shown(item.get(field)) for field in columns) for item in items]


def fields(item: Mapping[str, Any]) -> tuple[Sequence[str], Sequence[Any]]:
    """Return the fields of one thing, sorted by name."""
    names = sorted(item)
    return names, [shown(item[name]) for name in names]


def text(value: Any) -> str:
    """Write a value in one line: dicts and lists too, None as nothing."""
    if isinstance(value, dict):
        return ", ".join(f"{k}={text(v)}" for k, v in sorted(value.items()))
    if isinstance(value, list):
        return ", ".join(text(v) for v in value)
    return "" if value is None else str(value)


class _Dict(dict[str, Any]):
    """A dict whose text is for people and for ``-f value``."""

    def __str__(self) -> str:
        return text(dict(self))


class _List(list[Any]):
    """The same as a list."""

    def __str__(self) -> str:
        return text(list(self))


yaml.SafeDumper.add_representer(
    _Dict, yaml.representer.SafeRepresenter.represent_dict)
yaml.SafeDumper.add_representer(
    _List, yaml.representer.SafeRepresenter.represent_list)


class Structured(columns.FormattableColumn[Any]):
    """One line in a table; with ``-f json`` and ``-f yaml`` what it is."""

    def human_readable(self) -> str:
        """Return the line."""
        return text(self._value)

    def machine_readable(self) -> Any:
        """Return the value."""
        if isinstance(self._value, dict):
            return _Dict(self._value)
        return (_List(self._value) if isinstance(self._value, list)
                else self._value)


def shown(value: Any) -> Any:
    """Return a value for a table cell."""
    return Structured(value) if (
        value is None or isinstance(value, (dict, list))) else value


def document(path: str) -> Any:
    """Read a YAML or JSON document from a file.

    :raises CommandError: it cannot be read.
    """
    try:
        return yaml.safe_load(pathlib.Path(path).read_text("utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as exc:
        raise exceptions.CommandError(f"{path}: {exc}") from exc


def wait_options(parser: argparse.ArgumentParser, what: str) -> None:
    """Add ``--wait`` and ``--timeout``."""
    parser.add_argument("--wait", action="store_true",
                        help=f"Wait for {what}")
    parser.add_argument("--timeout", metavar="<seconds>", type=float,
                        default=120,
                        help="Seconds to wait at most (default: 120)")


def wait_until(done: Callable[[], bool], what: str, timeout: float) -> None:
    """Wait for something, telling on stderr what for.

    :raises CommandError: it did not happen in ``timeout`` seconds.
    """
    start = time.monotonic()
    # A person sees the seconds; a log gets a line now and then.
    begin, end, every = (("\r", "", 1) if sys.stderr.isatty()
                         else ("", "\n", 10))
    told = start - every
    while not done():
        now = time.monotonic()
        if now - start > timeout:
            raise exceptions.CommandError(
                f"{what}: not within {timeout:.0f} seconds")
        if now - told >= every:
            told = now
            sys.stderr.write(
                f"{begin}waiting for {what} ... {now - start:.0f} s{end}")
            sys.stderr.flush()
        time.sleep(min(1, timeout))
    sys.stderr.write(begin and "\n")
