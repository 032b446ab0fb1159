# SPDX-License-Identifier: Apache-2.0
"""What nova-compute loads: the libvirt driver with a gate on every start."""
