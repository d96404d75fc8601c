// Says how far a file is that takes a while: the rows so far, below the link that asked for it.
// Without this file, the browser alone says that it waits.
(function () {
  "use strict";
  if (!window.fetch || !window.crypto) return;
  var LOOK_AFTER_MS = 800;
  // In a row without an answer.
  var LOOKS_WITHOUT_MAX = 10;
  // In all: half an hour. Nothing of ours takes so long.
  var LOOKS_MAX = 2250;

  function word() {
    var bytes = window.crypto.getRandomValues(new Uint8Array(12));
    return Array.from(bytes, function (byte) { return byte.toString(16).padStart(2, "0"); }).join("");
  }

  function sayer(link) {
    var near = link.parentElement;
    var say = near.querySelector(".file-state");
    if (!say) {
      say = document.createElement("span");
      say.className = "file-state small muted";
      say.setAttribute("role", "status");
      near.appendChild(say);
    }
    return say;
  }

  function follow(link, watch) {
    var words = document.getElementById("file-words").dataset;
    var number = new Intl.NumberFormat(document.documentElement.lang);
    var say = sayer(link);
    var without = 0;
    var looks = 0;
    function again() {
      looks += 1;
      if (without < LOOKS_WITHOUT_MAX && looks < LOOKS_MAX) setTimeout(look, LOOK_AFTER_MS);
      else say.textContent = words.lost;
    }
    function look() {
      fetch("/exports/" + watch, { credentials: "same-origin", headers: { Accept: "application/json" } })
        .then(function (response) {
          if (!response.ok) throw new Error("no answer");
          return response.json();
        })
        .then(function (found) {
          without = 0;
          say.textContent = words[found.state].replace("{0}", number.format(found.rows));
          if (found.state === "making") again();
        })
        .catch(function () {
          without += 1;
          again();
        });
    }
    again();
  }

  document.addEventListener("click", function (event) {
    var link = event.target.closest && event.target.closest("a[data-watch]");
    if (!link || !document.getElementById("file-words")) return;
    var plain = link.getAttribute("href");
    var watch = word();
    link.setAttribute("href", plain + (plain.indexOf("?") < 0 ? "?" : "&") + "watch=" + watch);
    setTimeout(function () { link.setAttribute("href", plain); }, 0);
    follow(link, watch);
  });

  document.addEventListener("submit", function (event) {
    var form = event.target;
    if (!form.matches("form[data-watch]")) return;
    var field = form.elements.namedItem("watch");
    if (!field) {
      field = document.createElement("input");
      field.type = "hidden";
      field.name = "watch";
      form.appendChild(field);
    }
    field.value = word();
    follow(form.querySelector("[type=submit]") || form.lastElementChild, field.value);
  });
})();
