// Takes the next code of the day in place, without a flash. Without this script, or when it fails
// to start, the page loads itself anew. An old code is hidden: nobody shall scan one in vain.
"use strict";
(() => {
  const RETRY_MS = 3000;
  let taken = Date.now();

  const main = () => document.querySelector("main");
  const seconds = (name) => Number(main().dataset[name]) * 1000;

  async function renew() {
    try {
      const answer = await fetch(location.href, { cache: "no-store", credentials: "same-origin" });
      if (!answer.ok || answer.redirected) throw new Error(String(answer.status));
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const fresh = page.querySelector("main[data-refresh-s]");
      if (!fresh) throw new Error("another page");
      main().replaceWith(fresh);
      taken = Date.now();
      setTimeout(renew, seconds("refreshS"));
    } catch {
      hide_if_old();
      setTimeout(renew, RETRY_MS);
    }
  }

  function hide_if_old() {
    const today = document.getElementById("today");
    if (!today || Date.now() - taken < seconds("goodS")) return;
    today.hidden = true;
    main().querySelector(".stale").hidden = false;
  }

  setTimeout(renew, seconds("refreshS"));
})();
