# SPDX-License-Identifier: Apache-2.0
"""Options of what runs on hosts: one module per group."""
