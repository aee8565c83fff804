import { after, before } from 'node:test';

import { startMailCatcher, type MailCatcher } from '../../demo/mail-catcher.ts';
import { testDatabaseUrl } from '../helpers/postgres.ts';
import type { ServiceDatabase } from '../helpers/service.ts';
import { openDatabase, startNodes, type Nodes } from './nodes.ts';

interface NodesWithMail {
  nodes: Nodes;
  mail: MailCatcher;
  database: ServiceDatabase;
}

/** Runs two nodes on a PostgreSQL database and a mail catcher during the tests of a suite. Its members exist inside of tests only. */
export function useNodesWithMail(): Readonly<NodesWithMail> {
  const running: Partial<NodesWithMail> = {};
  before(async () => {
    const mail = await startMailCatcher({ smtpPort: 0, webPort: 0 });
    const nodes = await startNodes({ count: 2, smtpUrl: mail.smtpUrl, databaseUrl: await testDatabaseUrl() });
    Object.assign(running, { mail, nodes, database: await openDatabase(nodes) });
  });
  after(async () => {
    await running.database?.container.store.close();
    await running.nodes?.stop();
    await running.mail?.close();
  });
  const member = <T>(value: T | undefined): T => {
    if (value === undefined) throw new Error('the nodes run inside of tests only');
    return value;
  };
  return {
    get nodes() {
      return member(running.nodes);
    },
    get mail() {
      return member(running.mail);
    },
    get database() {
      return member(running.database);
    },
  };
}
