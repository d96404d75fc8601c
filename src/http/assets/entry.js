// Looks at addresses and numbers while they are entered. An extra: the server looks again when
// the form is sent.
(function () {
  "use strict";
  var form = document.querySelector("form[data-check]");
  if (!form || !window.fetch || !window.URLSearchParams) return;

  function say(place, answer) {
    place.textContent = "";
    (answer.remarks || []).forEach(function (remark) {
      var line = document.createElement("p");
      line.className = remark.weight === "note" ? "hint" : "problem";
      line.textContent = remark.text;
      if (remark.meant) {
        var take = document.createElement("button");
        take.type = "button";
        take.className = "link";
        take.textContent = remark.meant;
        take.addEventListener("click", function () {
          var input = document.getElementById(place.id.replace("said-", "to-"));
          input.value = remark.meant;
          input.focus();
          look(input);
        });
        line.appendChild(document.createTextNode(" "));
        line.appendChild(take);
      }
      place.appendChild(line);
    });
  }

  var turn = 0;
  function look(input) {
    var number = input.id.replace("to-", "");
    var kind = document.getElementById("kind-" + number);
    var place = document.getElementById("said-" + number);
    if (!kind || !place) return;
    var text = input.value.trim();
    if (!text) { place.textContent = ""; input.removeAttribute("aria-invalid"); return; }
    var mine = ++turn;
    input.dataset.turn = mine;
    var body = new URLSearchParams();
    body.set("csrf", form.elements.csrf.value);
    body.set("kind", kind.value);
    body.set("to", text);
    fetch(form.dataset.check, { method: "POST", body: body, headers: { Accept: "application/json" } })
      .then(function (answer) { return answer.ok ? answer.json() : null; })
      .then(function (answer) {
        if (!answer || Number(input.dataset.turn) !== mine) return;
        say(place, answer);
        if (answer.remarks.some(function (r) { return r.weight !== "note"; })) {
          input.setAttribute("aria-invalid", "true");
        } else {
          input.removeAttribute("aria-invalid");
        }
      })
      .catch(function () { /* The server looks again when the form is sent. */ });
  }

  form.querySelectorAll("input[name=method_to]").forEach(function (input) {
    var waiting;
    input.addEventListener("input", function () {
      clearTimeout(waiting);
      waiting = setTimeout(function () { look(input); }, 500);
    });
    var kind = document.getElementById(input.id.replace("to-", "kind-"));
    if (kind) kind.addEventListener("change", function () { look(input); });
  });
})();
