# SPDX-License-Identifier: Apache-2.0
"""Adapter: the keys that sign what the service says."""
