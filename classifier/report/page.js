"use strict";
// The page is whole without this: it picks the reader's language, and sorts and filters tables.
if ((navigator.language || "").toLowerCase().startsWith("zh")) {
  document.getElementById("show-zh").checked = true;
}
const language = () => {
  document.documentElement.lang = document.getElementById("show-zh").checked ? "zh" : "en";
};
for (const input of document.querySelectorAll(".switch input")) input.addEventListener("change", language);
language();

const valueOf = (row, column) => {
  const cell = row.cells[column];
  return cell.dataset.v === undefined ? cell.textContent.trim() : Number(cell.dataset.v);
};
const compare = (a, b) => (typeof a === "number" ? a - b : a.localeCompare(b));

function sortable(table) {
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const down = head.getAttribute("aria-sort") === "ascending";
      for (const other of heads) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      const rows = [...table.tBodies[0].rows];
      rows.sort((a, b) => (down ? -1 : 1) * compare(valueOf(a, column), valueOf(b, column)));
      table.tBodies[0].append(...rows);
    });
  });
}

function filterable(table) {
  const label = document.createElement("label");
  label.className = "filter";
  for (const [lang, word] of [["en", "Show only"], ["zh", "只显示"]]) {
    const span = document.createElement("span");
    span.className = span.lang = lang;
    span.textContent = word;
    label.append(span);
  }
  const input = document.createElement("input");
  input.type = "search";
  input.addEventListener("input", () => {
    const wanted = input.value.toLowerCase();
    for (const row of table.tBodies[0].rows) {
      row.hidden = !row.textContent.toLowerCase().includes(wanted);
    }
  });
  label.append(input);
  table.parentElement.before(label);
}

for (const table of document.querySelectorAll("table.sortable")) {
  sortable(table);
  filterable(table);
}
