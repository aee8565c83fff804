const enc = encodeURIComponent;
/** Slightly below the size limit of a form. */
const LONG = 'x'.repeat(30_000);

/** Returns form bodies with this field. */
export const payloads = (name: string): Record<string, string> => ({
  empty: `${name}=`,
  NUL: `${name}=a%00b`,
  'control signs': `${name}=%01%07%1b%7f`,
  'line breaks': `${name}=a%0d%0aSet-Cookie:%20evil=1`,
  'twice the same': `${name}=a&${name}=b`,
  'an array': `${name}[]=a&${name}[]=b`,
  'an object': `${name}[a]=b&${name}[__proto__][x]=y`,
  'deeply nested': `${name}${'[a]'.repeat(200)}=b`,
  'the prototype': `__proto__=x&constructor=y&${name}=a`,
  'invalid UTF-8': `${name}=%ff%fe%c0%80`,
  'half a surrogate pair': `${name}=%ed%a0%80`,
  'broken percent signs': `${name}=%zz%&%=%`,
  'look-alike letters': `${name}=${enc('ѕhufen.сhen')}`,
  'right to left': `${name}=${enc('\u202egnaw.gnimad\u202c')}`,
  'signs beyond the first plane': `${name}=${enc('𠮷👨‍👩‍👧‍👦')}`,
  markup: `${name}=${enc('"><script>alert(1)</script>')}`,
  template: `${name}=${enc('<%= 7*7 %>{{7*7}}${7*7}')}`,
  SQL: `${name}=${enc("' or 1=1; drop table persons; --")}`,
  'a long text': `${name}=${LONG}`,
});
/** Bodies above the size limits; sent once to each endpoint. */
export const HUGE: Record<string, string> = {
  'a megabyte': `a=${'x'.repeat(1024 * 1024)}`,
  'very many fields': Array.from({ length: 4_000 }, (_, at) => `f${String(at)}=x`).join('&'),
};
