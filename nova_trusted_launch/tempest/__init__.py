# SPDX-License-Identifier: Apache-2.0
"""Tempest plugin: tests of a cloud that has the attestation service."""
