"use strict";

// Redoc shows a logo from its makers' server: nothing here is fetched from elsewhere.
const setAttribute = Element.prototype.setAttribute;
HTMLImageElement.prototype.setAttribute = function (name, value) {
  if (name !== "src" || new URL(value, location.href).origin === location.origin) {
    setAttribute.call(this, name, value);
  }
};

const element = document.getElementById("description");
Redoc.init(element.dataset.schema, { nativeScrollbars: true }, element);
