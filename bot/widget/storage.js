/* Small values kept in the browser; falls back to memory where storage is blocked or full. */

class Box {
  #memory = new Map();

  constructor(area, prefix) {
    this.prefix = prefix;
    try {
      this.area = window[area]; // throws where third-party storage is blocked
    } catch {
      this.area = null;
    }
  }

  get(name) {
    try {
      return this.area.getItem(this.prefix + name) ?? this.#memory.get(name) ?? null;
    } catch {
      return this.#memory.get(name) ?? null;
    }
  }

  set(name, value) {
    this.#memory.set(name, value);
    try {
      this.area.setItem(this.prefix + name, value);
    } catch {
      // kept in memory: the chat works, it is only forgotten with the page
    }
  }

  remove(name) {
    this.#memory.delete(name);
    try {
      this.area.removeItem(this.prefix + name);
    } catch {
      // nothing was stored
    }
  }
}

/** `local` lives on and is shared by the tabs of a site; `tab` belongs to this tab alone. */
export function openStorage(base) {
  const prefix = `frontdesk ${base} `;
  return { local: new Box("localStorage", prefix), tab: new Box("sessionStorage", prefix), prefix };
}
