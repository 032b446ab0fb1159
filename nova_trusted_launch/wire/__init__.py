# SPDX-License-Identifier: Apache-2.0
"""The shared language of hosts, schedulers, clients and the service."""
