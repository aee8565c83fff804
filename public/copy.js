/* Buttons that copy the text of an element. They stay hidden without this script or without access to the clipboard. */

if (navigator.clipboard) {
  for (const place of document.querySelectorAll('[data-copy]')) {
    const status = place.querySelector('[data-copied]');
    place.hidden = false;
    place.querySelector('button').addEventListener('click', async () => {
      await navigator.clipboard.writeText(document.getElementById(place.dataset.copy).textContent);
      status.textContent = status.dataset.copied;
    });
  }
}
