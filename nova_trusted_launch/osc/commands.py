# SPDX-License-Identifier: Apache-2.0
"""What all commands share: the client, refusals for people, columns."""

from __future__ import annotations

import argparse
import json
import pathlib
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import yaml
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


def shown(value: Any) -> Any:
    """Write a value for a table: dicts and lists in one line."""
    if isinstance(value, dict):
        return ", ".join(f"{k}={shown(v)}" for k, v in sorted(value.items()))
    if isinstance(value, list):
        return ", ".join(str(shown(v)) for v in value)
    return "" if value is None else value


def document(path: str) -> Any:
    """Read a YAML or JSON document from a file.

    :raises CommandError: it cannot be read.
    """
    try:
        return yaml.safe_load(pathlib.Path(path).read_text("utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as exc:
        raise exceptions.CommandError(f"{path}: {exc}") from exc


def key_set(path: str | None) -> dict[str, Any] | None:
    """Read a JSON Web Key Set from a file, when one is named.

    :raises CommandError: it cannot be read.
    """
    if path is None:
        return None
    try:
        found = json.loads(pathlib.Path(path).read_text("utf-8"))
    except (OSError, ValueError) as exc:
        raise exceptions.CommandError(f"{path}: {exc}") from exc
    if not isinstance(found, dict):
        raise exceptions.CommandError(f"{path}: not a JSON Web Key Set")
    return found


def wait_until(done: Callable[[], bool], say: Callable[[str], None],
               what: str, timeout: float) -> None:
    """Wait for something, telling what for.

    :raises CommandError: it did not happen in ``timeout`` seconds.
    """
    start = time.monotonic()
    while not done():
        waited = time.monotonic() - start
        if waited > timeout:
            raise exceptions.CommandError(
                f"{what}: not within {timeout:.0f} seconds")
        say(f"\rwaiting for {what} ... {waited:.0f} s")
        time.sleep(1)
    say("\n")
