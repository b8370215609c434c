"use strict";
/* Zoom, search and highlighting of a drawn graph. The drawing and the table below it say the same without this. */
for (const graph of document.querySelectorAll("[data-graph]")) {
  const svg = graph.querySelector("svg.network"), canvas = graph.querySelector(".canvas"), said = graph.querySelector(".said");
  const tools = graph.querySelector(".tools"), find = tools.querySelector("[data-find]"), found = tools.querySelector(".found");
  const nodes = [...svg.querySelectorAll(".node")], byId = new Map(nodes.map((node) => [node.id, node]));
  const edges = [...svg.querySelectorAll(".edge")], before = new Map(), after = new Map();
  const full = [Number(svg.getAttribute("width")), Number(svg.getAttribute("height"))];
  const hint = said.textContent;
  let scale = 1, chosen = null;

  const link = (map, from, to) => map.set(from, [...(map.get(from) || []), to]);
  for (const edge of edges) {
    link(after, edge.dataset.from, edge.dataset.to);
    link(before, edge.dataset.to, edge.dataset.from);
  }

  const reach = (start, next) => {
    const seen = new Set(), pending = [start];
    while (pending.length) for (const id of next.get(pending.pop()) || []) if (!seen.has(id)) { seen.add(id); pending.push(id); }
    return seen;
  };

  const middle = (node) => {
    const box = node.getBBox();
    return [box.x + box.width / 2, box.y + box.height / 2];
  };

  const zoom = (wanted) => {
    const [x, y] = [(canvas.scrollLeft + canvas.clientWidth / 2) / scale, (canvas.scrollTop + canvas.clientHeight / 2) / scale];
    scale = Math.min(3, Math.max(0.2, wanted));
    svg.setAttribute("width", full[0] * scale);
    svg.setAttribute("height", full[1] * scale);
    canvas.scrollTo(x * scale - canvas.clientWidth / 2, y * scale - canvas.clientHeight / 2);
  };

  const show = (node) => {
    const [x, y] = middle(node);
    canvas.scrollTo(x * scale - canvas.clientWidth / 2, y * scale - canvas.clientHeight / 2);
  };

  const names = (ids) => [...ids].map((id) => byId.get(id).dataset.name).join(", ") || "nothing";
  const line = (kind, text) => {
    const part = document.createElement("p"), head = document.createElement("b");
    head.textContent = kind;
    part.append(head, text);
    return part;
  };

  const choose = (node) => {
    chosen = node;
    const up = node ? reach(node.id, before) : new Set(), down = node ? reach(node.id, after) : new Set();
    svg.classList.toggle("chosen", Boolean(node));
    for (const other of nodes) {
      other.classList.toggle("self", other === node);
      other.classList.toggle("on", other === node || up.has(other.id) || down.has(other.id));
      if (other === node) other.setAttribute("aria-current", "true"); else other.removeAttribute("aria-current");
    }
    const side = (set, id) => set.has(id) || (node && id === node.id);
    for (const edge of edges) {
      const { from, to } = edge.dataset;
      edge.classList.toggle("on", (side(up, from) && side(up, to)) || (side(down, from) && side(down, to)));
    }
    if (!node) { said.replaceChildren(line("", hint)); return; }
    const row = document.getElementById("row-" + node.id), more = document.createElement("a");
    more.href = "#row-" + node.id;
    more.textContent = "its row in the table";
    said.replaceChildren(line(node.dataset.about, ""), line("Made from: ", names(up)), line("Read by: ", names(down)));
    if (row) said.append(more);
  };

  const walk = (node) => {
    for (const other of nodes) other.tabIndex = other === node ? 0 : -1;
    node.focus({ preventScroll: true });
    show(node);
  };

  const nearest = (node, ids) => {
    const [, y] = middle(node);
    return ids.map((id) => byId.get(id)).sort((a, b) => Math.abs(middle(a)[1] - y) - Math.abs(middle(b)[1] - y))[0];
  };

  const beside = (node, step) => {
    const [x, y] = middle(node);
    const column = nodes.filter((other) => Math.abs(middle(other)[0] - x) < 4 && (middle(other)[1] - y) * step > 1);
    return column.sort((a, b) => Math.abs(middle(a)[1] - y) - Math.abs(middle(b)[1] - y))[0];
  };

  const moves = {
    ArrowRight: (node) => nearest(node, after.get(node.id) || []), ArrowLeft: (node) => nearest(node, before.get(node.id) || []),
    ArrowDown: (node) => beside(node, 1), ArrowUp: (node) => beside(node, -1),
    Home: () => nodes[0], End: () => nodes[nodes.length - 1],
  };

  const search = () => {
    const text = find.value.trim().toLowerCase();
    const hits = text ? nodes.filter((node) => node.dataset.about.toLowerCase().includes(text)) : [];
    for (const node of nodes) node.classList.toggle("hit", hits.includes(node));
    found.textContent = text ? (hits.length === 1 ? "1 found" : hits.length + " found") : "";
    return hits;
  };

  const actions = {
    in: () => zoom(scale * 1.25), out: () => zoom(scale / 1.25),
    fit: () => zoom(Math.min(1.5, (canvas.clientWidth - 2) / full[0])),
    clear: () => { find.value = ""; search(); choose(null); },
  };

  tools.hidden = false;
  nodes.forEach((node, place) => { node.tabIndex = place ? -1 : 0; });
  tools.addEventListener("click", (event) => {
    const button = event.target.closest("[data-do]");
    if (button) actions[button.dataset.do]();
  });
  find.addEventListener("input", () => { const hits = search(); if (hits.length) show(hits[0]); });
  find.addEventListener("keydown", (event) => {
    const hits = search();
    if (event.key === "Enter" && hits.length) {
      event.preventDefault();
      const next = hits[(hits.indexOf(chosen) + 1) % hits.length];
      choose(next);
      show(next);
    }
    if (event.key === "Escape") actions.clear();
  });
  svg.addEventListener("click", (event) => {
    const node = event.target.closest(".node");
    if (!node) return;
    event.preventDefault();
    choose(node === chosen ? null : node);
    walk(node);
  });
  graph.addEventListener("keydown", (event) => {
    const node = event.target.closest ? event.target.closest(".node") : null;
    if (event.target === find || event.ctrlKey || event.metaKey || event.altKey) return;
    if (node && moves[event.key]) {
      event.preventDefault();
      const next = moves[event.key](node);
      if (next) walk(next);
    } else if (node && (event.key === "Enter" || event.key === " ")) {
      event.preventDefault();
      choose(node === chosen ? null : node);
    } else if (event.key === "Escape") actions.clear();
    else if (event.key === "+" || event.key === "=") actions.in();
    else if (event.key === "-") actions.out();
    else if (event.key === "0") actions.fit();
    else if (event.key === "/") { event.preventDefault(); find.focus(); }
  });
  canvas.addEventListener("wheel", (event) => {
    if (!event.ctrlKey) return;
    event.preventDefault();
    zoom(scale * (event.deltaY < 0 ? 1.1 : 1 / 1.1));
  }, { passive: false });

  let held = null;
  canvas.addEventListener("pointerdown", (event) => {
    if (event.button || event.pointerType === "touch" || event.target.closest(".node")) return;
    held = [event.clientX + canvas.scrollLeft, event.clientY + canvas.scrollTop];
    canvas.classList.add("drag");
  });
  addEventListener("pointermove", (event) => { if (held) canvas.scrollTo(held[0] - event.clientX, held[1] - event.clientY); });
  addEventListener("pointerup", () => { held = null; canvas.classList.remove("drag"); });

  if (full[0] > canvas.clientWidth) zoom(Math.max(0.6, (canvas.clientWidth - 2) / full[0]));
  canvas.scrollTo(0, 0);
  const asked = byId.get(decodeURIComponent(location.hash.slice(1)));
  if (asked) { choose(asked); show(asked); }
}
