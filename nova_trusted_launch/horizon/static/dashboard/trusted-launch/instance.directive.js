// SPDX-License-Identifier: Apache-2.0

/** What was proven of an instance: fetched, checked here, said in words. */
(function () {
  'use strict';

  angular
    .module('horizon.dashboard.trusted-launch')
    .directive('trustedLaunchInstance', directive)
    .controller('TrustedLaunchInstanceController', Controller);

  directive.$inject = ['horizon.dashboard.trusted-launch.basePath'];

  function directive(path) {
    return {
      restrict: 'E',
      scope: {instanceId: '@', projectId: '@'},
      controller: 'TrustedLaunchInstanceController',
      controllerAs: 'ctrl',
      bindToController: true,
      templateUrl: path + 'instance.html'
    };
  }

  // Nothing less is called verified.
  var NEEDED = ['signature', 'instance', 'project', 'profile', 'log'];

  Controller.$inject = [
    '$q',
    '$window',
    'horizon.dashboard.trusted-launch.api',
    'horizon.dashboard.trusted-launch.proof',
    'horizon.dashboard.trusted-launch.memory',
    'horizon.dashboard.trusted-launch.download'
  ];

  function Controller($q, $window, api, proof, memory, download) {
    var ctrl = this;
    ctrl.loading = true;
    ctrl.known = null;
    ctrl.receipt = null;
    ctrl.statements = [];
    ctrl.verdict = null;
    ctrl.nonce = '';
    ctrl.nonceStatement = null;
    ctrl.load = load;
    ctrl.checkNonce = checkNonce;
    ctrl.checkAll = checkAll;
    ctrl.saveReceipt = saveReceipt;
    ctrl.saveProof = saveProof;
    ctrl.profiles = profiles;
    ctrl.refused = refused;

    // Bindings are there from here on.
    ctrl.$onInit = load;

    function load() {
      ctrl.loading = true;
      ctrl.statements = [];
      ctrl.receipt = null;
      return api.instance(ctrl.instanceId).then(function (known) {
        ctrl.known = known;
        return known.receipts.length ? check(known) : null;
      }, function () {
        ctrl.known = {available: false, releases: [], receipts: [], problem: {
          reason: gettext('Horizon could not ask the attestation service.'),
          action: gettext('The instance itself is not affected; try again ' +
            'later.')}};
      }).finally(function () {
        ctrl.loading = false;
        ctrl.verdict = verdict();
      });
    }

    function verdict() {
      if (!ctrl.known.available) {
        return 'unknown';
      }
      if (!ctrl.known.receipts.length) {
        return ctrl.known.releases.length ? 'refused' : 'untrusted';
      }
      if (ctrl.statements.some(function (statement) {
        return statement.holds === false;
      })) {
        return 'refuted';
      }
      if (!NEEDED.every(isProven)) {
        return 'unchecked';
      }
      return ctrl.known.lease && ctrl.known.lease.trusted
        ? 'verified' : 'closed';
    }

    function isProven(key) {
      return ctrl.statements.some(function (statement) {
        return statement.key === key && statement.holds === true;
      });
    }

    /** The newest receipt, all that this page can know by itself. */
    function check(known) {
      if (!proof.supported()) {
        state('signature', null, gettext('This page was not loaded over ' +
          'HTTPS: the browser refuses to check signatures. Save the proof ' +
          'and check it elsewhere, or use HTTPS.'));
        ctrl.receipt = unchecked(known.receipts[0].receipt);
        return $q.when();
      }
      return proof.receipt(known.receipts[0].receipt, known.jwks)
        .then(function (receipt) {
          ctrl.receipt = receipt;
          state('signature', true, gettext('The attestation service signed ' +
            'the receipt (with a key that it handed out itself just now).'));
          compare(receipt);
          return checkLog(known);
        }, function (reason) {
          state('signature', false, reason);
        });
    }

    function compare(receipt) {
      state('instance', receipt.instance_id === ctrl.instanceId,
        fill(gettext('The receipt is for the instance %s.'),
          [receipt.instance_id]));
      state('project', receipt.project_id === ctrl.projectId,
        fill(gettext('The receipt is for the project %s.'),
          [receipt.project_id]));
      state('profile', Object.keys(receipt.profiles).length > 0,
        fill(gettext('The host satisfied %s.'), [profiles(receipt)]));
      state('hardware', receipt.hardware || null, receipt.hardware
        ? gettext('The host\'s TPM is a chip.')
        : gettext('The host\'s TPM is software: good for trials only.'));
    }

    function checkLog(known) {
      return proof.checkpoint(known.checkpoint, known.jwks)
        .then(function (checkpoint) {
          ctrl.checkpoint = checkpoint;
          return included(known.receipts[0], known.proof)
            .then(function () {
              return checkGrowth(checkpoint);
            });
        }, function (reason) {
          state('log', false, fill(gettext('The log\'s checkpoint: %s.'),
            [reason]));
        });
    }

    function included(entry, shown) {
      if (!shown) {
        state('log', false, gettext('The service gives no proof that the ' +
          'receipt is in its log.'));
        return $q.when();
      }
      return proof.included(entry.receipt, entry.index, ctrl.checkpoint,
        shown.path).then(function () {
        state('log', true, fill(gettext('Entry %s stands in the public log ' +
          'of %s entries.'), [entry.index, ctrl.checkpoint.size]));
      }, function (reason) {
        state('log', false, fill(gettext('Entry %s is not in the log: %s.'),
          [entry.index, reason]));
      });
    }

    /** Compare with the log as this browser saw it last. */
    function checkGrowth(checkpoint) {
      var last = memory.load(checkpoint.origin);
      if (!last) {
        memory.save(checkpoint);
        state('history', null, gettext('This browser saw the log for the ' +
          'first time; from now on it notices when an entry is taken back.'));
        return $q.when();
      }
      var path = last.size > 0 && last.size < checkpoint.size
        ? api.consistency(last.size, checkpoint.size).then(function (answer) {
          return answer.path;
        }) : $q.when([]);
      return path.then(function (steps) {
        return proof.grown(last, checkpoint, steps);
      }).then(function () {
        memory.save(checkpoint);
        state('history', true, fill(gettext('The log only grew since this ' +
          'browser saw it last, with %s entries.'), [last.size]));
      }, function (reason) {
        state('history', false, angular.isString(reason) ? reason
          : gettext('The service does not prove that its log only grew.'));
      });
    }

    /** The receipts of earlier starts as well. */
    function checkAll() {
      var older = ctrl.known.receipts.slice(1);
      ctrl.checking = true;
      return older.reduce(function (before, entry) {
        return before.then(function () {
          return proof.receipt(entry.receipt, ctrl.known.jwks)
            .then(function () {
              return api.inclusion(ctrl.checkpoint.size, entry.index);
            }).then(function (answer) {
              return proof.included(entry.receipt, entry.index,
                ctrl.checkpoint, answer.path);
            }).then(function () {
              entry.outcome = gettext('proven');
            }, function (reason) {
              entry.outcome = gettext('REFUTED');
              state('log', false, fill(gettext('Entry %s is not in the ' +
                'log: %s.'), [entry.index, angular.isString(reason)
                ? reason : gettext('no proof')]));
            });
        });
      }, $q.when()).finally(function () {
        ctrl.checking = false;
        ctrl.verdict = verdict();
      });
    }

    /** The number never leaves the browser. */
    function checkNonce() {
      return proof.digestOfNonce(ctrl.nonce).then(function (digest) {
        var same = digest === ctrl.receipt.nonce_digest;
        ctrl.nonceStatement = {
          holds: same, text: same
            ? gettext('This is the number that the instance was launched ' +
              'with.')
            : gettext('The instance was launched with another number.')};
      }, function (reason) {
        ctrl.nonceStatement = {holds: false, text: reason};
      });
    }

    function state(what, holds, detail) {
      var words = {
        signature: gettext('Signature'), instance: gettext('Instance'),
        project: gettext('Project'), profile: gettext('Profile'),
        hardware: gettext('Hardware'), log: gettext('Log'),
        history: gettext('History')};
      ctrl.statements.push({
        key: what, what: words[what], holds: holds, detail: detail,
        word: holds === true ? gettext('proven')
          : holds === false ? gettext('REFUTED') : gettext('not checked')});
    }

    /** Only to have something to show; nothing in it is proven. */
    function unchecked(jwt) {
      try {
        var part = jwt.split('.')[1].replace(/-/g, '+').replace(/_/g, '/');
        return angular.fromJson($window.atob(part));
      } catch (error) {
        return null;
      }
    }

    function profiles(receipt) {
      return Object.keys(receipt.profiles).sort().map(function (name) {
        return fill(gettext('%s version %s'),
          [name, receipt.profiles[name]]);
      }).join(', ');
    }

    function refused() {
      var last = ctrl.known.releases[0];
      return last && last.state === 'refused' ? last : null;
    }

    function saveReceipt() {
      download(ctrl.instanceId + '.receipt.jwt',
        ctrl.known.receipts[0].receipt, 'application/jwt');
    }

    function saveProof() {
      var entry = ctrl.known.receipts[0];
      download(ctrl.instanceId + '.proof.json', angular.toJson({
        index: entry.index, receipt: entry.receipt,
        checkpoint: ctrl.known.checkpoint, inclusion: ctrl.known.proof,
        jwks: ctrl.known.jwks}, true), 'application/json');
    }

    function fill(text, values) {
      return interpolate(text, values);
    }
  }
})();
