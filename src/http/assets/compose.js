// Asks the server what the text message takes while it is written, keeps the draft as one types,
// and shows how it will look. All extras: the buttons do it too.
(function () {
  "use strict";
  var category = document.getElementById("category");
  var form = document.querySelector("form#compose");
  var count = document.getElementById("sms-count");
  if (form && count && window.fetch) {
    var COUNT_WAIT_MS = 300;
    var countTimer = 0;
    var asked = 0;
    var area = document.getElementById("sms_text");
    var told = document.getElementById("sms-told");
    var ask = function () {
      countTimer = 0;
      asked += 1;
      var own = asked;
      var fields = new URLSearchParams(new FormData(form));
      ["subject", "text", "html", "voice_script"].forEach(function (name) { fields.delete(name); });
      fetch(form.getAttribute("action") + "/count", {
        method: "POST",
        body: fields,
        headers: { Accept: "application/json" },
        redirect: "error"
      }).then(function (response) {
        return response.ok ? response.json() : null;
      }).then(function (answer) {
        // A later question has a later answer.
        if (!answer || own !== asked) return;
        // Read out, so only when it becomes another.
        if (told && told.textContent !== answer.told) told.textContent = answer.told;
        // A button is not taken from under a finger, nor while what it asks for waits.
        if (pressed || count.contains(document.activeElement)) return;
        count.innerHTML = answer.count;
      }).catch(function () {});
    };
    form.addEventListener("input", function (event) {
      if (["find", "subject", "text", "html", "voice_script"].indexOf(event.target.id) >= 0) return;
      if (countTimer) clearTimeout(countTimer);
      countTimer = setTimeout(ask, COUNT_WAIT_MS);
    });
    // What the browser has put back into the field is not what the page counted.
    window.addEventListener("load", function () { if (area && area.value !== area.defaultValue) ask(); });
  }

  // Only the fields of the chosen channels matter; the others step back.
  document.querySelectorAll("input[data-shows]").forEach(function (box) {
    var part = document.getElementById(box.getAttribute("data-shows"));
    var apply = function () { if (part) part.classList.toggle("is-off", !box.checked); };
    box.addEventListener("change", apply);
    apply();
  });

  var note = document.getElementById("category-note");
  if (category && note) {
    var tell = function () {
      var chosen = category.options[category.selectedIndex];
      note.textContent = chosen && chosen.dataset.note ? chosen.dataset.note : "";
    };
    category.addEventListener("change", tell);
    tell();
  }

  var saved = document.getElementById("saved");
  if (!form || !form.hasAttribute("data-autosave") || !saved || !window.fetch) return;
  var WAIT_MS = 1500;
  var RETRY_MS = 15000;
  // Longer than a draft takes to be kept; a press does not wait longer than this.
  var GIVE_UP_MS = 8000;
  var timer = 0;
  var busy = false;
  var again = false;
  var stopped = false;
  // A button was pressed while the draft was being kept: it waits for the answer, which says
  // what the draft is called and which revision the form shows.
  var pressed = null;
  var going = false;
  var mine = document.getElementById("list-mine");

  function written() {
    return ["subject", "text", "html", "sms_text", "voice_script"].some(function (name) {
      return form.elements[name].value.trim() !== "";
    });
  }

  function body() {
    var fields = new URLSearchParams(new FormData(form));
    fields.delete("find");
    fields.set("do", "autosave");
    return fields;
  }

  function take(answer, tookList) {
    form.elements.revision.value = answer.revision;
    if (form.getAttribute("action") !== answer.action) {
      form.setAttribute("action", answer.action);
      var find = form.querySelector("button[value=find]");
      if (find) find.setAttribute("formaction", answer.action + "#find");
      history.replaceState(null, "", answer.edit);
    }
    // The list that was taken over is the draft's now; ticking it again takes it anew.
    if (tookList && mine) mine.value = "kept";
    saved.textContent = answer.saved;
    var preview = document.getElementById("preview");
    if (preview && !preview.contains(document.activeElement)) preview.innerHTML = answer.preview;
  }

  function keep() {
    timer = 0;
    if (stopped || !written()) return;
    if (busy) { again = true; return; }
    busy = true;
    var fields = body();
    fetch(form.getAttribute("action"), {
      method: "POST",
      body: fields,
      headers: { Accept: "application/json" },
      redirect: "error"
    }).then(function (response) {
      return response.json().then(function (answer) {
        if (response.ok) { take(answer, fields.get("list") === "mine"); return; }
        // Somebody else has changed or sent it: nothing of theirs is written over.
        stopped = response.status === 409 || response.status === 401 || response.status === 403;
        saved.textContent = answer.problem || answer.detail || form.dataset.failed;
      });
    }).catch(function () {
      saved.textContent = form.dataset.failed;
      if (!timer) timer = setTimeout(keep, RETRY_MS);
    }).then(function () {
      busy = false;
      if (again) { again = false; later(); }
      go();
    });
  }

  // What was pressed goes on its way.
  function go() {
    if (!pressed) return;
    var by = pressed.by;
    pressed = null;
    // Where the browser finds a field wrong nothing is sent, and the draft is kept on.
    stopped = false;
    going = true;
    if (by) form.requestSubmit(by); else form.requestSubmit();
    going = false;
  }

  function later() {
    if (timer) clearTimeout(timer);
    timer = setTimeout(keep, WAIT_MS);
  }

  form.addEventListener("input", function (event) { if (event.target.id !== "find") later(); });
  if (mine) mine.addEventListener("change", function () { mine.value = "mine"; });
  form.addEventListener("submit", function (event) {
    stopped = true;
    if (timer) clearTimeout(timer);
    if (!busy || going || !form.requestSubmit) return;
    event.preventDefault();
    pressed = { by: event.submitter };
    setTimeout(go, GIVE_UP_MS);
    saved.textContent = form.dataset.waiting;
  });
  // Back from another page: what the browser kept of the form may be older than the draft.
  window.addEventListener("pageshow", function (event) { if (event.persisted) location.reload(); });
})();
