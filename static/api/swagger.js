"use strict";

const element = document.getElementById("description");

// Whoever is signed in tries things out with the session, whose writes need the token of the cookie.
function withCsrf(request) {
  const token = document.cookie.match(/(?:^|; )csrftoken=([^;]+)/);
  if (token && request.method !== "GET") {
    request.headers["X-CSRFToken"] = token[1];
  }
  return request;
}

SwaggerUIBundle({
  url: element.dataset.schema,
  domNode: element,
  deepLinking: true,
  docExpansion: "none",
  displayRequestDuration: true,
  validatorUrl: null,
  requestInterceptor: withCsrf,
});
