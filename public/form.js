/* Enhances the forms of every page. Each page works without this script. */

/** Ignores further submissions until the page is shown again, or 30 seconds have passed. */
function submitOnce(form) {
  form.addEventListener('submit', (event) => {
    if (form.dataset.submitted === 'yes') {
      event.preventDefault();
      return;
    }
    form.dataset.submitted = 'yes';
    const shown = [...form.querySelectorAll('[data-reveal]')].map(hidePassword);
    // Runs after the browser has collected the fields, because a disabled button is not submitted.
    setTimeout(() => setPending(form, true), 0);
    const timer = setTimeout(() => setPending(form, false), 30_000);
    undo = () => {
      clearTimeout(timer);
      setPending(form, false);
      for (const show of shown) show();
    };
  });
  let undo = () => undefined;
  // The form was not sent (password-check.js).
  form.addEventListener('reopen', () => undo());
}

function setPending(form, pending) {
  for (const button of form.querySelectorAll('button')) button.disabled = pending;
  form.querySelector('.progress-text')?.remove();
  if (pending) {
    const line = document.createElement('p');
    line.className = 'progress-text';
    line.setAttribute('role', 'status');
    line.textContent = document.body.dataset.progressText ?? '';
    form.append(line);
  } else {
    delete form.dataset.submitted;
  }
}

/** Returns the field that repeats the password of a button, if there is one. */
function repetitionOf(button) {
  return document.getElementById(button.dataset.repeatedBy ?? '');
}

/**
 * Makes a visible password a password field again: browsers store the values of text fields for autocompletion. A password that the person
 * sees needs no repetition.
 *
 * @returns a function that undoes it
 */
function hidePassword(button) {
  const input = document.getElementById(button.dataset.reveal);
  const repetition = repetitionOf(button);
  const isVisible = input?.type === 'text';
  const isRepeated = isVisible && repetition?.value === '';
  if (isRepeated) repetition.value = input.value;
  reveal(button, false);
  return () => {
    if (isRepeated) repetition.value = '';
    reveal(button, isVisible);
  };
}

function reveal(button, visible) {
  const input = document.getElementById(button.dataset.reveal);
  if (!(input instanceof HTMLInputElement)) return;
  for (const one of [input, repetitionOf(button)]) if (one) one.type = visible ? 'text' : 'password';
  button.textContent = visible ? button.dataset.hide : button.dataset.show;
  button.setAttribute('aria-label', visible ? button.dataset.hideLabel : button.dataset.showLabel);
}

/**
 * Marks where a Chinese title may break: before a word, but not after an opening bracket, nor between single characters,
 * which are often the characters of a name.
 */
function markWords(title) {
  const lang = title.closest('[lang]')?.lang ?? '';
  if (!lang.startsWith('zh') || !('Segmenter' in Intl)) return;
  const words = new Intl.Segmenter(lang, { granularity: 'word' });
  for (const node of [...title.childNodes].filter(({ nodeType }) => nodeType === Node.TEXT_NODE)) {
    const parts = [...words.segment(node.data)].map(({ segment }) => segment);
    const isBreak = (part, before) =>
      /^[\p{sc=Han}「（《]/u.test(part) && !/[「（《]$/.test(before) && !/^\p{sc=Han}{2}$/u.test(before + part);
    node.replaceWith(
      ...parts.flatMap((part, at) =>
        at > 0 && isBreak(part, parts[at - 1]) ? [document.createElement('wbr'), part] : [part],
      ),
    );
  }
}

for (const title of document.querySelectorAll('h1, h2, h3')) markWords(title);

// Reloading the response to a rejected form opens the page of the form, and sends nothing again.
if (document.body.dataset.formPage) history.replaceState(history.state, '', document.body.dataset.formPage);

for (const form of document.forms) submitOnce(form);

for (const button of document.querySelectorAll('[data-reveal]')) {
  button.hidden = false;
  // A new password is visible on phones, where typing errors are frequent.
  reveal(button, repetitionOf(button) !== null && matchMedia('(pointer: coarse)').matches);
  button.addEventListener('click', () => {
    const input = document.getElementById(button.dataset.reveal);
    reveal(button, input instanceof HTMLInputElement && input.type === 'password');
  });
}

/** Points out a space around a password that was pasted, or that is complete. The space is sent: it can be part of the password. */
function pointOutSpace(input) {
  const line = document.createElement('p');
  line.className = 'hint';
  line.setAttribute('role', 'status');
  input.closest('.input-wrapper').after(line);
  const update = () => (line.textContent = /^\s|\s$/.test(input.value) ? input.dataset.space : '');
  input.addEventListener('change', update);
  input.addEventListener('input', ({ inputType }) => {
    if (inputType === 'insertFromPaste' || line.textContent !== '') update();
  });
}

for (const input of document.querySelectorAll('input[data-space]')) pointOutSpace(input);

// A link to the reset of the password, also one in an alert, takes the typed login along. It is not part of the URL.
for (const link of document.querySelectorAll('a[href$="/forgot-password"]')) {
  link.addEventListener('click', () => {
    const input = document.getElementById('login');
    if (input?.value) sessionStorage.setItem('login', input.value);
  });
}
for (const input of document.querySelectorAll('input[data-carried]')) {
  const carried = sessionStorage.getItem(input.name) ?? history.state?.[input.name];
  sessionStorage.removeItem(input.name);
  if (carried === undefined) continue;
  input.value = carried;
  // A reload, or a return to the page, fills the field again.
  history.replaceState({ ...history.state, [input.name]: carried }, '');
}

// The back button can restore the page with its buttons disabled.
addEventListener('pageshow', (event) => {
  if (event.persisted) for (const form of document.forms) setPending(form, false);
});

for (const button of document.querySelectorAll('[data-print]')) {
  button.hidden = false;
  button.addEventListener('click', () => print());
}

// Submits a form that needs no input. Without JavaScript the person presses its button.
document.querySelector('form[data-auto-submit]')?.requestSubmit();

// Moves the focus to an error summary or notice, so that screen readers read it and Tab continues from there.
document.querySelector('[data-focus]')?.focus();

/** Replaces the part of the page that shows the progress of background work, every two seconds until the work has ended. */
async function follow(region) {
  const response = await fetch(location.href).catch(() => undefined);
  if (response?.ok !== true || response.redirected) {
    location.reload();
    return;
  }
  const page = new DOMParser().parseFromString(await response.text(), 'text/html');
  const next = page.getElementById(region.id);
  if (next === null) return;
  region.replaceChildren(...next.childNodes);
  if (next.hasAttribute('data-follow')) setTimeout(() => follow(region), FOLLOW_MS);
}

const FOLLOW_MS = 2_000;
for (const region of document.querySelectorAll('[data-follow]')) setTimeout(() => follow(region), FOLLOW_MS);

/** The fields that keep their content when the language changes. Passwords, also visible ones, codes and files are not stored. */
const SECRET = '[autocomplete*=password], [autocomplete=one-time-code], [type=password], [type=file]';
const TYPED = `main :is(input, select, textarea):not(${SECRET}, [type=hidden], [readonly], [name=language])`;
const TYPED_KEY = 'kinpass-typed';

const typedFields = () => [...document.querySelectorAll(TYPED)].filter((field) => field.name !== '');

/** Switches the language with a form, so that it is stored with a signed-in person, and keeps what was typed. */
function switchLanguage(link) {
  const fields = typedFields().map(({ name, value, checked }) => [name, value, checked]);
  sessionStorage.setItem(TYPED_KEY, JSON.stringify(fields));
  const form = Object.assign(document.createElement('form'), { method: 'post', action: '/language', hidden: true });
  for (const [name, value] of new URL(link.href).searchParams) {
    form.append(Object.assign(document.createElement('input'), { name, value }));
  }
  document.body.append(form);
  form.submit();
}

for (const link of document.querySelectorAll('[data-language]')) {
  link.addEventListener('click', (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    switchLanguage(link);
  });
}

/** Fills the fields of the page as they were in the other language. A page with other fields keeps its own. */
function restoreTyped() {
  const stored = sessionStorage.getItem(TYPED_KEY);
  sessionStorage.removeItem(TYPED_KEY);
  if (stored === null) return;
  const fields = JSON.parse(stored);
  const present = typedFields();
  if (present.length !== fields.length || present.some(({ name }, at) => name !== fields[at][0])) return;
  present.forEach((field, at) => {
    const [, value, checked] = fields[at];
    if (['checkbox', 'radio'].includes(field.type)) field.checked = checked;
    else field.value = value;
    field.dispatchEvent(new Event('input', { bubbles: true }));
  });
}
restoreTyped();
