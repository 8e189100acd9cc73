// What this browser remembers. Where it may not, nothing is remembered and everything works.

export function kept(name) {
  try {
    return JSON.parse(localStorage.getItem(`simsong.${name}`));
  } catch {
    return null;
  }
}

export function keep(name, value) {
  try {
    localStorage.setItem(`simsong.${name}`, JSON.stringify(value));
  } catch {
    // storage is switched off or full
  }
}
