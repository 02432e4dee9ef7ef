"use strict";
(function () {
  var table = document.getElementById("queue");
  var search = document.getElementById("search"), rule = document.getElementById("rule");
  var track = document.getElementById("track"), since = document.getElementById("since");
  var until = document.getElementById("until"), author = document.getElementById("author");
  var most = document.getElementById("most"), gain = document.getElementById("gain");
  var like = document.getElementById("like"); // only where code is shared
  var sort = document.getElementById("sort"), count = document.getElementById("count");
  var more = document.getElementById("more");
  var toggles = Array.prototype.slice.call(document.querySelectorAll("[data-verdict-toggle]"));
  var groups = Array.prototype.slice.call(table.tBodies).map(function (body, at) {
    return { body: body, at: at, pr: +body.dataset.pr, date: body.dataset.date, need: +body.dataset.need,
      worth: body.dataset.worth === "" ? -1 : +body.dataset.worth,
      bpb: body.dataset.bpb === "" ? Infinity : +body.dataset.bpb,
      gain: body.dataset.gain === "" ? -Infinity : +body.dataset.gain,
      rows: Array.prototype.slice.call(body.rows).map(function (row) {
        return { row: row, verdict: row.dataset.verdict, rules: " " + row.dataset.rules + " ",
          track: row.dataset.track, date: row.dataset.date, like: row.dataset.like,
          author: row.dataset.author.toLowerCase(), text: null };
      }) };
  });
  var orders = {
    need: function (a, b) { return a.need - b.need || b.pr - a.pr; },
    worth: function (a, b) { return b.worth - a.worth || a.need - b.need || b.pr - a.pr; },
    newest: function (a, b) { return b.date < a.date ? -1 : b.date > a.date ? 1 : b.pr - a.pr; },
    bpb: function (a, b) { return a.bpb < b.bpb ? -1 : a.bpb > b.bpb ? 1 : a.pr - b.pr; },
    number: function (a, b) { return a.pr - b.pr; }
  };
  // Laying out thousands of rows takes longer than finding them, and moving them longest: those beyond the first
  // stand hidden, wherever they stand.
  var ordered = null, sorted = groups, limit = 100;
  function holds(row, word) {
    if (row.text === null) row.text = (row.row.textContent + row.rules + row.verdict).toLowerCase();
    return row.text.indexOf(word) >= 0;
  }
  function apply() {
    var writer = author.value.trim().toLowerCase();
    var least = gain.value === "" ? -Infinity : +gain.value, highest = most.value === "" ? Infinity : +most.value;
    var words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    var wanted = toggles.filter(function (t) { return t.getAttribute("aria-pressed") === "true"; })
      .map(function (t) { return t.dataset.verdictToggle; });
    var kin = like ? like.value : "";
    var needle = rule.value ? " " + rule.value + " " : "", seen = 0, pulls = 0;
    var again = ordered !== sort.value;
    if (again) sorted = groups.slice().sort(orders[sort.value] || orders.need);
    var parts = document.createDocumentFragment();
    sorted.forEach(function (group) {
      var any = false, drawn = false;
      group.rows.forEach(function (row) {
        var show = (!wanted.length || wanted.indexOf(row.verdict) >= 0)
          && (!needle || row.rules.indexOf(needle) >= 0)
          && group.gain >= least && (highest === Infinity || group.bpb <= highest)
          && (!writer || row.author.indexOf(writer) >= 0) && (!until.value || row.date <= until.value)
          && (!track.value || row.track === track.value) && (!since.value || row.date >= since.value)
          && (!kin || row.like === kin)
          && words.every(function (word) { return holds(row, word); });
        if (show) { seen += 1; any = true; }
        show = show && seen <= limit;
        drawn = drawn || show;
        if (row.row.hidden === show) row.row.hidden = !show;
      });
      if (group.body.hidden === drawn) group.body.hidden = !drawn;
      if (drawn) parts.appendChild(group.body);
      if (any) pulls += 1;
    });
    table.appendChild(parts);
    ordered = sort.value;
    more.hidden = seen <= limit;
    more.textContent = "show all " + seen;
    count.textContent = seen + " of " + count.dataset.all + " scripts, " + pulls + " pull requests";
    return { q: search.value, verdict: wanted.join(","), rule: rule.value, sort: sort.value === "need" ? "" : sort.value,
      track: track.value, since: since.value, until: until.value, author: author.value, most: most.value, gain: gain.value,
      like: like ? like.value : "" };
  }
  function changed() {
    var state = apply(), said = Object.keys(state).filter(function (k) { return state[k]; })
      .map(function (k) { return k + "=" + encodeURIComponent(state[k]); }).join("&");
    history.replaceState(null, "", said ? "#" + said : location.pathname + location.search);
  }
  function read() {
    var state = {};
    location.hash.slice(1).split("&").forEach(function (part) {
      var cut = part.indexOf("=");
      if (cut > 0) try { state[part.slice(0, cut)] = decodeURIComponent(part.slice(cut + 1)); } catch (e) { /* not ours */ }
    });
    search.value = state.q || "";
    rule.value = state.rule || "";
    if (rule.selectedIndex < 0) rule.value = "";
    track.value = state.track || "";
    if (track.selectedIndex < 0) track.value = "";
    [since, until].forEach(function (field) {
      field.value = /^\d{4}-\d{2}-\d{2}$/.test(state[field.id] || "") ? state[field.id] : "";
    });
    [most, gain].forEach(function (field) {
      field.value = /^-?\d+(\.\d+)?$/.test(state[field.id] || "") ? state[field.id] : "";
    });
    author.value = state.author || "";
    if (like) { like.value = state.like || ""; if (like.selectedIndex < 0) like.value = ""; }
    sort.value = Object.prototype.hasOwnProperty.call(orders, state.sort || "") ? state.sort : "need";
    var on = (state.verdict || "").split(",");
    toggles.forEach(function (t) { t.setAttribute("aria-pressed", String(on.indexOf(t.dataset.verdictToggle) >= 0)); });
    apply();
  }
  [search, author, most, gain].forEach(function (field) { field.addEventListener("input", changed); });
  rule.addEventListener("change", changed);
  [sort, track, since, until].concat(like ? [like] : []).forEach(function (field) { field.addEventListener("change", changed); });
  toggles.forEach(function (toggle) {
    toggle.addEventListener("click", function () {
      toggle.setAttribute("aria-pressed", String(toggle.getAttribute("aria-pressed") !== "true"));
      changed();
    });
  });
  more.addEventListener("click", function () { limit = Infinity; apply(); });
  document.addEventListener("keydown", function (event) {
    if (event.key === "/" && document.activeElement !== search) { search.focus(); event.preventDefault(); }
  });
  window.addEventListener("hashchange", read);
  document.getElementById("controls").hidden = false;
  read();
  // What is searched is read out of the rows before anybody has typed it.
  var at = 0;
  (function prepare() {
    for (var end = Math.min(at + 100, groups.length); at < end; at += 1) {
      groups[at].rows.forEach(function (row) { holds(row, ""); });
    }
    if (at < groups.length) setTimeout(prepare, 0);
  })();
})();
