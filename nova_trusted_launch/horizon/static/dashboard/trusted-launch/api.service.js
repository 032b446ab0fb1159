// SPDX-License-Identifier: Apache-2.0

/** Horizon's REST resources of this plugin. */
(function () {
  'use strict';

  angular
    .module('horizon.dashboard.trusted-launch')
    .factory('horizon.dashboard.trusted-launch.api', api);

  api.$inject = ['horizon.framework.util.http.service'];

  function api(http) {
    var base = '/api/trusted-launch/';

    return {
      options: function () { return get('options'); },
      instance: function (id) {
        return get('instances/' + encodeURIComponent(id));
      },
      inclusion: function (size, index) {
        return get('log/' + size + '/' + index);
      },
      consistency: function (first, second) {
        return get('log/' + first + '/to/' + second);
      },
      marks: function (ids) { return post('marks', {ids: ids}); },
      createLaunch: function (spec) { return post('launches', spec); }
    };

    function get(path) {
      return http.get(base + path).then(data);
    }

    function post(path, body) {
      return http.post(base + path, body).then(data);
    }

    function data(response) {
      return response.data;
    }
  }
})();
