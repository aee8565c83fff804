/** The part of `@ldapjs/asn1` that the service uses. The package has no types. */
declare module '@ldapjs/asn1' {
  interface Reader {
    readonly offset: number;
    readonly length: number;
    readonly remain: number;
    peek(): number | null;
    readString(tag: number, asBuffer: true): Buffer | null;
  }
  interface Writer {
    readonly buffer: Buffer;
    startSequence(tag: number): void;
    endSequence(): void;
    writeBuffer(bytes: Buffer, tag: number): void;
  }
  const asn1: {
    BerReader: new (bytes: Buffer) => Reader;
    BerWriter: new (options?: { size?: number }) => Writer;
  };
  export default asn1;
}
