/** Object classes of people: each entry has the attributes that its classes require and allow, as `cn=subschema` describes them. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { before, it } from 'node:test';

import { eq } from 'drizzle-orm';

import { loadDemoCity } from '../../demo/city/load.ts';
import type { ClientEntitlements } from '../../src/domain/model.ts';
import { objectClasses } from '../../src/ldap/directory/subschema.ts';
import { insertIdentifier, insertPerson } from '../../src/store/people/people.ts';
import { insertMembership } from '../../src/store/people/schools.ts';
import { ALL_ENTITLEMENTS, type Values } from '../helpers/directory-filters.ts';
import { createTestSearch, type TestSearch } from '../helpers/directory-search.ts';
import { createTestServices } from '../helpers/services.ts';
import { eachStore } from '../helpers/store.ts';
import { person } from './family.ts';

const CLIENTS: readonly ClientEntitlements[] = [
  ALL_ENTITLEMENTS,
  { ...ALL_ENTITLEMENTS, scopes: ['openid', 'profile'] },
  { ...ALL_ENTITLEMENTS, scopes: ['openid', 'email', 'roles'] },
  { ...ALL_ENTITLEMENTS, scopes: ['openid'] },
];
const OPERATIONAL = ['entryuuid', 'createtimestamp', 'modifytimestamp'];
/** The attributes that `person` requires, and that a client without the scope `profile` may not see (docs/directory.md). */
const HIDDEN_WITHOUT_PROFILE = ['sn', 'cn'];

interface ObjectClass {
  must: readonly string[];
  may: readonly string[];
}

const namesIn = (list: string | undefined): string[] => (list ?? '').toLowerCase().match(/[a-z]+/g) ?? [];

/** Reads the definitions (RFC 4512, section 4.1.1). Superclasses are values of `objectClass`, too. */
const CLASSES: ReadonlyMap<string, ObjectClass> = new Map(
  objectClasses().map((text) => {
    const [, name = ''] = /NAME '(\w+)'/.exec(text) ?? [];
    const listAfter = (word: string): string[] =>
      namesIn(new RegExp(` ${word} (?:\\(([^)]*)\\)|(\\w+))`).exec(text)?.slice(1).join(''));
    return [name, { must: listAfter('MUST'), may: listAfter('MAY') }];
  }),
);

/** Lists what an entry has or lacks against the definitions of its classes. */
function listViolations(values: Values, scopes: readonly string[]): string[] {
  const classes = (values.get('objectclass') ?? []).map((name) => ({ name, ...CLASSES.get(name) }));
  const hidden = scopes.includes('profile') ? [] : HIDDEN_WITHOUT_PROFILE;
  const missing = classes.flatMap(({ name, must = [] }) =>
    must
      .filter((one) => !values.has(one) && !(name === 'person' && hidden.includes(one)))
      .map((one) => `${name} without ${one}`),
  );
  const allowed = new Set([...classes.flatMap(({ must = [], may = [] }) => [...must, ...may]), ...OPERATIONAL]);
  return [...missing, ...[...values.keys()].filter((one) => !allowed.has(one)).map((one) => `${one} not allowed`)];
}

eachStore('object classes of people in the directory', (on) => {
  const createSearch = (): TestSearch => createTestSearch(on.store, { maxSmallRange: 3 });
  before(async () => {
    await loadDemoCity({ ...createTestServices(on.store), seed: 'kinpass', people: 0 });
    await on.store.write(async (tx) => {
      const { directoryNumbers } = tx.tables;
      for (const name of ['Without Login', 'Without Number', 'With Both']) {
        const id = randomUUID();
        await insertPerson(tx, person(id, name));
        await insertMembership(tx, { id, personId: id, schoolCode: '993301', role: 'teacher', isPrimary: true });
        const login = { id, personId: id, kind: 'email', value: `${id}@school.example`, createdAt: 0 } as const;
        if (name !== 'Without Login') await insertIdentifier(tx, login);
        if (name === 'Without Number') await tx.db.delete(directoryNumbers).where(eq(directoryNumbers.personId, id));
      }
    });
  });

  it('require and allow the attributes of each entry', async () => {
    for (const client of CLIENTS) {
      const people = await createSearch().listAll(client);
      assert.ok(people.size > 3);
      const violations = [...people.values()].flatMap((values) => listViolations(values, client.scopes));
      assert.deepEqual([...new Set(violations)], [], client.scopes.join(' '));
    }
  });

  it('have posixAccount only with a login, a number and a name that the client may see', async () => {
    const filter = { kind: 'equality', attribute: 'objectclass', value: 'POSIXACCOUNT' } as const;
    const find = async (client: ClientEntitlements): Promise<(string | undefined)[]> => {
      const search = createSearch();
      const people = await search.listAll(client);
      const { names } = await search.byPages(client, filter, 500);
      const withClass = [...people].filter(([, values]) => values.get('objectclass')?.includes('posixAccount'));
      assert.deepEqual(
        names,
        withClass.map(([name]) => name),
      );
      return withClass.flatMap(([, values]) => values.get('cn') ?? []).filter((name) => name.startsWith('With'));
    };
    assert.deepEqual(await find(ALL_ENTITLEMENTS), ['With Both']);
    assert.deepEqual(await find({ ...ALL_ENTITLEMENTS, scopes: ['openid', 'profile'] }), ['With Both']);
    const { names } = await createSearch().byPages({ ...ALL_ENTITLEMENTS, scopes: ['openid'] }, filter, 500);
    assert.deepEqual(names, []);
  });
});
