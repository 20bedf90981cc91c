/* The widget's style sheet. Adopted by the shadow root, so a strict style-src lets it pass and
 * neither the page's rules nor ours leak through the border. */

export const CSS = `
:host { all: initial; }
*, *::before, *::after { box-sizing: border-box; }
[hidden] { display: none !important; }

.root {
  --surface: #fff; --raised: #f3f5f6; --text: #1b1f24; --soft: #59636e; --line: #dde2e6;
  --alert: #b3261e; --good: #2da44e; --warn: #bf8700;
  --shadow: 0 12px 40px rgb(15 23 32 / .22), 0 2px 8px rgb(15 23 32 / .12);
  position: fixed; inset: auto 0 0 auto; z-index: 2147483000;
  font: 400 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "PingFang SC",
    "Microsoft YaHei", "Noto Sans CJK SC", "Noto Sans SC", sans-serif;
  color: var(--text); color-scheme: light; text-align: start;
}
.root[data-theme="dark"] {
  --surface: #1b1f24; --raised: #2a3037; --text: #eceff2; --soft: #a9b4bf; --line: #3a424b;
  --alert: #ff9a92; --good: #4ac26b; --warn: #e3b341;
  --shadow: 0 12px 40px rgb(0 0 0 / .6), 0 0 0 1px #3a424b;
  color-scheme: dark;
}
button { font: inherit; color: inherit; cursor: pointer; border: 0; background: none; margin: 0;
  padding: 0; touch-action: manipulation; }
:focus-visible { outline: 2px solid var(--ink); outline-offset: 2px; }
svg { display: block; flex: none; fill: none; stroke: currentColor; stroke-width: 2;
  stroke-linecap: round; stroke-linejoin: round; }
.quiet { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%);
  white-space: nowrap; }

.launcher { position: fixed; right: 20px; bottom: 20px; display: flex; align-items: center;
  justify-content: center; gap: 10px; min-width: 56px; height: 56px; padding: 0 22px 0 18px;
  border: 1px solid transparent; border-radius: 28px; background: var(--accent);
  color: var(--on-accent); font-weight: 600; box-shadow: var(--shadow); }
.launcher:hover { filter: brightness(1.08); }
.launcher:focus-visible { outline: 3px solid var(--ink); outline-offset: 3px; }
.launcher[aria-expanded="true"] { padding: 0; }
.badge { position: absolute; top: -5px; right: -3px; min-width: 22px; height: 22px; padding: 0 6px;
  border-radius: 11px; background: #b3261e; color: #fff; font-size: 12px; line-height: 22px;
  text-align: center; box-shadow: 0 0 0 2px var(--surface); }

.panel { position: fixed; right: 20px; bottom: 90px; display: flex; flex-direction: column;
  width: 388px; height: min(640px, calc(100vh - 110px)); height: min(640px, calc(100dvh - 110px));
  background: var(--surface); border: 1px solid transparent; border-radius: 18px;
  box-shadow: var(--shadow); overflow: hidden; }

.head { display: flex; align-items: center; gap: 12px; padding: 14px 12px 14px 16px;
  background: var(--accent); color: var(--on-accent); }
.face { display: grid; place-items: center; width: 40px; height: 40px; border-radius: 50%;
  background: rgb(255 255 255 / .18); box-shadow: inset 0 0 0 1px rgb(255 255 255 / .25); }
.names { flex: 1; min-width: 0; }
.title { margin: 0; font-size: 16px; font-weight: 650; line-height: 1.3; overflow: hidden;
  text-overflow: ellipsis; white-space: nowrap; }
.status { display: flex; align-items: center; gap: 6px; font-size: 13px; line-height: 1.4; }
.status::before { content: ""; width: 9px; height: 9px; border-radius: 50%; flex: none;
  background: var(--warn); box-shadow: 0 0 0 1.5px var(--on-accent); }
.status[data-state="online"]::before { background: var(--good); }
.status[data-state="offline"]::before { background: transparent; }
.tool { display: grid; place-items: center; min-width: 36px; height: 36px; padding: 0 8px;
  border-radius: 10px; font-size: 14px; font-weight: 600; }
.tool:hover { background: rgb(127 127 127 / .3); }
.tool:focus-visible { outline-color: var(--on-accent); outline-offset: -2px; }
.notice { display: flex; align-items: center; gap: 8px; margin: 0; padding: 7px 16px;
  background: var(--raised); color: var(--soft); font-size: 13px;
  border-bottom: 1px solid var(--line); }

.log { flex: 1; display: flex; flex-direction: column; gap: 10px; min-height: 0; padding: 16px;
  overflow-y: auto; overscroll-behavior: contain; scrollbar-width: thin; }
.log:focus-visible { outline-offset: -3px; }
.row { display: flex; flex-direction: column; align-items: flex-start; max-width: 86%; }
.row[data-from="visitor"] { align-self: flex-end; align-items: flex-end; }
.bubble { padding: 9px 14px; border: 1px solid transparent; border-radius: 16px 16px 16px 5px;
  background: var(--raised); white-space: pre-wrap; overflow-wrap: anywhere; max-width: 100%; }
.row[data-from="visitor"] .bubble { background: var(--accent); color: var(--on-accent);
  border-radius: 16px 16px 5px 16px; }
.bubble a { color: var(--ink); text-underline-offset: 2px; }
.row[data-from="visitor"] a { color: inherit; }
.row[data-state] .bubble { opacity: .72; }
.row[data-state="failed"] .bubble, .row[data-state="rejected"] .bubble,
.row[data-state="tooMany"] .bubble { opacity: 1; outline: 1.5px solid var(--alert);
  outline-offset: 2px; }
.meta { display: flex; align-items: center; gap: 8px; margin: 3px 4px 0; color: var(--soft);
  font-size: 12px; }
.thumbs { display: inline-flex; gap: 2px; }
.thumb { display: grid; place-items: center; width: 30px; height: 26px; border-radius: 8px;
  color: var(--soft); }
.thumb:hover { background: var(--raised); color: var(--ink); }
.thumb[aria-pressed="true"] { color: var(--ink); }
.thumb[aria-pressed="true"] path { fill: currentColor; fill-opacity: .25; }
.trouble { color: var(--alert); }
.meta:has(.trouble) { margin-top: 8px; }
.retry { padding: 3px 12px; min-height: 26px; border: 1px solid var(--alert); border-radius: 13px;
  color: var(--alert); font-weight: 600; }
.choices { display: flex; flex-wrap: wrap; gap: 8px; margin-top: 8px; }
.choice { padding: 7px 14px; min-height: 38px; border: 1.5px solid var(--ink); border-radius: 19px;
  color: var(--ink); font-weight: 550; text-align: start; overflow-wrap: anywhere; }
.choice:hover { background: var(--accent); border-color: var(--accent); color: var(--on-accent); }
.divider { align-self: center; color: var(--soft); font-size: 12px; }
.typing { display: flex; gap: 5px; padding: 14px 16px; }
.typing i { width: 7px; height: 7px; border-radius: 50%; background: var(--soft); }

.composer { display: flex; align-items: flex-end; gap: 8px; padding: 12px;
  padding-bottom: max(12px, env(safe-area-inset-bottom)); border-top: 1px solid var(--line); }
.input { flex: 1; min-width: 0; max-height: 132px; padding: 10px 14px; border-radius: 14px;
  border: 1px solid var(--soft); background: var(--surface); color: var(--text); resize: none;
  font: inherit; font-size: 16px; line-height: 22px; overflow-y: auto; }
.input::placeholder { color: var(--soft); opacity: 1; }
.input:focus { outline: 2px solid var(--ink); outline-offset: -1px; border-color: transparent; }
.input[aria-invalid="true"] { border-color: var(--alert); outline-color: var(--alert); }
.send { display: grid; place-items: center; width: 44px; height: 44px; border-radius: 14px;
  border: 1px solid transparent; background: var(--accent); color: var(--on-accent); }
.send:hover:not(:disabled) { filter: brightness(1.08); }
.send:disabled { background: var(--raised); color: var(--soft); cursor: default; }
.counter { padding: 0 16px 8px; margin: -4px 0 0; font-size: 12px; color: var(--soft);
  text-align: end; }
.counter[data-over] { color: var(--alert); font-weight: 600; }

@media (max-width: 520px), (max-height: 460px) {
  .panel { inset: 0; width: auto; height: 100vh; height: 100dvh; border-radius: 0; border: 0; }
  .root[data-open] .launcher { display: none; }
}
@media (max-width: 400px) {
  .launcher { padding: 0; }
  .launcher .label { display: none; }
}
@media (prefers-reduced-motion: no-preference) {
  .panel { animation: rise .2s ease-out; }
  .row { animation: rise .16s ease-out; }
  .typing i { animation: blink 1.2s infinite; }
  .typing i:nth-child(2) { animation-delay: .2s; }
  .typing i:nth-child(3) { animation-delay: .4s; }
  .launcher, .choice, .tool, .thumb { transition: background .15s, color .15s, filter .15s; }
}
@keyframes rise { from { opacity: 0; transform: translateY(8px); } }
@keyframes blink { 0%, 60%, 100% { opacity: .35; } 30% { opacity: 1; } }
@media (forced-colors: active) {
  .bubble, .panel, .launcher, .send { border-color: CanvasText; }
  .typing i, .status::before { forced-color-adjust: none; }
}
@media print { .root { display: none; } }
`;
