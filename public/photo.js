/* Makes photos smaller before they are uploaded. Without this script the service rejects large photos with a message. */

/** Longest side of a photo that is made smaller, in pixels: text on an A4 page stays readable (about 200 dpi). */
const MAX_SIDE = 2_400;
const JPEG_QUALITY = 0.85;
const ACCEPTED = ['image/jpeg', 'image/png', 'application/pdf'];

/** Returns a smaller JPEG of a photo; the file itself if it is small enough, no photo, or unreadable to the browser. */
async function shrink(file, maxBytes) {
  const isPhoto = file.type.startsWith('image/') || /\.hei[cf]$/i.test(file.name);
  if (!isPhoto || (ACCEPTED.includes(file.type) && file.size <= maxBytes)) return file;
  try {
    const image = await createImageBitmap(file);
    const scale = Math.min(1, MAX_SIDE / Math.max(image.width, image.height));
    const canvas = document.createElement('canvas');
    canvas.width = Math.round(image.width * scale);
    canvas.height = Math.round(image.height * scale);
    canvas.getContext('2d').drawImage(image, 0, 0, canvas.width, canvas.height);
    image.close();
    const blob = await new Promise((resolve) => canvas.toBlob(resolve, 'image/jpeg', JPEG_QUALITY));
    return blob === null ? file : new File([blob], file.name.replace(/\.\w+$/, '.jpg'), { type: 'image/jpeg' });
  } catch {
    // The service names the file and says what to do.
    return file;
  }
}

async function shrinkAll(input) {
  const maxBytes = Number(input.dataset.shrinkAbove);
  const files = [...input.files];
  const smaller = await Promise.all(files.map((file) => shrink(file, maxBytes)));
  if (smaller.every((file, at) => file === files[at])) return;
  const chosen = new DataTransfer();
  for (const file of smaller) chosen.items.add(file);
  input.files = chosen.files;
}

for (const input of document.querySelectorAll('[data-shrink-above]')) {
  input.addEventListener('change', async () => {
    const buttons = input.form.querySelectorAll('button');
    for (const button of buttons) button.disabled = true;
    await shrinkAll(input);
    for (const button of buttons) button.disabled = false;
  });
}
