"use strict";
(() => {
  // Figures sort by their number, words by their letters; empty cells come last either way.
  const value = (cell, figures) => {
    const text = cell.textContent.trim();
    if (text === "infinite") return Infinity;
    if (!figures) return text === "" ? null : text;
    const number = parseFloat(text.replace(/[<,]/g, ""));
    return Number.isNaN(number) ? null : number;
  };
  const compare = (a, b) => (typeof a === "number" ? (a > b) - (a < b)
    : a.localeCompare(b, "en", { numeric: true }));

  for (const table of document.querySelectorAll("table.sortable")) {
    const heads = [...table.tHead.rows[0].cells];
    const body = table.tBodies[0];
    const rows = [...body.rows];
    heads.forEach((head, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...head.childNodes);
      head.append(button);
      head.setAttribute("aria-sort", "none");
      const figures = head.classList.contains("n");
      button.addEventListener("click", () => {
        const now = head.getAttribute("aria-sort");
        const first = figures ? "descending" : "ascending";
        const order = now === "none" ? first : now === "ascending" ? "descending" : "ascending";
        heads.forEach((other) => other.setAttribute("aria-sort", other === head ? order : "none"));
        const sign = order === "ascending" ? 1 : -1;
        const keyed = rows.map((row) => [value(row.cells[column], figures), row]);
        keyed.sort(([a], [b]) => (a === null || b === null ? (a === null) - (b === null)
          : sign * compare(a, b)));
        body.append(...keyed.map(([, row]) => row));
      });
    });

    const box = document.getElementById("filter");
    const said = document.querySelector("output[for=filter]");
    const texts = rows.map((row) => [...row.cells].map((c) => c.textContent).join(" ").toLowerCase());
    const filter = () => {
      const words = box.value.toLowerCase().split(/\s+/);
      let shown = 0;
      rows.forEach((row, index) => {
        row.hidden = !words.every((word) => texts[index].includes(word));
        shown += row.hidden ? 0 : 1;
      });
      said.textContent = shown === rows.length ? `${shown} layers` : `${shown} of ${rows.length} layers`;
    };
    box.addEventListener("input", filter);
    box.closest("p").hidden = false;
    filter();
  }

  // Paper cannot be unfolded.
  let folded = [];
  window.addEventListener("beforeprint", () => {
    folded = [...document.querySelectorAll("details:not([open])")];
    folded.forEach((part) => { part.open = true; });
  });
  window.addEventListener("afterprint", () => folded.forEach((part) => { part.open = false; }));
})();
