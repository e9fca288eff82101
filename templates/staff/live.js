/* Keeps the parts of a page marked data-live up to date; without it a press on the button does. */
"use strict";
(() => {
  const body = document.body;
  for (const gone of document.querySelectorAll("[data-gone-after]")) {
    setTimeout(() => { gone.hidden = true; }, Number(gone.dataset.goneAfter) * 1000);
  }
  if (!body.querySelector("[data-live]") || !window.EventSource) return;
  const pause = document.getElementById("pause");
  const RETRY = 60000;
  let busy = false;
  let again = false;

  /* Nothing is taken from under a finger or a cursor: a part in use waits for the next change. */
  function inUse(part) {
    const active = document.activeElement;
    return active && active !== body && part.contains(active) && active.matches("input,select,textarea");
  }

  function take(part, fresh) {
    const focused = document.activeElement && part.contains(document.activeElement)
      ? document.activeElement.id : "";
    const open = new Set([...part.querySelectorAll("details[open]")].map((one) => one.id));
    part.replaceChildren(...fresh.childNodes);
    for (const one of part.querySelectorAll("details")) {
      if (open.has(one.id)) one.open = true;
    }
    const back = focused && document.getElementById(focused);
    if (back) back.focus();
  }

  async function renew() {
    if (busy) { again = true; return; }
    busy = true;
    try {
      /* The header says that nobody pressed anything: the idle lock must come all the same. */
      const answer = await fetch(location.href, { cache: "no-store", headers: { "X-Kvar-Live": "1" } });
      if (answer.ok && !answer.redirected) {
        const page = new DOMParser().parseFromString(await answer.text(), "text/html");
        /* Another tab works at another library now: its devices must not stand under this heading. */
        if (page.body.dataset.site !== body.dataset.site) { location.reload(); return; }
        for (const part of document.querySelectorAll("[data-live]")) {
          const fresh = page.getElementById(part.id);
          if (fresh && !fresh.isEqualNode(part) && !inUse(part)) take(part, fresh);
        }
      }
    } catch { /* the stream says when there is something again */ }
    busy = false;
    if (again) { again = false; renew(); }
  }

  let stream = null;
  function listen() {
    stream = new EventSource(body.querySelector("[data-live-from]")?.dataset.liveFrom || "/desk/live");
    stream.addEventListener("changed", renew);
    stream.addEventListener("open", renew);
  }
  listen();
  setInterval(() => {
    if (!stream) return;
    if (stream.readyState === EventSource.CLOSED) listen();
    renew();
  }, RETRY);

  if (pause) {
    pause.hidden = false;
    pause.addEventListener("click", () => {
      const on = pause.getAttribute("aria-pressed") !== "true";
      pause.setAttribute("aria-pressed", String(on));
      if (on) { stream.close(); stream = null; } else { listen(); renew(); }
    });
  }
})();
