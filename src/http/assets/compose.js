// Counts the segments of the text message while it is written. An extra: the review page
// counts them too. Same rules as the server (3GPP TS 23.038).
(function () {
  "use strict";
  var BASIC = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà";
  var EXTENDED = "\f^{}\\[~]|€";

  function widths(text) {
    var gsm = [];
    var chars = Array.from(text);
    for (var i = 0; i < chars.length; i++) {
      if (BASIC.indexOf(chars[i]) >= 0) gsm.push(1);
      else if (EXTENDED.indexOf(chars[i]) >= 0) gsm.push(2);
      else return { gsm: false, widths: chars.map(function (c) { return c.length; }) };
    }
    return { gsm: true, widths: gsm };
  }

  function segments(text) {
    var found = widths(text);
    var single = found.gsm ? 160 : 70;
    var part = found.gsm ? 153 : 67;
    var units = found.widths.reduce(function (sum, w) { return sum + w; }, 0);
    if (units <= single) return { units: units, count: units ? 1 : 0, gsm: found.gsm };
    var count = 1;
    var used = 0;
    found.widths.forEach(function (w) {
      if (used + w > part) { count += 1; used = 0; }
      used += w;
    });
    return { units: units, count: count, gsm: found.gsm };
  }

  var area = document.getElementById("sms_text");
  var out = document.getElementById("sms-count");
  if (area && out) {
    var show = function () {
      // A form sends line ends as CR LF; the server turns them back into one character.
      var n = segments(area.value);
      var words = n.count === 1 ? out.dataset.one : out.dataset.many;
      out.textContent = words.replace("{0}", n.units).replace("{1}", n.count) +
        (n.gsm ? "" : " " + out.dataset.wide);
    };
    area.addEventListener("input", show);
    show();
  }

  // Only the fields of the chosen channels matter; the others step back.
  document.querySelectorAll("input[data-shows]").forEach(function (box) {
    var part = document.getElementById(box.getAttribute("data-shows"));
    var apply = function () { if (part) part.classList.toggle("is-off", !box.checked); };
    box.addEventListener("change", apply);
    apply();
  });

  var category = document.getElementById("category");
  var note = document.getElementById("category-note");
  if (category && note) {
    var tell = function () {
      var chosen = category.options[category.selectedIndex];
      note.textContent = chosen && chosen.dataset.note ? chosen.dataset.note : "";
    };
    category.addEventListener("change", tell);
    tell();
  }
})();
