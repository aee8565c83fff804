/*
 * The strength meter of the new password. It looks at length, variety and repetition only, on this device; nothing is
 * sent. The server has the last word: it also knows common passwords and the person's own data.
 */

const COMMON =
  /password|passw0rd|qwerty|asdfgh|zxcvbn|iloveyou|welcome|admin|letmein|taiwan|abc123|1qaz2wsx|monkey|dragon/g;

/** Characters an attacker must think of, judged by the kinds that occur. */
function alphabet(text) {
  let size = 0;
  if (/[0-9]/.test(text)) size += 10;
  if (/[a-z]/.test(text)) size += 26;
  if (/[A-Z]/.test(text)) size += 26;
  if (/[\x20-\x2f\x3a-\x40\x5b-\x60\x7b-\x7e]/.test(text)) size += 33;
  // Chinese is written in words: some hundred choices for each character, not tens of thousands.
  if (/[^\x20-\x7e]/.test(text)) size += 300;
  return Math.max(size, 2);
}

/** `abcabcabc` → `abc`: what is left when the text is the same piece again and again. */
function withoutCycle(chars) {
  for (let period = 1; period <= chars.length / 2; period += 1) {
    if (chars.every((char, at) => at < period || char === chars[at - period])) return chars.slice(0, period);
  }
  return chars;
}

/** True where a character only goes on with a row: `aaa`, `345`, `cba`. */
function followsRow(codes, at) {
  const step = codes[at] - codes[at - 1];
  return at >= 2 && Math.abs(step) <= 1 && step === codes[at - 1] - codes[at - 2];
}

/**
 * A rough number of bits. Letters in words count less than random ones.
 * @param password what was typed
 * @param own words that others know of the person
 */
export function estimateBits(password, own = []) {
  let text = password.normalize('NFKC');
  for (const word of own) {
    if (word.length >= 2) text = text.toLowerCase().includes(word.toLowerCase()) ? cut(text, word) : text;
  }
  text = text.replace(new RegExp(COMMON, 'gi'), '*');
  const chars = withoutCycle([...text]);
  const codes = chars.map((char) => char.toLowerCase().codePointAt(0) ?? 0);
  const each = Math.log2(alphabet(chars.join('')));
  const seen = new Map();
  let bits = 0;
  codes.forEach((code, at) => {
    const before = seen.get(code) ?? 0;
    seen.set(code, before + 1);
    if (followsRow(codes, at)) bits += 0.5;
    else bits += (inWord(chars, at) ? each * 0.6 : each) / (1 + before / 4);
  });
  return bits;
}

function cut(text, word) {
  return text.toLowerCase().replaceAll(word.toLowerCase(), '*');
}

/** True from the third letter of a run of letters on. */
function inWord(chars, at) {
  const letter = /[a-z]/i;
  return at >= 2 && letter.test(chars[at]) && letter.test(chars[at - 1]) && letter.test(chars[at - 2]);
}

/** @returns 0 for nothing typed, 1 weak, 2 fair, 3 good, 4 strong; what is too short is never more than weak */
export function grade(password, minLength, own = []) {
  const length = [...password.normalize('NFKC')].length;
  if (length === 0) return 0;
  if (length < minLength) return 1;
  const bits = estimateBits(password, own);
  if (bits < 32) return 1;
  if (bits < 45) return 2;
  return bits < 60 ? 3 : 4;
}

function attach(box) {
  const input = document.getElementById(box.dataset.strength);
  const meter = box.querySelector('meter');
  const words = box.querySelector('[data-strength-words]');
  const minLength = Number(box.dataset.min);
  const own = (box.dataset.own ?? '').split(/[\s@.]+/).filter(Boolean);
  const names = ['', box.dataset.weak, box.dataset.fair, box.dataset.good, box.dataset.strong];
  let timer;
  const show = () => {
    const value = grade(input.value, minLength, own);
    const missing = minLength - [...input.value.normalize('NFKC')].length;
    meter.value = value;
    clearTimeout(timer);
    // A pause before the words change: a screen reader reads them out, and should not do so at every key.
    const text = value > 0 && missing > 0 ? box.dataset.missing.replace('{n}', String(missing)) : names[value];
    timer = setTimeout(() => (words.textContent = text), 400);
  };
  input.addEventListener('input', show);
  box.hidden = false;
  // The page of a busy service comes back with what was typed.
  if (input.value !== '') show();
}

if (typeof document !== 'undefined') for (const box of document.querySelectorAll('[data-strength]')) attach(box);
