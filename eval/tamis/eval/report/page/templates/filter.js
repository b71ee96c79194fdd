"use strict";
(function () {
  var table = document.getElementById("rows-table"), input = document.getElementById("filter");
  if (!table || !input) return;
  var rows = Array.prototype.slice.call(table.tBodies[0].rows), said = document.getElementById("filtered"), due = 0;
  function filter() {
    var words = input.value.toLowerCase().split(/\s+/), left = 0;
    rows.forEach(function (row) {
      var text = row.textContent.toLowerCase();
      var shown = words.every(function (word) { return text.indexOf(word) >= 0; });
      row.hidden = !shown;
      left += shown;
    });
    said.textContent = input.value ? left + " of " + rows.length : "";
  }
  input.addEventListener("input", function () { clearTimeout(due); due = setTimeout(filter, 120); });
  document.querySelector(".filter").hidden = false;
})();
