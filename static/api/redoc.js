"use strict";

// Redoc shows a logo from its makers' server, or nothing where that fails. No picture here is fetched from elsewhere.
const { set } = Object.getOwnPropertyDescriptor(HTMLImageElement.prototype, "src");
Object.defineProperty(HTMLImageElement.prototype, "src", {
  set(address) {
    if (/^(data:|\/)/.test(address)) {
      set.call(this, address);
    } else {
      this.dispatchEvent(new Event("error"));
    }
  },
});
HTMLImageElement.prototype.setAttribute = function (name, value) {
  if (name !== "src") {
    Element.prototype.setAttribute.call(this, name, value);
  }
};

const element = document.getElementById("description");
Redoc.init(element.dataset.schema, { nativeScrollbars: true }, element);
