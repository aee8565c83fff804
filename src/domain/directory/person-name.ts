/** The parts of a name that `inetOrgPerson` needs. */
export interface NameParts {
  surname: string;
  givenName: string | undefined;
}

/** The surnames of two characters in the register of Taiwan that are not rare. */
const DOUBLE_SURNAMES = new Set([
  ...['歐陽', '司馬', '上官', '諸葛', '司徒', '東方', '尉遲', '公孫', '令狐', '慕容'],
  ...['范姜', '張簡', '張廖', '江謝'],
]);
const HAN = /^\p{Script=Han}+$/u;

/** Splits a name: one text is stored. Chinese names begin with the surname; others end with it. */
export function splitName(name: string): NameParts {
  const text = name.trim();
  if (HAN.test(text)) {
    const characters = Array.from(text);
    const pair = characters.slice(0, 2).join('');
    const length = characters.length > 2 && DOUBLE_SURNAMES.has(pair) ? 2 : 1;
    const given = characters.slice(length).join('');
    return { surname: characters.slice(0, length).join(''), givenName: given === '' ? undefined : given };
  }
  const words = text.split(/\s+/);
  const surname = words.at(-1) ?? text;
  const given = words.slice(0, -1).join(' ');
  return { surname, givenName: given === '' ? undefined : given };
}
