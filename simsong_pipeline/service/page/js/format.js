// Numbers as people read them.

export function time(seconds) {
  if (!Number.isFinite(seconds)) return "–";
  const whole = Math.max(0, Math.floor(seconds));
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor((whole % 3600) / 60), whole % 60];
  const two = (n) => String(n).padStart(2, "0");
  return hours ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`;
}

/** A time as it is spoken. */
export function spokenTime(seconds) {
  const whole = Math.max(0, Math.floor(seconds || 0));
  const minutes = Math.floor(whole / 60);
  return minutes ? `${count(minutes, "minute")} ${count(whole % 60, "second")}` : count(whole, "second");
}

export function span(seconds) {
  if (!seconds) return "";
  const minutes = Math.round(seconds / 60);
  if (minutes < 1) return `${Math.round(seconds)} s`;
  return minutes < 90 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

export const whole = (number) => new Intl.NumberFormat("en").format(number);
export const count = (number, word, words = `${word}s`) => `${whole(number)} ${number === 1 ? word : words}`;
export const percent = (share) => `${Math.round(share * 100)} %`;

const LANGUAGES = new Intl.DisplayNames(["en"], { type: "language" });

/** "English" for "en"; what is no language stays as it is. */
export function language(code) {
  try {
    return LANGUAGES.of(code) ?? code;
  } catch {
    return code;
  }
}
