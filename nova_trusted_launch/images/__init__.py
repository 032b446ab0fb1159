# SPDX-License-Identifier: Apache-2.0
"""Encrypted disk images: LUKS inside qcow2, as QEMU opens them.

Used by the tenant's client, which makes images, and by the compute driver,
which judges them and lays encrypted disks over them.
"""
