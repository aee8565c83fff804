/* Small helps on every page. Each page works without them. */

/** A second press does nothing until the page comes back or half a minute has passed. */
function sendOnce(form) {
  form.addEventListener('submit', (event) => {
    if (form.dataset.sent === 'yes') {
      event.preventDefault();
      return;
    }
    form.dataset.sent = 'yes';
    // A revealed password goes out as a password, so that the browser does not remember it as plain text.
    for (const button of form.querySelectorAll('[data-reveal]')) reveal(button, false);
    // After the browser has collected the fields: a disabled button would take its own value with it.
    setTimeout(() => setWaiting(form, true), 0);
    setTimeout(() => setWaiting(form, false), 30_000);
  });
}

function setWaiting(form, waiting) {
  for (const button of form.querySelectorAll('button')) button.disabled = waiting;
  form.querySelector('.working')?.remove();
  if (waiting) {
    const line = document.createElement('p');
    line.className = 'working';
    line.setAttribute('role', 'status');
    line.textContent = document.body.dataset.working ?? '';
    form.append(line);
  } else {
    delete form.dataset.sent;
  }
}

function reveal(button, visible) {
  const input = document.getElementById(button.dataset.reveal);
  if (!(input instanceof HTMLInputElement)) return;
  input.type = visible ? 'text' : 'password';
  button.textContent = visible ? button.dataset.hide : button.dataset.show;
  button.setAttribute('aria-label', visible ? button.dataset.hideLabel : button.dataset.showLabel);
}

for (const form of document.forms) sendOnce(form);

for (const button of document.querySelectorAll('[data-reveal]')) {
  button.hidden = false;
  reveal(button, false);
  button.addEventListener('click', () => {
    const input = document.getElementById(button.dataset.reveal);
    reveal(button, input instanceof HTMLInputElement && input.type === 'password');
  });
}

// The back button may bring the page as it was left: with its buttons off.
addEventListener('pageshow', (event) => {
  if (event.persisted) for (const form of document.forms) setWaiting(form, false);
});

// A page on the way, which asks nothing: only without JavaScript somebody has to press its button.
document.querySelector('form[data-send]')?.requestSubmit();

// What went wrong or well is read out, and the first Tab leads on from there.
document.querySelector('[data-focus]')?.focus();
