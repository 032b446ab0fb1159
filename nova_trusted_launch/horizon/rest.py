# SPDX-License-Identifier: Apache-2.0
"""What the browser asks of Horizon, below ``/api/trusted-launch/``."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _
from django.views import generic
from openstack_dashboard.api.rest import urls
from openstack_dashboard.api.rest import utils as rest_utils

from nova_trusted_launch.client import errors
from nova_trusted_launch.horizon import api
from nova_trusted_launch.wire import encoding

_ID = r"(?P<instance_id>[0-9a-zA-Z-]{1,64})"
# Instances that one page of the table may show.
_MOST = 1000


def _told(exc: errors.ClientError) -> rest_utils.AjaxError:
    """Turn the service's answer into one that the browser shows."""
    status = 409 if isinstance(exc, errors.Refused) else 503
    words = f"{exc.detail} ({exc.code})"
    if exc.action:
        words = f"{words}. {exc.action}"
    return rest_utils.AjaxError(status, words)


@urls.register
class Options(generic.View):
    """What the launch dialog needs."""

    url_regex = r"trusted-launch/options$"

    @rest_utils.ajax()
    def get(self, request: Any) -> Any:
        """Return profiles and flavors, or why there are none."""
        return api.options(request)


@urls.register
class Launches(generic.View):
    """Launch tokens."""

    url_regex = r"trusted-launch/launches$"

    @rest_utils.ajax(data_required=True)
    def post(self, request: Any) -> Any:
        """Create a token from ``profile``, ``nonce`` and ``image_id``."""
        wanted = request.DATA
        if not isinstance(wanted, dict) or not isinstance(
                wanted.get("profile"), str):
            raise rest_utils.AjaxError(400, _("A profile is needed."))
        try:
            nonce = wanted.get("nonce")
            return api.create_launch(
                request, wanted["profile"],
                None if nonce is None else encoding.unb64(nonce, "nonce"),
                wanted.get("image_id"))
        except encoding.WireError as exc:
            raise rest_utils.AjaxError(400, str(exc)) from exc
        except errors.ClientError as exc:
            raise _told(exc) from exc


@urls.register
class Instance(generic.View):
    """All that the instance's tab shows and checks."""

    url_regex = rf"trusted-launch/instances/{_ID}$"

    @rest_utils.ajax()
    def get(self, request: Any, instance_id: str) -> Any:
        """Return lease, releases, receipts and the newest one's proof."""
        return api.instance(request, instance_id)


@urls.register
class Marks(generic.View):
    """The marks of the instances table."""

    url_regex = r"trusted-launch/marks$"

    @rest_utils.ajax(data_required=True)
    def post(self, request: Any) -> Any:
        """Return the marks of ``ids``."""
        ids = (request.DATA.get("ids") if isinstance(request.DATA, dict)
               else None)
        if not isinstance(ids, list) or not all(
                isinstance(i, str) for i in ids):
            raise rest_utils.AjaxError(400, _("A list of ids is needed."))
        return api.marks(request, ids[:_MOST])


@urls.register
class Inclusion(generic.View):
    """Proofs that receipts are in the log."""

    url_regex = (r"trusted-launch/log/(?P<size>[0-9]{1,15})/"
                 r"(?P<index>[0-9]{1,15})$")

    @rest_utils.ajax()
    def get(self, request: Any, size: str, index: str) -> Any:
        """Return the proof of the entry in the log of that size."""
        try:
            return api.inclusion(request, int(index), int(size))
        except errors.ClientError as exc:
            raise _told(exc) from exc


@urls.register
class Consistency(generic.View):
    """Proofs that the log only grew."""

    url_regex = (r"trusted-launch/log/(?P<first>[0-9]{1,15})/to/"
                 r"(?P<second>[0-9]{1,15})$")

    @rest_utils.ajax()
    def get(self, request: Any, first: str, second: str) -> Any:
        """Return the proof between two sizes."""
        try:
            return api.consistency(request, int(first), int(second))
        except errors.ClientError as exc:
            raise _told(exc) from exc
