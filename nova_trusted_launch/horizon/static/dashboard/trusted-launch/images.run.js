// SPDX-License-Identifier: Apache-2.0

/** Images: whether they are encrypted, and for which profile. */
(function () {
  'use strict';

  angular
    .module('horizon.dashboard.trusted-launch')
    .run(run);

  run.$inject = [
    'horizon.framework.conf.resource-type-registry.service',
    'horizon.app.core.images.resourceType'
  ];

  function run(registry, type) {
    registry.getResourceType(type)
      .setProperty('trusted_launch', {
        label: gettext('Trusted Launch')
      })
      .setProperty('trusted_launch_profile', {
        label: gettext('Trusted Launch Profile')
      })
      .setProperty('trusted_launch_key_id', {
        label: gettext('Trusted Launch Key')
      })
      .setProperty('trusted_launch_digest', {
        label: gettext('Trusted Launch SHA-256')
      })
      .tableColumns.append({
        id: 'trusted_launch',
        priority: 2,
        title: gettext('Trusted Launch'),
        template: '<span class="trusted-launch-image" ' +
          'ng-bind="item | trustedLaunchImage"></span>'
      });
  }

  angular
    .module('horizon.dashboard.trusted-launch')
    .filter('trustedLaunchImage', function () {
      return words;
    });

  function words(image) {
    var properties = image.properties || {};
    // Horizon lists them by name on an image's own page.
    if (angular.isArray(properties)) {
      properties = properties.reduce(function (all, property) {
        all[property.name] = property.value;
        return all;
      }, {});
    }
    var profile = properties.trusted_launch_profile ||
      image.trusted_launch_profile;
    var encrypted = properties.trusted_launch_key_id ||
      image.trusted_launch_key_id;
    if (encrypted && profile) {
      return interpolate(gettext('encrypted, %s'), [profile]);
    }
    return encrypted ? gettext('encrypted') : profile || '-';
  }
})();
