/*
 * The human check of a form: solves the challenge of its hidden field in a worker. Without this script the form passes after a wait.
 * The worker runs the solver of altcha-lib, which /assets/altcha/ serves.
 */

function decode(value) {
  return JSON.parse(atob(value.replaceAll('-', '+').replaceAll('_', '/')));
}

function encode(answer) {
  return btoa(JSON.stringify(answer)).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
}

/** @returns a promise of the solution; undefined if the browser cannot solve it */
function solve(challenge) {
  const worker = new Worker(new URL('./human-check-worker.js', import.meta.url), { type: 'module' });
  return new Promise((resolve) => {
    worker.addEventListener('message', ({ data }) => resolve(typeof data?.derivedKey === 'string' ? data : undefined));
    worker.addEventListener('error', () => resolve(undefined));
    worker.postMessage({ type: 'work', challenge, counterStart: 0, counterStep: 1 });
  }).finally(() => worker.terminate());
}

function attach(container) {
  const input = container.querySelector('input');
  const status = container.querySelector('[role="status"]');
  const form = container.closest('form');
  const { challenge } = decode(input.value);
  let pending = true;
  let submitter;
  status.textContent = container.dataset.working;
  // Before the listener of form.js, which counts submissions.
  form.addEventListener(
    'submit',
    (event) => {
      if (!pending) return;
      event.preventDefault();
      event.stopImmediatePropagation();
      submitter = event.submitter;
    },
    { capture: true },
  );
  void solve(challenge).then((solution) => {
    pending = false;
    if (solution !== undefined) {
      const { counter, derivedKey } = solution;
      input.value = encode({ challenge, solution: { counter, derivedKey } });
    }
    status.textContent = solution === undefined ? container.dataset.failed : container.dataset.done;
    container.dataset.state = solution === undefined ? 'failed' : 'done';
    if (submitter !== undefined) form.requestSubmit(submitter);
  });
}

for (const container of document.querySelectorAll('[data-human-check]')) attach(container);
