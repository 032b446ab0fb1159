// SPDX-License-Identifier: Apache-2.0

/**
 * What a person wishes in the launch dialog, and the token made from it.
 *
 * The wish belongs to one opening of the dialog: the dialog's instance spec
 * is a new object at each, and a wish for another one counts for nothing.
 */
(function () {
  'use strict';

  angular
    .module('horizon.dashboard.trusted-launch')
    .factory('horizon.dashboard.trusted-launch.launch', launch);

  launch.$inject = [
    '$q',
    '$window',
    'horizon.dashboard.trusted-launch.api',
    'horizon.dashboard.trusted-launch.fit'
  ];

  var HINT = 'trusted_launch';
  var TOKEN = 'trusted_launch_token';
  var NONCE_SIZE = 32;

  function launch($q, $window, api, fit) {
    var service = {
      wish: null,
      options: null,
      open: open,
      ask: ask,
      judge: judge,
      wanted: wanted,
      prepare: prepare
    };
    return service;

    /** Begin anew, for the instance spec of a dialog that was opened. */
    function open(spec) {
      service.options = {
        available: false, loading: true, profiles: [], flavors: {}};
      service.wish = {
        spec: spec, ticked: false, profile: null, own: true,
        nonce: newNonce(), token: null};
    }

    /** Ask the cloud, for the dialog that is open. */
    function ask() {
      var spec = service.wish.spec;
      return api.options().then(ready, failed);

      function ready(options) {
        if (service.wish.spec === spec) {
          service.options = options;
        }
        return options;
      }

      function failed() {
        return ready({
          available: false, profiles: [], flavors: {}, problem: {
            reason: gettext('Horizon could not ask the attestation ' +
              'service.'),
            action: gettext('Instances are launched as ever; try again ' +
              'later for a trusted launch.')}});
      }
    }

    function judge() {
      return fit(service.options, service.wish.spec, service.wish);
    }

    /** Whether the dialog's launch is to have a token from us. */
    function wanted(model) {
      if (!service.wish || service.wish.spec !== model.newInstanceSpec) {
        return false;
      }
      clear(model.newInstanceSpec);
      var found = judge();
      return found.active && found.works && service.options.available;
    }

    /** Set the hints; for one instance, make its launch token first. */
    function prepare(model) {
      var spec = model.newInstanceSpec;
      var found = judge();
      if (found.profile) {
        spec.scheduler_hints[HINT] = found.profile;
      }
      if (!found.single || !found.profile) {
        return $q.when();
      }
      return token(spec, found.profile).then(function (id) {
        spec.scheduler_hints[TOKEN] = id;
      });
    }

    /** A token once made is used again when only the launch has failed. */
    function token(spec, profile) {
      var body = {profile: profile};
      var source = spec.source && spec.source[0];
      if (source) {
        body.image_id = source.id;
      }
      if (service.wish.own) {
        body.nonce = service.wish.nonce;
      }
      var made = service.wish.token;
      if (made && angular.equals(made.body, body)) {
        return $q.when(made.id);
      }
      return api.createLaunch(body).then(function (answer) {
        service.wish.token = {body: body, id: answer.id};
        return answer.id;
      }, function (response) {
        return $q.reject({data: angular.isString(response.data)
          ? response.data
          : gettext('The attestation service made no launch token.')});
      });
    }

    function clear(spec) {
      delete spec.scheduler_hints[HINT];
      delete spec.scheduler_hints[TOKEN];
    }

    /** 32 random bytes, base64url. */
    function newNonce() {
      var bytes = new $window.Uint8Array(NONCE_SIZE);
      $window.crypto.getRandomValues(bytes);
      return $window.btoa(String.fromCharCode.apply(null, bytes))
        .replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '');
    }
  }
})();
