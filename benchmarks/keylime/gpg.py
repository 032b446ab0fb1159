# SPDX-License-Identifier: Apache-2.0
"""Stands in for the system's bindings: Keylime imports, we never call it."""
