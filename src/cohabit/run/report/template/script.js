"use strict";
(() => {
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const one = (id) => document.getElementById(id);
  const rows = all("table.claims tbody tr");
  const groups = all("details.group");
  const articles = all("article.notebook");
  const verdict = one("verdict"), fit = one("fit"), search = one("search");
  const texts = new Map([...rows, ...articles].map((node) => [node, node.textContent.toLowerCase()]));

  function filter() {
    const words = search.value.trim().toLowerCase();
    let shown = 0;
    for (const row of rows) {
      const match = (!verdict.value || row.dataset.verdict === verdict.value) &&
        (!fit.value || row.dataset.fit === fit.value) && texts.get(row).includes(words);
      row.hidden = !match;
      shown += match;
    }
    for (const group of groups) {
      const left = all("tbody tr:not([hidden])", group).length;
      group.hidden = !left;
      if (words || verdict.value || fit.value) group.open = true;
      group.querySelector(".tally").textContent = `${left} claim${left === 1 ? "" : "s"}`;
    }
    if (one("shown")) one("shown").textContent = `${shown} of ${rows.length} claims`;
    for (const card of all(".card")) {
      card.setAttribute("aria-pressed", String(card.dataset.verdict === verdict.value));
    }
  }

  function searchNotebooks() {
    const words = search.value.trim().toLowerCase();
    for (const article of articles) {
      const match = texts.get(article).includes(words);
      article.hidden = !match;
      if (words.length > 2) article.querySelector("details").open = match;
    }
  }

  function openTarget() {
    const target = location.hash && one(decodeURIComponent(location.hash.slice(1)));
    const details = target && (target.querySelector(":scope > details") || target.closest("details"));
    if (details) { details.open = true; target.scrollIntoView(); }
  }

  function enlarge(button) {
    const viewer = one("viewer"), picture = button.querySelector("img");
    const large = viewer.querySelector("img");
    large.src = picture.src;
    large.alt = picture.alt;
    viewer.querySelector("p").textContent = picture.alt;
    viewer.showModal();
  }

  search.addEventListener("input", () => { if (verdict) filter(); searchNotebooks(); });
  for (const control of [verdict, fit]) if (control) control.addEventListener("change", filter);
  for (const card of all(".card")) card.addEventListener("click", () => {
    verdict.value = verdict.value === card.dataset.verdict ? "" : card.dataset.verdict;
    filter();
    one("claims").scrollIntoView();
  });
  for (const button of all("button.enlarge")) button.addEventListener("click", () => enlarge(button));
  one("viewer").addEventListener("click", (event) => { if (event.target === one("viewer")) one("viewer").close(); });
  const openAll = one("open-all"), showCode = one("show-code");
  if (openAll) openAll.addEventListener("click", () => {
    const open = openAll.textContent === "Open all";
    for (const article of articles) article.querySelector("details").open = open;
    openAll.textContent = open ? "Close all" : "Open all";
  });
  if (showCode) showCode.addEventListener("click", () => {
    const open = showCode.getAttribute("aria-pressed") !== "true";
    for (const code of all("details.code")) code.open = open;
    showCode.setAttribute("aria-pressed", String(open));
    showCode.textContent = open ? "Hide code" : "Show code";
  });
  addEventListener("hashchange", openTarget);
  addEventListener("beforeprint", () => { for (const node of all("article.notebook > details, details.group")) node.open = true; });
  if (matchMedia("(max-width: 60rem)").matches) document.querySelector(".contents details").open = false;
  if (matchMedia("(max-width: 46rem)").matches) for (const group of groups) group.open = false;
  openTarget();
})();
