// Tries the API: sends a form's request with the token that stands in the page and shows what
// comes back. The token is kept nowhere else; without this file, the page is there to be read.
(function () {
  "use strict";
  var token = document.getElementById("token");
  if (!token || !window.fetch) return;
  // Longest body that is shown, in characters.
  var SHOWN_MAX = 100000;

  function words() { return document.getElementById("operations").dataset; }

  function request(form) {
    var path = form.dataset.path;
    var query = new URLSearchParams();
    var headers = {};
    form.querySelectorAll("input[data-in]").forEach(function (field) {
      if (field.dataset.in === "path") {
        path = path.replace("{" + field.name + "}", encodeURIComponent(field.value));
      } else if (field.dataset.in === "query" && field.value !== "") {
        query.append(field.name, field.value);
      } else if (field.dataset.in === "header" && field.value !== "") {
        headers[field.name] = field.value;
      }
    });
    if (token.value.trim()) headers.Authorization = "Bearer " + token.value.trim();
    // The session of the console plays no part: what the token may do is what is tried.
    var options = { method: form.dataset.method, headers: headers, credentials: "omit" };
    var body = form.querySelector("[data-in=body]");
    if (body) {
      headers["Content-Type"] = body.dataset.type;
      options.body = body.files ? body.files[0] : body.value;
    }
    var text = query.toString();
    return [path + (text ? "?" + text : ""), options];
  }

  function part(place, name, text) {
    var made = document.createElement(name);
    made.textContent = text;
    if (name === "pre") {
      made.className = "diagnostic";
      made.tabIndex = 0;
    }
    place.appendChild(made);
  }

  function pretty(text, kind) {
    if (!/json/.test(kind)) return text;
    try {
      return JSON.stringify(JSON.parse(text), null, 2);
    } catch (error) {
      return text;
    }
  }

  function cut(length) {
    var number = new Intl.NumberFormat(document.documentElement.lang);
    return words().cut.replace("{0}", number.format(SHOWN_MAX)).replace("{1}", number.format(length));
  }

  function showBody(place, answer) {
    var kind = answer.headers.get("content-type") || "";
    return answer.blob().then(function (blob) {
      if (!/json|text/.test(kind)) {
        if (blob.size) part(place, "p", words().file.replace("{0}", blob.size).replace("{1}", kind));
        return null;
      }
      return blob.text().then(function (text) {
        var whole = pretty(text, kind);
        if (whole.length > SHOWN_MAX) part(place, "p", cut(whole.length));
        if (whole) part(place, "pre", whole.slice(0, SHOWN_MAX));
      });
    });
  }

  function send(form) {
    var place = form.parentNode.querySelector(".answer");
    var button = form.querySelector("button");
    var asked = request(form);
    place.textContent = words().sending;
    button.disabled = true;
    fetch(asked[0], asked[1]).then(function (answer) {
      place.textContent = "";
      part(place, "p", form.dataset.method + " " + asked[0] + ": " + answer.status + " " + answer.statusText);
      var lines = [];
      answer.headers.forEach(function (value, name) { lines.push(name + ": " + value); });
      part(place, "pre", lines.join("\n"));
      return showBody(place, answer);
    }).catch(function () {
      place.textContent = words().failed;
    }).then(function () {
      button.disabled = false;
    });
  }

  function ready() {
    document.querySelectorAll("form.try button").forEach(function (button) { button.disabled = false; });
  }

  document.addEventListener("submit", function (event) {
    if (!event.target.classList.contains("try")) return;
    event.preventDefault();
    send(event.target);
  });

  // Another tag takes the place of this one, so that the token stays.
  document.addEventListener("click", function (event) {
    var link = event.target.closest ? event.target.closest("#operations nav a") : null;
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    fetch(link.href).then(function (answer) { return answer.text(); }).then(function (text) {
      var fresh = new DOMParser().parseFromString(text, "text/html").getElementById("operations");
      if (!fresh) throw new Error("no operations");
      document.getElementById("operations").replaceWith(fresh);
      history.replaceState(null, "", link.href);
      ready();
      var current = fresh.querySelector("nav [aria-current]");
      if (current) current.focus();
    }).catch(function () {
      window.location.href = link.href;
    });
  });

  document.getElementById("without").hidden = true;
  ready();
})();
