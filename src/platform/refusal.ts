import { z } from 'zod';

/** In characters. Some descriptions quote a parameter of the request. */
const MAX_LENGTH = 300;

/** A reason of a refusal for the log. */
export interface Refusal {
  error: string;
  error_description?: string;
  /** The failed check, which the response does not name. */
  error_detail?: string;
}

const refused = z.object({
  name: z.string(),
  message: z.string(),
  error_description: z.string().optional().catch(undefined),
  error_detail: z.string().optional().catch(undefined),
  scope: z.string().optional().catch(undefined),
  cause: z.unknown().optional(),
});

/** Describes an error that refuses a request, without personal data. */
export function describeRefusal(error: Error): Refusal {
  const { name, message, error_description, error_detail, scope, cause } = refused.parse(error);
  // A syntax error quotes the text, which can contain data of a person.
  if (error instanceof SyntaxError) return { error: 'invalid_request', error_description: 'could not parse the body' };
  // An error of our own pages: `GoneError: this interaction has expired`.
  if (error_description === undefined && error_detail === undefined && !('allow_redirect' in error))
    return { error: name, error_description: toLogText(message) };
  const detail = cause instanceof SyntaxError ? undefined : error_detail;
  const details = [detail, scope === undefined ? undefined : `scope ${scope}`].filter((part) => part !== undefined);
  return {
    error: toLogText(message),
    ...(error_description === undefined ? {} : { error_description: toLogText(error_description) }),
    ...(details.length === 0 ? {} : { error_detail: toLogText(details.join(', ')) }),
  };
}

/** Shortens a text, and masks email addresses and the queries of URLs in it: they can contain tokens and data of a person. */
export function toLogText(text: string): string {
  return text
    .replace(/[^\s<>"',;]+@[^\s<>"',;]+/g, '[redacted]')
    .replace(/(\w+:\/\/[^\s?#]*)[?#]\S*/g, '$1')
    .slice(0, MAX_LENGTH);
}
