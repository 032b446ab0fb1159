# SPDX-License-Identifier: Apache-2.0
"""Adapters: where secrets are kept."""
