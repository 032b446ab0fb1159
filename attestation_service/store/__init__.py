# SPDX-License-Identifier: Apache-2.0
"""Adapter: what the service remembers, in SQL."""
