/*
 * The strength meter of the new-password field. It estimates length, variety and repetition in the browser and sends nothing.
 * The server decides: it also checks common passwords and the data of the person.
 */

const COMMON =
  /password|passw0rd|qwerty|asdfgh|zxcvbn|iloveyou|welcome|admin|letmein|taiwan|abc123|1qaz2wsx|monkey|dragon/g;

/** Returns how many characters an attacker must try for each position. */
function alphabetSize(text) {
  let size = 0;
  if (/[0-9]/.test(text)) size += 10;
  if (/[a-z]/.test(text)) size += 26;
  if (/[A-Z]/.test(text)) size += 26;
  if (/[\x20-\x2f\x3a-\x40\x5b-\x60\x7b-\x7e]/.test(text)) size += 33;
  // Chinese is written in words, so each character counts as one of some hundred instead of tens of thousands.
  if (/[^\x20-\x7e]/.test(text)) size += 300;
  return Math.max(size, 2);
}

/** `abcabcabc` → `abc`: returns the shortest part that the text repeats. */
function withoutCycle(chars) {
  for (let period = 1; period <= chars.length / 2; period += 1) {
    if (chars.every((char, at) => at < period || char === chars[at - period])) return chars.slice(0, period);
  }
  return chars;
}

/** Returns true if a character continues a sequence: `aaa`, `345`, `cba`. */
function continuesSequence(codes, at) {
  const step = codes[at] - codes[at - 1];
  return at >= 2 && Math.abs(step) <= 1 && step === codes[at - 1] - codes[at - 2];
}

/**
 * Estimates the bits of a password. Letters in words count less than random ones.
 *
 * @param userInputs texts that others know of the person
 */
export function estimateBits(password, userInputs = []) {
  let text = password.normalize('NFKC');
  for (const word of userInputs) {
    if (word.length >= 2) text = text.toLowerCase().includes(word.toLowerCase()) ? removeWord(text, word) : text;
  }
  text = text.replace(new RegExp(COMMON, 'gi'), '*');
  const chars = withoutCycle([...text]);
  const codes = chars.map((char) => char.toLowerCase().codePointAt(0) ?? 0);
  const bitsPerCharacter = Math.log2(alphabetSize(chars.join('')));
  const seen = new Map();
  let bits = 0;
  codes.forEach((code, at) => {
    const before = seen.get(code) ?? 0;
    seen.set(code, before + 1);
    if (continuesSequence(codes, at)) bits += 0.5;
    else bits += (isInWord(chars, at) ? bitsPerCharacter * 0.6 : bitsPerCharacter) / (1 + before / 4);
  });
  return bits;
}

function removeWord(text, word) {
  return text.toLowerCase().replaceAll(word.toLowerCase(), '*');
}

/** Returns true if a character is the third or a later letter of a run of letters. */
function isInWord(chars, at) {
  const letter = /[a-z]/i;
  return at >= 2 && letter.test(chars[at]) && letter.test(chars[at - 1]) && letter.test(chars[at - 2]);
}

/** @returns 0 empty, 1 weak or too short, 2 fair, 3 good, 4 strong */
export function grade(password, minLength, userInputs = []) {
  const length = [...password.normalize('NFKC')].length;
  if (length === 0) return 0;
  if (length < minLength) return 1;
  const bits = estimateBits(password, userInputs);
  if (bits < 32) return 1;
  if (bits < 45) return 2;
  return bits < 60 ? 3 : 4;
}

/** Returns the part of a name (`王小安`, `小安`) that a password contains. */
export function findUsedName(password, name) {
  const text = password.normalize('NFKC').toLowerCase();
  const folded = name.normalize('NFKC').trim().toLowerCase();
  const isChinese = /^\p{Script=Han}+$/u.test(folded);
  const parts = isChinese ? [folded, [...folded].slice(1).join('')] : folded.split(/\s+/);
  return parts.find((part) => [...part].length >= (isChinese ? 2 : 4) && text.includes(part));
}

/** Returns the first reason of a refusal that this page knows without a request: a name, or the example. */
function findKnownProblem(password, { name, usedName, example, exampleUsed }) {
  const used = findUsedName(password, name);
  if (used !== undefined) return usedName.replace('{used}', used);
  return password.toLowerCase().includes(example) ? exampleUsed : undefined;
}

function attach(container) {
  const input = document.getElementById(container.dataset.strength);
  const meter = container.querySelector('meter');
  const label = container.querySelector('[data-strength-text]');
  const minLength = Number(container.dataset.min);
  const userInputs = (container.dataset.userInputs ?? '').split(/[\s@.]+/).filter(Boolean);
  const texts = ['', container.dataset.weak, container.dataset.fair, container.dataset.good, container.dataset.strong];
  const missingText = (missing) => container.dataset.missing.replace('{n}', String(missing));
  let timer;
  const update = () => {
    const value = grade(input.value, minLength, userInputs);
    const missing = minLength - [...input.value.normalize('NFKC')].length;
    const problem = findKnownProblem(input.value, container.dataset);
    const space = /^\s|\s$/.test(input.value) ? container.dataset.space : undefined;
    // A password that will be refused is not shown as strong.
    meter.value = problem === undefined ? value : Math.min(value, 1);
    clearTimeout(timer);
    // Delays the text, because a screen reader reads it at each change.
    const text = problem ?? space ?? (value > 0 && missing > 0 ? missingText(missing) : texts[value]);
    timer = setTimeout(() => (label.textContent = text), 400);
  };
  input.addEventListener('input', update);
  // The service knows more than the estimate, for example the names of the children.
  input.form.addEventListener('refused', () => {
    if (input.getAttribute('aria-invalid') !== 'true') return;
    clearTimeout(timer);
    meter.value = 1;
    label.textContent = texts[1];
  });
  container.hidden = false;
  // An overloaded service returns the form with the entered values.
  if (input.value !== '') update();
}

if (typeof document !== 'undefined')
  for (const container of document.querySelectorAll('[data-strength]')) attach(container);
