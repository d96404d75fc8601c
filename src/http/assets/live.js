// Shows a communication's statistics as they change. An extra: without it, the page has a
// "Reload" link. The server says that something changed; the page then fetches itself and
// takes over the parts marked with data-live.
(function () {
  "use strict";
  var root = document.querySelector("[data-events]");
  if (!root || !window.EventSource || !window.fetch) return;
  var say = document.getElementById("live-status");
  var hint = document.getElementById("reload-hint");
  var busy = false;
  var again = false;

  function takeOver(text) {
    var fresh = new DOMParser().parseFromString(text, "text/html");
    var focused = document.activeElement && document.activeElement.id;
    document.querySelectorAll("[data-live]").forEach(function (part) {
      var next = fresh.getElementById(part.id);
      if (!next) return;
      // What the reader has opened stays open.
      part.querySelectorAll("details[open][id]").forEach(function (open) {
        var same = next.querySelector("[id='" + open.id + "']");
        if (same) same.setAttribute("open", "");
      });
      if (next.innerHTML !== part.innerHTML) part.innerHTML = next.innerHTML;
    });
    if (focused && document.activeElement === document.body) {
      var back = document.getElementById(focused);
      if (back) back.focus({ preventScroll: true });
    }
    var summary = fresh.getElementById("live-summary");
    if (say && summary && say.textContent !== summary.textContent) {
      say.textContent = summary.textContent;
    }
  }

  function refresh() {
    if (busy) { again = true; return; }
    busy = true;
    fetch(location.href, { credentials: "same-origin", headers: { Accept: "text/html" } })
      .then(function (response) {
        if (response.redirected || response.status === 401) { location.reload(); return ""; }
        return response.ok ? response.text() : "";
      })
      .then(function (text) { if (text) takeOver(text); })
      .catch(function () { /* the next event tries again */ })
      .finally(function () {
        busy = false;
        if (again) { again = false; setTimeout(refresh, 500); }
      });
  }

  var source = new EventSource(root.getAttribute("data-events"));
  source.addEventListener("changed", refresh);
  source.addEventListener("open", function () {
    if (hint) hint.textContent = hint.getAttribute("data-live-text");
    document.documentElement.setAttribute("data-live-state", "on");
    refresh();
  });
  // What was under way when the page was made may be done before the first event: there is then
  // nothing to listen to, and the page is behind.
  source.addEventListener("error", function () {
    if (source.readyState === EventSource.CLOSED) refresh();
  });
  window.addEventListener("pagehide", function () { source.close(); });
})();
