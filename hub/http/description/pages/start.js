"use strict";
// Draws the description. Nothing is asked of any other server: no validator badge, no "try it out".
(() => {
  const place = document.getElementById("description");
  window.SwaggerUIBundle({
    domNode: place,
    url: place.dataset.url,
    validatorUrl: null,
    supportedSubmitMethods: [],
    docExpansion: "list",
    defaultModelsExpandDepth: 0,
    deepLinking: true,
  });
})();
