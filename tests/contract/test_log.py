# SPDX-License-Identifier: Apache-2.0
"""The contracts of ``ports.ReceiptLog`` and ``ports.Outbox``."""

from __future__ import annotations

import dataclasses

import pytest

from attestation_service import records as r
from attestation_service.core import errors
from nova_trusted_launch.wire.codes import Code
from nova_trusted_launch.wire.receipts import leaf_hash, node_hash
from tests.contract import samples


def append(store, *names, **changes):
    with store.unit() as unit:
        return [unit.log.append(samples.receipt(name, **changes))
                for name in names]


def subtree(leaves):
    """Hash 2**n leaves from their definition, with no memory."""
    if len(leaves) == 1:
        return leaves[0]
    half = len(leaves) // 2
    return node_hash(subtree(leaves[:half]), subtree(leaves[half:]))


def test_receipts_are_numbered_without_a_gap(store):
    kept = append(store, "a", "b") + append(store, "c")
    assert kept == [dataclasses.replace(samples.receipt(name), index=index)
                    for index, name in enumerate("abc")]
    with store.unit() as unit:
        assert unit.log.size() == 3
        assert [unit.log.load(index) for index in range(3)] == kept


def test_an_undone_append_leaves_no_gap(store):
    append(store, "a")
    with pytest.raises(ZeroDivisionError), store.unit() as unit:
        unit.log.append(samples.receipt("b"))
        raise ZeroDivisionError
    (kept,) = append(store, "c")
    assert kept.index == 1
    with store.unit() as unit:
        assert unit.log.size() == 2
        assert unit.log.node(1, 0) == node_hash(leaf_hash("jwt.a.x"),
                                                leaf_hash("jwt.c.x"))


def test_every_complete_subtree_has_its_hash(store):
    leaves = []
    for count in range(1, 20):
        append(store, str(count))
        leaves.append(leaf_hash(f"jwt.{count}.x"))
        with store.unit() as unit:
            for level in range(5):
                width = 2 ** level
                for number in range(count // width):
                    assert unit.log.node(level, number) == subtree(
                        leaves[number * width:(number + 1) * width])
                with pytest.raises(errors.Unknown) as refused:
                    unit.log.node(level, count // width)
                assert refused.value.code is Code.LOG_RANGE


def test_an_unknown_receipt(store):
    append(store, "a")
    for index in (1, -1):
        with store.unit() as unit, pytest.raises(errors.Unknown) as refused:
            unit.log.load(index)
        assert refused.value.code is Code.RECEIPT_UNKNOWN


def test_receipts_are_listed_newest_first_in_pages(store):
    append(store, "a", "b", "c")
    append(store, "d", instance_id="i2")
    append(store, "e", project_id="project-2")
    with store.unit() as unit:
        def listed(limit=9, marker=None, **filters):
            return [item.index for item in unit.log.list(
                r.Page(limit, marker, filters))]
        assert listed() == [4, 3, 2, 1, 0]
        assert listed(2, "3") == [2, 1]
        assert listed(instance_id="i2") == [3]
        assert listed(project_id="project-1") == [3, 2, 1, 0]
        with pytest.raises(errors.Invalid):
            listed(9, "x")


def put(store, *names):
    with store.unit() as unit:
        for name in names:
            unit.outbox.put(samples.event(name))


SOON = samples.at(30)


def claim(store, most=9, now=samples.NOW, until=SOON):
    with store.unit() as unit:
        return list(unit.outbox.claim(most=most, now=now, until=until))


def sent(store, claimed):
    with store.unit() as unit:
        unit.outbox.sent([number for number, _ in claimed])


def test_events_go_out_oldest_first_and_once(store):
    put(store, "a", "b", "c")
    first = claim(store, most=2)
    assert [event for _, event in first] == [samples.event("a"),
                                             samples.event("b")]
    sent(store, first)
    rest = claim(store, now=samples.at(99))
    assert [event.event_type for _, event in rest] == ["c"]
    sent(store, rest)
    assert claim(store, now=samples.at(999)) == []


def test_what_another_has_claimed_waits_for_its_end(store):
    put(store, "a", "b")
    first = claim(store, most=1)
    assert [e.event_type for _, e in claim(store)] == ["b"]
    assert claim(store, now=samples.at(29)) == []
    # The first died before it told that it had sent.
    assert claim(store, most=1, now=samples.at(30),
                 until=samples.at(60)) == first


def test_an_undone_unit_tells_nothing(store):
    with pytest.raises(ZeroDivisionError), store.unit() as unit:
        unit.outbox.put(samples.event())
        raise ZeroDivisionError
    assert claim(store) == []
