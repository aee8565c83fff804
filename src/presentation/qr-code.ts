import { encode } from 'uqr';

/** A QR code as the path of an SVG with one unit for each module. */
export interface QrCode {
  /** Width and height of the view box, with the quiet zone of four modules (ISO/IEC 18004, section 9.1). */
  size: number;
  path: string;
}

const QUIET_ZONE = 4;

export function createQrCode(text: string): QrCode {
  const { data, size } = encode(text, { ecc: 'M', border: QUIET_ZONE });
  const path = data.flatMap((row, y) =>
    row.flatMap((isDark, x) => (isDark ? [`M${String(x)} ${String(y)}h1v1h-1z`] : [])),
  );
  return { size, path: path.join('') };
}
