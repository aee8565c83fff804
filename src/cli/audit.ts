import { loadConfig } from '../config/load.ts';
import { verifyStep, type ChainHead, CHAIN_START } from '../domain/audit-chain.ts';
import { systemRandom } from '../domain/random.ts';
import { createHeadSeal } from '../services/audit.ts';
import { createSecrets } from '../services/secrets.ts';
import * as auditStore from '../store/audit.ts';
import { openStore } from '../store/database/index.ts';

const LIMITS = `Keep the head somewhere else. Who can write to the database can put back an older state of the whole log, also the empty one,
and only a head that was kept elsewhere shows it: kinpass audit verify HEAD
`;

/**
 * `kinpass audit verify`: reads the whole log and says whether a row was changed, removed or added by hand.
 *
 * @param keptText a head that was printed earlier, or the empty string
 */
export async function auditVerifyCommand(keptText: string): Promise<void> {
  const kept = keptText === '' ? undefined : parseHead(keptText);
  const config = loadConfig(process.env);
  const seal = createHeadSeal(createSecrets(config.masterKey, systemRandom));
  const store = await openStore(config.database);
  try {
    const headNow = async (): Promise<ChainHead> => {
      const head = await store.read((u) => auditStore.chainHead(u));
      if (auditStore.isAuthentic(head, seal)) return head;
      throw new Error('audit log: the head was changed by hand; entries at the end may be missing');
    };
    const before = await headNow();
    const met = meeting(before);
    const metKept = meeting(kept ?? CHAIN_START);
    let head: ChainHead = CHAIN_START;
    for await (const entry of auditStore.entries(store)) {
      const step = verifyStep(head, entry);
      if (!step.ok) throw new Error(`audit log: entry ${step.seq} does not fit (${step.problem})`);
      head = step.head;
      met.pass(head);
      metKept.pass(head);
    }
    // A running service may write meanwhile, so the end lies between the two heads.
    const after = await headNow();
    if (!met.done() || head.seq > after.seq) {
      throw new Error(`audit log: it ends at entry ${head.seq}, but ${after.seq} were written`);
    }
    if (kept && !metKept.done()) throw new Error(`audit log: entry ${kept.seq} is not the one whose head was kept`);
    process.stdout.write(
      `audit log: ${head.seq} entries, the chain is whole\nhead: ${head.seq}:${head.hash}\n${LIMITS}`,
    );
  } finally {
    await store.close();
  }
}

/** Whether a walk along the chain comes by this head. */
function meeting(wanted: ChainHead): { pass(head: ChainHead): void; done(): boolean } {
  let met = wanted.seq === CHAIN_START.seq;
  return {
    pass: ({ seq, hash }) => {
      met ||= seq === wanted.seq && hash === wanted.hash;
    },
    done: () => met,
  };
}

function parseHead(text: string): ChainHead {
  const [, seq, hash] = /^(\d{1,15}):([0-9a-f]{64})$/.exec(text) ?? [];
  if (seq === undefined || hash === undefined)
    throw new Error('audit log: a head looks like 17:4f0c…, as it was printed');
  return { seq: Number(seq), hash };
}

/** `kinpass audit export`: the log as JSON lines. */
export async function auditExportCommand(): Promise<void> {
  const store = await openStore(loadConfig(process.env).database);
  try {
    for await (const entry of auditStore.entries(store)) process.stdout.write(`${JSON.stringify(entry)}\n`);
  } finally {
    await store.close();
  }
}
