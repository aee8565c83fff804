/*
 * Asks the service if it accepts a new password before the form is sent, so that a refusal keeps what was typed. The page of the refusal has
 * the reasons. Without an answer the form is sent, as without JavaScript.
 */

const TIMEOUT_MS = 10_000;

/** Returns the page of the refusal; undefined if the form has to be sent. */
async function findRefusal(form) {
  const body = new URLSearchParams(new FormData(form));
  body.set('check', 'yes');
  const signal = AbortSignal.timeout(TIMEOUT_MS);
  const response = await fetch(form.action, { method: 'POST', body, redirect: 'manual', signal });
  if (response.status !== 200) return undefined;
  const page = new DOMParser().parseFromString(await response.text(), 'text/html');
  // A form that asks for more than this one is another page.
  const isSameForm = [...page.querySelectorAll('.field input')].every(({ id }) => form.elements[id] !== undefined);
  return isSameForm && page.querySelector('.error-summary') !== null ? page : undefined;
}

function showRefusal(form, page) {
  document.title = page.title;
  document.querySelector('.error-summary')?.remove();
  const summary = page.querySelector('.error-summary');
  form.before(summary);
  for (const next of page.querySelectorAll('.field')) {
    showFieldError(form.elements[next.querySelector('input').id], next);
  }
  form.dispatchEvent(new Event('refused'));
  summary.focus();
}

/** Gives a field the error that the field of the other page has. */
function showFieldError(input, next) {
  const field = input.closest('.field');
  const other = next.querySelector('input');
  field.className = next.className;
  for (const name of ['aria-invalid', 'aria-describedby']) {
    if (other.hasAttribute(name)) input.setAttribute(name, other.getAttribute(name));
    else input.removeAttribute(name);
  }
  field.querySelector('.error')?.remove();
  const error = next.querySelector('.error');
  if (error !== null) field.querySelector('.input-wrapper').before(error);
}

async function check(form) {
  const refusal = await findRefusal(form).catch(() => undefined);
  if (refusal === undefined) {
    // The button with the id "submit" hides the method of the form.
    HTMLFormElement.prototype.submit.call(form);
    return;
  }
  form.dispatchEvent(new Event('reopen'));
  showRefusal(form, refusal);
}

for (const form of document.querySelectorAll('form[data-check]')) {
  form.addEventListener('submit', (event) => {
    // A second press while the check or the submission is in progress (form.js).
    if (event.defaultPrevented) return;
    event.preventDefault();
    check(form);
  });
}
