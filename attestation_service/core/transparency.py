# SPDX-License-Identifier: Apache-2.0
"""Roots and proofs of the log of receipts, from its complete subtrees.

In: a function that knows the hash of every complete subtree (2**level leaves,
the ``index``-th of that level), and sizes.  Out: what
``wire.receipts.verify_inclusion`` and ``verify_consistency`` check.  The tree
is that of RFC 6962 ("Merkle Hash Trees").

Not decided here: what stands in the log, and who may see it.
"""

from __future__ import annotations

from collections.abc import Callable

from attestation_service.core.errors import Unknown
from nova_trusted_launch.wire.codes import Code
from nova_trusted_launch.wire.receipts import EMPTY_ROOT, node_hash

#: The hash of a complete subtree: (level, index) -> 32 bytes.
Node = Callable[[int, int], bytes]


def root(node: Node, size: int) -> bytes:
    """Return the root of the first ``size`` leaves."""
    return _span(node, 0, size) if size else EMPTY_ROOT


def inclusion_path(node: Node, index: int, size: int) -> list[bytes]:
    """Return the audit path of leaf ``index`` in the tree of ``size``.

    "Merkle Audit Paths", RFC 6962.

    :raises Unknown: LOG_RANGE: there is no such leaf.
    """
    if not 0 <= index < size:
        raise Unknown(f"there is no entry {index} among {size}",
                      Code.LOG_RANGE)
    path = []
    start, end = 0, size
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            path.append(_span(node, middle, end))
            end = middle
        else:
            path.append(_span(node, start, middle))
            start = middle
    return path[::-1]


def consistency_path(node: Node, first: int, second: int) -> list[bytes]:
    """Return the proof that ``first`` leaves are a prefix of ``second``.

    "Merkle Consistency Proofs", RFC 6962.  Empty when there is nothing to
    prove: of an empty tree, or of a tree to itself.

    :raises Unknown: LOG_RANGE: the sizes are the wrong way round.
    """
    if not 0 <= first <= second:
        raise Unknown(f"{first} entries are no prefix of {second}",
                      Code.LOG_RANGE)
    if first in {0, second}:
        return []
    path = []
    start, end = 0, second
    # Walk down to where the first tree ends.
    while first != end:
        middle = start + _split(end - start)
        if first <= middle:
            path.append(_span(node, middle, end))
            end = middle
        else:
            path.append(_span(node, start, middle))
            start = middle
    # The verifier knows the first tree's root when that is a subtree.
    if start:
        path.append(_span(node, start, end))
    return path[::-1]


def _split(width: int) -> int:
    """Return the largest power of two below ``width``."""
    return 1 << (width - 1).bit_length() - 1


def _span(node: Node, start: int, end: int) -> bytes:
    """Hash the leaves from ``start`` to ``end``.

    ``start`` is where a subtree of at least this width may begin: all spans
    above come from splitting the tree.
    """
    width = end - start
    if width & (width - 1) == 0:
        level = width.bit_length() - 1
        return node(level, start >> level)
    middle = start + _split(width)
    return node_hash(_span(node, start, middle), _span(node, middle, end))
