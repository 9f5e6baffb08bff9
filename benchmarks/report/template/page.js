"use strict";

/* Tables: a heading's button sorts by its column, by number where every value is one; what has no value comes last. */

const words = new Intl.Collator("en", { numeric: true });

function sortRows(heading) {
  const table = heading.closest("table");
  const column = heading.cellIndex;
  const other = { ascending: "descending", descending: "ascending" };
  const direction = other[heading.ariaSort] ?? heading.dataset.first;
  for (const each of table.tHead.rows[0].cells) each.ariaSort = "none";
  heading.ariaSort = direction;

  const body = table.tBodies[0];
  const value = (row) => row.cells[column].dataset.value;
  const rows = [...body.rows];
  const known = rows.filter((row) => value(row) !== "");
  const numeric = known.every((row) => !Number.isNaN(Number(value(row))));
  const compare = numeric ? (a, b) => Number(a) - Number(b) : words.compare;
  const sign = direction === "ascending" ? 1 : -1;
  known.sort((a, b) => sign * compare(value(a), value(b)));
  body.append(...known, ...rows.filter((row) => value(row) === ""));
}

for (const heading of document.querySelectorAll("th[aria-sort]")) {
  heading.querySelector("button").addEventListener("click", () => sortRows(heading));
}

/* Pictures: a slider uncovers the original over the reconstruction; both are taken from the grid below it. */

for (const comparison of document.querySelectorAll(".comparison")) {
  const find = (selector) => comparison.querySelector(selector);
  const [method, picture, slider, stage] = [".method", ".picture", "input", ".stage"].map(find);
  const grid = document.getElementById(comparison.dataset.grid);
  const pictures = [...grid.rows].map((row) => [...row.querySelectorAll("img")]);

  const split = () => {
    stage.style.setProperty("--split", `${slider.value}%`);
    slider.ariaValueText = `${slider.value} % original, ${100 - slider.value} % reconstruction`;
  };
  const show = () => {
    const shown = {
      ".original": pictures[0][picture.selectedIndex],
      ".reconstruction": pictures[method.selectedIndex + 1][picture.selectedIndex],
    };
    for (const [side, image] of Object.entries(shown)) {
      find(side).src = image.src;
      find(side).alt = image.alt;
    }
    find(".caption").textContent = shown[".reconstruction"].alt;
  };
  const drag = (event) => {
    if (event.buttons === 0) return;
    const box = stage.getBoundingClientRect();
    slider.value = (100 * (event.clientX - box.left)) / box.width;
    split();
  };

  slider.addEventListener("input", split);
  method.addEventListener("change", show);
  picture.addEventListener("change", show);
  stage.addEventListener("pointerdown", (event) => {
    stage.setPointerCapture(event.pointerId);
    drag(event);
  });
  stage.addEventListener("pointermove", drag);
  pictures.forEach((images, row) =>
    images.forEach((image, column) =>
      image.addEventListener("click", () => {
        if (row > 0) method.selectedIndex = row - 1;
        picture.selectedIndex = column;
        show();
        comparison.scrollIntoView({ block: "nearest" });
      }),
    ),
  );
  split();
  show();
  comparison.hidden = false;
}

/* Commands: copied, or selected where the browser does not let a page copy. */

for (const button of document.querySelectorAll(".copy")) {
  const command = button.parentElement.querySelector("code");
  const status = button.parentElement.querySelector("[role=status]");
  button.hidden = false;
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(command.textContent);
      status.textContent = "copied";
    } catch {
      getSelection().selectAllChildren(command);
      status.textContent = "selected: press Ctrl+C to copy";
    }
  });
}

/* A link to a row opens it, and on paper all stands open. */

function openTarget() {
  const target = location.hash && document.getElementById(location.hash.slice(1));
  if (!(target instanceof HTMLDetailsElement)) return;
  target.open = true;
  target.querySelector("summary").focus();
}

addEventListener("hashchange", openTarget);
openTarget();

addEventListener("beforeprint", () => {
  for (const each of document.querySelectorAll("details:not([open])")) {
    each.open = true;
    addEventListener("afterprint", () => (each.open = false), { once: true });
  }
});
