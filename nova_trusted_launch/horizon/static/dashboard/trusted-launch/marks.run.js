// SPDX-License-Identifier: Apache-2.0

/**
 * A mark beside the names in the table of instances.
 *
 * The table is Horizon's own and stays as it is: the marks come later, in one
 * request for the whole page, and a service that is away only leaves them out.
 */
(function () {
  'use strict';

  angular
    .module('horizon.dashboard.trusted-launch')
    .run(run);

  run.$inject = ['$document', '$window', '$injector'];

  var CLASS = 'trusted-launch-mark';

  function run($document, $window, $injector) {
    $document.ready(function () {
      var table = $document[0].getElementById('instances');
      if (!table || !$window.MutationObserver) {
        return;
      }
      watch(table);
    });

    function watch(table) {
      // Only on pages with the table: anything else is not even made.
      var api = $injector.get('horizon.dashboard.trusted-launch.api');
      var known = {};
      var asking = false;
      var observer = new $window.MutationObserver(mark);

      observer.observe(table, {childList: true, subtree: true});
      mark();

      /** Rows are replaced while something is being done to an instance. */
      function mark() {
        var unknown = [];
        rows().forEach(function (row) {
          // What changes its state may have got a receipt meanwhile.
          var key = id(row) + row.className;
          if (!(key in known)) {
            unknown.push({id: id(row), key: key});
          } else if (known[key]) {
            show(row, known[key]);
          }
        });
        if (unknown.length && !asking) {
          ask(unknown);
        }
      }

      function ask(unknown) {
        asking = true;
        api.marks(unknown.map(function (entry) {
          return entry.id;
        })).then(function (answer) {
          unknown.forEach(function (entry) {
            known[entry.key] = answer.marks[entry.id] || null;
          });
        }, function () {
          unknown.forEach(function (entry) {
            known[entry.key] = null;
          });
        }).finally(function () {
          asking = false;
          mark();
        });
      }

      function rows() {
        return Array.prototype.slice.call(
          table.querySelectorAll('tbody tr[data-object-id]'));
      }
    }

    function id(row) {
      return row.getAttribute('data-object-id');
    }

    function show(row, mark) {
      var link = row.querySelector('td a[href]');
      if (!link || row.querySelector('.' + CLASS)) {
        return;
      }
      var trusted = mark.state === 'trusted';
      var text = trusted
        ? interpolate(gettext('Trusted launch: receipt of %s'), [mark.since])
        : interpolate(gettext('Trusted launch refused: %s. %s'),
          [mark.code, mark.advice]);
      var sign = $document[0].createElement('span');
      sign.className = CLASS + ' fa fa-shield ' +
        (trusted ? 'text-success' : 'text-danger');
      sign.setAttribute('role', 'img');
      sign.setAttribute('aria-label', text);
      sign.setAttribute('title', text);
      link.parentNode.insertBefore(sign, link.nextSibling);
    }
  }
})();
