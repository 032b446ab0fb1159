# SPDX-License-Identifier: Apache-2.0
"""Pages of the panel of profiles."""

from __future__ import annotations

from django.urls import re_path

from nova_trusted_launch.horizon.profiles import views

urlpatterns = [
    re_path(r"^$", views.IndexView.as_view(), name="index"),
    re_path(r"^(?P<profile>[^/]+)/$", views.DetailView.as_view(),
            name="detail"),
    re_path(r"^(?P<profile>[^/]+)/diff$", views.DiffView.as_view(),
            name="diff"),
    re_path(r"^(?P<profile>[^/]+)/preview$", views.PreviewView.as_view(),
            name="preview"),
]
