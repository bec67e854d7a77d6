// Keeps a page that is open up to date while something measures. The page works without it.
(function () {
  'use strict';
  var body = document.body, note = document.getElementById('live');
  if (!note || !body.dataset.version) return;
  var every = 5000;
  function look() {
    fetch('/api/state', {headers: {Accept: 'application/json'}}).then(function (answer) {
      return answer.ok ? answer.json() : null;
    }).then(function (state) {
      if (state && state.version !== body.dataset.version) renew();
      else window.setTimeout(look, every);
    }).catch(function () { window.setTimeout(look, every * 6); });
  }
  // Only the content is exchanged: what is open stays open, the focus stays where it is.
  function renew() {
    fetch(window.location.href).then(function (answer) { return answer.ok ? answer.text() : null; })
      .then(function (text) {
        if (!text) return;
        var fresh = new DOMParser().parseFromString(text, 'text/html');
        var now = document.getElementById('content'), next = fresh.getElementById('content');
        if (!now || !next) return;
        var opened = [];
        now.querySelectorAll('details').forEach(function (one, place) { opened[place] = one.open; });
        var focus = document.activeElement, inside = now.contains(focus) ? focus.getAttribute('href') : null;
        now.replaceWith(document.importNode(next, true));
        now = document.getElementById('content');
        now.querySelectorAll('details').forEach(function (one, place) {
          if (opened[place] !== undefined) one.open = opened[place];
        });
        if (inside) {
          var again = Array.prototype.find.call(now.querySelectorAll('a[href]'), function (one) {
            return one.getAttribute('href') === inside;
          });
          if (again) again.focus({preventScroll: true});
        }
        body.dataset.version = fresh.body.dataset.version;
        note.textContent = note.dataset.renewed;
      }).catch(function () {}).then(function () { window.setTimeout(look, every); });
  }
  window.setTimeout(look, every);
})();
