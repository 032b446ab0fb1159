// SPDX-License-Identifier: Apache-2.0

/** The size and root of the log that this browser saw last. */
(function () {
  'use strict';

  angular
    .module('horizon.dashboard.trusted-launch')
    .factory('horizon.dashboard.trusted-launch.memory', memory);

  memory.$inject = ['$window'];

  function memory($window) {
    var prefix = 'trusted-launch-log:';

    return {load: load, save: save};

    function load(origin) {
      try {
        var found = angular.fromJson(
          $window.localStorage.getItem(prefix + origin));
        return found && angular.isNumber(found.size) ? found : null;
      } catch (error) {
        return null;  // A browser that remembers nothing.
      }
    }

    function save(checkpoint) {
      try {
        $window.localStorage.setItem(prefix + checkpoint.origin,
          angular.toJson({origin: checkpoint.origin, size: checkpoint.size,
            root: checkpoint.root}));
      } catch (error) {
        return;
      }
    }
  }
})();
