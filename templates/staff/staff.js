/* What the staff pages do more comfortably with a script; each works without it. */
"use strict";
(() => {
  const body = document.body;
  const byId = (id) => document.getElementById(id);

  /* A first sign-in's code stands behind the #, which no server and no log ever sees. */
  const code = byId("code");
  if (location.pathname === "/first" && code && location.hash.length > 1) {
    code.value = decodeURIComponent(location.hash.slice(1));
    history.replaceState(null, "", location.pathname);
  }

  for (const button of document.querySelectorAll("[data-print]")) {
    button.hidden = false;
    button.addEventListener("click", () => print());
  }

  /* After an error the first thing read is what is wrong. */
  const problem = document.querySelector(".summary a");
  if (problem) {
    problem.focus();
    problem.addEventListener("click", (event) => {
      const field = byId(problem.hash.slice(1));
      if (field) { event.preventDefault(); field.focus(); }
    });
  }

  const lockAfter = Number(body.dataset.lockAfter) * 1000;
  if (!lockAfter) return;

  /* The lock: warned two minutes ahead, put off by any key, and nothing typed is lost by it. */
  const warnBefore = Number(body.dataset.warnBefore) * 1000;
  const warning = byId("lock-warning");
  const screen = byId("lock-screen");
  const shown = [document.querySelector("header"), byId("main")];
  const form = screen.querySelector("form");
  const password = form.querySelector("[type=password]");
  const PING = 60000;
  let seen = Date.now();
  let told = Date.now();
  let focused = null;

  const send = (from) => fetch(from.action, {
    method: "POST", headers: { Accept: "text/plain" }, body: new URLSearchParams(new FormData(from)),
  });

  const tell = async () => {
    told = Date.now();
    try { if ((await send(byId("stay"))).status === 423) lock(); } catch { /* said at the next page */ }
  };

  const isLocked = () => !screen.hidden;

  function present() {
    if (isLocked()) return;
    seen = Date.now();
    if (!warning.hidden) { warning.hidden = true; tell(); }
    else if (seen - told > PING) tell();
  }

  function lock() {
    if (isLocked()) return;
    focused = document.activeElement;
    warning.hidden = true;
    for (const part of shown) part.hidden = true;
    screen.hidden = false;
    password.focus();
  }

  function unlock() {
    form.reset();
    screen.hidden = true;
    for (const part of shown) part.hidden = false;
    seen = told = Date.now();
    if (focused) focused.focus();
  }

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    let text = screen.dataset.away;
    try {
      const answer = await send(form);
      if (answer.status === 204) { unlock(); return; }
      if (answer.status === 401) { location.reload(); return; }
      if (answer.headers.get("Content-Type").startsWith("text/plain")) text = await answer.text();
    } catch { /* said below */ }
    let wrong = screen.querySelector(".wrong");
    if (!wrong) {
      wrong = document.createElement("p");
      wrong.className = "wrong";
      wrong.setAttribute("role", "alert");
      password.before(wrong);
    }
    wrong.textContent = text;
    form.reset();
    password.focus();
  });

  /* Another tab may have been used meanwhile: the server knows. */
  async function ask() {
    try {
      const answer = await fetch("/stay", { headers: { Accept: "text/plain" } });
      if (answer.status === 423) { lock(); return; }
      if (!answer.ok) return;
      seen = Date.now() - lockAfter + Number(await answer.text()) * 1000;
      if (isLocked() && Date.now() - seen < lockAfter - warnBefore) unlock();
    } catch { /* tried again at the next look */ }
  }
  document.addEventListener("visibilitychange", () => { if (!document.hidden && isLocked()) ask(); });

  setInterval(async () => {
    if (isLocked()) return;
    const idle = Date.now() - seen;
    if (idle >= lockAfter - warnBefore && warning.hidden) {
      await ask();
      if (!isLocked() && Date.now() - seen >= lockAfter - warnBefore) warning.hidden = false;
    } else if (idle >= lockAfter) {
      await ask();
      if (!isLocked() && Date.now() - seen >= lockAfter) lock();
    } else if (idle < lockAfter - warnBefore) {
      warning.hidden = true;
    }
  }, 1000);

  for (const kind of ["keydown", "pointerdown", "input"]) {
    addEventListener(kind, present, { capture: true, passive: true });
  }
  warning.querySelector("button").addEventListener("click", present);
})();
