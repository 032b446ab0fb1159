// SPDX-License-Identifier: Apache-2.0

/**
 * Check signatures and proofs of the log, in the browser.
 *
 * In: JWTs, keys and paths as the service hands them out.  Out: promises of
 * the claims inside, or of a refusal in words.  Every way out but the last
 * line of a function refuses.
 *
 * The tree is that of RFC 6962: a leaf is SHA-256(0x00 || JWT), a node
 * SHA-256(0x01 || left || right); the walks are "Verifying an Inclusion
 * Proof" and "Verifying Consistency between Two Tree Heads" of RFC 9162.
 */
(function () {
  'use strict';

  angular
    .module('horizon.dashboard.trusted-launch')
    .factory('horizon.dashboard.trusted-launch.proof', proof);

  proof.$inject = ['$q', '$window'];

  var RECEIPT = 'trusted-launch-receipt+jwt';
  var CHECKPOINT = 'trusted-launch-checkpoint+jwt';
  var CURVE = {name: 'ECDSA', namedCurve: 'P-256'};
  var ES256 = {name: 'ECDSA', hash: 'SHA-256'};
  var DIGEST = /^[0-9a-f]{64}$/;

  function proof($q, $window) {
    var encoder = new $window.TextEncoder();
    var decoder = new $window.TextDecoder('utf-8', {fatal: true});

    return {
      supported: supported,
      receipt: function (jwt, jwks) { return claims(jwt, RECEIPT, jwks); },
      checkpoint: function (jwt, jwks) {
        return claims(jwt, CHECKPOINT, jwks);
      },
      included: included,
      grown: grown,
      digestOfNonce: digestOfNonce
    };

    /** Browsers check signatures on pages of https and localhost only. */
    function supported() {
      return Boolean($window.crypto && $window.crypto.subtle);
    }

    /** The claims of a JWT of this type that one of the keys signed. */
    function claims(jwt, typ, jwks) {
      return attempt(function () {
        var parts = String(jwt).split('.');
        if (parts.length !== 3) {
          throw new Error(gettext('it is no signed token'));
        }
        var header = json(parts[0]);
        if (header.typ !== typ) {
          throw new Error(gettext('it is a token of another kind'));
        }
        if (header.alg !== 'ES256') {
          throw new Error(gettext('it is signed in another way than ES256'));
        }
        return key(jwks, header.kid).then(function (found) {
          return subtle().verify(ES256, found, unb64(parts[2]),
            encoder.encode(parts[0] + '.' + parts[1]));
        }).then(function (good) {
          if (good !== true) {
            throw new Error(gettext('the signature is wrong'));
          }
          return json(parts[1]);
        });
      });
    }

    /** The public key of that id: its RFC 7638 thumbprint, computed anew. */
    function key(jwks, kid) {
      var found = (jwks && jwks.keys || []).filter(function (jwk) {
        return jwk.kid === kid && jwk.kty === 'EC' && jwk.crv === 'P-256';
      })[0];
      if (!found) {
        throw new Error(gettext('it is signed by a key that is not the ' +
          'service\'s'));
      }
      var members = {crv: found.crv, kty: found.kty, x: found.x, y: found.y};
      return sha256(encoder.encode($window.JSON.stringify(members)))
        .then(function (digest) {
          if (b64(digest) !== kid) {
            throw new Error(gettext('the key has another id'));
          }
          return subtle().importKey('jwk', members, CURVE, false, ['verify']);
        });
    }

    /** Prove that the JWT stands at the index, in the log of checkpoint. */
    function included(jwt, index, checkpoint, path) {
      return attempt(function () {
        if (!(index >= 0 && index < checkpoint.size)) {
          throw new Error(gettext('the log has no such entry'));
        }
        return leaf(jwt).then(function (start) {
          return climb(start, index, checkpoint.size - 1, path);
        }).then(function (root) {
          if (root !== checkpoint.root) {
            throw new Error(gettext('the path does not lead to the log\'s ' +
              'root'));
          }
          return true;
        });
      });
    }

    // Each step needs the digest of the one before.
    function climb(value, node, last, path) {
      if (!path.length) {
        if (last !== 0) {
          throw new Error(gettext('the path is too short'));
        }
        return value;
      }
      if (last === 0) {
        throw new Error(gettext('the path is too long'));
      }
      var sibling = checked(path[0]);
      var right = odd(node) || node === last;
      return (right ? parent(sibling, value) : parent(value, sibling))
        .then(function (next) {
          while (right && !odd(node) && node !== 0) {
            node = half(node);
            last = half(last);
          }
          return climb(next, half(node), half(last), path.slice(1));
        });
    }

    /** Prove that the log of the first checkpoint is a part of the second. */
    function grown(first, second, path) {
      return attempt(function () {
        if (first.origin !== second.origin) {
          throw new Error(gettext('it is another log'));
        }
        if (first.size > second.size) {
          throw new Error(gettext('the log has shrunk'));
        }
        if (first.size === 0) {
          return true;
        }
        if (first.size === second.size) {
          if (first.root !== second.root) {
            throw new Error(gettext('the log was changed'));
          }
          return true;
        }
        var node = first.size - 1;
        var last = second.size - 1;
        var steps = path.map(checked);
        while (odd(node)) {
          node = half(node);
          last = half(last);
        }
        if (node === 0) {
          // The first log is a whole tree: its root is the first step.
          steps.unshift(first.root);
        }
        if (!steps.length) {
          throw new Error(gettext('the path is too short'));
        }
        return walk(steps[0], steps[0], node, last, steps.slice(1))
          .then(function (roots) {
            if (roots.old !== first.root || roots.now !== second.root) {
              throw new Error(gettext('the log was changed'));
            }
            return true;
          });
      });
    }

    function walk(old, now, node, last, steps) {
      if (!steps.length) {
        if (last !== 0) {
          throw new Error(gettext('the path is too short'));
        }
        return $q.when({old: old, now: now});
      }
      if (last === 0) {
        throw new Error(gettext('the path is too long'));
      }
      var step = steps[0];
      var right = odd(node) || node === last;
      var both = right
        ? [parent(step, old), parent(step, now)]
        : [old, parent(now, step)];
      return $q.all(both.map($q.when)).then(function (made) {
        while (right && !odd(node) && node !== 0) {
          node = half(node);
          last = half(last);
        }
        return walk(made[0], made[1], half(node), half(last),
          steps.slice(1));
      });
    }

    /** SHA-256 of a secret number, in hex; refuses what is none. */
    function digestOfNonce(text) {
      return attempt(function () {
        return sha256(unb64(String(text).trim())).then(hex);
      });
    }

    function leaf(jwt) {
      return sha256(join([new $window.Uint8Array([0]), encoder.encode(jwt)]))
        .then(hex);
    }

    function parent(left, right) {
      return sha256(join([
        new $window.Uint8Array([1]), unhex(left), unhex(right)])).then(hex);
    }

    // Numbers of the log may exceed 32 bits: no bit operations.
    function odd(number) {
      return number % 2 === 1;
    }

    function half(number) {
      return Math.floor(number / 2);
    }

    function checked(digest) {
      if (!DIGEST.test(digest)) {
        throw new Error(gettext('the path holds something else than ' +
          'digests'));
      }
      return digest;
    }

    function subtle() {
      if (!supported()) {
        throw new Error(gettext('this page was not loaded over HTTPS, so ' +
          'the browser checks nothing'));
      }
      return $window.crypto.subtle;
    }

    function sha256(bytes) {
      return $q.when(subtle().digest('SHA-256', bytes)).then(function (made) {
        return new $window.Uint8Array(made);
      });
    }

    /** Both a throw and a rejection of the browser become ours. */
    function attempt(work) {
      return $q.when().then(work).catch(function (error) {
        return $q.reject(error && error.message || String(error));
      });
    }

    function json(part) {
      return $window.JSON.parse(decoder.decode(unb64(part)));
    }

    function unb64(text) {
      if (!/^[A-Za-z0-9_-]+$/.test(text)) {
        throw new Error(gettext('it is not base64url'));
      }
      var padded = text.replace(/-/g, '+').replace(/_/g, '/');
      while (padded.length % 4) {
        padded += '=';
      }
      var binary = $window.atob(padded);
      var bytes = new $window.Uint8Array(binary.length);
      for (var i = 0; i < binary.length; i++) {
        bytes[i] = binary.charCodeAt(i);
      }
      return bytes;
    }

    function b64(bytes) {
      return $window.btoa(String.fromCharCode.apply(null, bytes))
        .replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '');
    }

    function hex(bytes) {
      return Array.prototype.map.call(bytes, function (byte) {
        return ('0' + byte.toString(16)).slice(-2);
      }).join('');
    }

    function unhex(text) {
      var bytes = new $window.Uint8Array(text.length / 2);
      for (var i = 0; i < bytes.length; i++) {
        bytes[i] = parseInt(text.substr(2 * i, 2), 16);
      }
      return bytes;
    }

    function join(parts) {
      var size = parts.reduce(function (sum, part) {
        return sum + part.length;
      }, 0);
      var all = new $window.Uint8Array(size);
      parts.reduce(function (at, part) {
        all.set(part, at);
        return at + part.length;
      }, 0);
      return all;
    }
  }
})();
