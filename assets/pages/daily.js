/* /daily in the browser: light, another day, print. The report itself is laid out by the server. */
"use strict";

(function () {
  window.dash_clientside = window.dash_clientside || {};
  window.dash_clientside.gridpost = Object.assign(window.dash_clientside.gridpost || {}, {
    startDaily() {
      window.gridpost.start("daily");
      const menu = document.querySelector(".exports"), shut = () => { menu.open = false; };   // as other menus: by a click beside it, by Esc
      document.addEventListener("click", (event) => { if (!event.target.closest(".exports summary")) shut(); });
      document.addEventListener("keydown", (event) => { if (event.key === "Escape") shut(); });
      window.gridpostStill.start("day-map", {top: .75, bottom: .75, left: .75, right: 8});   // at the right stands the legend
      return "light";
    },
    goToDay(day) {
      const to = String(day || "").slice(0, 10), now = new URLSearchParams(location.search).get("day");
      if (/^\d{4}-\d\d-\d\d$/.test(to) && to !== now) location.assign("/daily?day=" + to);
      return to;
    },
    print() { window.print(); return Date.now(); },
  });
})();
