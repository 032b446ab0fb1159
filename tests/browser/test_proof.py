# SPDX-License-Identifier: Apache-2.0
"""The checks of the browser, in a browser: what is true passes, no lie does.

The logs and signatures are made here, by the service's own core.
"""

from __future__ import annotations

import hashlib
import itertools
import json

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from attestation_service.core import transparency
from nova_trusted_launch.client import trust
from nova_trusted_launch.wire import receipts

SIZES = range(1, 18)
CALL = """async ([name, args]) => {
    const injector = angular.element(document.body).injector();
    const proof = injector.get('horizon.dashboard.trusted-launch.proof');
    const scope = injector.get('$rootScope');
    // A promise of Angular goes on with a digest only.
    const beat = setInterval(() => scope.$digest(), 5);
    try {
        return {value: await new Promise((good, bad) =>
            proof[name](...args).then(good, bad))};
    } catch (reason) {
        return {refused: String(reason)};
    } finally {
        clearInterval(beat);
    }
}"""


@pytest.fixture(scope="module")
def ask(cloud, browser):
    """Call the browser's own code, on the page that needs no login."""
    page = browser.new_page()
    page.goto(f"{cloud.url}/auth/login/")

    def call(name, *arguments):
        return page.evaluate(CALL, [name, list(arguments)])

    yield call
    page.close()


class Log:
    """A log of some entries, with its trees."""

    def __init__(self, size: int) -> None:
        self.entries = [f"entry.{n}.x" for n in range(size)]
        leaves = [receipts.leaf_hash(e) for e in self.entries]

        def node(level: int, index: int) -> bytes:
            if level == 0:
                return leaves[index]
            return receipts.node_hash(node(level - 1, 2 * index),
                                      node(level - 1, 2 * index + 1))
        self.node = node

    def checkpoint(self, size: int) -> dict:
        root = transparency.root(self.node, size)
        return {"origin": "log", "size": size, "root": root.hex()}

    def inclusion(self, index: int, size: int) -> list[str]:
        return [n.hex() for n in transparency.inclusion_path(
            self.node, index, size)]

    def consistency(self, first: int, second: int) -> list[str]:
        return [n.hex() for n in transparency.consistency_path(
            self.node, first, second)]


LOG = Log(max(SIZES))


def test_every_entry_of_every_size_is_included(ask):
    for size in SIZES:
        for index in range(size):
            assert ask("included", LOG.entries[index], index,
                       LOG.checkpoint(size),
                       LOG.inclusion(index, size)) == {"value": True}


def test_every_size_grows_out_of_every_smaller_one(ask):
    for first, second in itertools.combinations_with_replacement(SIZES, 2):
        path = LOG.consistency(first, second) if first < second else []
        assert ask("grown", LOG.checkpoint(first), LOG.checkpoint(second),
                   path) == {"value": True}, (first, second)


@pytest.mark.parametrize("lie", [
    pytest.param(lambda e, i, c, p: (e + "x", i, c, p), id="other entry"),
    pytest.param(lambda e, i, c, p: (e, i + 1, c, p), id="other index"),
    pytest.param(lambda e, i, c, p: (e, 99, c, p), id="no such index"),
    pytest.param(lambda e, i, c, p: (e, -1, c, p), id="negative index"),
    pytest.param(lambda e, i, c, p: (e, i, {**c, "root": "00" * 32}, p),
                 id="other root"),
    pytest.param(lambda e, i, c, p: (e, i, c, p[:-1]), id="short path"),
    pytest.param(lambda e, i, c, p: (e, i, c, [*p, p[0]]), id="long path"),
    pytest.param(lambda e, i, c, p: (e, i, c, p[::-1]), id="turned path"),
    pytest.param(lambda e, i, c, p: (e, i, c, ["zz" * 32, *p[1:]]),
                 id="not hex"),
    pytest.param(lambda e, i, c, p: (e, i, c, []), id="no path"),
])
def test_i7_false_inclusion_is_refused(ask, lie):
    answer = ask("included", *lie(
        LOG.entries[5], 5, LOG.checkpoint(11), LOG.inclusion(5, 11)))
    assert answer.get("refused"), answer


@pytest.mark.parametrize("lie", [
    pytest.param(lambda a, b, p: (b, a, p), id="shrunk"),
    pytest.param(lambda a, b, p: ({**a, "root": "00" * 32}, b, p),
                 id="other past"),
    pytest.param(lambda a, b, p: (a, {**b, "root": "00" * 32}, p),
                 id="other present"),
    pytest.param(lambda a, b, p: (a, {**b, "origin": "x"}, p),
                 id="other log"),
    pytest.param(lambda a, b, p: (a, b, p[1:]), id="short path"),
    pytest.param(lambda a, b, p: (a, b, [*p, p[0]]), id="long path"),
    pytest.param(lambda a, b, p: (a, b, []), id="no path"),
    pytest.param(lambda a, b, p: (a, {**a, "root": "11" * 32}, []),
                 id="same size, other root"),
])
@pytest.mark.parametrize("first", [7, 8])
def test_i7_changed_log_is_refused(ask, first, lie):
    answer = ask("grown", *lie(
        LOG.checkpoint(first), LOG.checkpoint(13),
        LOG.consistency(first, 13)))
    assert answer.get("refused"), answer


def _key():
    private = ec.generate_private_key(ec.SECP256R1())
    public = json.loads(jwt.algorithms.ECAlgorithm.to_jwk(
        private.public_key()))
    public["kid"] = trust.thumbprint(public)
    return private, public


PRIVATE, PUBLIC = _key()
JWKS = {"keys": [PUBLIC]}


def _signed(claims, *, key=PRIVATE, kid=PUBLIC["kid"], alg="ES256",
            typ=receipts.RECEIPT_TYPE):
    return jwt.encode(claims, key, alg, headers={"kid": kid, "typ": typ})


def test_signed_receipt_is_read(ask):
    assert ask("receipt", _signed({"host": "höst"}), JWKS) == {
        "value": {"host": "höst"}}


def _cut(token):
    return token.rsplit(".", 1)[0] + "."


@pytest.mark.parametrize(("token", "jwks"), [
    pytest.param(_signed({}, key=_key()[0]), JWKS, id="other key"),
    pytest.param(_signed({}, typ=receipts.CHECKPOINT_TYPE), JWKS,
                 id="other type"),
    pytest.param(_signed({}, kid="x"), JWKS, id="unknown kid"),
    pytest.param(_signed({}, kid="x"), {"keys": [{**PUBLIC, "kid": "x"}]},
                 id="kid that is no thumbprint"),
    pytest.param(_signed({}, alg="HS256", key="x" * 32), JWKS, id="HS256"),
    pytest.param(_signed({}, alg="none", key=None), JWKS, id="none"),
    pytest.param(_cut(_signed({})), JWKS, id="no signature"),
    pytest.param(_signed({})[:-8] + "AAAAAAAA", JWKS, id="other signature"),
    pytest.param("a.b", JWKS, id="no token"),
    pytest.param("", JWKS, id="empty"),
    pytest.param(_signed({}), {"keys": []}, id="no keys"),
    pytest.param(_signed({}), None, id="no key set"),
])
def test_i6_false_signature_is_refused(ask, token, jwks):
    assert ask("receipt", token, jwks).get("refused")


def test_digest_of_a_number_is_sha256(ask):
    assert ask("digestOfNonce", "AAEC") == {
        "value": hashlib.sha256(b"\0\1\2").hexdigest()}
