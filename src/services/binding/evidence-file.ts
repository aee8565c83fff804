import type { Secrets } from '../../platform/crypto/secrets.ts';
import type { EvidenceRow, EvidenceSummary } from '../../store/binding/evidence.ts';

/** Returns the sealed columns of a file. */
export function sealEvidence(
  secrets: Pick<Secrets, 'seal'>,
  id: string,
  { name, content }: { name: string; content: Buffer },
): Pick<EvidenceRow, 'nameSealed' | 'contentSealed'> {
  return {
    nameSealed: secrets.seal('binding-evidence', `name:${id}`, name),
    contentSealed: secrets.seal('binding-evidence', `content:${id}`, content),
  };
}

export function openEvidenceName(
  secrets: Pick<Secrets, 'open'>,
  { id, nameSealed }: Pick<EvidenceSummary, 'id' | 'nameSealed'>,
): string {
  return secrets.open('binding-evidence', `name:${id}`, nameSealed);
}

export function openEvidenceContent(
  secrets: Pick<Secrets, 'openBytes'>,
  { id, contentSealed }: Pick<EvidenceRow, 'id' | 'contentSealed'>,
): Buffer {
  return secrets.openBytes('binding-evidence', `content:${id}`, contentSealed);
}
