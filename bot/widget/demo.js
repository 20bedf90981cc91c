/* The demo page: its language, the example questions, and the address shown to integrators. */
"use strict";

const TITLES = { en: "Willow Shop · a Frontdesk demo", zh: "柳叶商店 · Frontdesk 演示" };
const KEY = "willow language";

function savedLanguage() {
  try {
    return localStorage.getItem(KEY);
  } catch {
    return null; // storage is blocked: the choice lasts as long as the page
  }
}

function showLanguage(language) {
  document.documentElement.lang = language === "zh" ? "zh-CN" : "en";
  document.documentElement.dataset.ui = language;
  document.title = TITLES[language];
}

function switchLanguage() {
  const language = document.documentElement.dataset.ui === "zh" ? "en" : "zh";
  try {
    localStorage.setItem(KEY, language);
  } catch {
    // see savedLanguage
  }
  showLanguage(language);
  window.frontdesk.setLanguage(language);
}

showLanguage(savedLanguage() ?? (/^zh\b/i.test(navigator.language) ? "zh" : "en"));
document.getElementById("language").addEventListener("click", switchLanguage);
document.getElementById("open-chat").addEventListener("click", () => window.frontdesk.open());
for (const chip of document.querySelectorAll(".chip")) {
  chip.addEventListener("click", () => window.frontdesk.ask(chip.textContent));
}
for (const code of document.querySelectorAll("[data-origin]")) {
  code.textContent = code.textContent.replace("{origin}", location.origin);
}
