// SPDX-License-Identifier: Apache-2.0

/** The step "Trusted Launch" of the launch dialog. */
(function () {
  'use strict';

  angular
    .module('horizon.dashboard.trusted-launch')
    .controller('TrustedLaunchStepController', StepController);

  StepController.$inject = [
    '$scope',
    '$window',
    'launchInstanceModel',
    'horizon.dashboard.trusted-launch.launch',
    'horizon.dashboard.trusted-launch.download'
  ];

  function StepController($scope, $window, model, launch, download) {
    var ctrl = this;
    ctrl.launch = launch;
    ctrl.report = null;
    ctrl.fits = 'yes';
    ctrl.copied = false;
    ctrl.tick = tick;
    ctrl.copy = copy;
    ctrl.label = label;
    ctrl.chosen = chosen;
    ctrl.save = save;

    launch.open(model.newInstanceSpec);
    // Horizon's own questions come first: we never make a launch slower.
    var stop = $scope.$watch(function () {
      return model.initializing;
    }, function (initializing) {
      if (!initializing) {
        stop();
        launch.ask();
      }
    });
    // The report depends on many choices of other steps: it is cheap, and
    // made again whenever one of them may have changed.
    $scope.$watch(function () {
      return angular.toJson(launch.judge());
    }, function (json) {
      ctrl.report = angular.fromJson(json);
      ctrl.fits = ctrl.report.works ? 'yes' : '';
    });

    function tick() {
      if (launch.wish.ticked && !launch.wish.profile) {
        var usable = launch.options.profiles.filter(function (profile) {
          return profile.hosts > 0;
        });
        launch.wish.profile = usable.length ? usable[0].name : null;
      }
    }

    function chosen() {
      return launch.options.profiles.filter(function (profile) {
        return ctrl.report && profile.name === ctrl.report.profile;
      })[0];
    }

    function label(profile) {
      return profile.name + ' – ' + interpolate(
        ngettext('%s host now', '%s hosts now', profile.hosts),
        [profile.hosts]);
    }

    function save() {
      download('trusted-launch-number.txt', launch.wish.nonce + '\n');
    }

    function copy() {
      var field = $window.document.getElementById('trusted-launch-nonce');
      field.select();
      ctrl.copied = $window.document.execCommand('copy');
    }
  }
})();
