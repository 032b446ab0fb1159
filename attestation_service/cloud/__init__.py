# SPDX-License-Identifier: Apache-2.0
"""Adapters: Nova and Placement, asked with the service's own account."""
