// SPDX-License-Identifier: Apache-2.0

/**
 * Say whether flavor, image and wishes make one launch that can work.
 *
 * In: the options of the cloud, the dialog's choices, what is ticked.  Out:
 * what will be asked for, and sentences.  Nothing is decided here: the
 * scheduler and the release do; this spares a person a launch that fails.
 */
(function () {
  'use strict';

  angular
    .module('horizon.dashboard.trusted-launch')
    .factory('horizon.dashboard.trusted-launch.fit', function () {
      return judge;
    });

  /**
   * @param {Object} options - as /api/trusted-launch/options answers
   * @param {Object} spec - launchInstanceModel.newInstanceSpec
   * @param {Object} wish - ticked, profile
   * @returns {Object} demanded, possible, active, profile, works, messages
   */
  function judge(options, spec, wish) {
    var asked = demands(options, spec);
    var obstacle = unsupported(spec);
    var possible = options.available && !obstacle;
    var active = Boolean(asked.by.length) || (wish.ticked && possible);
    var profile = asked.profile || (active ? wish.profile : null);
    var messages = [];
    var works = true;

    if (asked.conflict) {
      refuse(fill(gettext('The flavor demands the profile %s and the image ' +
        'the profile %s. No host can be given both: choose another flavor ' +
        'or image.'), [asked.flavor, asked.image]));
    }
    if (asked.by.length && obstacle) {
      refuse(obstacle);
    } else if (obstacle) {
      say('info', obstacle);
    }
    if (asked.by.length && !options.available && !options.loading) {
      say('warning', gettext('The flavor or the image demands a trusted ' +
        'launch, but the attestation service does not answer. The launch ' +
        'will be refused as long as it is away.'));
    }
    if (active && options.available && !asked.conflict) {
      judgeProfile();
    }
    if (active && !obstacle && spec.instance_count > 1) {
      say('info', gettext('A secret number is for one instance only. With ' +
        'more than one, the service makes a number for each.'));
    }
    return {
      demanded: asked.by, possible: possible, active: active,
      profile: profile, works: works, messages: messages,
      single: Number(spec.instance_count) === 1
    };

    function judgeProfile() {
      var known = find(options.profiles, profile);
      if (!profile && asked.by.length) {
        // The key of the image knows its profile; the service tells nobody.
        return;
      }
      if (!profile) {
        refuse(gettext('Choose a profile.'));
      } else if (!known) {
        refuse(fill(gettext('The profile %s is not in force, or not for ' +
          'this project. Ask the operator, or choose another flavor or ' +
          'image.'), [profile]));
      } else if (known.hosts === 0) {
        say('warning', fill(gettext('No host satisfies the profile %s at ' +
          'this moment. The launch will fail unless that changes.'),
          [profile]));
      }
    }

    function say(level, text) {
      messages.push({level: level, text: text});
    }

    function refuse(text) {
      works = false;
      say('danger', text);
    }
  }

  /** What flavor and image ask for by themselves. */
  function demands(options, spec) {
    var flavor = spec.flavor && options.flavors[spec.flavor.id];
    var properties = imageProperties(spec);
    var image = properties.trusted_launch_profile;
    var by = [];
    if (flavor) {
      by.push('flavor');
    }
    if (image || properties.trusted_launch_key_id) {
      by.push('image');
    }
    return {
      by: by, flavor: flavor, image: image, profile: flavor || image || null,
      conflict: Boolean(flavor && image && flavor !== image)
    };
  }

  function imageProperties(spec) {
    var source = spec.source && spec.source[0];
    return isImage(spec) && source && source.properties || {};
  }

  function isImage(spec) {
    var type = spec.source_type && spec.source_type.type;
    return !type || type === 'image' || type === 'snapshot';
  }

  function unsupported(spec) {
    if (!isImage(spec)) {
      return gettext('Trusted launch works with images only: nobody ' +
        'verifies a volume. Choose "Image" as the boot source.');
    }
    if (spec.vol_create) {
      return gettext('Trusted launch works without a new volume: nobody ' +
        'verifies a volume. Choose "No" at "Create New Volume".');
    }
    return null;
  }

  function find(profiles, name) {
    return profiles.filter(function (profile) {
      return profile.name === name;
    })[0];
  }

  function fill(text, values) {
    return interpolate(text, values);
  }
})();
