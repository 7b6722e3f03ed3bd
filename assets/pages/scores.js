/* /scores in the browser: the light theme; the form is an address, which the browser makes by itself. */
"use strict";

(function () {
  window.dash_clientside = window.dash_clientside || {};
  window.dash_clientside.gridpost = Object.assign(window.dash_clientside.gridpost || {}, {
    startScores() {
      window.gridpost.start("daily");
      const form = document.getElementById("scores-form");
      if (form) {
        form.addEventListener("submit", (event) => {
          event.preventDefault();
          const to = new URLSearchParams(location.search);
          to.delete("who");
          for (const name of ["from", "to"]) to.set(name, form.querySelector(`[name=${name}]`).value);
          location.assign("/scores?" + to);
        });
      }
      return "light";
    },
  });
})();
