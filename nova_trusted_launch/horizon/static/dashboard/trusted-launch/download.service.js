// SPDX-License-Identifier: Apache-2.0

/** Give the person a text as a file, without a request. */
(function () {
  'use strict';

  angular
    .module('horizon.dashboard.trusted-launch')
    .factory('horizon.dashboard.trusted-launch.download', download);

  download.$inject = ['$window', '$timeout'];

  function download($window, $timeout) {
    return function (name, text, type) {
      var blob = new $window.Blob([text], {type: type || 'text/plain'});
      var url = $window.URL.createObjectURL(blob);
      var link = $window.document.createElement('a');
      link.href = url;
      link.download = name;
      $window.document.body.appendChild(link);
      link.click();
      $window.document.body.removeChild(link);
      $timeout(function () {
        $window.URL.revokeObjectURL(url);
      }, 1000);
    };
  }
})();
