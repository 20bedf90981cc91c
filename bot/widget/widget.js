/* Frontdesk chat widget: the one tag a page needs.
 *
 *   <script src="https://chat.example.com/widget.js" defer
 *           data-language="auto|en|zh" data-title="..." data-title-zh="..."
 *           data-accent="#1f6f5c" data-theme="auto|light|dark"></script>
 *
 * This file only finds out where it came from and loads the rest from there (/assets/main.js and
 * the modules that it imports). The widget is split into ES modules because each part (strings,
 * api, stream, conversation, view, style) can then be read on its own; browsers load modules
 * natively, so there is still no build step. A dynamic import also keeps the page's own loading
 * free of us: whatever fails here, the host page goes on.
 */
(() => {
  "use strict";
  if (window.frontdesk) return; // the tag is on the page twice
  const tag = document.currentScript;
  const options = { ...tag.dataset, base: new URL(tag.src).origin };

  const ready = import(`${options.base}/assets/main.js`).then((main) => main.start(options));
  ready.catch((error) => console.error(`Frontdesk: no chat from ${options.base}:`, error));

  // Callable at once; calls made before the modules have arrived wait for them.
  const later = (name) => (...args) => ready.then((widget) => widget[name](...args), () => {});
  window.frontdesk = Object.freeze({
    open: later("open"),
    close: later("close"),
    ask: later("ask"),
    setLanguage: later("setLanguage"),
  });
})();
