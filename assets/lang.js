/* Keeps the language that the address asks for (?lang=en), so that the next page speaks it too. Alone in its file,
   because the sign-in page loads it without anything else. */
"use strict";
(function () {
  const asked = new URLSearchParams(location.search).get("lang");
  if (asked === "zh" || asked === "en") document.cookie = "gridpost_lang=" + asked + "; path=/; max-age=31536000; samesite=lax";
})();
