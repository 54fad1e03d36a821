
"use strict";
(() => {
  const root = document.documentElement;
  window.addEventListener("error", (event) => { root.dataset.error = event.message; });
  const byId = (id) => document.getElementById(id);
  const { nodes, arrows } = JSON.parse(byId("data").textContent);
  const picture = byId("picture"), panel = byId("about"), search = byId("search"), found = byId("found");
  const hint = panel.firstElementChild;
  const shapes = [...picture.querySelectorAll("[data-node]")];
  const lines = [...picture.querySelectorAll("[data-arrow]")];
  const size = { width: Number(picture.dataset.width), height: Number(picture.dataset.height) };

  // Who needs whom.
  const needs = nodes.map(() => []), neededBy = nodes.map(() => []);
  arrows.forEach(([from, to], at) => { needs[from].push([to, at]); neededBy[to].push([from, at]); });
  const corner = shapes.map((shape) => {
    const { e, f } = shape.transform.baseVal.consolidate().matrix;
    return { x: e, y: f };
  });

  // ---- where we look ----
  const margin = 24;
  let view = null;
  const show = () => picture.setAttribute("viewBox", `${view.x} ${view.y} ${view.width} ${view.height}`);
  const shown = () => picture.getBoundingClientRect();
  const fit = () => {
    const place = shown();
    // Never larger than life: one target should not fill the window.
    const width = Math.max(size.width + 2 * margin, place.width), height = Math.max(size.height + 2 * margin, place.height);
    view = { x: (size.width - width) / 2, y: (size.height - height) / 2, width, height };
    show();
  };
  const scale = () => {
    const place = shown();
    return Math.max(view.width / place.width, view.height / place.height);
  };
  const zoom = (factor, at) => {
    const now = scale();
    const wanted = Math.min(Math.max(now * factor, 0.2), Math.max(40, (size.width + 2 * margin) / 200));
    factor = wanted / now;
    at = at || { x: view.x + view.width / 2, y: view.y + view.height / 2 };
    view = {
      x: at.x - (at.x - view.x) * factor, y: at.y - (at.y - view.y) * factor,
      width: view.width * factor, height: view.height * factor,
    };
    show();
  };
  const pointOf = (event) => new DOMPoint(event.clientX, event.clientY).matrixTransform(picture.getScreenCTM().inverse());
  // What was looked for should also be readable.
  const bringIntoView = (at, readable) => {
    const box = shapes[at].getBoundingClientRect(), place = shown();
    const small = readable && scale() > 1.4;
    if (!small && box.left >= place.left && box.right <= place.right && box.top >= place.top && box.bottom <= place.bottom) return;
    const own = shapes[at].getBBox();
    view.x = corner[at].x + own.width / 2 - view.width / 2;
    view.y = corner[at].y + own.height / 2 - view.height / 2;
    if (small) zoom(1 / scale()); else show();
  };

  picture.addEventListener("wheel", (event) => {
    event.preventDefault();
    zoom(Math.exp(event.deltaY * (event.deltaMode === 1 ? 0.05 : 0.0015)), pointOf(event));
  }, { passive: false });
  let drag = null;
  picture.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    drag = { x: event.clientX, y: event.clientY, view, moved: false };
  });
  window.addEventListener("pointermove", (event) => {
    if (!drag) return;
    const [dx, dy] = [event.clientX - drag.x, event.clientY - drag.y];
    if (!drag.moved && Math.hypot(dx, dy) < 4) return;
    drag.moved = true;
    picture.classList.add("moving");
    const by = scale();
    view = { ...drag.view, x: drag.view.x - dx * by, y: drag.view.y - dy * by };
    show();
  });
  window.addEventListener("pointerup", (event) => {
    if (drag && !drag.moved && event.target instanceof Node && picture.contains(event.target)) {
      const shape = event.target.closest("[data-node]");
      choose(shape ? Number(shape.dataset.node) : null);
    }
    drag = null;
    picture.classList.remove("moving");
  });
  window.addEventListener("pointercancel", () => { drag = null; picture.classList.remove("moving"); });

  // ---- what is chosen ----
  let chosen = null;
  const follow = (start, next, lit, litLines) => {
    const open = [start];
    while (open.length) {
      for (const [to, at] of next[open.pop()]) {
        litLines.add(at);
        if (!lit.has(to)) { lit.add(to); open.push(to); }
      }
    }
  };
  const trace = (at) => {
    picture.classList.toggle("traced", at !== null);
    const lit = new Set(), litLines = new Set();
    if (at !== null) {
      // From both ends apart: circles of folded instances would else light everything.
      const down = new Set([at]), up = new Set([at]);
      follow(at, needs, down, litLines);
      follow(at, neededBy, up, litLines);
      for (const one of [...down, ...up]) lit.add(one);
    }
    shapes.forEach((shape, index) => shape.classList.toggle("lit", lit.has(index)));
    lines.forEach((line) => line.classList.toggle("lit", litLines.has(Number(line.dataset.arrow))));
  };
  const element = (tag, text, name) => {
    const made = document.createElement(tag);
    made.textContent = text;
    if (name) made.className = name;
    return made;
  };
  const tell = (at) => {
    if (at === null) { panel.replaceChildren(hint); return; }
    const { name, kind, place, help, facts, command } = nodes[at];
    const parts = [element("h2", name), element("p", `${kind} · ${place}`, "place")];
    if (help.length) parts.push(element("p", help.join("\n")));
    for (const [about, about_lines] of facts) {
      parts.push(element("h3", about));
      for (const [text, note] of about_lines) {
        const line = element("p", text);
        if (note) line.append(element("span", ` ${note}`, "more"));
        parts.push(line);
      }
    }
    if (command !== undefined) parts.push(element("h3", "command"), element("pre", command));
    panel.replaceChildren(...parts);
    panel.scrollTop = 0;
  };
  const choose = (at, focus, readable) => {
    if (chosen !== null) shapes[chosen].classList.remove("chosen");
    chosen = at;
    trace(at);
    tell(at);
    if (at === null) return;
    shapes[at].classList.add("chosen");
    bringIntoView(at, readable);
    if (focus) shapes[at].focus({ preventScroll: true });
  };
  shapes.forEach((shape, at) => {
    shape.setAttribute("tabindex", "0");
    shape.setAttribute("role", "button");
    shape.setAttribute("aria-label", `${nodes[at].kind} ${nodes[at].name}`);
    shape.addEventListener("mouseenter", () => { if (chosen === null && !drag) trace(at); });
    shape.addEventListener("mouseleave", () => { if (chosen === null) trace(null); });
    shape.addEventListener("focus", () => { if (shape.matches(":focus-visible")) bringIntoView(at); });
    shape.addEventListener("keydown", (event) => {
      if (event.key === "Enter" || event.key === " ") { event.preventDefault(); choose(at, true); }
    });
  });

  // ---- search ----
  const hits = () => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    if (!words.length) return [];
    const fits = ({ name, kind, help }) => {
      const text = [name, kind, ...help].join(" ").toLowerCase();
      return words.every((word) => text.includes(word));
    };
    return nodes.flatMap((node, at) => (fits(node) ? [at] : []));
  };
  const look = () => {
    const all = hits(), on = search.value.trim() !== "";
    picture.classList.toggle("searched", on);
    shapes.forEach((shape, at) => shape.classList.toggle("hit", on && all.includes(at)));
    found.textContent = on ? `${all.length} of ${nodes.length}` : `${nodes.length} drawn`;
    return all;
  };
  search.addEventListener("input", () => { choose(null); look(); });
  search.addEventListener("keydown", (event) => {
    if (event.key !== "Enter") return;
    const all = look();
    if (!all.length) return;
    const next = all[(all.indexOf(chosen) + (event.shiftKey ? all.length - 1 : 1) + all.length) % all.length];
    choose(next, false, true);
  });

  // ---- keys ----
  const nearest = (from, candidates) => candidates.reduce((best, at) => (
    best === null || Math.abs(corner[at].y - corner[from].y) < Math.abs(corner[best].y - corner[from].y) ? at : best
  ), null);
  const neighbour = (key) => {
    const here = corner[chosen];
    const inColumn = (sign) => shapes.map((_, at) => at)
      .filter((at) => at !== chosen && Math.abs(corner[at].x - here.x) < 1 && sign * (corner[at].y - here.y) > 0);
    switch (key) {
      case "ArrowRight": return nearest(chosen, needs[chosen].map(([to]) => to));
      case "ArrowLeft": return nearest(chosen, neededBy[chosen].map(([from]) => from));
      case "ArrowUp": return nearest(chosen, inColumn(-1));
      default: return nearest(chosen, inColumn(1));
    }
  };
  window.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Escape") {
      if (search.value) { search.value = ""; look(); }
      search.blur();
      choose(null);
      return;
    }
    if (event.target === search) return;
    if (event.key.startsWith("Arrow")) {
      event.preventDefault();
      if (chosen === null) { if (nodes.length) choose(0, true); return; }
      const next = neighbour(event.key);
      if (next !== null) choose(next, true);
    } else if (event.key === "/") { event.preventDefault(); search.focus(); search.select(); }
    else if (event.key === "+" || event.key === "=") zoom(1 / 1.3);
    else if (event.key === "-") zoom(1.3);
    else if (event.key === "0") fit();
  });
  byId("in").addEventListener("click", () => zoom(1 / 1.3));
  byId("out").addEventListener("click", () => zoom(1.3));
  byId("fit").addEventListener("click", fit);
  window.addEventListener("resize", fit);

  fit();
  look();
  // `#app` opens the page with that target chosen.
  const wanted = decodeURIComponent(location.hash.slice(1));
  const first = nodes.findIndex(({ name }) => name === wanted);
  if (wanted && first >= 0) choose(first, false, true);
  root.dataset.ready = String(shapes.length);
})();
