# SPDX-License-Identifier: Apache-2.0
"""Weaken the verifying core, and see who notices."""
