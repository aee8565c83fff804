import { html, linkify, type Html } from './html.ts';
import type { Message } from './mailbox.ts';

const when = new Intl.DateTimeFormat('zh-TW', {
  year: 'numeric',
  month: 'long',
  day: 'numeric',
  hour: '2-digit',
  minute: '2-digit',
  hourCycle: 'h23',
  timeZone: 'Asia/Taipei',
});

function page(title: string, body: Html): string {
  return `<!doctype html>\n${
    html`<html lang="zh-TW">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>${title}</title>
        <link rel="stylesheet" href="/style.css" />
        <link rel="icon" href="data:," />
      </head>
      <body>
        <header>
          <p><a href="/">示範市信箱 Demo mailbox</a></p>
        </header>
        <main>${body}</main>
      </body>
    </html>`.markup
  }`;
}

const time = ({ receivedAt }: Message): Html =>
  html`<time datetime="${receivedAt}">${when.format(new Date(receivedAt))}</time>`;

function row(message: Message): Html {
  return html`<li>
    <a href="/messages/${message.id}">${message.subject === '' ? '（無主旨 no subject）' : message.subject}</a>
    <p>${message.to.join(', ')} · ${time(message)}</p>
  </li>`;
}

/** Renders the list of messages. */
export function inboxPage(messages: readonly Message[]): string {
  const list =
    messages.length === 0
      ? html`<p class="empty">
          目前沒有信件。示範市寄出的所有信件都會顯示在這裡。<br />No mail yet. All mail that the demo city sends appears
          here.
        </p>`
      : html`<ul>
          ${messages.map(row)}
        </ul>`;
  return page(
    '示範市信箱 Demo mailbox',
    html`<h1>信件 Mail</h1>
      <p><a class="button" href="/">重新整理 Refresh</a></p>
      ${list}`,
  );
}

/** Renders one message. A sandboxed frame shows its HTML, without scripts and without access to this page. */
export function messagePage(message: Message): string {
  const framed =
    message.html === null
      ? html``
      : html`<iframe
            title="信件內容 Mail as HTML"
            src="/messages/${message.id}/html"
            sandbox="allow-popups allow-popups-to-escape-sandbox"
          ></iframe>
          <h2>純文字 Plain text</h2>`;
  return page(
    message.subject,
    html`<p><a href="/">‹ 所有信件 All mail</a></p>
      <h1>${message.subject}</h1>
      <dl>
        <dt>寄件人 From</dt>
        <dd>${message.from}</dd>
        <dt>收件人 To</dt>
        <dd>${message.to.join(', ')}</dd>
        <dt>時間 Received</dt>
        <dd>${time(message)}</dd>
      </dl>
      ${framed}
      <pre>${linkify(message.text)}</pre>
      <p><a href="/api/messages/${message.id}">JSON</a></p>`,
  );
}

/** Returns the HTML of a mail for the frame. Its links open in a new tab. */
export function framedHtml(body: string): string {
  return `<base target="_blank">${body}`;
}

export function missingPage(): string {
  return page(
    '找不到這封信 Mail not found',
    html`<h1>找不到這封信 Mail not found</h1>
      <p><a class="button" href="/">所有信件 All mail</a></p>`,
  );
}
