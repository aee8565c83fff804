/** The brand of a city: name, logo, colors and support text, from one file. */
import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { ConfigError } from '../config/config-error.ts';
import { textByLanguage, localize } from '../config/localized-text.ts';

/** Page backgrounds in light and dark mode; equal to `--surface` in style.css. */
export const SURFACES = { light: '#ffffff', dark: '#18212d' } as const;

/** Minimum contrast of text (WCAG 2.2, 1.4.3). */
const MIN_CONTRAST = 4.5;

const color = z.string().regex(/^#[0-9a-f]{6}$/i, 'a color as #rrggbb');
const colorPair = z
  .strictObject({ light: color, dark: color })
  .refine((c) => contrast(c.light, SURFACES.light) >= MIN_CONTRAST, {
    path: ['light'],
    message: `needs a contrast of ${MIN_CONTRAST}:1 on ${SURFACES.light}`,
  })
  .refine((c) => contrast(c.dark, SURFACES.dark) >= MIN_CONTRAST, {
    path: ['dark'],
    message: `needs a contrast of ${MIN_CONTRAST}:1 on ${SURFACES.dark}`,
  });

const brandSchema = z.strictObject({
  name: textByLanguage,
  owner: textByLanguage,
  /** File in `public/`. */
  logo: z.string().min(1),
  accent: colorPair,
  danger: colorPair,
  support: textByLanguage,
});

export type Brand = Readonly<z.infer<typeof brandSchema>>;

/** The brand in one language. */
export interface BrandText {
  name: string;
  owner: string;
  support: string;
  logo: string;
}

/** Returns the relative luminance of `#rrggbb`, 0 to 1 (WCAG 2.2, definition of relative luminance). */
function luminance(hex: string): number {
  const [r = 0, g = 0, b = 0] = [1, 3, 5].map((at) => {
    const channel = Number.parseInt(hex.slice(at, at + 2), 16) / 255;
    return channel <= 0.04045 ? channel / 12.92 : ((channel + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

/** Returns the contrast ratio of two colors `#rrggbb`, 1 to 21 (WCAG 2.2, definition of contrast ratio). */
export function contrast(one: string, other: string): number {
  const [dark = 0, light = 0] = [luminance(one), luminance(other)].sort((a, b) => a - b);
  return (light + 0.05) / (dark + 0.05);
}

/** Loads the brand file. @throws {ConfigError} that names the file and the field, also when a color has too little contrast */
export function loadBrand(file: string): Brand {
  const parsed = brandSchema.safeParse(readJson(file));
  if (!parsed.success) throw new ConfigError(`KINPASS_BRAND_FILE: ${file}: ${z.prettifyError(parsed.error)}`);
  return parsed.data;
}

function readJson(file: string): unknown {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (cause) {
    throw new ConfigError(`KINPASS_BRAND_FILE: cannot read ${file}; copy config/brand.json and change it`, { cause });
  }
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new ConfigError(`KINPASS_BRAND_FILE: ${file} is not valid JSON`, { cause });
  }
}

export function localizeBrand(brand: Brand, lang: string): BrandText {
  const { name, owner, support, logo } = brand;
  return { name: localize(name, lang), owner: localize(owner, lang), support: localize(support, lang), logo };
}

/** Returns the brand colors as CSS custom properties for light and dark mode, with the text color of higher contrast. */
export function brandCss(brand: Brand): string {
  const textColorOn = (background: string): string =>
    contrast('#ffffff', background) >= contrast('#101822', background) ? '#ffffff' : '#101822';
  const rules = (mode: 'light' | 'dark'): string =>
    (['accent', 'danger'] as const)
      .map((name) => `--${name}:${brand[name][mode]};--on-${name}:${textColorOn(brand[name][mode])}`)
      .join(';');
  return `:root{${rules('light')}}\n@media screen and (prefers-color-scheme:dark){:root{${rules('dark')}}}\n`;
}
