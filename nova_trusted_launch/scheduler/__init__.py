# SPDX-License-Identifier: Apache-2.0
"""What nova-scheduler and nova-api load: filter and extra-spec validators."""
