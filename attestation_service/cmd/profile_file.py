# SPDX-License-Identifier: Apache-2.0
"""Profile documents and sets of reference values in files, YAML or JSON.

What YAML has and JSON has not (a key written twice, anchors, other tags) is
refused: a document must mean the same to its reader and to us.
"""

from __future__ import annotations

import datetime
import pathlib
from collections.abc import Iterable
from typing import Any

import yaml

from attestation_service.cmd.offline import UsageError, read_file
from attestation_service.core import errors
from attestation_service.core.policy import document
from attestation_service.core.policy.document import AppraisalPolicy
from attestation_service.core.policy.reference_values import ReferenceValues
from nova_trusted_launch.wire import encoding

MAX_DOCUMENT = 64 * 1024 * 1024
DEFAULT_VALID_FOR = datetime.timedelta(hours=1)

# The parser in C reads the same, ten times faster.
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _StrictLoader(_Loader):
    """Reads what JSON could say as well."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError(
                f"an alias is not accepted{self.peek_event().start_mark}")
        return super().compose_node(parent, index)

    def construct_mapping(self, node: Any, deep: bool = False) -> Any:
        seen = set()
        for key, _value in node.value:
            if key.value in seen:
                raise yaml.YAMLError(
                    f"{key.value!r} stands twice{key.start_mark}")
            seen.add(key.value)
        return super().construct_mapping(node, deep)


def read_document(path: str) -> Any:
    """Read a YAML or JSON file.

    :raises UsageError: it cannot be read, or is neither.
    """
    data = read_file(path, max_size=MAX_DOCUMENT)
    try:
        return yaml.load(data, Loader=_StrictLoader)  # noqa: S506
    except (yaml.YAMLError, ValueError, RecursionError) as exc:
        reason = " ".join(str(exc).split())
        raise UsageError(f"{path}: neither YAML nor JSON: {reason}") from exc


def read_policy(path: str, references: Iterable[str],
                now: datetime.datetime) -> AppraisalPolicy:
    """Read a profile document and the sets of reference values it names.

    :raises UsageError: a file cannot be read, or the document is not valid.
    """
    sets = {known.name: known for known in map(read_reference, references)}

    def known(name: str) -> ReferenceValues:
        if name not in sets:
            raise errors.Unknown(f"no set of reference values {name!r}")
        return sets[name]

    try:
        found = document.parse(read_document(path), sets=known, now=now)
    except errors.Invalid as exc:
        raise UsageError(f"{path}: {exc.code}: {exc}") from exc
    return found.policy(pathlib.Path(path).stem, 1,
                        default_valid_for=DEFAULT_VALID_FOR)


def read_reference(path: str) -> ReferenceValues:
    """Read a set of reference values as the service shows it.

    :raises UsageError: it is anything else.
    """
    value = read_document(path)
    if isinstance(value, dict):
        value = value.get("reference_values", value)
    try:
        expires_at = value.get("expires_at")
        return ReferenceValues.parse(
            value["name"], value["kind"], value["values"],
            None if expires_at is None
            else encoding.untimestamp(expires_at, "expires_at"))
    except (errors.Invalid, encoding.WireError) as exc:
        raise UsageError(f"{path}: {exc}") from exc
    except (AttributeError, KeyError, TypeError) as exc:
        raise UsageError(
            f"{path}: an object with name, kind and values is expected"
        ) from exc
