/* Opens the browser's printing at once, and leads back when it is closed. */
"use strict";
addEventListener("load", () => {
  const back = document.querySelector("header a[href]");
  addEventListener("afterprint", () => { if (back) location.replace(back.href); });
  print();
});
