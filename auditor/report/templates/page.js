"use strict";
(function () {
  function reveal() {
    var target = location.hash.length > 1 && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    for (var at = target; at; at = at.parentElement) if (at.tagName === "DETAILS") at.open = true;
    if (target) target.scrollIntoView({ block: "center" });
  }
  window.addEventListener("hashchange", reveal);
  window.addEventListener("beforeprint", function () {
    document.querySelectorAll("details.paper").forEach(function (part) { part.open = true; });
  });
  document.querySelectorAll("figure.order").forEach(function (figure) {
    var said = figure.querySelector(".said");
    figure.querySelectorAll("svg").forEach(function (drawing) {
      var cells = Array.prototype.slice.call(drawing.querySelectorAll(".cell"));
      if (!cells.length) return;
      cells[0].setAttribute("tabindex", "0");
      function tell(cell) { said.textContent = cell ? cell.getAttribute("aria-label") : "\u00a0"; }
      cells.forEach(function (cell, at) {
        cell.addEventListener("mouseenter", function () { tell(cell); });
        cell.addEventListener("mouseleave", function () { tell(null); });
        cell.addEventListener("focus", function () { tell(cell); });
        cell.addEventListener("click", function () { go(cell); });
        cell.addEventListener("keydown", function (event) {
          var step = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }[event.key];
          if (event.key === "Enter") { go(cell); event.preventDefault(); return; }
          var next = step && cells[at + step];
          if (!next) return;
          event.preventDefault();
          cell.setAttribute("tabindex", "-1");
          next.setAttribute("tabindex", "0");
          next.focus();
        });
      });
      function go(cell) {
        var where = cell.getAttribute("data-code");
        if (where) location.hash = where;
      }
    });
  });
  reveal();
})();
