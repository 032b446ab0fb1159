# SPDX-License-Identifier: Apache-2.0
"""Pages of the panel of hosts."""

from __future__ import annotations

from django.urls import re_path

from nova_trusted_launch.horizon.hosts import views

urlpatterns = [
    re_path(r"^$", views.IndexView.as_view(), name="index"),
    re_path(r"^(?P<host>[^/]+)/$", views.DetailView.as_view(),
            name="detail"),
]
