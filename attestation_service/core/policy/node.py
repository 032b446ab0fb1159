# SPDX-License-Identifier: Apache-2.0
"""A value in a profile document, with the place where it stands.

In: plain values a person wrote (JSON or YAML, already loaded).  Out: checked
values, or ``Invalid`` (PROFILE_INVALID) whose detail starts with the JSON
pointer of what is wrong.

Not decided here: what the values mean (each rule's own ``parse``).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from attestation_service.core import errors
from attestation_service.core.policy.reference_values import ReferenceValues
from nova_trusted_launch.wire import encoding
from nova_trusted_launch.wire.codes import Code

MAX_ITEMS = 1024

_T = TypeVar("_T")

#: Look a set up by name; raises Unknown.
Sets = Callable[[str], ReferenceValues]


@dataclass(frozen=True, slots=True)
class Node:
    """One value of a document; ``sets`` finds reference values by name."""

    value: Any
    pointer: str
    sets: Sets

    def refuse(self, why: str) -> errors.Invalid:
        """Return (not raise) the refusal of this value."""
        return errors.Invalid(f"{self.pointer or '(document)'}: {why}",
                              Code.PROFILE_INVALID)

    def fields(self, *names: str,
               optional: tuple[str, ...] = ()) -> dict[str, Node]:
        """Return the members of an object that has exactly these.

        Optional ones that are not there are not in the answer either.
        """
        if not isinstance(self.value, dict):
            raise self.refuse("an object is expected")
        for name in names:
            if name not in self.value:
                raise self.refuse(f"{name!r} is missing")
        for name in self.value:
            if name not in names and name not in optional:
                raise self.refuse(f"{name!r} is not known here")
        return {name: self._child(name, value)
                for name, value in self.value.items()}

    def single(self) -> tuple[str, Node]:
        """Return the name and value of an object with one member."""
        if not isinstance(self.value, dict) or len(self.value) != 1:
            raise self.refuse("an object with exactly one key is expected")
        name, value = next(iter(self.value.items()))
        if not isinstance(name, str):
            raise self.refuse("a key is not a string")
        return name, self._child(name, value)

    def items(self) -> tuple[Node, ...]:
        """Return the elements of a list that is not empty."""
        if not isinstance(self.value, list):
            raise self.refuse("a list is expected")
        if not self.value:
            raise self.refuse("the list is empty, so nothing could match")
        if len(self.value) > MAX_ITEMS:
            raise self.refuse(f"more than {MAX_ITEMS} elements")
        return tuple(self._child(str(i), value)
                     for i, value in enumerate(self.value))

    def text(self) -> str:
        """Return a printable, bounded string."""
        try:
            return encoding.text(self.value, "value")
        except encoding.WireError as exc:
            raise self.refuse(
                "a printable string of 1 to 255 characters is expected"
            ) from exc

    def texts(self) -> tuple[str, ...]:
        """Return a list of distinct strings, at least one."""
        return self._distinct([item.text() for item in self.items()])

    def number(self, *, least: int, most: int) -> int:
        """Return a whole number in these bounds."""
        try:
            return encoding.number(self.value, "value", least=least,
                                   most=most)
        except encoding.WireError as exc:
            raise self.refuse(
                f"a whole number in {least}..{most} is expected") from exc

    def boolean(self) -> bool:
        """Return true or false."""
        if type(self.value) is not bool:
            raise self.refuse("true or false is expected")
        return self.value

    def digest(self, size: int) -> bytes:
        """Return ``size`` bytes written as lower-case hex."""
        try:
            data = encoding.unhex(self.value, "value")
        except encoding.WireError as exc:
            raise self.refuse("lower-case hex is expected") from exc
        if len(data) != size:
            raise self.refuse(f"{size} bytes are expected, not {len(data)}")
        return data

    def digests(self, size: int) -> tuple[bytes, ...]:
        """Return a list of distinct digests, at least one."""
        return self._distinct([item.digest(size) for item in self.items()])

    def reference_values(self, kind: str) -> tuple[ReferenceValues, ...]:
        """Return the sets that a list names, each of that kind."""
        names = self.texts()
        return tuple(self._child(str(i), name)._set(kind)
                     for i, name in enumerate(names))

    def _set(self, kind: str) -> ReferenceValues:
        try:
            found = self.sets(self.value)
        except errors.Unknown as exc:
            raise self.refuse(
                f"there are no reference values {self.value!r}") from exc
        if found.kind != kind:
            raise self.refuse(
                f"the reference values {self.value!r} are of kind "
                f"{found.kind!r}, {kind!r} is needed")
        return found

    def _distinct(self, found: list[_T]) -> tuple[_T, ...]:
        if len(set(found)) != len(found):
            raise self.refuse("an element stands twice")
        return tuple(found)

    def _child(self, step: object, value: Any) -> Node:
        name = str(step).replace("~", "~0").replace("/", "~1")
        return Node(value, f"{self.pointer}/{name}", self.sets)
