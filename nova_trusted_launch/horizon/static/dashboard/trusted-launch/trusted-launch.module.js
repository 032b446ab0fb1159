// SPDX-License-Identifier: Apache-2.0

/**
 * Trusted launch in Horizon: the launch step, the instance's tab, marks.
 *
 * Everything is added in a config block.  In a run block the launch workflow
 * would be made on every page, and the login page would reload for ever.
 */
(function () {
  'use strict';

  angular
    .module('horizon.dashboard.trusted-launch', [
      'horizon.app.core.images',
      'horizon.app.core.openstack-service-api',
      'horizon.dashboard.project.workflow.launch-instance'
    ])
    .config(config);

  config.$inject = ['$provide', '$windowProvider'];

  function config($provide, $windowProvider) {
    var path = $windowProvider.$get().STATIC_URL + 'dashboard/trusted-launch/';

    $provide.constant('horizon.dashboard.trusted-launch.basePath', path);
    $provide.decorator(
      'horizon.dashboard.project.workflow.launch-instance.workflow',
      addStep);
    $provide.decorator('launchInstanceModel', createWithToken);
    $provide.decorator(
      'horizon.app.core.openstack-service-api.nova', tellHost);

    addStep.$inject = ['$delegate'];

    function addStep($delegate) {
      $delegate.after('flavor', {
        id: 'trusted-launch',
        title: gettext('Trusted Launch'),
        templateUrl: path + 'launch-step.html',
        helpUrl: path + 'launch-step.help.html',
        formName: 'trustedLaunchForm'
      });
      return $delegate;
    }

    createWithToken.$inject = [
      '$delegate', 'horizon.dashboard.trusted-launch.launch'];

    // Before the instance is created its launch token is.  Whoever does not
    // tick the box gets Horizon's own function, unchanged.
    function createWithToken($delegate, launch) {
      var createInstance = $delegate.createInstance;
      $delegate.createInstance = function () {
        return launch.wanted($delegate)
          ? launch.prepare($delegate).then(createInstance)
          : createInstance();
      };
      return $delegate;
    }

    tellHost.$inject = ['$delegate'];

    // The scheduler reads the hints.  The host of a cell can not, and reads
    // the same in the instance's metadata.
    function tellHost($delegate) {
      var createServer = $delegate.createServer;
      $delegate.createServer = function (server) {
        angular.forEach(server.scheduler_hints, function (value, name) {
          if (name.indexOf('trusted_launch') === 0) {
            server.meta = angular.extend({}, server.meta);
            server.meta[name] = value;
          }
        });
        return createServer(server);
      };
      return $delegate;
    }
  }
})();
