# SPDX-License-Identifier: Apache-2.0
"""A measured guest: what runs in it, and what is collected of it."""
