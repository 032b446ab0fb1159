# SPDX-License-Identifier: Apache-2.0
"""Adapters: what is said and heard on the message bus.

The bus is optional and not trusted: nothing it says gives a key to anybody.
"""
