"use strict";
(function () {
  var table = document.getElementById("queue");
  var search = document.getElementById("search"), rule = document.getElementById("rule");
  var track = document.getElementById("track"), since = document.getElementById("since");
  var like = document.getElementById("like"); // only where code is shared
  var sort = document.getElementById("sort"), count = document.getElementById("count");
  var more = document.getElementById("more");
  var toggles = Array.prototype.slice.call(document.querySelectorAll("[data-verdict-toggle]"));
  var groups = Array.prototype.slice.call(table.tBodies).map(function (body, at) {
    return { body: body, at: at, pr: +body.dataset.pr, date: body.dataset.date, need: +body.dataset.need,
      worth: body.dataset.worth === "" ? -1 : +body.dataset.worth,
      bpb: body.dataset.bpb === "" ? Infinity : +body.dataset.bpb,
      rows: Array.prototype.slice.call(body.rows).map(function (row) {
        return { row: row, verdict: row.dataset.verdict, rules: " " + row.dataset.rules + " ",
          track: row.dataset.track, date: row.dataset.date, like: row.dataset.like,
          text: (row.dataset.text || "").toLowerCase(), shown: true };
      }) };
  });
  var orders = {
    need: function (a, b) { return a.need - b.need || b.pr - a.pr; },
    worth: function (a, b) { return b.worth - a.worth || a.need - b.need || b.pr - a.pr; },
    newest: function (a, b) { return b.date < a.date ? -1 : b.date > a.date ? 1 : b.pr - a.pr; },
    bpb: function (a, b) { return a.bpb < b.bpb ? -1 : a.bpb > b.bpb ? 1 : a.pr - b.pr; },
    number: function (a, b) { return a.pr - b.pr; }
  };
  var ordered = null, sorted = groups, limit = 200;
  function apply() {
    var words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    var wanted = toggles.filter(function (t) { return t.getAttribute("aria-pressed") === "true"; })
      .map(function (t) { return t.dataset.verdictToggle; });
    var kin = like ? like.value : "";
    var needle = rule.value ? " " + rule.value + " " : "", seen = 0, pulls = 0;
    var again = ordered !== sort.value;
    if (again) sorted = groups.slice().sort(orders[sort.value] || orders.need);
    sorted.forEach(function (group) {
      var any = false;
      group.rows.forEach(function (row) {
        var show = (!wanted.length || wanted.indexOf(row.verdict) >= 0)
          && (!needle || row.rules.indexOf(needle) >= 0)
          && (!track.value || row.track === track.value) && (!since.value || row.date >= since.value)
          && (!kin || row.like === kin)
          && words.every(function (word) { return row.text.indexOf(word) >= 0; });
        if (show) { seen += 1; any = true; }
        show = show && seen <= limit; // laying out thousands of rows takes longer than finding them
        if (show !== row.shown) { row.row.hidden = !show; row.shown = show; }
      });
      if (any) pulls += 1;
    });
    if (again) {
      var parts = document.createDocumentFragment();
      sorted.forEach(function (g) { parts.appendChild(g.body); });
      table.appendChild(parts);
      ordered = sort.value;
    }
    more.hidden = seen <= limit;
    more.textContent = "show all " + seen;
    count.textContent = seen + " of " + count.dataset.all + " scripts, " + pulls + " pull requests";
    return { q: search.value, verdict: wanted.join(","), rule: rule.value, sort: sort.value === "need" ? "" : sort.value,
      track: track.value, since: since.value, like: like ? like.value : "" };
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
    since.value = /^\d{4}-\d{2}-\d{2}$/.test(state.since || "") ? state.since : "";
    if (like) { like.value = state.like || ""; if (like.selectedIndex < 0) like.value = ""; }
    sort.value = Object.prototype.hasOwnProperty.call(orders, state.sort || "") ? state.sort : "need";
    var on = (state.verdict || "").split(",");
    toggles.forEach(function (t) { t.setAttribute("aria-pressed", String(on.indexOf(t.dataset.verdictToggle) >= 0)); });
    apply();
  }
  search.addEventListener("input", changed);
  rule.addEventListener("change", changed);
  [sort, track, since].concat(like ? [like] : []).forEach(function (field) { field.addEventListener("change", changed); });
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
})();
