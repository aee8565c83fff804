/** The tracker of requests in flight, without sockets: which requests count, and which pool a connection enters. */
import assert from 'node:assert/strict';
import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { describe, it } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';

import type { Connection, Connections } from '../../src/http/server/connections.ts';
import { createInFlightTracker, type InFlightTracker } from '../../src/http/server/in-flight-tracker.ts';

interface Harness {
  tracker: InFlightTracker;
  /** The calls that moved the connection: `busy`, `waiting`, `idle`, or the reason of its end. */
  calls: string[];
  socket: Socket;
  /** Sends a request. `done` generates its response. */
  send: (method: string, headers?: Record<string, string>) => Sent;
}

interface Sent {
  request: IncomingMessage;
  response: ServerResponse;
  isStarted(): boolean;
  done(): Promise<void>;
}

function createHarness(maxPerSocket?: number): Harness {
  const socket = new Socket();
  const calls: string[] = [];
  const connection: Connection = {
    socket,
    exchanges: new Set(),
    networks: undefined,
    place: undefined,
    firstRequest: undefined,
  };
  const connections: Connections = {
    attach: () => undefined,
    find: (one) => (one === socket ? connection : undefined),
    list: () => [connection],
    setBusy: () => void calls.push('busy'),
    setIdle: () => void calls.push('idle'),
    setWaiting: () => void calls.push('waiting'),
    close: (_connection, reason) => void calls.push(reason),
  };
  const tracker = createInFlightTracker(connections, maxPerSocket);
  const started = new Map<IncomingMessage, PromiseWithResolvers<undefined>>();
  const listener = tracker.watch((request) => {
    const handled = Promise.withResolvers<undefined>();
    started.set(request, handled);
    return handled.promise;
  });
  const send: Harness['send'] = (method, headers = {}) => {
    const request = Object.assign(new IncomingMessage(socket), { method, headers });
    request.complete = Object.keys(headers).length === 0;
    const response = new ServerResponse(request);
    listener(request, response);
    return {
      request,
      response,
      isStarted: () => started.has(request),
      done: async () => {
        started.get(request)?.resolve(undefined);
        await nextTurn();
        await nextTurn();
      },
    };
  };
  return { tracker, calls, socket, send };
}

const BODY = { 'content-length': '3' };

describe('requests in flight', () => {
  it('count from their start to their response', async () => {
    const { tracker, send } = createHarness();
    assert.equal(tracker.count(), 0);
    const sent = send('GET');
    assert.equal(tracker.count(), 1);
    await sent.done();
    assert.equal(tracker.count(), 0);
  });

  it('with a body count from its end', async () => {
    for (const headers of [BODY, { 'transfer-encoding': 'chunked' }]) {
      const { tracker, calls, send } = createHarness();
      const sent = send('POST', headers);
      await nextTurn();
      assert.deepEqual([tracker.count(), calls], [0, ['busy', 'waiting']]);
      sent.request.complete = true;
      sent.request.emit('end');
      assert.deepEqual([tracker.count(), calls], [1, ['busy', 'waiting', 'busy']]);
      await sent.done();
      assert.equal(tracker.count(), 0);
    }
  });

  it('that fail before the end of their body never count', async () => {
    const { tracker, send } = createHarness();
    const sent = send('POST', BODY);
    await sent.done();
    assert.equal(tracker.count(), 0);
    sent.request.emit('end');
    assert.equal(tracker.count(), 0);
  });

  it('count at once without a body, and for methods whose body no handler reads', () => {
    for (const [method, headers] of [
      ['POST', {}],
      ['POST', { 'content-length': '0' }],
      ['GET', BODY],
      ['HEAD', BODY],
      ['OPTIONS', BODY],
      ['DELETE', BODY],
    ] as const) {
      const { tracker, calls, send } = createHarness();
      send(method, headers);
      assert.deepEqual([tracker.count(), calls], [1, ['busy']], method);
    }
  });

  it('of one socket run one after another, and its responses are listed in order', async () => {
    const { tracker, calls, send } = createHarness();
    const [first, second] = [send('GET'), send('GET')];
    assert.deepEqual([first.isStarted(), second.isStarted(), tracker.count()], [true, false, 1]);
    assert.deepEqual([...tracker.responses()], [first.response, second.response]);
    first.response.end();
    await first.done();
    first.response.emit('close');
    assert.deepEqual([second.isStarted(), calls.includes('idle')], [true, false]);
    await second.done();
    second.response.emit('close');
    assert.equal(calls.at(-1), 'idle');
    assert.deepEqual([...tracker.responses()], []);
  });

  it('beyond the limit of a socket close it', () => {
    const { calls, send } = createHarness(2);
    const sent = [send('GET'), send('GET'), send('GET')];
    assert.deepEqual(
      [calls, sent.map((one) => one.isStarted())],
      [
        ['busy', 'pipelined'],
        [true, false, false],
      ],
    );
  });

  it('of a destroyed socket are ignored, also those that waited', async () => {
    const { tracker, socket, send } = createHarness();
    const [first, second] = [send('GET'), send('GET')];
    await first.done();
    socket.destroy();
    first.response.emit('close');
    assert.equal(second.isStarted(), false);
    assert.equal(send('GET').isStarted(), false);
    assert.equal(tracker.count(), 0);
  });

  it('wait for the client only while its response is open', async () => {
    const open = createHarness();
    await open.send('GET').done();
    assert.deepEqual(open.calls, ['busy', 'waiting'], 'the response is generated and not sent');

    const closed = createHarness();
    const sent = closed.send('GET');
    Object.defineProperty(sent.response, 'closed', { value: true });
    await sent.done();
    assert.deepEqual(closed.calls, ['busy']);

    const destroyed = createHarness();
    const last = destroyed.send('GET');
    destroyed.socket.destroy();
    await last.done();
    assert.deepEqual(destroyed.calls, ['busy']);

    const complete = createHarness();
    const late = complete.send('POST', BODY);
    late.request.complete = true;
    await nextTurn();
    assert.deepEqual(complete.calls, ['busy'], 'the body was complete in the next turn');
  });

  it('do not wait for the client when the kernel has taken the response', async () => {
    const { calls, send } = createHarness();
    const sent = send('GET');
    Object.defineProperties(sent.response, { writableEnded: { value: true }, writableLength: { value: 0 } });
    await sent.done();
    assert.deepEqual(calls, ['busy']);
    const slow = createHarness();
    const unread = slow.send('GET');
    Object.defineProperties(unread.response, { writableEnded: { value: true }, writableLength: { value: 9 } });
    await unread.done();
    assert.deepEqual(slow.calls, ['busy', 'waiting']);
  });
});
